// Random programs over random rows: the kernels and the row-wise model keep the same rows with the same values.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runModel } from '../model/expression.ts';
import { runProgram } from '../support/program.ts';
import { seededRandom } from '../support/random.ts';
import { RANDOM_FIELDS, randomRows, randomSteps } from '../support/random-expression.ts';

/** Around every width that loops work in: 8 and 16 lanes, words of 64 bits. */
const ROW_COUNTS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 200];

function agrees(seed: number, rowCount: number, stepCount: number, nullChance: number): void {
  const random = seededRandom(seed);
  const rows = randomRows(random, rowCount, nullChance);
  const steps = randomSteps(random, stepCount);
  const model = runModel(RANDOM_FIELDS, rows, steps);
  const ours = runProgram(RANDOM_FIELDS, rows, steps);
  const story = () =>
    `seed ${seed}, ${rowCount} rows, steps ${JSON.stringify(steps, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))}`;
  expect(ours.rows, story()).toStrictEqual(model.rows);
  expect(ours.overflows, story()).toBe(model.overflows);
}

test('any program over any rows gives what the rows give one by one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.constantFrom(...ROW_COUNTS),
      fc.integer({ min: 0, max: 4 }),
      fc.constantFrom(0, 0.3, 1),
      agrees,
    ),
    { numRuns: Number(process.env.PELTON_RUNS ?? 400), seed: Number(process.env.PELTON_SEED ?? 20261120) },
  );
});

test('a whole batch of 4,096 rows agrees too, through three filters and selects', () => {
  for (const seed of [1, 2, 3]) agrees(seed, 4096, 3, 0.2);
});
