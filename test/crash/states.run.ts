// test/crash/states.run.ts — `npm run test:states -- --states N --seed S`: a line of JSON with the number of states; 0 are wrong.

import { monotonicMs } from '../../host/clock.ts';
import { numbersOf, sayResult } from './command-line.ts';
import { SIZES } from './sizes.ts';
import { enumerateStates } from './states.ts';

const { states, seed } = numbersOf({ states: SIZES.states, seed: 1 });
const startedMs = monotonicMs();
const report = await enumerateStates(states, seed);
const missing = Object.entries(report).filter(([name, count]) => name !== 'seed' && count === 0);
const seconds = Math.round((monotonicMs() - startedMs) / 100) / 10;
sayResult({ run: 'crash states', ...report, wrong: 0, seconds, verdict: missing.length === 0 ? 'ok' : 'incomplete' });
for (const [name] of missing) process.stderr.write(`no state counts as «${name}»: give more --states\n`);
process.exitCode = missing.length === 0 ? 0 : 1;
