// test/crash/kills.run.ts — `npm run test:crash -- --runs N --seed S`: N kills -9 under load; a line of JSON per run.
//
// Three runs: several producers that at times forget everything; the same with checkpoints, which the log is cut off behind;
// and one producer, whose results must equal an uncrashed run's, byte for byte.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numbersOf, sayResult } from './command-line.ts';
import { frameOf } from './journaling-producer.ts';
import { liveAndBeKilled } from './kills.ts';
import { STAGES } from './notes.ts';
import { SIZES } from './sizes.ts';
import { calm, storm } from './storm.ts';

/** Of the kills, how many fall to each of the two other runs. */
const SHARE = 0.25;
/** Between two checkpoints about: each life makes one or two. */
const CHECKPOINT_MS = 100;

const { runs, seed } = numbersOf({ runs: SIZES.kills, seed: 1 });
const folder = mkdtempSync(join(tmpdir(), 'pelton-kills-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => ({ data: join(folder, name), notes: join(folder, `${name}-notes`) });
const ends = Math.round(runs * SHARE);
const liveAndEnd = liveAndBeKilled;

const several = await storm({ ...at('several'), ends: runs - 2 * ends, seed, producers: 4, epochs: true, liveAndEnd });
say('kills, four producers', several);

const cut = await storm({
  ...{ ...at('cut'), ends, seed: seed + 2, producers: 4, epochs: false, checkpointMs: CHECKPOINT_MS, liveAndEnd },
});
say('kills, four producers, checkpoints', cut);

const alone = await storm({ ...at('alone'), ends, seed: seed + 1, producers: 1, epochs: false, liveAndEnd });
const frames = Array.from({ length: alone.framesLogged }, (_, index) => frameOf(0, 1, index + 1));
const { data, notes } = at('whole');
const whole = await calm(data, notes, frames);
// Each line begins with its partition and offset; partitions come in any order.
if (whole.sort().join('\n') !== alone.rows.sort().join('\n'))
  alone.complaints.push(
    `${alone.rows.length} results, an uncrashed run has ${whole.length}, and they are not the same`,
  );
say('kills, one producer', alone);

const all = [several, cut, alone];
const missed = STAGES.filter((stage) => all.every(({ landed }) => landed[stage] === 0));
if (missed.length > 0) process.stderr.write(`no kill landed in ${missed.join(', ')}: give more --runs\n`);
process.exit(missed.length > 0 || all.some(({ complaints }) => complaints.length > 0) ? 1 : 0);

function say(run: string, { rows, ...report }: Awaited<ReturnType<typeof storm>>): void {
  sayResult({ run, ...report, results: rows.length, verdict: report.complaints.length === 0 ? 'ok' : 'wrong' });
}
