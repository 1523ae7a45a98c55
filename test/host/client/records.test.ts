// Records on their way into frames: when a frame leaves, what it holds, and which record an answer is about.
import { tableFromIPC } from '@uwdata/flechette';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Outcome, Reject } from '../../../host/client/outcome.ts';
import { RecordBatch, type RecordOf } from '../../../host/client/record-batch.ts';
import { type OpenProducerOptions, openProducer, type StreamProducer } from '../../../host/client/stream-producer.ts';
import { StoringEngine } from '../../support/storing-engine.ts';

let engine: StoringEngine;
let producer: StreamProducer;
beforeEach(async () => {
  engine = await StoringEngine.start();
});
afterEach(async () => {
  await producer?.close({ forMs: 0 }).catch(() => undefined);
  await engine.stop();
});
const open = async (options: Partial<OpenProducerOptions> = {}) => {
  producer = await openProducer({ url: engine.url, stream: 'flights', ...options });
  return producer;
};
const flight = (n: number): RecordOf => ({ ts_ms: n, origin: `A${n}`, delay: n });
const rowsIn = (bytes: Uint8Array) => tableFromIPC(bytes).toArray() as Record<string, unknown>[];
const delays = () => engine.stored.map(({ bytes }) => rowsIn(bytes).map(({ delay }) => delay));

test('a frame leaves when the rows or the bytes of a batch are reached, and a rest after its linger time', async () => {
  const sender = await open({ batchRows: 3, lingerMs: 1 });
  for (let n = 0; n < 7; n++) await sender.append(flight(n));
  await engine.until(() => engine.stored.length === 3);
  expect(delays()).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  const small = await open({ batchBytes: 60, lingerMs: 60_000 });
  for (let n = 0; n < 6; n++) await small.append(flight(n)); // 30 bytes each: 8 + 4 + 2 + 4 + 4 + 4 and text
  await small.flush();
  expect(
    delays()
      .slice(3)
      .map(({ length }) => length)
      .every((length) => length < 4),
  ).toBe(true);
});

test('frames and control messages keep their place behind records that were waiting for company', async () => {
  const sender = await open({ lingerMs: 60_000 });
  await sender.append(flight(1));
  await sender.send('{"delay":2}');
  await sender.append(flight(3));
  sender.end();
  await sender.flush();
  expect(engine.stored.map(({ text }) => text)).toEqual([false, true, false]);
  await engine.until(() => engine.controls.length === 1);
});

test('values arrive as they were given: every type, nulls, dates, and text beyond ASCII', async () => {
  const sender = await open();
  await sender.appendColumns({
    ts_ms: [new Date(5), 6, 7n],
    origin: ['é€😀', '', 'x'],
    destination: [null, undefined, 'y'],
    delay: [-(2 ** 31), 2 ** 31 - 1, null],
    unread: [1, 2, 3],
  });
  await sender.flush();
  expect(rowsIn(engine.stored[0]!.bytes)).toEqual([
    { ts_ms: 5, origin: 'é€😀', destination: null, delay: -(2 ** 31), distance: null },
    { ts_ms: 6, origin: '', destination: null, delay: 2 ** 31 - 1, distance: null },
    { ts_ms: 7, origin: 'x', destination: 'y', delay: null, distance: null },
  ]);
});

test.each([
  [{ ts_ms: 1.5, origin: 'A' }, 'TYPE', 'ts_ms'],
  [{ ts_ms: 1, origin: 'A', delay: 2 ** 31 }, 'RANGE', 'delay'],
  [{ ts_ms: 1, origin: 'A', delay: '1' }, 'TYPE', 'delay'],
  [{ ts_ms: 1 }, 'MISSING', 'origin'],
  [{ ts_ms: 1, origin: '\ud800' }, 'SURROGATE', 'origin'],
  [{ ts_ms: 2n ** 63n, origin: 'A' }, 'RANGE', 'ts_ms'],
  [{ ts_ms: new Date(Number.NaN), origin: 'A' }, 'TYPE', 'ts_ms'],
] as [RecordOf, string, string][])('%o is refused here as %s, its neighbours are sent', async (wrong, code, column) => {
  const rejects: Reject[] = [];
  const outcomes: Outcome[] = [];
  const sender = await open({ onReject: (reject) => rejects.push(reject) });
  await sender.appendMany([flight(1), wrong, flight(3)], (outcome) => outcomes.push(outcome));
  await sender.flush();
  expect(delays()).toEqual([[1, 3]]);
  expect(rejects).toEqual([{ sequence: 0, row: 1, code, column, message: expect.any(String) }]);
  expect(outcomes).toMatchObject([{ outcome: 'acked', rejects: [{ row: 1, code, column }] }]);
  expect(sender.rejectedRows).toBe(1);
});

