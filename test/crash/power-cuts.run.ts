// test/crash/power-cuts.run.ts — `npm run test:power-cut -- --cuts N --seed S`: N power cuts of the engine's file system under load.
//
// The journals are outside. Where there can be no such file system, the last line says why, and the exit code says «skipped».

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT_SKIPPED, numbersOf, sayResult } from './command-line.ts';
import { untilDue } from './kills.ts';
import { LoopDisk } from './loop-disk.ts';
import { stagesOf } from './notes.ts';
import { SIZES } from './sizes.ts';
import { storm } from './storm.ts';

const UNDER_LOAD_MS_MAX = 400;
/** How many of the cuts come while the engine starts. */
const IN_A_START = 0.25;

const { cuts, seed } = numbersOf({ cuts: SIZES.cuts, seed: 1 });
if (process.env.PELTON_OWN_MOUNTS === undefined) process.exit(runInOwnNamespace());
const folder = mkdtempSync(join(tmpdir(), 'pelton-cuts-'));
const disk = LoopDisk.make(folder);
if (typeof disk === 'string') {
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`skipped: ${disk}\n`);
  process.exit(EXIT_SKIPPED);
}
process.on('exit', () => {
  disk.unmount();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const notes = join(folder, 'notes');
mkdirSync(notes);
const { rows, ...report } = await storm({
  data: join(disk.path, 'data'),
  notes,
  ends: cuts,
  seed,
  producers: 4,
  epochs: true,
  liveAndEnd: async (lives, random) => {
    const inAStart = lives.starts > 0 && random.chance(IN_A_START);
    lives.start();
    await untilDue(lives, inAStart ? random.below(lives.recoveryMsMax) : undefined, random.below(UNDER_LOAD_MS_MAX));
    if (lives.engine.process.exitCode !== null) throw new Error(`the engine ended by itself: ${lives.engine.said}`);
    const stages = stagesOf(notes);
    await disk.cut();
    await lives.kill();
    disk.remount();
    return stages;
  },
});
sayResult({
  run: 'power cuts',
  ...report,
  results: rows.length,
  verdict: report.complaints.length === 0 ? 'ok' : 'wrong',
});
process.exit(report.complaints.length === 0 ? 0 : 1);

/** Mounts that end with this process, however it ends. @returns its exit code */
function runInOwnNamespace(): number {
  const unshare = (...command: string[]) =>
    spawnSync('unshare', ['--mount', ...command], {
      stdio: 'inherit',
      env: { ...process.env, PELTON_OWN_MOUNTS: 'yes' },
    });
  if (unshare('true').status === 0) return unshare(process.execPath, ...process.argv.slice(1)).status ?? 1;
  process.stdout.write('skipped: power cuts need a mount namespace of their own (unshare --mount, as root)\n');
  return EXIT_SKIPPED;
}
