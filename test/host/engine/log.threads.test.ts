// test/host/engine/log.threads.test.ts — an engine with a log: what is acknowledged is there after its end, once.
//
// Real threads, sockets and disk. Results come at the producers' end, so a run that began again must have every row.

import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChildEngine } from '../../support/child-engine.ts';
import { EngineRun, type RunOptions } from '../../support/engine-run.ts';
import { seededRandom } from '../../support/random.ts';
import { Talk } from '../../support/talk.ts';
import { WsProducer } from '../../support/ws-producer.ts';
import type { WsSubscriber } from '../../support/ws-subscriber.ts';

let data: string;
let run: EngineRun | null = null;
const talks: Talk[] = [];
const copies: string[] = [];

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'pelton-log-'));
});

afterEach(async () => {
  for (const talk of talks.splice(0)) talk.close();
  await run?.stop().catch(() => undefined);
  run = null;
  for (const path of [data, ...copies.splice(0)]) rmSync(path, { recursive: true, force: true });
});

async function start(options: Partial<RunOptions> = {}): Promise<EngineRun> {
  run = await EngineRun.start({ job: 'counted', data, ...options });
  return run;
}

async function again(options: Partial<RunOptions> = {}): Promise<EngineRun> {
  await run!.stop();
  return start(options);
}

const at = (k: string, ...seconds: number[]): string =>
  seconds.map((second) => JSON.stringify({ ts: second * 1000, k })).join('\n');

const counts = (results: WsSubscriber): string[] => results.csv('windowStart', 'k', 'n');

/** A producer of single words; `hello` is what stands behind its id. */
async function talkAs(producer: string, hello: object = {}): Promise<Talk> {
  const { host, port } = run!.engine;
  const talk = await Talk.open(`ws://${host}:${port}/v1/streams/rows`);
  talks.push(talk);
  talk.send(`!hello ${JSON.stringify({ producer, ...hello })}`);
  return talk;
}

/** What comes out when the named producers have all said their end. */
async function resultsAfter(engine: EngineRun, ...producers: string[]): Promise<string[]> {
  const results = await engine.subscribe('rows');
  for (const id of producers) (await engine.producer('rows', { id })).say('!end');
  await engine.ended();
  expect(engine.violations).toEqual([]);
  return counts(results);
}

const FIFTY = Array.from({ length: 50 }, (_, second) => [`${second * 1000},a,1`, `${second * 1000},b,2`])
  .flat()
  .sort();

test.each([1, 2])(
  'rows that were acknowledged before a kill -9 are in the results after it, once (%i partitions)',
  async (partitions) => {
    const first = new ChildEngine({ job: '../jobs/counted.ts', data, partitions });
    const producer = new WsProducer(`ws://127.0.0.1:${await first.ready()}/v1/streams/rows`);
    await producer.says('welcome');
    await producer.hello('p');
    for (let second = 0; second < 50; second++) await producer.put(at('a', second), at('b', second, second));
    first.process.kill('SIGKILL');
    await first.over;
    expect(await resultsAfter(await start({ partitions }), 'p')).toEqual(FIFTY);
  },
);

test.each([1, 2])(
  'a kill -9 again and again, with a checkpoint every 20 ms: every acknowledged row counts once (%i partitions)',
  async (partitions) => {
    const random = seededRandom(partitions);
    let fromCheckpoint = 0;
    for (let second = 0; second < 50; ) {
      const life = new ChildEngine({ job: '../jobs/counted.ts', data, partitions, checkpointMs: 20 });
      const producer = new WsProducer(`ws://127.0.0.1:${await life.ready()}/v1/streams/rows`);
      await producer.says('welcome');
      const resume = await producer.hello('p');
      expect(resume % 2).toBe(0);
      for (let frames = 5 + random.below(10); frames > 0 && second < 50; frames--, second++) {
        await producer.put(at('a', second), at('b', second, second));
        await new Promise((resolve) => setTimeout(resolve, random.below(30))); // The kill lands anywhere in a checkpoint.
      }
      life.process.kill('SIGKILL');
      await life.over;
      if (life.said.includes('state begins with checkpoint')) fromCheckpoint++;
    }
    expect(fromCheckpoint).toBeGreaterThan(0);
    expect(await resultsAfter(await start({ partitions }), 'p')).toEqual(FIFTY);
  },
);

