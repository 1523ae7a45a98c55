// The keyed stage against a naive model: the same rows in, the same results, counters and restored stages out.
import { expect, test } from 'vitest';
import {
  AGGREGATE_AVG,
  AGGREGATE_COUNT,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  COUNTER_CLOSED_ROWS,
  COUNTER_ENTRIES,
  COUNTER_LATE_ROWS,
  COUNTER_OPEN_ROWS,
  COUNTER_OPEN_WINDOWS,
  COUNTER_SUM_OVERFLOWS,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { type AggregatePlan, KeyedModel, type KeyedPlan } from '../model/keyed.ts';
import type { Value } from '../support/image.ts';
import { type KeyedStage, keyedStage } from '../support/keyed.ts';
import { type Random, seededRandom } from '../support/random.ts';

const KEY_TYPES = [TYPE_BOOL, TYPE_I32, TYPE_I64, TYPE_F64, TYPE_UTF8];
const VALUE_TYPES = [TYPE_BOOL, TYPE_I32, TYPE_I64, TYPE_F64];
const ANY_COLUMN = [
  AGGREGATE_COUNT,
  AGGREGATE_SUM,
  AGGREGATE_MIN,
  AGGREGATE_MAX,
  AGGREGATE_AVG,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
];

interface Schema {
  types: number[];
  nullable: boolean[];
  plan: KeyedPlan;
}

/** Column 0 is the time, then keys, then values. */
function randomSchema(random: Random): Schema {
  const isSimple = random.chance(0.4);
  const keyTypes = Array.from({ length: isSimple ? 1 : 1 + random.below(4) }, () => random.pick(KEY_TYPES));
  const valueTypes = Array.from({ length: isSimple ? 1 : 1 + random.below(3) }, () => random.pick(VALUE_TYPES));
  const types = [TYPE_I64, ...keyTypes, ...valueTypes];
  const nullable = types.map((_, index) => index > 0 && !isSimple && random.chance(0.4));
  const firstValue = 1 + keyTypes.length;
  const functions = isSimple && random.chance(0.6) ? [AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX] : ANY_COLUMN;
  const aggregates: AggregatePlan[] = [{ function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false }];
  for (const what of functions) {
    const column = firstValue + random.below(valueTypes.length);
    aggregates.push({ function: what, column, type: types[column]!, nullable: nullable[column]! });
  }
  const sizeMs = BigInt(random.pick([1, 7, 1000, 10_000]));
  return {
    types,
    nullable,
    plan: {
      keys: keyTypes.map((type, index) => ({ column: index + 1, type })),
      aggregates,
      sizeMs,
      offsetMs: BigInt(random.below(Number(sizeMs))) * (random.chance(0.5) ? 1n : -1n),
    },
  };
}

const FLOATS = [0, -0, 1.5, -2.25, Number.NaN, 1e300, Number.POSITIVE_INFINITY, 3];
const WORDS = [
  '',
  'a',
  'ab',
  'abc',
  'abcd',
  'abcdefg',
  'abcdefgh',
  'abcdefghi',
  'käse',
  '0123456789abcdef',
  'x'.repeat(17),
  'y'.repeat(31),
  'z'.repeat(32),
  'z'.repeat(33),
  `${'z'.repeat(40)}!`,
  `${'q'.repeat(300)}`,
];
const BIG = [9223372036854775807n, -9223372036854775808n, 4611686018427387904n];

function randomValue(random: Random, type: number, spread: number): Value {
  if (type === TYPE_BOOL) return random.chance(0.5);
  if (type === TYPE_I32) return random.below(spread) - (spread >> 1);
  if (type === TYPE_I64) return random.chance(0.05) ? random.pick(BIG) : BigInt(random.below(spread) - (spread >> 1));
  if (type === TYPE_F64) return random.chance(0.3) ? random.pick(FLOATS) : random.below(spread) / 4;
  return random.chance(0.3) ? random.pick(WORDS) : `key-${random.below(spread)}`;
}

function randomRows(
  random: Random,
  schema: Schema,
  count: number,
  base: number,
  windows: number,
  spread: number,
): Value[][] {
  const width = Number(schema.plan.sizeMs) * windows;
  return Array.from({ length: count }, () =>
    schema.types.map((type, index) => {
      if (index === 0) return BigInt(base + random.below(Math.max(1, Math.floor(width))));
      if (schema.nullable[index] && random.chance(0.2)) return null;
      return randomValue(random, type, spread);
    }),
  );
}

const columnsOf = (schema: Schema, rows: readonly Value[][]) =>
  schema.types.map((type, index) => ({ type, values: rows.map((row) => row[index]!) }));

/** Float sums agree within rounding; everything else exactly. */
function expectSame(actual: Value[][], expected: Value[][], schema: Schema, context: string): void {
  expect(actual.length, context).toBe(expected.length);
  const firstAggregate = 3 + schema.plan.keys.length;
  actual.forEach((row, index) => {
    row.forEach((value, column) => {
      const want = expected[index]![column]!;
      const isSum = [AGGREGATE_SUM, AGGREGATE_AVG].includes(
        schema.plan.aggregates[column - firstAggregate]?.function ?? 0,
      );
      const isClose =
        isSum &&
        typeof value === 'number' &&
        typeof want === 'number' &&
        Number.isFinite(value) &&
        Math.abs(value - want) <= 1e-9 * Math.max(1, Math.abs(want));
      if (!isClose && !Object.is(value, want)) {
        expect.fail(
          `${context}, row ${index} column ${column}: ${value}, expected ${want}; row ${row} expected ${expected[index]}`,
        );
      }
    });
  });
}

function expectCounters(stage: KeyedStage, model: KeyedModel, context: string): void {
  const counter = (which: number) => stage.kernel.exports.keyedCounter(stage.handle, which);
  expect(counter(COUNTER_LATE_ROWS), context).toBe(model.lateRows);
  expect(counter(COUNTER_CLOSED_ROWS), context).toBe(model.closedRows);
  expect(counter(COUNTER_OPEN_WINDOWS), context).toBe(model.panes.length);
  expect(counter(COUNTER_OPEN_ROWS), context).toBe(model.openRows());
  expect(counter(COUNTER_ENTRIES), context).toBe(model.entries());
}

test('agrees with the model over any keys, types, nulls, windows, late rows and restores', () => {
  for (let seed = 1; seed <= 80; seed++) {
    const random = seededRandom(seed);
    const schema = randomSchema(random);
    const model = new KeyedModel(schema.plan);
    const options = { outRowsMax: random.pick([1, 7, 4096]) };
    let stage = keyedStage(schema.plan, options);
    const spread = random.pick([2, 30, 5000]);
    let base = random.pick([-25_000, 0, 1_000_000_000_000]);
    for (let step = 0; step < 8; step++) {
      const context = `seed ${seed}, step ${step}`;
      const rows = randomRows(
        random,
        schema,
        random.pick([0, 1, 5, 300, 1500]),
        base,
        random.pick([1, 1, 3, 20]),
        spread,
      );
      const watermarks = random.chance(0.4)
        ? rows.map(() => BigInt(base + random.below(Number(schema.plan.sizeMs) * 3) - 5))
        : undefined;
      model.push(rows, watermarks);
      if (rows.length > 0) expect(stage.push(columnsOf(schema, rows), watermarks), context).toBe(0);
      expectCounters(stage, model, context);
      base += random.below(Number(schema.plan.sizeMs) * 2);
      if (random.chance(0.2)) {
        model.flush();
        expect(stage.kernel.exports.keyedFlush(stage.handle), context).toBe(Number(model.watermark));
      } else {
        model.advance(BigInt(base));
        stage.kernel.exports.keyedAdvance(stage.handle, base);
      }
      if (random.chance(0.3)) {
        const records = stage.snapshot();
        stage = keyedStage(schema.plan, { ...options, seed: [random.u32(), random.u32()] });
        expect(stage.restore(records), context).toBe(0);
        expectCounters(stage, model, `${context}, restored`);
      }
      if (random.chance(0.8)) {
        expectSame(stage.fire(random.pick([4096, 65536])), model.fire(), schema, context);
        expect(stage.kernel.exports.keyedCounter(stage.handle, COUNTER_SUM_OVERFLOWS), context).toBe(
          model.sumOverflows,
        );
      }
    }
    model.flush();
    stage.kernel.exports.keyedFlush(stage.handle);
    expectSame(stage.fire(), model.fire(), schema, `seed ${seed}, end`);
    expectCounters(stage, model, `seed ${seed}, end`);
  }
});
