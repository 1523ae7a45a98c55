// host/cli/repair.ts — pelton repair DIR --accept-loss: go on with a damaged log without what is damaged.

import { Command } from 'commander';
import { wallClockMs } from '../clock.ts';
import { realDisk } from '../disk/real-disk.ts';
import { repairLog } from '../log/repair.ts';
import { openStore, readStore } from '../store/store.ts';
import { CliError } from './cli-error.ts';
import { EXIT_DATA, EXIT_IO, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import type { Finish } from './program.ts';

interface RepairOptions {
  acceptLoss?: boolean;
  reason: string;
}

export function command(finish: Finish): Command {
  return new Command('repair')
    .argument('<dir>', 'a data directory that no engine has')
    .description(
      'Give up the groups of a log that are damaged or missing. Whole groups are kept, the damaged files go to quarantine/, ' +
        'and the log records what was given up: subscribers and sinks see the gap.',
    )
    .option('--accept-loss', 'say that losing acknowledged events is accepted')
    .option('--reason <text>', 'goes into the record', 'pelton repair --accept-loss')
    .action(async (directory: string, options: RepairOptions) => finish(await repair(directory, options)));
}

async function repair(directory: string, { acceptLoss = false, reason }: RepairOptions): Promise<number> {
  if (!acceptLoss) {
    const advice = `«pelton inspect ${directory} --verify» shows what is damaged; restore it from a copy if there is one`;
    throw new CliError(EXIT_USAGE, 'a repair gives up events that were acknowledged; it needs --accept-loss', advice);
  }
  const disk = realDisk();
  if (!(await disk.exists(directory))) throw new CliError(EXIT_IO, `${directory}: there is no such directory`);
  if ((await readStore(disk, directory)) === undefined) {
    throw new CliError(EXIT_DATA, `${directory} is no data directory of Pelton: it has no STORE`);
  }
  const timeMs = wallClockMs();
  const newId = () => {
    throw new Error('a store was there a moment ago');
  };
  const store = await openStore({ disk, directory, newId, nowMs: timeMs });
  try {
    const report = (what: string) => void process.stdout.write(`${what}\n`);
    const where = { disk, data: store.directory, store: store.id, durableElsewhere: store.stoppedAt };
    const gaps = await repairLog({ ...where, reason, timeMs, report });
    const lost = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    process.stdout.write(lost === 0 ? 'no group is lost\n' : `${lost} groups are lost, and recorded as such\n`);
  } finally {
    await store.release();
  }
  return EXIT_OK;
}