test.each(['written', 'received'] as const)(
  'a clean stop keeps everything, also what was acknowledged as %s',
  async (ack) => {
    const first = await start({ ack });
    const producer = await first.producer('rows', { id: 'p' });
    for (let second = 0; second < 50; second++) await producer.put(at('a', second), at('b', second, second));
    expect(await resultsAfter(await again({ ack }), 'p')).toEqual(FIFTY);
  },
);

test('a producer goes on where the log ends, and resent frames are a success that counts nothing', async () => {
  await start();
  const first = await talkAs('p');
  await first.says({ type: 'hello', resume: 0 });
  for (const second of [1, 2, 3]) first.send(at('a', second));
  await first.acked(3);

  await again();
  const second = await talkAs('p', { sequence: 2 });
  await second.says({ type: 'hello', resume: 3 });
  for (const time of [2, 3, 4]) second.send(at('a', time)); // Frames 2 and 3 again, and 4.
  await second.acked(4);
  expect(second.heard.filter(({ type }) => type === 'error')).toEqual([]);
  expect(await resultsAfter(run!, 'p')).toEqual(['1000,a,1', '2000,a,1', '3000,a,1', '4000,a,1']);
});

test('a gap, and other bytes under a number that the log has, are refused by name; nothing of them is kept', async () => {
  await start();
  const talk = await talkAs('p');
  await talk.says({ type: 'hello' });
  talk.send(at('a', 1));
  await talk.acked(1);
  talk.send('!sequence 5');
  talk.send(at('a', 5));
  expect(await talk.says({ code: 'OUT_OF_SEQUENCE' })).toMatchObject({ sequence: 5, expected: 2 });
  talk.send('!sequence 1');
  talk.send(at('b', 1));
  expect(await talk.says({ code: 'DUP_MISMATCH' })).toMatchObject({ sequence: 1 });
  talk.send('!sequence 2');
  talk.send(at('a', 2));
  await talk.acked(2);
  expect(talk.closed).toBe(null);
  expect(await resultsAfter(run!, 'p')).toEqual(['1000,a,1', '2000,a,1']);
});

test('a sequence from nowhere, and an epoch that is over, are refused by name', async () => {
  await start();
  const unknown = await talkAs('nobody', { sequence: 7 });
  await unknown.says({ code: 'UNKNOWN_PRODUCER' });
  const newer = await talkAs('p', { epoch: 2 });
  await newer.says({ type: 'hello' });
  const zombie = await talkAs('p', { epoch: 1 });
  await zombie.says({ code: 'FENCED' });
  expect(newer.closed).toBe(null);
});

test('the second connection of a producer fences the first, on one listener or two, also after a restart', async () => {
  const first = await start({ listeners: 2 });
  const here = await first.producer('rows', { id: 'p', listener: 0 });
  await here.put(at('a', 1));
  const there = await first.producer('rows', { id: 'p', listener: 1 });
  expect((await here.ended()).message).toContain('FENCED');
  await there.put(at('a', 2));
  const second = await again({ listeners: 2 });
  const back = await second.producer('rows', { id: 'p', listener: 1 });
  await back.put(at('a', 3));
  const forth = await second.producer('rows', { id: 'p', listener: 0 });
  await forth.put(at('a', 4));
  expect((await back.ended()).message).toContain('FENCED');
  expect(await resultsAfter(second, 'p')).toEqual(['1000,a,1', '2000,a,1', '3000,a,1', '4000,a,1']);
});

