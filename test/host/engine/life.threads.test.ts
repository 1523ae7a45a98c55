// The engine's life: what keeps it from starting, how it stops, and what a full disk or a closed pipe does.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { Engine, type EngineOptions } from '../../../host/engine/engine.ts';
import { ChildEngine } from '../../support/child-engine.ts';
import { LiveEngine, row } from '../../support/live-engine.ts';
import { Talk } from '../../support/talk.ts';

const folder = mkdtempSync(join(tmpdir(), 'pelton-life-'));
let live: LiveEngine | undefined;
afterEach(async () => {
  delete process.env.TO_FILE;
  await live?.stop();
  live = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

const jobUrl = (file: string) => new URL(`../../jobs/${file}`, import.meta.url).href;
const HOUR = 3_600_000;

async function failure(options: Partial<EngineOptions>): Promise<{ name: string; code?: string; message: string }> {
  try {
    const engine = await Engine.start({ memoryBytes: 2 ** 28, jobUrl: jobUrl('puppet.mjs'), ...options });
    await engine.stop();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it started');
}

test.each<[string, Partial<EngineOptions>, string, RegExp]>([
  ['a job file that is not there', { jobUrl: jobUrl('broken/absent.mjs') }, 'JobError', /cannot be loaded: .*absent/],
  ['a job file that throws', { jobUrl: jobUrl('broken/throws.mjs') }, 'JobError', /cannot be loaded: no such luck/],
  ['a job file that exports nothing', { jobUrl: jobUrl('broken/nothing.mjs') }, 'JobError', /export default job/],
  ['a job file that exports something else', { jobUrl: jobUrl('broken/wrong.mjs') }, 'JobError', /export default job/],
  ['a job that differs from thread to thread', { jobUrl: jobUrl('broken/changing.mjs') }, 'EngineError', /another job/],
  ['no partitions', { partitions: 0 }, 'EngineError', /partitions = 0; expected an integer from 1 to 128/],
  ['more partitions than key groups', { partitions: 129 }, 'EngineError', /partitions = 129; expected/],
  ['half a partition', { partitions: 1.5 }, 'EngineError', /partitions = 1.5/],
  ['too many listeners', { listeners: 17 }, 'EngineError', /listeners = 17; expected an integer from 1 to 16/],
  ['too little memory', { memoryBytes: 2 ** 20 }, 'EngineError', /need at least \d+ MiB .* give more --memory/],
  ['memory that no machine has', { memoryBytes: 2 ** 52, partitions: 128 }, 'EngineError', /--memory/],
  ['memory that is no number', { memoryBytes: Number.NaN }, 'EngineError', /memory/],
  ['a port that is none', { port: 70_000 }, 'EngineError', /port = 70000; expected an integer from 0 to 65535/],
  ['an address of another machine', { host: '192.0.2.1' }, 'EngineError', /no address of this machine/],
])('%s keeps it from starting, by name', async (_what, options, name, message) => {
  const error = await failure(options);
  expect(error.name).toBe(name);
  expect(error.message).toMatch(message);
});

test('a port where something else listens is refused, another engine included', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  expect(await failure({ port })).toMatchObject({ code: 'PORT', message: expect.stringContaining(`${port}`) });
  await new Promise((resolve) => server.close(resolve));

  live = await LiveEngine.start();
  expect(await failure({ port: live.engine.port })).toMatchObject({ code: 'PORT' });
  expect((await live.get('/healthz')).status).toBe(200);
});

test('a file sink whose folder is missing keeps it from starting, by name', async () => {
  process.env.TO_FILE = join(folder, 'absent', 'results.ndjson');
  expect((await failure({ jobUrl: jobUrl('to-file.mjs') })).message).toMatch(/sink file: cannot open .* \(ENOENT\)/);
});

test('SIGTERM places, acknowledges and writes what was taken in, tells everyone, and the process ends', async () => {
  const path = join(folder, 'drained.ndjson');
  process.env.TO_FILE = path;
  const child = new ChildEngine({ job: '../jobs/to-file.mjs', partitions: 2 });
  const port = await child.ready();
  const subscriber = await Talk.open(`ws://127.0.0.1:${port}/v1/sinks/live`);
  const producer = await Talk.open(`ws://127.0.0.1:${port}/v1/streams/rows`);
  for (let second = 0; second < 200; second++) {
    producer.send(Array.from({ length: 50 }, (_, key) => row(HOUR + second * 1000, `k${key}`)).join('\n'));
  }
  await producer.acked(1);
  child.process.kill('SIGTERM');
  expect(await producer.ends()).toMatchObject({ code: 1012 });
  expect(await subscriber.ends()).toMatchObject({ code: 1012 });
  const { code, said } = await child.ends();
  expect(code).toBe(0);
  await producer.says({ code: 'SHUTTING_DOWN' });

  const { rows } = producer.acknowledged;
  const written = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { n: number });
  const open = Number(/^stopped (\d+)$/m.exec(said)![1]);
  expect(written.reduce((sum, { n }) => sum + n, 0) + open).toBe(rows);
  expect(subscriber.rows).toHaveLength(written.length);
});

test.each([
  [true, 0, 3],
  [false, 3, 0],
])('drain: %s leaves %i rows in open windows and emits %i', async (drain, left, emitted) => {
  live = await LiveEngine.start({ partitions: 2 });
  const subscriber = await live.subscriber('obeyed');
  const producer = await live.producer('orders');
  producer.send([row(0, 'a'), row(1, 'b'), row(2, 'c')].join('\n'));
  await producer.acked(1);
  const [first, second] = await Promise.all([live.engine.stop({ drain }), live.engine.stop({ drain: !drain })]);
  expect([first.openRows, second.openRows]).toEqual([left, left]);
  expect(subscriber.rows).toHaveLength(emitted);
  expect((await subscriber.ends()).code).toBe(1012);
  expect((await producer.ends()).code).toBe(1012);
  await expect(live.get('/healthz')).rejects.toThrow();
});

test('a stop while a partition stands still waits for it, and what was taken in arrives', async () => {
  live = await LiveEngine.start({ limits: { ringBytes: 2 ** 18 } });
  const subscriber = await live.subscriber('obeyed');
  const producer = await live.producer('orders');
  producer.send(row(0, 'stall:1500'));
  const lines = Array.from({ length: 1000 }, (_, index) => row(HOUR, `key-${index}`)).join('\n');
  for (let frame = 0; frame < 20; frame++) producer.send(lines);
  await producer.acked(1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await live.engine.stop({ drain: true });
  await producer.ends();
  const { rows } = producer.acknowledged;
  expect(rows).toBe(20_001);
  expect(subscriber.rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(rows);
});

test('state that outgrows its memory first shrinks the credit, then ends the run with what would hold it', async () => {
  live = await LiveEngine.start({ memoryBytes: 28 * 2 ** 20, limits: { ringBytes: 2 ** 18 } });
  const { engine } = live;
  const producer = await live.producer('orders');
  const credits: number[] = [];
  let sent = 0;
  const ended = engine.ended.then(
    () => new Error('stopped'),
    (error: Error) => error,
  );
  while (producer.closed === null && sent < 2000) {
    const lines = Array.from({ length: 500 }, (_, index) => row(0, `${'key '.repeat(20)}${sent}-${index}`)).join('\n');
    producer.send(lines);
    await producer.acked(++sent).catch(() => undefined);
    credits.push(producer.heard.findLast(({ credit }) => credit !== undefined)!.credit!);
  }
  const error = await ended;
  expect(error.message).toMatch(/state of stage .* no longer fits the 28 MiB .* 2 partitions of that size/);
  expect(credits[0]).toBe(4 * 2 ** 20);
  expect(credits.at(-1)).toBe(65_536);
});

test('a full disk ends the run with the sink and the path', async () => {
  process.env.TO_FILE = '/dev/full';
  const child = new ChildEngine({ job: '../jobs/to-file.mjs' });
  const producer = await Talk.open(`ws://127.0.0.1:${await child.ready()}/v1/streams/rows`);
  producer.send([row(0, 'a'), row(HOUR, 'b')].join('\n'));
  const { code, said } = await child.ends();
  expect(said).toMatch(/failed EngineError THREAD egress failed: sink file: writing to \/dev\/full failed: ENOSPC/);
  expect(code).toBe(1);
});

test('a standard output that is closed ends the run by name, and the process by itself', async () => {
  const child = new ChildEngine({ job: '../jobs/to-file.mjs', stdio: ['ignore', 'pipe', 'pipe'] });
  const port = await child.ready();
  child.process.stdout!.destroy();
  const producer = await Talk.open(`ws://127.0.0.1:${port}/v1/streams/rows`);
  producer.send([row(0, 'a'), row(HOUR, 'b')].join('\n'));
  const { code, said } = await child.ends();
  expect(said).toMatch(
    /failed EngineError THREAD egress failed: sink stdout: writing to standard output failed: EPIPE/,
  );
  expect(code).toBe(1);
});