test('a wrong record that nobody would hear of is thrown', async () => {
  const sender = await open();
  expect(() => sender.append({ ts_ms: 1 })).toThrow(/origin: nothing is no utf8; expected a string/);
});

test("the engine's rejects are told by their index in the call, over frames and calls that share one", async () => {
  engine.acknowledgesAtOnce = false;
  const sender = await open({ batchRows: 4, lingerMs: 60_000 });
  const outcomes: Outcome[] = Array.from({ length: 3 });
  const told = (index: number) => (outcome: Outcome) => void outcomes.splice(index, 1, outcome);
  await sender.append(flight(0), told(0));
  await sender.appendMany([flight(1), {}, flight(2), flight(3), flight(4)], told(1)); // 0 1 2 3 │ 4 5
  await sender.append(flight(5), told(2));
  const flushed = sender.flush();
  await engine.until(() => engine.stored.length === 2);
  const reject = { type: 'reject', code: 'ROW_SIZE', column: null, message: 'too large' };
  engine.say({ ...reject, sequence: 1, row: 3 });
  engine.say({ ...reject, sequence: 2, row: 0 });
  engine.say({ ...reject, sequence: 2, row: 1 });
  engine.acknowledge(2, { rows: 3, rejected: 4 });
  await flushed;
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['acked', 'acked', 'rejected']);
  expect(outcomes[1]!.rejects.map(({ row, code }) => [row, code])).toEqual([
    [1, 'MISSING'],
    [3, 'ROW_SIZE'],
    [4, 'ROW_SIZE'],
  ]);
  expect(outcomes[0]!.unnamed).toBe(1); // The engine counts four and names three.
});

test('an answer about a row of a batch that was cut into frames is about that row', async () => {
  engine.acknowledgesAtOnce = false;
  const sender = await open({ lingerMs: 60_000, batchBytes: 1024 * 1024 });
  const outcomes: Outcome[] = [];
  const large = (n: number) => ({ ...flight(n), origin: 'x'.repeat(600_000) });
  await sender.appendMany([flight(0), large(1), large(2), flight(3)], (outcome) => outcomes.push(outcome));
  const flushed = sender.flush();
  await engine.until(() => engine.stored.length === 4);
  expect(delays()).toEqual([[0], [1], [2], [3]]);
  engine.say({ type: 'reject', sequence: 3, row: 0, code: 'ROW_SIZE', column: null, message: 'too large' });
  engine.acknowledge(4, { rows: 3, rejected: 1 });
  await flushed;
  expect(outcomes[0]!.rejects.map(({ row }) => row)).toEqual([2]);
});

test('a batch that makes too large a frame becomes several, and a row that fits none is refused', () => {
  const batch = new RecordBatch([{ name: 'text', type: 'utf8', nullable: false }]);
  for (const length of [100, 100, 5000, 100]) batch.add({ text: 'x'.repeat(length) });
  const { frames, tooLarge } = batch.cut(1000);
  expect(frames.map(({ from, count }) => [from, count])).toEqual([
    [0, 2],
    [3, 1],
  ]);
  expect(tooLarge.map(({ row }) => row)).toEqual([2]);
});

test('what was waiting for company when the producer gave up is rejected', async () => {
  const sender = await open({ lingerMs: 60_000, retryForMs: 0 });
  const outcomes: Outcome[] = [];
  await sender.appendMany([flight(1), flight(2)], (outcome) => outcomes.push(outcome));
  engine.cut();
  await expect.poll(() => outcomes.length).toBe(1);
  expect(outcomes[0]).toMatchObject({ outcome: 'rejected', error: { code: 'CONNECTION_LOST' } });
  expect(outcomes[0]!.rejects).toHaveLength(2);
});
