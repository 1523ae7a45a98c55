// Single facts of the keyed stage; keyed.model.test.ts holds it to the model over random input.
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
  COUNTER_LATE_ROWS,
  COUNTER_OPEN_ROWS,
  COUNTER_STATE_BYTES,
  COUNTER_SUM_OVERFLOWS,
  OUT_TOO_SMALL,
  PUSH_OK,
  PUSH_STATE_FULL,
  TYPE_F64,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import type { AggregatePlan, KeyedPlan } from '../model/keyed.ts';
import type { ImageColumn, Value } from '../support/image.ts';
import { keyedStage, writePlan } from '../support/keyed.ts';

const count: AggregatePlan = { function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false };
const of = (what: number, type: number): AggregatePlan => ({ function: what, column: 2, type, nullable: false });
const plan = (keyType: number, ...aggregates: AggregatePlan[]): KeyedPlan => ({
  keys: [{ column: 1, type: keyType }],
  aggregates: [count, ...aggregates],
  sizeMs: 10n,
  offsetMs: 0n,
});

/** time, i64 key, value */
const rows = (type: number, ...values: [bigint, bigint, Value][]): ImageColumn[] => [
  { type: TYPE_I64, values: values.map(([time]) => time) },
  { type: TYPE_I64, values: values.map(([, key]) => key) },
  { type, values: values.map(([, , value]) => value) },
];

test('a row at the boundary belongs to the later window, also below zero', () => {
  const stage = keyedStage(plan(TYPE_I64));
  stage.push(rows(TYPE_I64, [-10n, 1n, 0n], [-1n, 1n, 0n], [0n, 1n, 0n], [9n, 1n, 0n], [10n, 1n, 0n]));
  stage.kernel.exports.keyedFlush(stage.handle);
  expect(stage.fire()).toEqual([
    [-1n, -10n, 0n, 1n, 2n],
    [9n, 0n, 10n, 1n, 2n],
    [19n, 10n, 20n, 1n, 1n],
  ]);
});

test('a batch whose every row has a window of its own, in any order, and then again', () => {
  const stage = keyedStage(plan(TYPE_I64, of(AGGREGATE_SUM, TYPE_I64)), { memoryBytes: 64 * 1024 * 1024 });
  const batch = rows(
    TYPE_I64,
    ...Array.from({ length: 300 }, (_, i): [bigint, bigint, bigint] => [BigInt((i * 7) % 300) * 10n, 1n, BigInt(i)]),
  );
  expect(stage.push(batch)).toBe(PUSH_OK);
  expect(stage.push(batch)).toBe(PUSH_OK);
  stage.kernel.exports.keyedFlush(stage.handle);
  const sums = new Map(Array.from({ length: 300 }, (_, i) => [BigInt((i * 7) % 300) * 10n, BigInt(2 * i)]));
  const results = stage.fire();
  expect(results.length).toBe(300);
  for (const row of results) expect(row.slice(4), `window ${row[1]}`).toEqual([2n, sums.get(row[1] as bigint)]);
});

test('a window closes when the watermark reaches its end, not before, and is emitted once', () => {
  const stage = keyedStage(plan(TYPE_I64));
  stage.push(rows(TYPE_I64, [5n, 1n, 0n]));
  stage.kernel.exports.keyedAdvance(stage.handle, 9);
  expect(stage.fire()).toEqual([]);
  stage.kernel.exports.keyedAdvance(stage.handle, 10);
  expect(stage.fire().length).toBe(1);
  expect(stage.fire()).toEqual([]);
});

