// The doorbell between real threads: every turn needs a wake-up, and a lost one would show as a timeout.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import {
  cancelSleep,
  doorbellBytes,
  openDoorbell,
  prepareSleep,
  ring,
  sleepAsync,
  sleepSync,
} from '../../ring/doorbell.ts';

const NEAR = 0;
const FAR = 1;

function pong(turns: number) {
  const doorbells = new SharedArrayBuffer(doorbellBytes(2));
  const turn = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('./threads/pong.ts', import.meta.url), { workerData: { doorbells, turn, turns } });
  const answer = new Promise<{ slept: number; timedOut: number }>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    mine: openDoorbell(doorbells, NEAR),
    other: openDoorbell(doorbells, FAR),
    turn: new Int32Array(turn),
    answer,
  };
}

test('twenty thousand turns between two sleeping threads, and no wait hits its timeout', async () => {
  const turns = 20_000;
  const { mine, other, turn, answer } = pong(turns);
  let slept = 0;
  let timedOut = 0;
  for (let played = 0; played < turns; played++) {
    Atomics.store(turn, 0, 2 * played + 1); // store: the work; comes before the load in ring().
    ring(other);
    while (Atomics.load(turn, 0) !== 2 * played + 2) {
      prepareSleep(mine);
      if (Atomics.load(turn, 0) === 2 * played + 2) cancelSleep(mine);
      else {
        slept++;
        if (!sleepSync(mine, 10_000)) timedOut++;
      }
    }
  }
  const far = await answer;
  expect([timedOut, far.timedOut]).toEqual([0, 0]);
  expect(slept).toBeGreaterThan(turns / 100);
  expect(far.slept).toBeGreaterThan(turns / 100);
});

test('five thousand turns with one side asleep in its event loop', async () => {
  const turns = 5_000;
  const { mine, other, turn, answer } = pong(turns);
  const alive = setInterval(() => {}, 1000);
  let slept = 0;
  for (let played = 0; played < turns; played++) {
    Atomics.store(turn, 0, 2 * played + 1); // store: the work; comes before the load in ring().
    ring(other);
    while (Atomics.load(turn, 0) !== 2 * played + 2) {
      prepareSleep(mine);
      if (Atomics.load(turn, 0) === 2 * played + 2) cancelSleep(mine);
      else {
        const rung = sleepAsync(mine);
        if (rung !== null) {
          slept++;
          await rung;
        }
      }
    }
  }
  clearInterval(alive);
  expect((await answer).timedOut).toBe(0);
  expect(slept).toBeGreaterThan(turns / 100);
});

test('an awake thread is not rung, a sleeping one once', () => {
  const doorbell = openDoorbell(new SharedArrayBuffer(doorbellBytes(3)), 2);
  expect(ring(doorbell)).toBe(false);
  prepareSleep(doorbell);
  expect(ring(doorbell)).toBe(true);
  expect(ring(doorbell)).toBe(false);
});

test('a ring between announcing sleep and sleeping ends the sleep before it begins', () => {
  const doorbell = openDoorbell(new SharedArrayBuffer(doorbellBytes(1)), 0);
  prepareSleep(doorbell);
  ring(doorbell);
  expect(sleepSync(doorbell, 10_000)).toBe(true);
  prepareSleep(doorbell);
  ring(doorbell);
  expect(sleepAsync(doorbell)).toBe(null);
});

test('a sleep nobody ends times out, and leaves the thread awake', () => {
  const doorbell = openDoorbell(new SharedArrayBuffer(doorbellBytes(1)), 0);
  prepareSleep(doorbell);
  expect(sleepSync(doorbell, 5)).toBe(false);
  expect(ring(doorbell)).toBe(false);
});

test('sleeps given up and begun again share one wait, which the next ring ends', async () => {
  const doorbell = openDoorbell(new SharedArrayBuffer(doorbellBytes(1)), 0);
  const alive = setInterval(() => {}, 1000);
  prepareSleep(doorbell);
  const first = sleepAsync(doorbell);
  for (let turn = 0; turn < 100; turn++) {
    cancelSleep(doorbell);
    prepareSleep(doorbell);
    expect(sleepAsync(doorbell)).toBe(first);
  }
  expect(ring(doorbell)).toBe(true);
  await first;
  expect(doorbell.pending).toBe(null);
  clearInterval(alive);
});
