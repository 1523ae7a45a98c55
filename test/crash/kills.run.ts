// test/crash/kills.run.ts — `npm run test:crash -- --runs N --seed S`: N kills -9 under load; a line of JSON per run.
//
// Two runs: several producers that at times forget everything, then one whose results must equal an uncrashed run's, byte for byte.

import { numbersOf, sayResult } from './command-line.ts';
import { frameOf } from './journaling-producer.ts';
import { killAgainAndAgain, uncrashed } from './kills.ts';
import { SIZES } from './sizes.ts';

/** Of the kills, how many fall to the run with one producer. */
const SHARE_ALONE = 0.25;

const { runs, seed } = numbersOf({ runs: SIZES.kills, seed: 1 });
const alone = Math.round(runs * SHARE_ALONE);
const missed: string[] = [];

const together = await killAgainAndAgain({ kills: runs - alone, seed, producers: 4, epochs: true });
const { rows: _, ...told } = together;
sayResult({ run: 'kills, four producers', ...told, verdict: verdictOf(together.complaints) });

const single = await killAgainAndAgain({ kills: alone, seed: seed + 1, producers: 1, epochs: false });
const frames = Array.from({ length: single.framesLogged }, (_, index) => frameOf(0, 1, index + 1));
const whole = await uncrashed(frames);
const differs =
  whole.sort().join('\n') === single.rows.sort().join('\n') ? [] : ['results differ from an uncrashed run'];
const complaints = [...single.complaints, ...differs];
const { rows, ...toldAlone } = { ...single, complaints };
sayResult({ run: 'kills, one producer', ...toldAlone, results: rows.length, verdict: verdictOf(complaints) });

for (const [stage, count] of Object.entries(together.landed)) {
  if (count + single.landed[stage as keyof typeof single.landed] === 0) missed.push(stage);
}
if (missed.length > 0) process.stderr.write(`no kill landed in ${missed.join(', ')}: give more --runs\n`);
process.exit(together.complaints.length + complaints.length + missed.length > 0 ? 1 : 0);

function verdictOf(found: readonly string[]): string {
  return found.length === 0 ? 'ok' : 'wrong';
}
