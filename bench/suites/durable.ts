// bench/suites/durable.ts — what the log costs, and what it promises about time.
//
//   durable/arrow       the load of e2e/arrow, acknowledged when durable, against no log, the disk alone, and Redis Streams
//   durable/ack-p99     at half of that load, sent at fixed times: how long a frame waits for its acknowledgement
//   durable/first-ack   from the start of a process to its first acknowledgement, with a log that must be decoded again
//   durable/log         the log's body alone, against the disk
//
// Everything is written to a directory under build/, on the disk of this repository, and removed afterwards.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BenchResult, isWanted, type Suite } from '../measure.ts';
import { ackCase } from './durable/ack.ts';
import { arrowCase, type Load } from './durable/arrow.ts';
import { firstAckCase } from './durable/first-ack.ts';
import { logCase } from './durable/log.ts';
import { refuseMemory } from './durable/plain-file.ts';
import { Child } from './e2e/child.ts';
import type { RowsSize } from './e2e/rows.ts';
import { expectedTotals } from './e2e/totals.ts';

const SIZE: RowsSize = { windows: 10, rowsPerWindow: 1 << 20 };
const SMOKE_SIZE: RowsSize = { windows: 3, rowsPerWindow: 1 << 14 };
const WARM_UP_SHARE = 10;

export const suite: Suite = async (options): Promise<BenchResult[]> => {
  const build = join(fileURLToPath(new URL('../../', import.meta.url)), 'build');
  mkdirSync(build, { recursive: true });
  const root = mkdtempSync(join(build, 'durable-'));
  const loads: Child[] = [];
  try {
    refuseMemory(root);
    const results = await logCase(root, options);
    if (!['durable/arrow', 'durable/ack-p99', 'durable/first-ack'].some((name) => isWanted(name, options)))
      return results;
    const wireOf = async (size: RowsSize) => {
      const { child: load } = await Child.start('load.ts');
      loads.push(load);
      return { load, format: 'arrow' as const, size, connections: 1 };
    };
    const size = options.smoke ? SMOKE_SIZE : SIZE;
    const warmUp = await wireOf({ ...size, rowsPerWindow: Math.ceil(size.rowsPerWindow / WARM_UP_SHARE) });
    const load: Load = { size, expected: expectedTotals(size), warmUp, wire: await wireOf(size) };
    results.push(...(await arrowCase(root, load, options)));
    results.push(...(await ackCase(root, load, options)));
    results.push(...(await firstAckCase(root, load, options)));
    return results;
  } finally {
    for (const load of loads) load.stop();
    rmSync(root, { recursive: true });
  }
};