test('a row is late by its own watermark and closed by the stage watermark; neither changes anything', () => {
  const stage = keyedStage(plan(TYPE_I64));
  const { exports } = stage.kernel;
  stage.push(rows(TYPE_I64, [5n, 1n, 0n], [5n, 1n, 0n], [15n, 1n, 0n]), [9n, 10n, 10n]);
  expect(exports.keyedCounter(stage.handle, COUNTER_LATE_ROWS)).toBe(1);
  exports.keyedAdvance(stage.handle, 10);
  stage.push(rows(TYPE_I64, [9n, 1n, 0n], [10n, 1n, 0n]));
  stage.push(rows(TYPE_I64, [3n, 1n, 0n]));
  expect(exports.keyedCounter(stage.handle, COUNTER_CLOSED_ROWS)).toBe(2);
  expect(exports.keyedFlush(stage.handle)).toBe(20);
  expect(stage.fire()).toEqual([
    [9n, 0n, 10n, 1n, 1n],
    [19n, 10n, 20n, 1n, 2n],
  ]);
});

test('rows of later windows may come while a window is being fired; rows of that window count as closed', () => {
  const stage = keyedStage(plan(TYPE_I64), { outRowsMax: 1 });
  const { exports } = stage.kernel;
  const out = exports.reserve(4096) >>> 0;
  stage.push(rows(TYPE_I64, [1n, 1n, 0n], [2n, 2n, 0n]));
  exports.keyedAdvance(stage.handle, 10);
  expect(exports.keyedFire(stage.handle, out, 4096)).toBeGreaterThan(0);
  stage.push(rows(TYPE_I64, [3n, 3n, 0n], [13n, 4n, 0n], [-3n, 5n, 0n]));
  expect(exports.keyedCounter(stage.handle, COUNTER_CLOSED_ROWS)).toBe(2);
  expect(stage.fire()).toEqual([[9n, 0n, 10n, 2n, 1n]]);
  exports.keyedFlush(stage.handle);
  expect(stage.fire()).toEqual([[19n, 10n, 20n, 4n, 1n]]);
});

test('an integer sum that leaves 64 bits on the way is exact if it comes back, else null and counted', () => {
  const stage = keyedStage(plan(TYPE_I64, of(AGGREGATE_SUM, TYPE_I64), of(AGGREGATE_AVG, TYPE_I64)));
  const most = 9223372036854775807n;
  stage.push(rows(TYPE_I64, [1n, 1n, most], [1n, 1n, most], [1n, 1n, -most], [1n, 2n, -most], [1n, 2n, -2n]));
  stage.kernel.exports.keyedFlush(stage.handle);
  const [first, second] = stage.fire();
  expect(first!.slice(4, 6)).toEqual([3n, most]);
  expect(second!.slice(4, 6)).toEqual([2n, null]);
  expect(second![6]).toBe(-(2 ** 62));
  expect(stage.kernel.exports.keyedCounter(stage.handle, COUNTER_SUM_OVERFLOWS)).toBe(1);
});

test('a float sum keeps what rounding would lose', () => {
  const stage = keyedStage(plan(TYPE_I64, of(AGGREGATE_SUM, TYPE_F64)));
  stage.push(rows(TYPE_F64, [1n, 1n, 1], [1n, 1n, 1e100], [1n, 1n, 1], [1n, 1n, -1e100]));
  stage.kernel.exports.keyedFlush(stage.handle);
  expect(stage.fire()[0]![5]).toBe(2);
});

test('in min and max −0 is 0 and NaN is greatest', () => {
  const stage = keyedStage(plan(TYPE_I64, of(AGGREGATE_MIN, TYPE_F64), of(AGGREGATE_MAX, TYPE_F64)));
  const nan = Number.NaN;
  stage.push(rows(TYPE_F64, [1n, 1n, nan], [1n, 1n, -0], [1n, 2n, nan], [1n, 3n, Number.NEGATIVE_INFINITY]));
  stage.kernel.exports.keyedFlush(stage.handle);
  expect(stage.fire().map((row) => row.slice(5))).toEqual([
    [0, nan],
    [nan, nan],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ]);
});

