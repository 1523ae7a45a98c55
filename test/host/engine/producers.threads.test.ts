// test/host/engine/producers.threads.test.ts — whose time it is: several producers of one stream (SEMANTICS 1.5, 1.7, 1.8).
//
// Every step waits for what it causes: an acknowledgement, a watermark, a result. Nothing sleeps. Two partitions,
// two listeners; windows of one second, delay one second; time starts with two producers.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { EngineRun } from '../../support/engine-run.ts';
import type { WsProducer } from '../../support/ws-producer.ts';
import type { WsSubscriber } from '../../support/ws-subscriber.ts';

const PARTITIONS = 2;

let run: EngineRun;

beforeEach(async () => {
  run = await EngineRun.start({ job: 'producers', partitions: PARTITIONS, listeners: 2 });
});

afterEach(async () => {
  expect(run.violations).toEqual([]);
  await run.stop();
});

/** A row of key k per time, as one frame. */
const at = (k: string, ...seconds: number[]): string =>
  seconds.map((second) => JSON.stringify({ ts: second * 1000, k })).join('\n');

/** Every partition has said a watermark of at least so many seconds, or an idle or end. */
const reaches = (results: WsSubscriber, seconds: number) =>
  results.until(() => partitionsAt(results, seconds) === PARTITIONS);

function partitionsAt({ marks }: WsSubscriber, seconds: number): number {
  const there = marks.filter(({ watermark }) => watermark !== null && watermark >= seconds * 1000);
  return new Set(there.map(({ partition }) => partition)).size;
}

const latest = ({ marks }: WsSubscriber) =>
  Math.max(...marks.map(({ watermark }) => watermark ?? Number.NEGATIVE_INFINITY)) / 1000;

const counts = (results: WsSubscriber): string[] => results.csv('windowStart', 'k', 'n');

for (const [where, listeners] of [
  ['one listener', [0, 0]],
  ['two listeners', [0, 1]],
] as const) {
  test(`time starts with the second producer and goes with the slower one, on ${where}`, async () => {
    const results = await run.subscribe('patient');
    const fast = await run.producer('patient', { id: 'fast', listener: listeners[0] });
    await fast.put(at('f', 1, 50));
    const slow = await run.producer('patient', { id: 'slow', listener: listeners[1] });
    await slow.put(at('s', 1, 5));
    await reaches(results, 4);
    expect(latest(results)).toBe(4);
    expect(counts(results)).toEqual(['1000,f,1', '1000,s,1']);
    await slow.put(at('s', 20));
    await reaches(results, 19);
    expect(latest(results)).toBe(19);
    expect(run.counter('rowsLate') + run.counter('rowsClosed')).toBe(0);
  });

  test(`late goes by a producer's own rows: what one has passed another may still send, on ${where}`, async () => {
    const results = await run.subscribe('patient');
    const fast = await run.producer('patient', { id: 'fast', listener: listeners[0] });
    const slow = await run.producer('patient', { id: 'slow', listener: listeners[1] });
    await fast.put(at('f', 50, 10)); // The second is late by its own first.
    await slow.put(at('s', 10, 52));
    await reaches(results, 49);
    expect(counts(results)).toEqual(['10000,s,1']);
    expect([run.counter('rowsLate'), run.counter('rowsClosed')]).toEqual([1, 0]);
  });

  test(`!watermark moves time without rows, and what a watermark closes comes before it, on ${where}`, async () => {
    const results = await run.subscribe('patient');
    const one = await run.producer('patient', { id: 'one', listener: listeners[0] });
    const two = await run.producer('patient', { id: 'two', listener: listeners[1] });
    await one.put(at('a', 1, 2, 3), at('b', 3));
    one.say('!watermark 9000');
    two.say('!watermark 9000');
    await reaches(results, 9);
    expect(counts(results)).toEqual(['1000,a,1', '2000,a,1', '3000,a,1', '3000,b,1']);
    expect(results.marks.filter(({ watermark }) => watermark === 9000).map(({ rowsBefore }) => rowsBefore)).toContain(
      4,
    );
    await one.put(at('a', 7.5)); // Its window [7, 8) ends before what the producer itself promised.
    await expect.poll(() => run.counter('rowsLate')).toBe(1);
  });

  test(`!idle lets the others go on, and a row brings the producer back, on ${where}`, async () => {
    const results = await run.subscribe('patient');
    const one = await run.producer('patient', { id: 'one', listener: listeners[0] });
    const two = await run.producer('patient', { id: 'two', listener: listeners[1] });
    await one.put(at('a', 1, 30));
    await two.put(at('b', 1, 3));
    await reaches(results, 2);
    two.say('!idle');
    await reaches(results, 29);
    await two.put(at('b', 40));
    // Its row must be heard before the other's later ones: partitions hear listeners in turn, two turns see to it.
    for (const second of [35, 36]) {
      await one.put(at('a', second));
      await reaches(results, second - 1);
    }
    await one.put(at('a', 60));
    await reaches(results, 39);
    expect(latest(results)).toBe(39);
    expect(counts(results)).toEqual(['1000,a,1', '1000,b,1', '3000,b,1', '30000,a,1', '35000,a,1', '36000,a,1']);
  });

  test(`the end comes when every producer has said it, and the stream goes on after it, on ${where}`, async () => {
    const results = await run.subscribe('patient');
    const one = await run.producer('patient', { id: 'one', listener: listeners[0] });
    const two = await run.producer('patient', { id: 'two', listener: listeners[1] });
    await one.put(at('a', 1, 30));
    await two.put(at('b', 1, 10));
    one.say('!end');
    await two.put(at('b', 20));
    await reaches(results, 19);
    expect(latest(results)).toBe(19);
    expect(results.marks.some(({ type }) => type === 'end')).toBe(false);
    two.say('!end');
    await results.ended(PARTITIONS);
    expect(counts(results)).toEqual(['1000,a,1', '1000,b,1', '10000,b,1', '20000,b,1', '30000,a,1']);
    await one.put(at('a', 70));
    await two.put(at('b', 70, 80));
    await one.put(at('a', 80));
    await reaches(results, 79);
    expect(counts(results)).toContain('70000,a,1');
  });
}

