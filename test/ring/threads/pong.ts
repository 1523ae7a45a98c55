// The far side of a ping-pong: waits for the turn word to become odd, makes it even, rings back.
import { parentPort, workerData } from 'node:worker_threads';
import { cancelSleep, openDoorbell, prepareSleep, ring, sleepSync } from '../../../ring/doorbell.ts';

export interface PongTask {
  doorbells: SharedArrayBuffer;
  /** One i32: 2n = the near side may play its turn n, 2n + 1 = the far side may. */
  turn: SharedArrayBuffer;
  turns: number;
}

const { doorbells, turn, turns } = workerData as PongTask;
const turnWord = new Int32Array(turn);
const mine = openDoorbell(doorbells, 1);
const other = openDoorbell(doorbells, 0);
let timedOut = 0;
let slept = 0;
for (let played = 0; played < turns; played++) {
  const wanted = 2 * played + 1;
  while (Atomics.load(turnWord, 0) !== wanted) {
    prepareSleep(mine);
    if (Atomics.load(turnWord, 0) === wanted) cancelSleep(mine);
    else {
      slept++;
      if (!sleepSync(mine, 10_000)) timedOut++;
    }
  }
  // store: the work; comes before the load in ring().
  Atomics.store(turnWord, 0, wanted + 1);
  ring(other);
}
parentPort!.postMessage({ slept, timedOut });