test('of equal times first keeps the earliest arrival and last the latest', () => {
  const stage = keyedStage(plan(TYPE_I64, of(AGGREGATE_FIRST, TYPE_I64), of(AGGREGATE_LAST, TYPE_I64)));
  stage.push(rows(TYPE_I64, [5n, 1n, 50n], [3n, 1n, 30n], [3n, 1n, 31n], [7n, 1n, 70n]));
  stage.push(rows(TYPE_I64, [7n, 1n, 71n], [3n, 1n, 32n], [6n, 1n, 60n]));
  stage.kernel.exports.keyedFlush(stage.handle);
  expect(stage.fire()[0]!.slice(5)).toEqual([30n, 71n]);
});

test('bytes that cannot hold one row are refused, and nothing is lost', () => {
  const stage = keyedStage(plan(TYPE_UTF8));
  const key = 'x'.repeat(2000);
  stage.push([
    { type: TYPE_I64, values: [1n] },
    { type: TYPE_UTF8, values: [key] },
    { type: TYPE_I64, values: [0n] },
  ]);
  const { exports } = stage.kernel;
  exports.keyedFlush(stage.handle);
  const out = exports.reserve(4096) >>> 0;
  expect(exports.keyedFire(stage.handle, out, 2000)).toBe(OUT_TOO_SMALL);
  expect(stage.fire().map((row) => row[3])).toEqual([key]);
});

test('a full arena stops the push with every row before it whole, and the stage still fires and saves', () => {
  const stage = keyedStage(plan(TYPE_I64, of(AGGREGATE_SUM, TYPE_I64)), { memoryBytes: 3 * 1024 * 1024 });
  const { exports } = stage.kernel;
  let state = PUSH_OK;
  for (let key = 0n; state === PUSH_OK && key < 1_000_000n; key += 1000n) {
    state = stage.push(
      rows(TYPE_I64, ...Array.from({ length: 1000 }, (_, i): [bigint, bigint, bigint] => [1n, key + BigInt(i), 1n])),
    );
  }
  expect(state).toBe(PUSH_STATE_FULL);
  const open = exports.keyedCounter(stage.handle, COUNTER_OPEN_ROWS);
  exports.keyedFlush(stage.handle);
  const results = stage.fire();
  expect(results.length).toBe(open);
  expect(results.every((row) => row[4] === 1n && row[5] === 1n)).toBe(true);
  expect(exports.keyedCounter(stage.handle, COUNTER_STATE_BYTES)).toBe(0);
  expect(stage.push(rows(TYPE_I64, [100n, 1n, 1n]))).toBe(PUSH_OK); // Its blocks serve the next window.
});

test('nothing behind the memory is read, wherever in its last block a line or an entry stands', () => {
  const texts = (keys: readonly string[]): ImageColumn[] => [
    { type: TYPE_I64, values: keys.map(() => 1n) },
    { type: TYPE_UTF8, values: keys },
    { type: TYPE_I64, values: keys.map(() => 1n) },
  ];
  for (const lengths of [0, 9]) {
    for (let pages = 40; pages < 60; pages++) {
      const stage = keyedStage(plan(TYPE_UTF8, of(AGGREGATE_SUM, TYPE_I64)), { memoryBytes: pages * 65536 });
      const key = (index: number) => (lengths === 0 && index % 997 === 996 ? '' : `${index}`.padStart(lengths, '-'));
      let state = PUSH_OK;
      for (let from = 0; state === PUSH_OK; from += 1000) {
        state = stage.push(texts(Array.from({ length: 1000 }, (_, i) => key(from + i))));
      }
      for (let from = 0; from < 40_000; from += 1000) {
        stage.push(texts(Array.from({ length: 1000 }, (_, i) => key(from + i)))); // Known and unknown ones: a trap throws.
      }
    }
  }
});

test('an arena that cannot hold the stage refuses it with 0', () => {
  const kernel = loadKernel({ memory: reserveMemory(3 * 65536, false) });
  const at = kernel.exports.reserve(256) >>> 0;
  writePlan(kernel, at, plan(TYPE_I64));
  expect(kernel.exports.keyedCreate(at)).toBe(0);
});
