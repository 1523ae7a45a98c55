// A follower of a sink: over lost connections each row comes once, and what did not come is told by name.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Followed,
  type Following,
  type FollowOptions,
  follow,
  followEach,
} from '../../../host/client/following.ts';
import type { JsonRows } from '../../../host/client/sink-message.ts';
import { FakeEngine } from '../../support/fake-engine.ts';

let engine: FakeEngine;
let following: Following | undefined;
/** What `subscribed` says besides, connection by connection. */
let answers: object[];
beforeEach(async () => {
  answers = [];
  engine = await FakeEngine.start({ partitions: 2, onSubscribe: () => answers.shift() ?? {} });
});
afterEach(async () => {
  await following?.close();
  following = undefined;
  await engine.stop();
});

const atOnce = { nowMs: () => 0, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)), chance: () => 1 };
const open = async (options: Partial<FollowOptions> = {}) => {
  following = await follow({ url: engine.url, sink: 'per-origin', timing: atOnce, ...options });
  return following;
};
const rows = (partition: number, from: number, to: number) => {
  const lines = Array.from({ length: to - from }, (_, index) => `${JSON.stringify({ partition, n: from + index })}\n`);
  return `${JSON.stringify({ type: 'rows', partition, offset: from, count: to - from })}\n${lines.join('')}`;
};
const end = (partition: number) => JSON.stringify({ type: 'end', partition, watermark: 0 });
/** On the newest connection, once there are so many. */
const say = async (connection: number, ...messages: (string | Uint8Array)[]) => {
  await engine.until(() => engine.subscribers.length >= connection);
  for (const message of messages) engine.subscribers.at(-1)!.send(message);
};
const cut = () => engine.subscribers.at(-1)!.terminate();
const short = (message: Followed) => {
  if (message.type === 'rows') return `${message.partition}: ${message.offset}–${message.offset + message.count - 1}`;
  return message.type === 'gap'
    ? `gap ${message.partition}: ${message.from}–${message.to} ${message.why}`
    : message.type;
};
/** The next so many messages. */
async function take(iterator: AsyncIterator<Followed>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push(short((await iterator.next()).value as Followed));
  return taken;
}

describe('an engine that goes on from offsets', () => {
  test('is asked for those seen, and rows that come again are dropped, also inside a message', async () => {
    const iterator = (await open())[Symbol.asyncIterator]();
    await say(1, rows(0, 5, 8), rows(1, 0, 1));
    expect(await take(iterator, 2)).toEqual(['0: 5–7', '1: 0–0']);
    answers.push({ from: { 0: 8, 1: 1 } });
    cut();
    const next = iterator.next();
    await say(2, rows(0, 5, 7), rows(0, 7, 10), rows(1, 1, 2));
    const first = (await next).value as JsonRows;
    expect(first.rows()).toEqual([
      { partition: 0, n: 8 },
      { partition: 0, n: 9 },
    ]);
    expect(await take(iterator, 1)).toEqual(['1: 1–1']);
    expect(engine.froms).toEqual([null, '{"0":8,"1":1}']);
    expect(following!.resume).toEqual({ 0: 10, 1: 2 });
  });

  test('rows in Arrow that came before are named by a count', async () => {
    answers.push({ from: { 0: 3 } });
    const iterator = (await open({ format: 'arrow', from: { 0: 3 } }))[Symbol.asyncIterator]();
    const head = { type: 'rows', format: 'arrow', partition: 0, offset: 1, count: 4 };
    await say(1, JSON.stringify(head), Buffer.from('arrow'));
    expect((await iterator.next()).value).toMatchObject({ format: 'arrow', offset: 1, count: 4, skip: 2 });
  });

  test('and begins later than it was asked to: the gap is told at once', async () => {
    answers.push({ from: { 0: 120, 1: 7 } });
    const iterator = (await open({ from: { 0: 118, 1: 7 }, gaps: 'tell' }))[Symbol.asyncIterator]();
    expect(await take(iterator, 1)).toEqual(['gap 0: 118–120 missed']);
  });

  test('and has pruned them: the gap is told, and it is asked for the earliest', async () => {
    answers.push({ type: 'error', code: 'OFFSET_PRUNED', message: 'kept no longer', earliest: { 0: 200 } });
    const opening = open({ from: { 0: 118, 1: 7 }, gaps: 'tell' });
    await engine.until(() => engine.subscribers.length === 1);
    answers.push({ from: { 0: 200, 1: 7 } });
    engine.subscribers[0]!.close(1008);
    const iterator = (await opening)[Symbol.asyncIterator]();
    expect(await take(iterator, 1)).toEqual(['gap 0: 118–200 pruned']);
    expect(engine.froms[1]).toBe('{"0":200,"1":7}');
  });

  test('and is another store than before: its offsets are others', async () => {
    answers.push({ from: { 0: 5 }, store: 'a' }, { from: { 0: 0 }, store: 'b' });
    const iterator = (await open({ gaps: 'tell' }))[Symbol.asyncIterator]();
    await say(1, rows(0, 5, 6));
    expect(await take(iterator, 1)).toEqual(['0: 5–5']);
    cut();
    const next = take(iterator, 2);
    await say(2, rows(0, 0, 1));
    expect(await next).toEqual(['gap 0: 6–null restarted', '0: 0–0']);
  });
});

