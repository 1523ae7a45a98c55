// The client commands against the engine itself: what is sent comes out, and what is rejected is named by its row.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { type CliRun, pelton } from '../../support/cli.ts';
import { seededRandom } from '../../support/random.ts';

const root = join(import.meta.dirname, '../../..');
const HOUR_MS = 3_600_000;
let engine: ChildProcess;
let url: string;

beforeAll(async () => {
  const job = join(root, 'test/jobs/flights-hourly.ts');
  engine = spawn(process.execPath, [
    join(root, 'host/main.ts'),
    'run',
    job,
    '--port',
    '0',
    '--partitions',
    '2',
    '--json',
  ]);
  const ready = await heard(engine.stdout!, '"ready"');
  url = `127.0.0.1:${(JSON.parse(ready.split('\n')[0]!) as { port: number }).port}`;
}, 40_000);
afterAll(() => void engine.kill('SIGKILL'));

/** What a stream has said when it has said this. */
function heard(stream: Readable, words: string): Promise<string> {
  let said = '';
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(words)) resolve(said);
    });
  });
}

interface Flight {
  ts: number;
  origin: string;
  destination: string;
  delay: number;
  distance: number;
}

function flights(count: number, startMs: number, seed: number): Flight[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, n) => ({
    ts: startMs + Math.floor((n * 10 * HOUR_MS) / count),
    origin: random.pick(['ORD', 'ATL', 'SFO', 'LAX', 'é€']),
    destination: 'DFW',
    delay: random.below(300) - 60,
    distance: random.below(3000),
  }));
}

/** The job in plain TypeScript. */
function hourly(rows: readonly Flight[]): Map<string, number[]> {
  const results = new Map<string, number[]>();
  for (const { ts, origin, delay } of rows) {
    const key = `${Math.floor(ts / HOUR_MS) * HOUR_MS} ${origin}`;
    const [n, sum, min, max] = results.get(key) ?? [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    results.set(key, [n! + 1, sum! + delay, Math.min(min!, delay), Math.max(max!, delay)]);
  }
  return results;
}

type Result = {
  windowStart: number;
  origin: string;
  n: number;
  sum_delay: number;
  min_delay: number;
  max_delay: number;
};
const asMap = (results: readonly Result[]) =>
  new Map(
    results.map((row) => [`${row.windowStart} ${row.origin}`, [row.n, row.sum_delay, row.min_delay, row.max_delay]]),
  );

const header = 'ts,origin,destination,delay,distance';
const FORMS: [string, (rows: readonly Flight[]) => string | Buffer][] = [
  ['ndjson', (rows) => rows.map((row) => JSON.stringify(row)).join('\n')],
  ['csv', (rows) => [header, ...rows.map((row) => Object.values(row).join(','))].join('\n')],
  [
    'arrow',
    (rows) =>
      Buffer.from(
        writeArrow(
          (['ts', 'origin', 'destination', 'delay', 'distance'] as const).map((name) => ({
            name,
            type: name === 'ts' ? 'timestamp' : name === 'origin' || name === 'destination' ? 'utf8' : 'i32',
            values: rows.map((row) => row[name]),
          })),
          { batchRowsMax: 1000 },
        ),
      ),
  ],
];

test.each(FORMS)('rows sent as %s come out as windows that a plain program agrees with', async (format, encode) => {
  // A stream goes on after its end: each format has hours of its own, later than the ones before.
  const at = FORMS.findIndex(([name]) => name === format);
  const rows = flights(20_000, 978307200000 + at * 100 * HOUR_MS, 11 + at);
  let sent: CliRun | undefined;
  const { stdout, exitCode } = await pelton(['tail', 'per-origin', '--url', url, '--until-end', '-v'], {
    during: async (child) => {
      await heard(child.stderr!, 'subscribed');
      sent = await pelton(['send', 'flights', '-', '--url', url, '--format', format, '--end'], { stdin: encode(rows) });
      if (sent.exitCode !== 0) child.kill();
    },
  });
  expect(sent).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^20,000 rows acknowledged/) });
  expect(exitCode).toBe(0);
  const results = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
  expect(asMap(results)).toEqual(hourly(rows));
  expect(results).toHaveLength(hourly(rows).size); // Each window once.
});

test('rejected rows are named by their number in the input, blank lines not counted', async () => {
  const good = JSON.stringify(flights(1, 978307200000 + 400 * HOUR_MS, 3)[0]);
  const lines = [good, '', good.replace(/"delay":-?\d+/, '"delay":"x"'), '  ', good, '{"ts":', good];
  const { exitCode, stdout } = await pelton(['send', 'flights', '-', '--url', url, '--json', '--frame-rows', '2'], {
    stdin: `${lines.join('\n')}\n`,
  });
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events).toMatchObject([
    { event: 'reject', row: 2, code: 'TYPE', column: 'delay' },
    { event: 'reject', row: 4, code: 'SYNTAX' },
    { event: 'done', rows: 3, rejected: 2, unacknowledged: 0 },
  ]);
  expect(exitCode).toBe(1);
});

test('an Arrow frame without a needed column is rejected as a whole, and that is exit 1', async () => {
  const stdin = Buffer.from(writeArrow([{ name: 'ts', type: 'timestamp', values: [1, 2] }]));
  const { exitCode, stderr } = await pelton(['send', 'flights', '-', '--url', url, '--format', 'arrow'], { stdin });
  expect(stderr).toMatch(/a whole frame: ARROW_/);
  expect(exitCode).toBe(1);
});

test('a name that the engine does not have is answered with those that it has', async () => {
  const stream = await pelton(['send', 'flihgts', '-', '--url', url], { stdin: '{}' });
  expect(stream).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('did you mean "flights"') });
  const sink = await pelton(['tail', 'per_origin', '--url', url]);
  expect(sink).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('did you mean "per-origin"') });
});
