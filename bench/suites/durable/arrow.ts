// bench/suites/durable/arrow.ts — the load of e2e/arrow with the log on, acknowledged when it is durable.
//
//   ours      the engine with a data directory: every frame synced before it is acknowledged and decoded
//   log-off   the same engine without one
//   disk      the log's bytes alone, written over blocks that are there already, fdatasync behind as much as a sync covered
//   redis     the same frames as XADD values in a pipeline, appendfsync always; it stores them and computes nothing
//
// All figures are events per second of the same rows. Engines are new for every run (fresh-side.ts), redis too.

import { join } from 'node:path';
import { type BenchResult, isWanted, measure, median, type SuiteOptions } from '../../measure.ts';
import { type RowsSize, roundStartMs, rowCountOf } from '../e2e/rows.ts';
import type { Run, Wire } from '../e2e/side.ts';
import { compareTotals, countRows, type Totals, totalsOf } from '../e2e/totals.ts';
import { FreshSide } from './fresh-side.ts';
import { PlainFile } from './plain-file.ts';
import { findRedis, RedisSide } from './redis.ts';

export interface Load {
  size: RowsSize;
  expected: Totals;
  warmUp: Wire;
  wire: Wire;
}

export async function arrowCase(root: string, load: Load, options: SuiteOptions): Promise<BenchResult[]> {
  const name = 'durable/arrow';
  if (!isWanted(name, options)) return [];
  const { size, expected, warmUp, wire } = load;
  const check = ({ messages }: Run) => {
    const rows = countRows(messages);
    if (rows !== expected.rows) throw new Error(`${name}: ${rows} result rows, expected ${expected.rows}`);
  };
  const ours = new FreshSide({ name: 'log', root, warmUp, wire, check });
  const logOff = new FreshSide({ name: 'log-off', root: null, warmUp, wire, check });
  const plain = PlainFile.make(join(root, 'plain'));
  const redisServer = findRedis();
  if (redisServer === null) process.stderr.write(`skipped  ${name} against redis: no redis-server on the PATH\n`);
  const redis = redisServer === null ? null : new RedisSide(redisServer, root, wire);
  const bytes: number[] = [];
  const syncs: number[] = [];
  try {
    const rows = await measure(
      {
        name,
        units: rowCountOf(size),
        unit: 'events/s',
        ours,
        baselines: [
          {
            name: 'disk',
            prepare: async () => {
              await ours.finish(); // What it wrote is known, and its engine does not disturb the others.
              bytes.push(ours.use.bytes);
              syncs.push(ours.use.syncs);
            },
            run: () => plain.write(ours.use.bytes, ours.use.syncBytes),
          },
          logOff,
          ...(redis === null ? [] : [{ name: 'redis', prepare: redis.prepare, run: redis.run }]),
        ],
        compare: async (one, other, baseline) => {
          await logOff.finish();
          await redis?.finish();
          const runs = baseline === 'log-off' ? [one as Run, other as Run] : [one as Run];
          for (const { messages, round } of runs) {
            compareTotals(`${name}, ${baseline}`, totalsOf(messages, size, roundStartMs(round, size)), expected);
          }
          if (baseline === 'redis' && other !== (one as Run).sent.frames) throw new Error(`redis kept ${other} frames`);
        },
      },
      options,
    );
    const costs = {
      logBytes: median(bytes),
      syncs: median(syncs),
      syncBytes: median(bytes) / median(syncs),
      cpuSecondsPerMillion: (median(ours.serverCpuSeconds) / rowCountOf(size)) * 1e6,
      logOffCpuSecondsPerMillion: (median(logOff.serverCpuSeconds) / rowCountOf(size)) * 1e6,
    };
    process.stderr.write(
      `${name}  ${Object.entries(costs)
        .map(([what, value]) => `${what} ${value.toPrecision(4)}`)
        .join('  ')}\n`,
    );
    return rows.map((row) => ({ ...row, ...costs }));
  } finally {
    plain.close();
    await ours.finish();
    await logOff.finish();
    await redis?.finish();
  }
}