describe('an engine that keeps nothing', () => {
  const lostAt = async (gaps: 'tell' | 'throw', ...later: string[]) => {
    const iterator = (await open({ gaps }))[Symbol.asyncIterator]();
    await say(1, rows(0, 0, 5));
    await take(iterator, 1);
    cut();
    const next = iterator.next();
    next.catch(() => undefined);
    await say(2, ...later);
    return { iterator, next };
  };

  test('goes on without a gap when none came in between', async () => {
    const { next } = await lostAt('throw', rows(0, 5, 7));
    expect(short((await next).value as Followed)).toBe('0: 5–6');
  });

  test('rows that were missed are a gap: thrown, or told in their place', async () => {
    const thrown = await lostAt('throw', rows(0, 9, 10));
    await expect(thrown.next).rejects.toMatchObject({
      code: 'GAP',
      message: 'partition 0: results are missing, offsets 5 to 8',
      resume: { 0: 9 },
    });
  });

  test.each([
    ['missed', rows(0, 9, 10), ['gap 0: 5–9 missed', '0: 9–9']],
    ['a partition that was never seen', rows(1, 3, 4), ['gap 1: null–3 missed', '1: 3–3']],
    ['an engine that started again', rows(0, 0, 2), ['gap 0: 5–0 restarted', '0: 0–1']],
    ['an end while it is unknown what came before it', end(0), ['gap 0: 5–null missed', 'end']],
  ])('%s', async (_, later, told) => {
    const { iterator, next } = await lostAt('tell', later);
    expect([short((await next).value as Followed), ...(await take(iterator, 1))]).toEqual(told);
  });
});

test('being cut off for reading too slowly is a loss like others', async () => {
  const lost: string[] = [];
  const iterator = (await open({ onLost: ({ code }) => lost.push(code) }))[Symbol.asyncIterator]();
  await say(1, rows(0, 0, 1), JSON.stringify({ type: 'error', code: 'SUBSCRIBER_TOO_SLOW', message: 'too slow' }));
  engine.subscribers[0]!.close(1013);
  await take(iterator, 1);
  const next = take(iterator, 1);
  await say(2, rows(0, 1, 2));
  expect(await next).toEqual(['0: 1–1']);
  expect(lost).toEqual(['SUBSCRIBER_TOO_SLOW']);
});

test('when the budget is spent the last failure is thrown', async () => {
  let now = 0;
  const timing = { ...atOnce, nowMs: () => (now += 100) };
  const iterator = (await open({ retryForMs: 1000, timing }))[Symbol.asyncIterator]();
  const next = iterator.next();
  next.catch(() => undefined);
  await engine.stop();
  await expect(next).rejects.toMatchObject({ message: expect.stringMatching(/tried again/) });
  engine = await FakeEngine.start();
});

test('by callback one message comes at a time, and close ends it', async () => {
  const seen: string[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const { following: each, closed } = await followEach({ url: engine.url, sink: 'per-origin' }, async (message) => {
    seen.push(`begin ${short(message)}`);
    await new Promise(setImmediate);
    seen.push('done');
    if (seen.length === 4) resolve();
  });
  await say(1, rows(0, 0, 1), rows(0, 1, 2));
  await enough;
  await each.close();
  await closed;
  expect(seen).toEqual(['begin 0: 0–0', 'done', 'begin 0: 1–1', 'done']);
});
