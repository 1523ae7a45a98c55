// test/host/engine/behind.threads.test.ts — partitions that stand still while producers go on: the log is also the buffer.
//
// Real threads, sockets and disk; inboxes so small that a stream falls behind again and again.

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fl from '@uwdata/flechette';
import { afterEach, expect, test } from 'vitest';
import { ChildEngine } from '../../support/child-engine.ts';
import { LiveEngine, row } from '../../support/live-engine.ts';
import { seededRandom } from '../../support/random.ts';
import { type Frame, WsProducer } from '../../support/ws-producer.ts';

const SMALL = { ringBytes: 2 ** 16, inboxBytes: 2 ** 20, frameBytesMax: 2 ** 18 };
const HOUR = 3_600_000;
const folders: string[] = [];
let live: LiveEngine | null = null;

afterEach(async () => {
  delete process.env.TO_FILE;
  await live?.stop();
  live = null;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'pelton-behind-'));
  folders.push(made);
  return made;
}

test('while a partition stands still a producer gets all its acknowledgements, for eight times what the inbox holds', async () => {
  live = await LiveEngine.start({ data: folder(), limits: SMALL });
  const subscriber = await live.subscriber('obeyed');
  const producer = await live.producer('orders');
  producer.send(row(0, 'stall:6000'));
  producer.send(row(HOUR, 'wake'));
  await producer.acked(2);
  const text = Array.from({ length: 1500 }, (_, index) => row(HOUR + (index % 1000), `k${index % 10}`)).join('\n');
  const bytes = Buffer.byteLength(text);
  const frames = Math.ceil((8 * SMALL.inboxBytes) / bytes);
  const rssBefore = process.memoryUsage.rss();
  for (let sent = 3; sent <= frames + 2; sent++) {
    producer.send(text);
    await producer.acked(sent);
  }
  // Nothing of that has been placed: it stands in the log.
  const { placed } = producer.heard.findLast(({ type }) => type === 'ack')!;
  expect(Number(placed)).toBeLessThan(12);
  await expect.poll(() => live!.metric('pelton_log_groups_behind')).toBeGreaterThan(0);
  expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(96 * 2 ** 20);
  const answered = await live.get('/v1/streams/orders', { method: 'POST', body: `${row(HOUR, 'posted')}\n{` });
  expect(await answered.json()).toMatchObject({ rows: 1, rejected: 1 });

  producer.send('!end');
  await producer.until(
    () => producer.heard.some(({ placed }) => Number(placed) >= frames + 2),
    'the word that all is placed',
  );
  expect(producer.acknowledged).toEqual({ rows: 2 + frames * 1500, rejected: 0 });
  await live.get('/v1/streams/orders?end', { method: 'POST' });
  await subscriber.says({ type: 'end' });
  const counted = subscriber.rows.reduce((sum, { n }) => sum + Number(n), 0);
  expect(counted).toBe(3 + frames * 1500);
  await expect.poll(() => live!.metric('pelton_log_groups_behind')).toBe(0);
}, 60_000);

// ── the same bytes as without falling behind ──

const PRODUCERS = 4;
const FRAMES = 50;
const STALL = 'stall:1500';

const rowsOf = (rows: readonly { ts: number; key: string; value: number }[]): string =>
  rows.map((each) => JSON.stringify(each)).join('\n');

function arrowOf(rows: readonly { ts: number; key: string; value: number }[]): Uint8Array {
  const table = fl.tableFromArrays(
    {
      ts: rows.map(({ ts }) => BigInt(ts)),
      key: rows.map(({ key }) => key),
      value: rows.map(({ value }) => BigInt(value)),
    },
    { types: { ts: fl.int64(), key: fl.utf8(), value: fl.int64() }, useBigInt: true },
  );
  return fl.tableToIPC(table, { format: 'stream' })!;
}

