// bench/suites/ring.ts — what a ring between two threads costs beside the bare copy.
//
//   ours   this thread ─ one `set` per 64 KiB frame ─▶ ring of 1 MiB ─▶ another thread sums every word
//   set    this thread ─ the same `set` ─▶ a SharedArrayBuffer of 1 MiB, round and round ─▶ this thread sums every word
//
// Both move the same blocks and must arrive at the same sum.

import { Worker } from 'node:worker_threads';
import { cancelSleep, doorbellBytes, openDoorbell, prepareSleep, ring, sleepSync } from '../../ring/doorbell.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END } from '../../ring/layout.ts';
import { hasRoom, openProducer, publish, ringBytes, tryClaim, tryPush } from '../../ring/spsc.ts';
import { seededRandom } from '../../test/support/random.ts';
import { type BenchResult, measure, type Suite } from '../measure.ts';
import { CONSUMER, type ConsumerTask, LOOKS_BEFORE_SLEEP, PRODUCER } from '../ring/consumer.ts';
import { sumWords } from '../ring/sum.ts';

const FRAME_BYTES = 65536;
const CAPACITY_BYTES = 1024 * 1024;
/** Different blocks, as many as the ring holds frames. */
const BLOCKS = 16;

export const suite: Suite = async ({ smoke }): Promise<BenchResult[]> => {
  const frames = smoke ? 64 : 16384;
  const source = randomBlocks();
  const link = openLink();
  try {
    return await measure(
      {
        name: 'ring/64KiB',
        units: frames * FRAME_BYTES,
        unit: 'bytes/s',
        ours: { name: 'ring', run: () => pushAll(link, source, frames) },
        baselines: [{ name: 'set', run: () => setAll(source, frames) }],
        compare: (ours, baseline) => {
          if (ours !== baseline) throw new Error(`ring/64KiB: the ring's sum is ${ours}, the bare copy's ${baseline}`);
        },
      },
      { smoke },
    );
  } finally {
    await closeLink(link);
  }
};

function randomBlocks(): Uint8Array {
  const random = seededRandom(64);
  const words = new Uint32Array((BLOCKS * FRAME_BYTES) / 4);
  for (let index = 0; index < words.length; index++) words[index] = random.u32();
  return new Uint8Array(words.buffer);
}

function openLink() {
  const task: ConsumerTask = {
    buffer: new SharedArrayBuffer(ringBytes(CAPACITY_BYTES)),
    capacityBytes: CAPACITY_BYTES,
    doorbells: new SharedArrayBuffer(doorbellBytes(2)),
    answer: new SharedArrayBuffer(8),
  };
  return {
    worker: new Worker(new URL('../ring/consumer.ts', import.meta.url), { workerData: task }),
    producer: openProducer(task.buffer, 0, CAPACITY_BYTES),
    mine: openDoorbell(task.doorbells, PRODUCER),
    consumer: openDoorbell(task.doorbells, CONSUMER),
    answers: new Int32Array(task.answer),
  };
}

type Link = ReturnType<typeof openLink>;

/** Pushes every frame and a barrier, and returns the sum with which the other thread answers it. */
function pushAll(link: Link, source: Uint8Array, frames: number): number {
  const { producer, consumer, mine, answers } = link;
  const answered = Atomics.load(answers, 0);
  for (let frame = 0; frame < frames; frame++) {
    waitUntil(mine, () => hasRoom(producer, FRAME_BYTES));
    tryPush(producer, FRAME_DATA, source, (frame % BLOCKS) * FRAME_BYTES, FRAME_BYTES);
    publish(producer);
    ring(consumer);
  }
  waitUntil(mine, () => hasRoom(producer, 0));
  tryClaim(producer, FRAME_BARRIER, 0);
  publish(producer);
  ring(consumer);
  // load: pairs with the add after which the sum stands in answers[1].
  waitUntil(mine, () => Atomics.load(answers, 0) !== answered);
  return answers[1]!;
}

function waitUntil(mine: Link['mine'], canMove: () => boolean): void {
  let looks = 0;
  while (!canMove()) {
    if (++looks < LOOKS_BEFORE_SLEEP) continue;
    prepareSleep(mine);
    if (canMove()) cancelSleep(mine);
    else sleepSync(mine, 10_000);
  }
}

const area = new SharedArrayBuffer(CAPACITY_BYTES);
const areaBytes = new Uint8Array(area);
const areaWords = new Int32Array(area);

function setAll(source: Uint8Array, frames: number): number {
  let sum = 0;
  for (let frame = 0; frame < frames; frame++) {
    const from = (frame % BLOCKS) * FRAME_BYTES;
    const at = (frame * FRAME_BYTES) % CAPACITY_BYTES;
    areaBytes.set(source.subarray(from, from + FRAME_BYTES), at);
    sum = (sum + sumWords(areaWords, at >> 2, FRAME_BYTES >> 2)) | 0;
  }
  return sum;
}

async function closeLink({ worker, producer, consumer, mine }: Link): Promise<void> {
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  waitUntil(mine, () => hasRoom(producer, 0));
  tryClaim(producer, FRAME_END, 0);
  publish(producer);
  ring(consumer);
  await ended;
}