test.each([
  ['decoded again from its beginning', false],
  ['decoded again from a checkpoint on', true],
])(
  'one producer: what comes out after a restart, %s, is what comes out without one, byte by byte',
  async (_how, kept) => {
    const frames = Array.from({ length: 40 }, (_, second) => at(`a${second % 7}`, second, 40 - second));
    const whole = await start();
    const uncut = await whole.subscribe('rows');
    await whole.feed({ stream: 'rows', id: 'p', frames });
    await whole.ended();
    await whole.stop();
    const elsewhere = join(data, '..', `${basename(data)}-cut`);
    copies.push(elsewhere);

    const cutShort = await start({ data: elsewhere, checkpointMs: 0 });
    const before = await cutShort.producer('rows', { id: 'p' });
    await before.put(...frames.slice(0, 20));
    if (kept) await cutShort.engine.checkpoint();
    await before.put(...frames.slice(20, 25));
    const second = await again({ data: elsewhere });
    expect(second.log.join()).toContain(kept ? 'state begins with checkpoint 1;' : '');
    const cut = await second.subscribe('rows');
    await second.feed({ stream: 'rows', id: 'p', frames: frames.slice(25) });
    await second.ended();
    expect(cut.byOffset()).toEqual(uncut.byOffset());
    expect(uncut.byOffset().length).toBeGreaterThan(40);
  },
);

test('two producers on two listeners: every run over the same log gives the same rows at the same offsets', async () => {
  const first = await start({ partitions: 2, listeners: 2 });
  const one = await first.producer('rows', { id: 'one', listener: 0 });
  const two = await first.producer('rows', { id: 'two', listener: 1 });
  for (let second = 0; second < 40; second++) {
    await Promise.all([one.put(at(`a${second % 7}`, second)), two.put(at(`a${second % 5}`, second, second))]);
  }
  await first.stop();
  const runs: string[][] = [];
  for (const [index, listeners] of [1, 2, 1].entries()) {
    const copy = join(data, '..', `${basename(data)}-${index}`);
    copies.push(copy);
    cpSync(data, copy, { recursive: true });
    const next = await start({ data: copy, partitions: 2, listeners });
    const results = await next.subscribe('rows');
    for (const id of ['one', 'two']) (await next.producer('rows', { id })).say('!end');
    await next.ended();
    runs.push(results.byOffset().sort());
    await next.stop();
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
  expect(runs[0]!.length).toBeGreaterThan(60);
});

test('the log keeps what the three newest checkpoints need, and no more', async () => {
  const first = await start({ checkpointMs: 0, logLimits: { segmentBytes: 256 * 1024 } });
  const producer = await first.producer('rows', { id: 'p' });
  const wide = (second: number) => JSON.stringify({ ts: second * 1000, k: `${second}${'x'.repeat(10_000)}` });
  const segments = () => readdirSync(join(data, 'log')).filter((name) => /^\d+\.seg$/.test(name)).length;
  let most = 0;
  for (let second = 0; second < 160; second++) {
    await producer.put(wide(second));
    if (second % 20 === 19) await first.engine.checkpoint();
    most = Math.max(most, segments());
  }
  expect(most).toBeGreaterThan(2);
  expect(most).toBeLessThan(7); // Of more than a dozen that were written.
  const results = await resultsAfter(await again(), 'p');
  expect(results.length).toBe(160);
});

test('a second engine on the data directory is refused by name, and the first goes on', async () => {
  const first = await start();
  await expect(EngineRun.start({ job: 'counted', data })).rejects.toMatchObject({ name: 'StoreError', code: 'LOCKED' });
  const producer = await first.producer('rows', { id: 'p' });
  await producer.put(at('a', 1));
});

test('anonymous rows are kept as well; connections of before a restart hold no time back after it', async () => {
  const first = await start();
  const nameless = await first.producer('rows');
  await nameless.put(at('a', 1));
  const second = await again();
  const results = await second.subscribe('rows');
  const newer = await second.producer('rows');
  await newer.put(at('a', 1, 9));
  newer.say('!end');
  await second.ended();
  expect(counts(results)).toEqual(['1000,a,2', '9000,a,1']);
});
