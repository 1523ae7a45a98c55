// The ring between real threads, both ends sleeping by doorbell.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { doorbellBytes } from '../../ring/doorbell.ts';
import { ringBytes } from '../../ring/spsc.ts';
import type { FramesReport, FramesTask } from './threads/frames.ts';

test.each([
  { capacityBytes: 4096, payloadWordsMax: 60, frameCount: 1_000_000 },
  { capacityBytes: 262144, payloadWordsMax: 100, frameCount: 1_000_000 },
])(
  'a million frames of mixed sizes arrive in order with equal checksums: $capacityBytes bytes',
  async ({ capacityBytes, payloadWordsMax, frameCount }) => {
    const baseBytes = 65536;
    const shared = {
      buffer: new SharedArrayBuffer(baseBytes + ringBytes(capacityBytes)),
      doorbells: new SharedArrayBuffer(doorbellBytes(2)),
      sleeps: new SharedArrayBuffer(8),
      baseBytes,
      capacityBytes,
      frameCount,
      payloadWordsMax,
      seed: 20010704,
    };
    const [sent, received] = await Promise.all([
      runFrames({ ...shared, role: 'producer', restEvery: 70_001 }),
      runFrames({ ...shared, role: 'consumer', restEvery: 50_021 }),
    ]);
    expect(received.frames).toBe(frameCount);
    expect(received.outOfOrder).toBe(0);
    expect(received.checksum).toBe(sent.checksum);
    // A run in which no ring was full and no consumer slept would have shown nothing about either.
    expect(sent.refused, 'the ring was never full').toBeGreaterThan(0);
    expect(sent.slept, 'the producer never slept').toBeGreaterThan(0);
    expect(received.slept, 'the consumer never slept').toBeGreaterThan(0);
    expect([sent.timedOut, received.timedOut]).toEqual([0, 0]);
  },
);

test('a consumer that stops leaves the producer refused, not stuck', async () => {
  const worker = new Worker(new URL('./threads/abandoned.ts', import.meta.url), {
    workerData: {
      buffer: new SharedArrayBuffer(ringBytes(1024)),
      capacityBytes: 1024,
      doorbells: new SharedArrayBuffer(doorbellBytes(1)),
    },
  });
  expect(await answerOf(worker)).toEqual({ pushed: 16, woken: 0 });
});

function runFrames(workerData: FramesTask): Promise<FramesReport> {
  return answerOf<FramesReport>(new Worker(new URL('./threads/frames.ts', import.meta.url), { workerData }));
}

function answerOf<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