/** Frames small and large, a batch's rows many times over; words about time among them. */
function feedOf(seed: number, producer: number): (Frame | { say: string })[] {
  const random = seededRandom(seed * 100 + producer);
  let time = 0;
  return Array.from({ length: FRAMES }, () => {
    if (random.below(12) === 0) return { say: random.pick(['!idle', `!watermark ${time - 1000}`]) };
    const count = random.below(3) === 0 ? 1500 + random.below(1500) : 1 + random.below(50);
    const rows = Array.from({ length: count }, () => {
      time += random.below(2);
      const ts = Math.max(0, random.below(50) === 0 ? time - random.below(3000) : time);
      return { ts, key: `k${random.below(5)}`, value: 1 };
    });
    return random.below(3) === 0 ? arrowOf(rows) : rowsOf(rows);
  });
}

/** Each producer sends everything while the partition stands, on two connections one after the other. */
async function feed(port: number, seed: number): Promise<void> {
  const connect = async (id: string, epoch: number): Promise<WsProducer> => {
    const producer = new WsProducer(`ws://127.0.0.1:${port}/v1/streams/rows`);
    await producer.says('welcome');
    await producer.hello(id, epoch);
    return producer;
  };
  const stall = await connect('stall', 1);
  await stall.put(row(0, STALL), row(1500, 'woken'));
  stall.say('!end');
  await Promise.all(
    Array.from({ length: PRODUCERS }, async (_, index) => {
      const words = feedOf(seed, index);
      for (const [epoch, part] of [words.slice(0, FRAMES / 2), words.slice(FRAMES / 2)].entries()) {
        const producer = await connect(`p${index}`, epoch + 1);
        for (const word of part) {
          if (typeof word === 'object' && 'say' in word) producer.say(word.say);
          else await producer.put(word);
        }
        if (epoch === 0) producer.close();
        else producer.say('!end');
      }
    }),
  );
  stall.close();
}

interface Life {
  data: string;
  listeners: number;
  limits?: typeof SMALL;
  end?: 'SIGTERM' | 'SIGKILL';
}

/** One life over a data directory; what its file sink holds afterwards. */
async function life(
  { data, listeners, limits, end = 'SIGTERM' }: Life,
  whileUp: (port: number) => Promise<void>,
): Promise<string> {
  const path = join(folder(), 'results.ndjson');
  process.env.TO_FILE = path;
  const engine = new ChildEngine({
    job: '../jobs/stalling.mjs',
    data,
    listeners,
    limits: { ...limits, ...(limits && { creditBytesMax: 2 ** 17 }) },
  });
  await whileUp(await engine.ready());
  engine.process.kill(end);
  const ending = await engine.ends(40_000);
  if (end === 'SIGTERM') expect(ending.said).toMatch(/^stopped/m);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

const copyOf = (data: string): string => {
  const copy = join(folder(), 'data');
  cpSync(data, copy, { recursive: true });
  return copy;
};

test.each([
  [1, 1],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 3],
])(
  'what was decoded half from inboxes, half from the log, is what a replay gives, byte by byte (seed %i, %i listeners)',
  async (seed, listeners) => {
    const data = join(folder(), 'data');
    const lived = await life({ data, listeners, limits: SMALL }, async (port) => {
      await feed(port, seed);
    });
    expect(lived.split('\n').length).toBeGreaterThan(50);
    const limits = { ...SMALL, inboxBytes: 2 ** 25 };
    expect(await life({ data: copyOf(data), listeners: 1, limits }, async () => undefined)).toBe(lived);
  },
  60_000,
);

test('an engine that is killed while it is behind has everything after it, once', async () => {
  const data = join(folder(), 'data');
  await life({ data, listeners: 2, limits: SMALL, end: 'SIGKILL' }, async (port) => {
    await feed(port, 9);
  });
  const copy = copyOf(data);
  const again = await life({ data, listeners: 2, limits: SMALL }, async () => undefined);
  expect(again).toBe(await life({ data: copy, listeners: 1 }, async () => undefined));
  const counted = again
    .trimEnd()
    .split('\n')
    .reduce((sum, line) => sum + (JSON.parse(line) as { n: number }).n, 0);
  expect(counted).toBeGreaterThan(1000);
}, 60_000);
