// bench/suites/durable/ack.ts — how long a frame waits for its acknowledgement at half the load that the log can take.
//
// Open loop: frame i is due at a time fixed beforehand, and its wait begins then, whether or not it could be sent. Beside it
// the same disk, with as much per write as a sync of this load covered, each synced before the next.

import { join } from 'node:path';
import { type BenchResult, isWanted, median, type SuiteOptions, show } from '../../measure.ts';
import { roundStartMs } from '../e2e/rows.ts';
import type { Run } from '../e2e/side.ts';
import { compareTotals, totalsOf } from '../e2e/totals.ts';
import type { Load } from './arrow.ts';
import { FreshSide } from './fresh-side.ts';
import { PlainFile } from './plain-file.ts';

const RUNS = 5;
const LOAD_SHARE = 0.5;
/** So many pieces are needed before a 99th percentile means anything. */
const DISK_PIECES_MIN = 500;

export async function ackCase(root: string, load: Load, options: SuiteOptions): Promise<BenchResult[]> {
  const name = 'durable/ack-p99';
  if (!isWanted(name, options)) return [];
  const { size, expected, warmUp } = load;
  let last: Run | null = null;
  const check = (run: Run) => {
    compareTotals(name, totalsOf(run.messages, size, roundStartMs(run.round, size)), expected);
    last = run;
  };
  const fastest: number[] = [];
  const plain = PlainFile.make(join(root, 'plain'));
  const runOf = async (wire: Load['wire']) => {
    const side = new FreshSide({ name: 'log', root, warmUp, wire, check });
    try {
      await side.prepare();
      await side.run();
    } finally {
      await side.finish();
    }
    return { use: side.use, run: last! };
  };
  try {
    for (let round = 0; round < (options.smoke ? 1 : 3); round++) {
      const { run } = await runOf(load.wire);
      fastest.push(run.sent.frames / run.load.seconds);
    }
    const framesPerSecond = median(fastest) * LOAD_SHARE;
    const ours: number[] = [];
    const disk: number[] = [];
    const middle: number[] = [];
    const syncBytes: number[] = [];
    for (let round = 0; round < (options.smoke ? 1 : RUNS); round++) {
      const { run, use } = await runOf({ ...load.wire, send: { type: 'paced', framesPerSecond } });
      const pieces = options.smoke ? use.syncs : Math.max(DISK_PIECES_MIN, use.syncs);
      ours.push(percentile(run.load.ackMs, 0.99));
      middle.push(percentile(run.load.ackMs, 0.5));
      disk.push(percentile(plain.latencies(pieces, use.syncBytes), 0.99));
      syncBytes.push(use.syncBytes);
    }
    const [value, baselineValue] = [median(ours), median(disk)];
    const row: BenchResult = {
      name,
      value,
      unit: 'ms',
      better: 'lower',
      baseline: 'disk',
      baselineValue,
      ratio: value / baselineValue,
    };
    show(row);
    const more = {
      p50: median(middle),
      framesPerSecond,
      syncBytes: median(syncBytes),
      everyRun: ours,
      everyDisk: disk,
    };
    process.stderr.write(`${name}  ${JSON.stringify(more)}\n`);
    return [{ ...row, ...more }];
  } finally {
    plain.close();
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
