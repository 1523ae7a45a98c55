// test/mutants/mutants.run.ts — `npm run test:mutants -- [--count N] [--seed S] [--write 1]`: every mutant must be noticed.
//
// --count N tries N of them, chosen by the seed; without a seed by the commit, so that each change tries others.
// --write 1 keeps the result of a whole run in README.md.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { crc32 } from 'node:zlib';
import { monotonicMs } from '../../host/clock.ts';
import { numbersOf, sayResult } from '../crash/command-line.ts';
import { seededRandom } from '../support/random.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { type Outcome, Scratch } from './scratch.ts';

interface Tried {
  mutant: Mutant;
  outcome: Outcome;
  seconds: number;
}

const { count, seed, write } = numbersOf({ count: 0, seed: 0, write: 0 });
const startedMs = monotonicMs();
const chosen = count === 0 ? [...MUTANTS] : choose(count, seed || seedOfCommit());
const waiting = [...chosen];
const tried: Tried[] = [];
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));

const wrong = tried.filter(({ mutant, outcome: { is } }) =>
  mutant.isNeutral ? is !== 'passes' : is === 'passes' || is === 'breaks',
);
for (const { mutant, outcome } of wrong) {
  const expected = mutant.isNeutral ? 'it changes nothing' : `${mutant.tests.join(', ')} must notice it`;
  process.stderr.write(`«${mutant.name}» ${outcome.is} (${outcome.by ?? 'no test'}); ${expected}\n`);
}
if (write > 0 && count === 0) writeFileSync(new URL('README.md', import.meta.url), table());
sayResult({
  run: 'mutants',
  tried: chosen.length,
  caught: tried.filter(({ outcome }) => outcome.is === 'caught' || outcome.is === 'hangs').length,
  neutral: tried.filter(({ mutant }) => mutant.isNeutral).length,
  wrong: wrong.map(({ mutant }) => mutant.name),
  seconds: Math.round((monotonicMs() - startedMs) / 1000),
  verdict: wrong.length === 0 ? 'ok' : 'wrong',
});
process.exit(wrong.length === 0 ? 0 : 1);

async function work(): Promise<void> {
  const scratch = new Scratch();
  try {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const fromMs = monotonicMs();
      const outcome = await scratch.try(mutant);
      const seconds = Math.round((monotonicMs() - fromMs) / 1000);
      tried.push({ mutant, outcome, seconds });
      process.stderr.write(`${outcome.is.padEnd(7)} ${String(seconds).padStart(4)} s  ${mutant.name}\n`);
    }
  } finally {
    scratch.remove();
  }
}

function choose(most: number, by: number): Mutant[] {
  const random = seededRandom(by);
  const left = MUTANTS.filter(({ isNeutral }) => isNeutral !== true);
  return Array.from({ length: Math.min(most, left.length) }, () => left.splice(random.below(left.length), 1)[0]!);
}

/** 1 outside a repository. */
function seedOfCommit(): number {
  try {
    return crc32(execFileSync('git', ['rev-parse', 'HEAD'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return 1;
  }
}

function table(): string {
  const rows = MUTANTS.map((mutant) => {
    const { outcome, seconds } = tried.find((one) => one.mutant === mutant)!;
    return `| ${mutant.name} | \`${mutant.file}\` | ${outcome.is} | ${outcome.by ?? ''} | ${seconds} |`;
  });
  return [
    '# Mutants',
    '',
    'Mistakes seeded one at a time (`mutants.ts`) into a copy of the repository, and whether the tests that should notice each did.',
    'Written by `npm run test:mutants -- --write 1`. Those about barriers, block copies and checkpoints come with the checkpoints.',
    '',
    '| mutant | file | outcome | first test that failed | seconds |',
    '|---|---|---|---|---:|',
    ...rows,
    '',
  ].join('\n');
}
