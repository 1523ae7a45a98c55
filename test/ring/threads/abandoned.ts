// A producer whose consumer has stopped: pushes until refused, looks again for a while, and reports.
import { parentPort, workerData } from 'node:worker_threads';
import { openDoorbell, prepareSleep, sleepSync } from '../../../ring/doorbell.ts';
import { FRAME_DATA } from '../../../ring/layout.ts';
import { hasRoom, NO_ROOM, openProducer, publish, tryClaim } from '../../../ring/spsc.ts';

const { buffer, capacityBytes, doorbells } = workerData as {
  buffer: SharedArrayBuffer;
  capacityBytes: number;
  doorbells: SharedArrayBuffer;
};
const producer = openProducer(buffer, 0, capacityBytes);
const doorbell = openDoorbell(doorbells, 0);
let pushed = 0;
let woken = 0;
for (let round = 0; round < 3; round++) {
  while (tryClaim(producer, FRAME_DATA, 48) !== NO_ROOM) {
    publish(producer);
    pushed++;
  }
  prepareSleep(doorbell);
  if (hasRoom(producer, 48) || sleepSync(doorbell, 20)) woken++;
}
parentPort!.postMessage({ pushed, woken });
