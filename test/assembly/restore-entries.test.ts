// Entries of a checkpoint in other partitions and under a changed plan.
import { expect, test } from 'vitest';
import {
  AGGREGATE_AVG,
  AGGREGATE_COUNT,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  COUNTER_ENTRIES,
  COUNTER_LATE_ROWS,
  COUNTER_OPEN_ROWS,
  NULL_KEY_GROUP,
  PUSH_OK,
  RECORD_BLOCK,
  RECORD_KEYED,
  RESTORE_OK,
  RESTORE_PLAN,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { type AggregatePlan, KeyedModel, type KeyedPlan, keyText, sortResults } from '../model/keyed.ts';
import { targetOf } from '../model/scatter.ts';
import type { ImageColumn, Value } from '../support/image.ts';
import { type KeyedStage, keyedStage, type SweptRecord } from '../support/keyed.ts';
import { type Random, seededRandom } from '../support/random.ts';

const count: AggregatePlan = { function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false };
const aggregate = (what: number, column: number, generation = 0): AggregatePlan => ({
  function: what,
  column,
  type: TYPE_I64,
  nullable: false,
  generation,
});
const frame = { sizeMs: 10n, offsetMs: 0n };

const randomValue = (random: Random, type: number): Value => {
  if (type === TYPE_BOOL) return random.chance(0.5);
  if (type === TYPE_I32) return random.below(200) - 100;
  if (type === TYPE_I64) return BigInt(random.below(300) - 150) * 0x100000001n;
  if (type === TYPE_F64) return random.pick([0, -0, Number.NaN, 1.5, -2.25, random.below(50)]);
  return 'x'.repeat(random.below(12)) + random.below(40);
};
const columnsOf = (types: readonly number[], rows: readonly Value[][]): ImageColumn[] =>
  types.map((type, column) => ({ type, values: rows.map((row) => row[column]!) }));

function fired(stage: KeyedStage): Value[][] {
  stage.kernel.exports.keyedFlush(stage.handle);
  return stage.fire();
}

test('the entries of any number of partitions go where scatter sends their keys, each to one', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed);
    const all = [TYPE_BOOL, TYPE_I32, TYPE_I64, TYPE_F64, TYPE_UTF8];
    const keyTypes = Array.from({ length: random.pick([1, 1, 2, 4]) }, () => random.pick(all));
    const types = [TYPE_I64, ...keyTypes, TYPE_I64];
    const plan: KeyedPlan = {
      keys: keyTypes.map((type, index) => ({ column: index + 1, type })),
      aggregates: [count, aggregate(AGGREGATE_SUM, types.length - 1)],
      ...frame,
    };
    const rows = Array.from({ length: 400 }, () =>
      types.map((type, column): Value => {
        if (column === 0) return BigInt(random.below(30));
        return column <= keyTypes.length && random.chance(0.1) ? null : randomValue(random, type);
      }),
    );
    const route = (partitionCount: number) => ({
      partitionCount,
      groupTable: Array.from({ length: 128 }, (_, group) => Math.floor((group * partitionCount) / 128)),
      keyColumns: plan.keys.map(({ column }) => column),
      columns: [],
      imageBytesMax: 0,
      nullKey: NULL_KEY_GROUP,
    });
    const of = (partitionCount: number, row: number) =>
      targetOf(route(partitionCount), { columns: columnsOf(types, rows) as never }, row, 0);
    const before = random.pick([1, 2, 3]);
    const after = random.pick([2, 3, 5]);
    const parts = Array.from({ length: before }, (_, partition): SweptRecord[] => {
      const stage = keyedStage(plan, { memoryBytes: 8 * 1024 * 1024 });
      const own = rows.filter((_, row) => of(before, row) === partition);
      if (own.length > 0) expect(stage.push(columnsOf(types, own))).toBe(PUSH_OK);
      return stage.snapshot();
    });
    for (let partition = 0; partition < after; partition++) {
      const stage = keyedStage(plan, { memoryBytes: 8 * 1024 * 1024, seed: [random.u32(), 7] });
      for (const part of parts) {
        expect(stage.restoreEntries(part, { groupTable: route(after).groupTable, partition })).toBe(RESTORE_OK);
      }
      const model = new KeyedModel(plan);
      model.push(rows.filter((_, row) => of(after, row) === partition));
      const counter = (which: number) => stage.kernel.exports.keyedCounter(stage.handle, which);
      expect(counter(COUNTER_OPEN_ROWS)).toBe(model.openRows());
      expect(counter(COUNTER_ENTRIES)).toBe(model.entries());
      model.flush();
      const expected = model.fire().map((row) => keyText(row));
      expect(
        fired(stage).map((row) => keyText(row)),
        `seed ${seed}, ${before} → ${after}, partition ${partition}`,
      ).toEqual(expected);
    }
  }
});

