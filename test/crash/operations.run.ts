// test/crash/operations.run.ts — `npm run test:operations -- --stride N`: a real engine killed at each Nth operation of its log's disk.
//
//   life k:  recovery ─▶ open ─▶ takes in ─▶ rolls ─▶ SIGTERM ─▶ stop        killed at operation k; done when lives end before their k
//
// All lives are one data directory's, and each begins with the recovery of the one before.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numbersOf, sayResult } from './command-line.ts';
import { untilDue } from './kills.ts';
import { SIZES } from './sizes.ts';
import { storm } from './storm.ts';

/** Some dozens of groups, and a roll. */
const UNDER_LOAD_MS = 100;
const STOP_MS_MAX = 20_000;
const LIVES_MAX = 2000;
/** How many operations a life has depends on the load: the last one is believed when so many lives ended before it. */
const STOPS_MAX = 3;

const { stride, seed } = numbersOf({ stride: SIZES.stride, seed: 1 });
const folder = mkdtempSync(join(tmpdir(), 'pelton-operations-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let operation = 1;
let stops = 0;
const { rows, ...report } = await storm({
  data: join(folder, 'data'),
  notes: join(folder, 'notes'),
  ends: LIVES_MAX,
  seed,
  producers: 2,
  epochs: false,
  liveAndEnd: async (lives, random) => {
    lives.start(`log:operations:${operation}:${random.pick(['before', 'during'] as const)}`);
    await untilDue(lives, undefined, UNDER_LOAD_MS);
    lives.engine.process.kill('SIGTERM');
    const { signal, said } = await lives.engine.ends(STOP_MS_MAX);
    if (/^stopped/m.test(said)) return ++stops < STOPS_MAX ? [] : null;
    if (signal !== 'SIGKILL' || said.includes('did not end'))
      throw new Error(`not killed by itself, ${signal}: ${said}`);
    operation += Math.max(1, stride);
    return lives.kill();
  },
});
const verdict = report.complaints.length === 0 ? 'ok' : 'wrong';
sayResult({ run: 'kills at each operation', stride, operations: operation, ...report, results: rows.length, verdict });
process.exit(verdict === 'ok' ? 0 : 1);
