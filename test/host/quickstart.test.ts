// The quick start: its whole result against a plain model, and the command as a user calls it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { QUICKSTART_ROWS, quickstartFrames } from '../../host/cli/quickstart-data.ts';
import { Engine } from '../../host/engine/engine.ts';
import { type Departures, REPLAY_LIMITS, replayFlights } from '../../host/quickstart/replay.ts';

const root = join(import.meta.dirname, '../..');
const HOUR_MS = 3_600_000;

/** One row per hour and origin, straight from the CSV. */
function model(): Map<string, Departures> {
  const csv = zstdDecompressSync(readFileSync(join(root, 'data/flights-1m.csv.zst'))).toString();
  const rows = new Map<string, Departures>();
  for (const line of csv
    .slice(csv.indexOf('\n') + 1)
    .trimEnd()
    .split('\n')) {
    const [time, origin, , delayText] = line.split(',') as [string, string, string, string];
    const windowStart = Math.floor(Number(time) / HOUR_MS) * HOUR_MS;
    const delay = Number(delayText);
    const key = `${windowStart}/${origin}`;
    const row = rows.get(key);
    if (row === undefined) {
      const window = { windowStart, windowEnd: windowStart + HOUR_MS, origin };
      rows.set(key, { ...window, flights: 1, delaySum: delay, delayMin: delay, delayMax: delay });
      continue;
    }
    row.flights++;
    row.delaySum += delay;
    row.delayMin = Math.min(row.delayMin, delay);
    row.delayMax = Math.max(row.delayMax, delay);
  }
  return rows;
}

test('a million flights give exactly the rows of the model', async () => {
  const jobUrl = new URL('../../host/quickstart/job.ts', import.meta.url).href;
  const engine = await Engine.start({ jobUrl, memoryBytes: 2 ** 30, limits: REPLAY_LIMITS });
  const frames = await Array.fromAsync(quickstartFrames());
  const { rows, ...summary } = await replayFlights(engine, frames);
  await engine.stop();
  const expected = model();
  expect(summary).toMatchObject({ events: QUICKSTART_ROWS, rejected: 0, late: 0, results: expected.size });
  const different = rows.filter((row) => {
    const key = `${row.windowStart}/${row.origin}`;
    const wanted = expected.get(key);
    expected.delete(key); // Each row once.
    return JSON.stringify(row) !== JSON.stringify(wanted);
  });
  expect(different.slice(0, 3)).toEqual([]);
  expect(expected.size).toBe(0);
});

test('--once --json ends with 0; its last line sums the replay up', () => {
  const args = [join(root, 'host/main.ts'), 'quickstart', '--once', '--json', '--port', '0'];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(status).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toMatchObject({ event: 'ready', port: expect.any(Number) });
  expect(lines.at(-1)).toEqual({
    events: QUICKSTART_ROWS,
    rejected: 0,
    late: 0,
    results: 143_266,
    seconds: expect.any(Number),
    eventsPerSecond: expect.any(Number),
    startSeconds: expect.any(Number),
  });
});