test('a silent producer holds time until its idle timeout, also one that never sent a row', async () => {
  const results = await run.subscribe('impatient');
  await run.producer('impatient', { id: 'silent', listener: 0 });
  const busy = await run.producer('impatient', { id: 'busy', listener: 1 });
  await busy.put(at('a', 1, 30));
  let second = 30;
  // Rows keep the busy one awake; the silent one's timeout is the only thing that can let time go.
  while (partitionsAt(results, 29) < PARTITIONS) await busy.put(at('a', ++second));
  expect(counts(results)[0]).toBe('1000,a,1');
});

test('all producers idle: time holds, and every partition says idle', async () => {
  const results = await run.subscribe('impatient');
  const one = await run.producer('impatient', { id: 'one', listener: 0 });
  const two = await run.producer('impatient', { id: 'two', listener: 1 });
  await one.put(at('a', 1, 30));
  await two.put(at('b', 1, 20));
  await results.until(
    () =>
      new Set(results.marks.filter(({ type }) => type === 'idle').map((mark) => mark.partition)).size === PARTITIONS,
  );
  expect(latest(results)).toBeLessThanOrEqual(29);
  expect(results.marks.some(({ type }) => type === 'end')).toBe(false);
});

test('a producer that disconnects holds time, and goes on where it was when it comes back on another listener', async () => {
  const results = await run.subscribe('patient');
  const steady = await run.producer('patient', { id: 'steady', listener: 1 });
  const roaming = await run.producer('patient', { id: 'roaming', listener: 0 });
  await steady.put(at('a', 1, 30));
  await roaming.put(at('b', 1, 5), at('b', 6));
  await reaches(results, 5);
  await roaming.vanish();
  await steady.put(at('a', 31));
  const back = await run.producer('patient', { id: 'roaming', listener: 1 });
  expect((await back.says('hello')).resume).toBe(2);
  expect(latest(results)).toBe(5);
  await back.put(at('b', 8, 5.5)); // Second 5 had passed for it before it went.
  await back.put(at('b', 40));
  await steady.put(at('a', 50));
  await reaches(results, 39);
  expect(latest(results)).toBe(39);
  expect(counts(results)).toEqual([
    ...['1000,a,1', '1000,b,1', '30000,a,1', '31000,a,1', '5000,b,1', '6000,b,1', '8000,b,1'],
  ]);
  expect(run.counter('rowsClosed')).toBe(0);
});

test('a second connection of a producer id fences the first, and rows of both count once', async () => {
  const results = await run.subscribe('patient');
  const other = await run.producer('patient', { id: 'other', listener: 0 });
  const first = await run.producer('patient', { id: 'same', epoch: 1, listener: 0 });
  await first.put(at('b', 1));
  const second = await run.producer('patient', { id: 'same', epoch: 2, listener: 1 });
  expect((await first.ended()).message).toContain('4409');
  await second.put(at('b', 2, 9));
  await other.put(at('a', 9));
  other.say('!end');
  second.say('!end');
  await results.ended(PARTITIONS);
  expect(counts(results)).toEqual(['1000,b,1', '2000,b,1', '9000,a,1', '9000,b,1']);
});

test('frames under way when a producer changes its connection are neither lost nor counted twice', async () => {
  const results = await run.subscribe('patient');
  const other = await run.producer('patient', { id: 'other', listener: 0 });
  const frames = Array.from({ length: 40 }, (_, frame) => at('b', ...Array.from({ length: 5000 }, () => frame + 1)));
  const connections: WsProducer[] = [];
  for (let n = 0; n < 12; n++) connections.push(await run.producer('patient', { listener: n % 2 }));
  for (const [epoch, connection] of connections.entries()) {
    // The one before has most of its frames unacknowledged, on the other listener.
    const resume = await connection.hello('roaming', epoch);
    await connection.send(frames.slice(resume, resume + 10));
    if (resume < frames.length) await connection.acknowledged();
  }
  const last = await run.producer('patient', { id: 'roaming', epoch: 99 });
  await last.put(...frames.slice((await last.says('hello')).resume));
  other.say('!end');
  last.say('!end');
  await results.ended(PARTITIONS);
  expect(counts(results)).toEqual(frames.map((_, frame) => `${(frame + 1) * 1000},b,5000`).sort());
  expect(run.counter('rowsLate') + run.counter('rowsClosed')).toBe(0);
});

test('a subscriber of a listener that no producer uses gets every result', async () => {
  const results = await run.subscribe('patient', 'json', 1);
  const one = await run.producer('patient', { id: 'one', listener: 0 });
  const two = await run.producer('patient', { id: 'two', listener: 0 });
  await one.put(at('a', 1, 9));
  await two.put(at('b', 1, 9));
  await reaches(results, 8);
  expect(counts(results)).toEqual(['1000,a,1', '1000,b,1']);
});
