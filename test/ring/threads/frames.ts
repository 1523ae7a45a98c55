// One end of a ring in a thread of its own, sleeping by doorbell whenever it cannot move.
//
// Frame n: first word n, then words of a seeded sequence; size and kind from the same sequence. Both ends sum all words.
import { parentPort, workerData } from 'node:worker_threads';
import { cancelSleep, openDoorbell, prepareSleep, ring, sleepSync } from '../../../ring/doorbell.ts';
import { FRAME_DATA, FRAME_KIND_MAX } from '../../../ring/layout.ts';
import { hasRoom, NO_ROOM, openConsumer, openProducer, peek, publish, release, tryClaim } from '../../../ring/spsc.ts';
import { seededRandom } from '../../support/random.ts';

export interface FramesTask {
  role: 'producer' | 'consumer';
  buffer: SharedArrayBuffer;
  baseBytes: number;
  capacityBytes: number;
  doorbells: SharedArrayBuffer;
  frameCount: number;
  payloadWordsMax: number;
  seed: number;
  /** After every so many frames the thread rests until the other side has run into the full or empty ring and slept. */
  restEvery: number;
  /** Two i32: how often the producer slept, how often the consumer did. */
  sleeps: SharedArrayBuffer;
}

export interface FramesReport {
  frames: number;
  checksum: number;
  /** How often the ring refused (producer) or was empty (consumer), and how often that led to sleep. */
  refused: number;
  slept: number;
  timedOut: number;
  outOfOrder: number;
}

const PRODUCER = 0;
const CONSUMER = 1;
const TIMEOUT_MS = 10_000;
/** Both may rest at once, or the other side may be through: nobody rests longer than this. */
const REST_MS_MAX = 20;

const task = workerData as FramesTask;
const report: FramesReport = { frames: 0, checksum: 0, refused: 0, slept: 0, timedOut: 0, outOfOrder: 0 };
const words = new Int32Array(task.buffer);
const mySide = task.role === 'producer' ? PRODUCER : CONSUMER;
const otherSide = task.role === 'producer' ? CONSUMER : PRODUCER;
const mine = openDoorbell(task.doorbells, mySide);
const other = openDoorbell(task.doorbells, otherSide);
const sleeps = new Int32Array(task.sleeps);
const random = seededRandom(task.seed);

if (task.role === 'producer') produce();
else consume();
parentPort!.postMessage(report);

function produce(): void {
  const producer = openProducer(task.buffer, task.baseBytes, task.capacityBytes);
  for (let frame = 0; frame < task.frameCount; frame++) {
    const payloadWords = 1 + random.below(task.payloadWordsMax);
    const kind = FRAME_DATA + (payloadWords % FRAME_KIND_MAX);
    let offset = tryClaim(producer, kind, payloadWords * 4);
    while (offset === NO_ROOM) {
      report.refused++;
      sleepUnless(() => hasRoom(producer, payloadWords * 4));
      offset = tryClaim(producer, kind, payloadWords * 4);
    }
    const first = offset >> 2;
    words[first] = frame;
    for (let index = 1; index < payloadWords; index++) words[first + index] = frame ^ Math.imul(index, 0x9e3779b1);
    count(first, payloadWords);
    publish(producer);
    ring(other);
    rest();
  }
}

function consume(): void {
  const consumer = openConsumer(task.buffer, task.baseBytes, task.capacityBytes);
  while (report.frames < task.frameCount) {
    if (!peek(consumer)) {
      report.refused++;
      sleepUnless(() => peek(consumer));
      continue;
    }
    const payloadWords = 1 + random.below(task.payloadWordsMax);
    const first = consumer.payloadOffset >> 2;
    const expectedKind = FRAME_DATA + (payloadWords % FRAME_KIND_MAX);
    if (
      words[first] !== report.frames ||
      consumer.payloadBytes !== payloadWords * 4 ||
      consumer.kind !== expectedKind
    ) {
      report.outOfOrder++;
    }
    count(first, consumer.payloadBytes >> 2);
    release(consumer);
    ring(other);
    rest();
  }
}

function count(first: number, payloadWords: number): void {
  let checksum = report.checksum;
  for (let index = 0; index < payloadWords; index++) checksum = (Math.imul(checksum, 31) + words[first + index]!) | 0;
  report.checksum = checksum;
  report.frames++;
}

function sleepUnless(canMove: () => boolean): void {
  prepareSleep(mine);
  if (canMove()) cancelSleep(mine);
  else {
    report.slept++;
    Atomics.add(sleeps, mySide, 1); // add: only a count, and the end of the other side's rest; orders nothing of the ring.
    Atomics.notify(sleeps, mySide);
    if (!sleepSync(mine, TIMEOUT_MS)) report.timedOut++;
  }
}

function rest(): void {
  if (report.frames % task.restEvery !== 0) return;
  // load: the count since when a sleep of the other side ends this rest.
  Atomics.wait(sleeps, otherSide, Atomics.load(sleeps, otherSide), REST_MS_MAX);
}
