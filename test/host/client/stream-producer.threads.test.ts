// The producer against a real engine: threads, sockets, and a wire that is cut in the middle of anything.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Outcome } from '../../../host/client/outcome.ts';
import type { JsonRows } from '../../../host/client/sink-message.ts';
import { openProducer } from '../../../host/client/stream-producer.ts';
import { type Subscription, subscribe } from '../../../host/client/subscriber.ts';
import { ChildEngine } from '../../support/child-engine.ts';
import { CuttingWire } from '../../support/cutting-wire.ts';
import { LiveEngine } from '../../support/live-engine.ts';
import { seededRandom } from '../../support/random.ts';

let live: LiveEngine;
let wire: CuttingWire;
beforeEach(async () => {
  live = await LiveEngine.start({ listeners: 2, partitions: 2 });
  wire = await CuttingWire.start(live.engine.port);
});
afterEach(async () => {
  await wire.stop();
  await live.stop();
});

/** Values of the rows that came out, until there are so many. */
async function valuesOf(subscription: Subscription, count: number): Promise<number[]> {
  const values: number[] = [];
  for await (const message of subscription) {
    if (message.type === 'rows')
      values.push(...(message as JsonRows).rows<{ value: number }>().map(({ value }) => value));
    if (values.length >= count) break;
  }
  return values;
}

test('every record comes out once, however often and wherever the wire is cut', async () => {
  const random = seededRandom(20261120);
  const rows = 50_000;
  wire.nextCutBytes = () => (wire.cuts < 25 ? 300 + random.below(60_000) : Number.POSITIVE_INFINITY);
  const subscription = await subscribe({ url: live.url, sink: 'plain' });
  const values = valuesOf(subscription, rows);
  const producer = await openProducer({
    url: wire.url,
    stream: 'plain',
    producer: 'sensor-7',
    firstRetryForMs: 60_000,
    batchRows: 200,
    pendingBytesMax: 100_000,
  });
  const outcomes: Record<Outcome['outcome'], number> = { acked: 0, rejected: 0, unknown: 0 };
  for (let n = 0; n < rows; n++) {
    await producer.append({ ts: n, key: `k${n % 100}`, value: n }, ({ outcome }) => void outcomes[outcome]++);
  }
  producer.end();
  await producer.close();
  expect(wire.cuts).toBeGreaterThanOrEqual(10);
  expect(outcomes).toEqual({ acked: rows, rejected: 0, unknown: 0 });
  expect(producer).toMatchObject({ ackedRows: rows, rejectedRows: 0, forgottenFrames: 0 });
  const got = (await values).toSorted((one, other) => one - other);
  expect(got, `seed ${random.seed}`).toEqual(Array.from({ length: rows }, (_, n) => n));
});

test("the engine's own names for rejected rows reach the record", async () => {
  const producer = await openProducer({ url: live.url, stream: 'plain' });
  const outcomes: Outcome[] = [];
  await producer.append({ ts: 1, key: 'a', value: 1 }, (outcome) => outcomes.push(outcome));
  await producer.append({ ts: 9e15, key: 'a', value: 1 }, (outcome) => outcomes.push(outcome));
  await producer.send('{"ts":1,"key":"a","value":1}\n{"ts":1,"key":"a"}', {
    told: (outcome) => outcomes.push(outcome),
  });
  await producer.close();
  expect(outcomes).toMatchObject([
    { outcome: 'acked', rejects: [] },
    { outcome: 'rejected', rejects: [{ row: 0, code: 'TIME_RANGE', column: 'ts' }] },
    { outcome: 'acked', rejects: [{ row: 1, code: 'MISSING', column: 'value' }] },
  ]);
  expect(producer).toMatchObject({ ackedRows: 2, rejectedRows: 2 });
});

test('a second sender under the same id fences the first, which says so and does not fight', async () => {
  const first = await openProducer({ url: live.url, stream: 'plain', producer: 'sensor-7' });
  await first.send('{"ts":1,"key":"a","value":1}');
  await first.flush();
  const second = await openProducer({ url: live.url, stream: 'plain', producer: 'sensor-7' });
  expect(second.resumedAt).toBe(1);
  await expect.poll(() => first.failure?.code).toBe('FENCED');
  await second.send('{"ts":1,"key":"a","value":1}');
  await second.close();
});

test('an engine that is killed and started again is found, and says what it has forgotten', async () => {
  const child = new ChildEngine();
  const port = await child.ready();
  const producer = await openProducer({ url: `127.0.0.1:${port}`, stream: 'plain', producer: 'sensor-7' });
  await producer.append({ ts: 1, key: 'a', value: 1 });
  await producer.flush();
  child.process.kill('SIGKILL');
  await child.over;
  const outcomes: Outcome['outcome'][] = [];
  await producer.append({ ts: 2, key: 'a', value: 2 }, ({ outcome }) => outcomes.push(outcome));
  const again = new ChildEngine({ port });
  await producer.flush();
  expect(outcomes).toEqual(['acked']);
  expect(producer.forgottenFrames).toBe(1);
  await producer.close();
  again.process.kill('SIGTERM');
  expect((await again.ends()).code).toBe(0);
});