test('counters come along only where they are asked for', () => {
  const plan: KeyedPlan = { keys: [{ column: 1, type: TYPE_I64 }], aggregates: [count], ...frame };
  const stage = keyedStage(plan);
  stage.push(columnsOf([TYPE_I64, TYPE_I64], [[1n, 1n]]), [50n]);
  const records = stage.snapshot();
  for (const takesCounters of [true, false]) {
    const other = keyedStage(plan);
    expect(other.restoreEntries(records, { takesCounters })).toBe(RESTORE_OK);
    expect(other.kernel.exports.keyedCounter(other.handle, COUNTER_LATE_ROWS)).toBe(takesCounters ? 1 : 0);
  }
});

// Of the changed plans: time, key, text, a, b.
const TYPES = [TYPE_I64, TYPE_I64, TYPE_UTF8, TYPE_I64, TYPE_I64];
const KEYS = [
  { column: 1, type: TYPE_I64 },
  { column: 2, type: TYPE_UTF8 },
];
const planOf = (...aggregates: AggregatePlan[]): KeyedPlan => ({ keys: KEYS, aggregates, ...frame });
const row = (key: bigint, a: bigint, b: bigint): Value[] => [5n, key, `text ${key}`, a, b];
const OLD = planOf(count, aggregate(AGGREGATE_SUM, 3), aggregate(AGGREGATE_MIN, 3), aggregate(AGGREGATE_LAST, 4));

function oldRecords(): SweptRecord[] {
  const stage = keyedStage(OLD);
  stage.push(columnsOf(TYPES, [row(1n, 10n, 100n), row(1n, 20n, 200n), row(2n, 7n, 70n)]));
  return stage.snapshot();
}

/** What comes out of a stage of `plan` that takes the old entries, and then rows for keys 1 and 3. */
function carriedOn(plan: KeyedPlan, records = oldRecords()): Value[][] {
  const stage = keyedStage(plan, { seed: [4, 4] });
  expect(stage.restoreEntries(records)).toBe(RESTORE_OK);
  stage.push(columnsOf(TYPES, [row(1n, 3n, 300n), row(3n, 1n, 30n)]));
  return fired(stage).map((result) => result.slice(3));
}

test('aggregates in another order, or fewer, keep their state', () => {
  const reordered = planOf(
    aggregate(AGGREGATE_LAST, 4),
    aggregate(AGGREGATE_MIN, 3),
    count,
    aggregate(AGGREGATE_AVG, 3),
  );
  expect(carriedOn(reordered)).toEqual([
    [1n, 'text 1', 300n, 3n, 3n, 11],
    [2n, 'text 2', 70n, 7n, 1n, 7],
    [3n, 'text 3', 30n, 1n, 1n, 1],
  ]);
  expect(carriedOn(planOf(aggregate(AGGREGATE_MIN, 3)))).toEqual([
    [1n, 'text 1', 3n],
    [2n, 'text 2', 7n],
    [3n, 'text 3', 1n],
  ]);
  expect(carriedOn(planOf()).length).toBe(3);
});

test('an aggregate that was added starts from nothing in open windows: null until a value comes', () => {
  const added = planOf(
    ...OLD.aggregates,
    aggregate(AGGREGATE_MAX, 3, 1),
    aggregate(AGGREGATE_AVG, 3, 1),
    aggregate(AGGREGATE_FIRST, 4, 1),
  );
  expect(carriedOn(added)).toEqual([
    [1n, 'text 1', 3n, 33n, 3n, 300n, 3n, 3, 300n],
    [2n, 'text 2', 1n, 7n, 7n, 70n, null, null, null],
    [3n, 'text 3', 1n, 1n, 1n, 30n, 1n, 1, 30n],
  ]);
  expect(keyedStage(planOf(count, aggregate(AGGREGATE_MAX, 3))).restoreEntries(oldRecords())).toBe(RESTORE_PLAN);
});

