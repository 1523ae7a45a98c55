// bench/ring/consumer.ts — the reading thread of the ring bench: sums every frame, answers each barrier with the sum since
// the last one, and ends at FRAME_END.

import { workerData } from 'node:worker_threads';
import { cancelSleep, openDoorbell, prepareSleep, ring, sleepSync } from '../../ring/doorbell.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END } from '../../ring/layout.ts';
import { openConsumer, peek, release } from '../../ring/spsc.ts';
import { sumWords } from './sum.ts';

export interface ConsumerTask {
  buffer: SharedArrayBuffer;
  capacityBytes: number;
  doorbells: SharedArrayBuffer;
  /** Two i32: barriers answered, and the sum that the last one was answered with. */
  answer: SharedArrayBuffer;
}

export const PRODUCER = 0;
export const CONSUMER = 1;
/** Looks for a frame this often before it sleeps: about as long as the other side takes for one frame. */
export const LOOKS_BEFORE_SLEEP = 2000;

// The bench imports the constants above on its own thread, where there is no task.
if (workerData !== null && typeof workerData === 'object' && 'capacityBytes' in workerData) {
  consume(workerData as ConsumerTask);
}

function consume({ buffer, capacityBytes, doorbells, answer }: ConsumerTask): void {
  const consumer = openConsumer(buffer, 0, capacityBytes);
  const mine = openDoorbell(doorbells, CONSUMER);
  const producer = openDoorbell(doorbells, PRODUCER);
  const words = new Int32Array(buffer);
  const answers = new Int32Array(answer);
  let sum = 0;
  let kind = FRAME_BARRIER;
  while (kind !== FRAME_END) {
    let looks = 0;
    while (!peek(consumer)) {
      if (++looks < LOOKS_BEFORE_SLEEP) continue;
      prepareSleep(mine);
      if (peek(consumer)) cancelSleep(mine);
      else sleepSync(mine, 10_000);
    }
    kind = consumer.kind;
    if (kind === FRAME_DATA) sum = (sum + sumWords(words, consumer.payloadOffset >> 2, consumer.payloadBytes >> 2)) | 0;
    release(consumer);
    if (kind === FRAME_BARRIER) {
      answers[1] = sum;
      sum = 0;
      // add: publishes the sum stored above; pairs with the load that waits for it.
      Atomics.add(answers, 0, 1);
    }
    ring(producer);
  }
}