test('what was added once stays with its state through the next change', () => {
  const once = keyedStage(planOf(count, aggregate(AGGREGATE_MAX, 3, 1)));
  expect(once.restoreEntries(oldRecords())).toBe(RESTORE_OK);
  once.push(columnsOf(TYPES, [row(2n, 9n, 0n)]));
  const twice = planOf(count, aggregate(AGGREGATE_MIN, 3, 2), aggregate(AGGREGATE_MAX, 3, 1));
  expect(carriedOn(twice, once.snapshot())).toEqual([
    [1n, 'text 1', 3n, 3n, 3n],
    [2n, 'text 2', 2n, null, 9n],
    [3n, 'text 3', 1n, 1n, 1n],
  ]);
});

test('a column that may hold nulls from now on had none before: its count is the count of rows', () => {
  const nullable = { ...aggregate(AGGREGATE_SUM, 3), nullable: true };
  const stage = keyedStage(planOf({ ...aggregate(AGGREGATE_COUNT, 3), nullable: true }, nullable));
  expect(stage.restoreEntries(oldRecords())).toBe(RESTORE_OK);
  stage.push(columnsOf(TYPES, [[5n, 1n, 'text 1', null, 0n]]));
  expect(fired(stage).map((result) => result.slice(5))).toEqual([
    [2n, 30n],
    [1n, 7n],
  ]);
});

test('batch columns may be numbered anew: the host says which is which', () => {
  const [sum, last] = [aggregate(AGGREGATE_SUM, 4), aggregate(AGGREGATE_LAST, 3)];
  const stage = keyedStage(planOf(count, sum, last));
  const columns = [
    [3, 4],
    [4, 3],
  ] as const;
  expect(stage.restoreEntries(oldRecords(), { columns })).toBe(RESTORE_OK);
  expect(fired(stage).map((result) => result.slice(5))).toEqual([
    [2n, 30n, 200n],
    [1n, 7n, 70n],
  ]);
  expect(keyedStage(planOf(sum)).restoreEntries(oldRecords())).toBe(RESTORE_PLAN);
});

test('a column of another type is refused', () => {
  const float = { ...aggregate(AGGREGATE_SUM, 3), type: TYPE_F64 };
  expect(keyedStage(planOf(float)).restoreEntries(oldRecords())).toBe(RESTORE_PLAN);
});

test('offsets that do not lie in the entry are refused', () => {
  const records = oldRecords();
  const groups = 72 + 2 * 8;
  for (const [at, offset] of [
    [groups + 16, 65536],
    [groups + 16, 0xfffffff8],
    [groups + 16, 8],
    [groups + 16, 33],
    [56, 16],
    [56, 0xfffffff8],
    [60, 0xffffffff],
    [64, 0xffffffff],
  ]) {
    const payload = records[0]!.payload.slice();
    new DataView(payload.buffer).setUint32(at!, offset!, true);
    const stage = keyedStage(planOf(aggregate(AGGREGATE_SUM, 3)));
    const answer = stage.restoreEntries([{ kind: RECORD_KEYED, payload }, ...records.slice(1)]);
    expect(answer, `${offset} at ${at}`).not.toBe(RESTORE_OK);
  }
});

test('of a window that was being fired only the rest is taken', () => {
  const plan: KeyedPlan = { keys: [{ column: 1, type: TYPE_I64 }], aggregates: [count], ...frame };
  const stage = keyedStage(plan, { outRowsMax: 3 });
  stage.push(
    columnsOf(
      [TYPE_I64, TYPE_I64],
      Array.from({ length: 10 }, (_, key) => [1n, BigInt(key)]),
    ),
  );
  stage.kernel.exports.keyedAdvance(stage.handle, 10);
  expect(stage.fireOnce().length).toBe(3);
  const records = stage.snapshot();
  expect(records.filter(({ kind }) => kind === RECORD_BLOCK).length).toBe(1);
  const rest = stage.fire();
  for (const way of ['restore', 'restoreEntries'] as const) {
    const other = keyedStage(plan, { seed: [8, 9] });
    expect(other[way](records)).toBe(RESTORE_OK);
    expect(sortResults(other.fire()), way).toEqual(rest);
  }
});
