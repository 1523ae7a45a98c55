// The kernels' promises that a random program would show only by chance.
import { expect, test } from 'vitest';
import { PLAN_REGISTERS, RESULT_BATCH, RESULT_COUNT, RESULT_SELECTION } from '../../assembly/expression-layout.ts';
import {
  BATCH_COLUMN_COUNT,
  BATCH_FLAG_WATERMARKS,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_VALUES,
} from '../../assembly/layout.ts';
import { type CompileOptions, compileProgram } from '../../host/expression/compile.ts';
import { coalesce, col, type Expression, lit, when } from '../../host/expression/expression.ts';
import { fieldTypeOf } from '../../host/expression/typing.ts';
import type { FieldDescription, FilterStep, SelectStep } from '../../host/job/description.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import type { ModelRow, ModelValue } from '../model/expression.ts';
import { readResult, roomyKernel, runProgram, writeBatch } from '../support/program.ts';

const bool = (name: string): FieldDescription => ({ name, type: 'bool', nullable: true });
const i64 = (name: string): FieldDescription => ({ name, type: 'i64', nullable: true });

const filter = (expression: Expression<unknown>, output: readonly FieldDescription[]): FilterStep => ({
  kind: 'filter',
  expression: expression.node,
  output,
});

function select(columns: Record<string, Expression<unknown>>, fields: readonly FieldDescription[]): SelectStep {
  const entries = Object.entries(columns).map(([name, { node }]) => ({ name, expression: node }));
  const output = entries.map(({ name, expression }) => ({ name, ...fieldTypeOf(expression, fields) }));
  return { kind: 'select', columns: entries, output };
}

/** The value of one expression for every row. */
function valuesOf(
  expression: Expression<unknown>,
  fields: readonly FieldDescription[],
  rows: ModelRow[],
): ModelValue[] {
  return runProgram(fields, rows, [select({ x: expression }, fields)]).rows.map(({ row }) => row.x!);
}

const T = true;
const F = false;
const N = null;
const PAIRS: [boolean | null, boolean | null][] = [T, F, N].flatMap((a) =>
  [T, F, N].map((b) => [a, b] as [typeof a, typeof b]),
);
const pairRows: ModelRow[] = PAIRS.map(([a, b]) => ({ a, b }));
const AB = [bool('a'), bool('b')];

test.each([
  ['and', col('a').and(col('b')), [T, F, N, F, F, F, N, F, N]],
  ['or', col('a').or(col('b')), [T, T, T, T, F, N, T, N, N]],
  ['eq', col('a').eq(col('b')), [T, F, N, F, T, N, N, N, N]],
  ['ne', col('a').ne(col('b')), [F, T, N, T, F, N, N, N, N]],
  ['not a', col('a').not(), [F, F, F, T, T, T, N, N, N]],
  ['a is null', col('a').isNull(), [F, F, F, F, F, F, T, T, T]],
  ['a is not null', col('a').isNotNull(), [T, T, T, T, T, T, F, F, F]],
  ['coalesce', coalesce(col('a'), col('b')), [T, T, T, F, F, F, T, F, N]],
  ['when a then b else not b', when(col('a'), col('b'), col('b').not()), [T, F, N, F, T, N, F, T, N]],
  ['a in (true)', col('a').in([true]), [T, T, T, F, F, F, N, N, N]],
])('SQL’s truth table of %s holds for all nine pairs of true, false and null', (_, expression, expected) => {
  expect(valuesOf(expression, AB, pairRows)).toStrictEqual(expected);
});

test('a filter keeps the rows for which its condition is true: not the false, not the null', () => {
  const kept = runProgram(AB, pairRows, [filter(col('a').or(col('b')), AB)]);
  expect(kept.rows.map(({ index }) => index)).toStrictEqual([0, 1, 2, 3, 6]);
});

test('i64 against f64 is exact where a rounded comparison would say equal', () => {
  const fields = [i64('n'), { name: 'f', type: 'f64', nullable: false } as const];
  const rows = [
    { n: 9007199254740993n, f: 9007199254740992 },
    { n: 9223372036854775807n, f: 2 ** 63 },
    { n: -9223372036854775808n, f: -(2 ** 63) },
    { n: 5n, f: 5.5 },
    { n: 5n, f: Number.NaN },
  ];
  expect(valuesOf(col('n').eq(col('f')), fields, rows)).toStrictEqual([F, F, T, F, F]);
  expect(valuesOf(col('n').lt(col('f')), fields, rows)).toStrictEqual([F, T, F, T, F]);
  expect(valuesOf(col('n').ne(col('f')), fields, rows)).toStrictEqual([T, T, F, T, T]);
});

test('dividing by zero is null and no overflow; what does not fit is null and counted', () => {
  const fields = [i64('n'), i64('m')];
  const rows = [
    { n: 7n, m: 0n },
    { n: -9223372036854775808n, m: -1n },
    { n: 7n, m: -2n },
    { n: null, m: -1n },
  ];
  const run = runProgram(fields, rows, [
    select({ q: col('n').idiv(col('m')), r: col('n').mod(col('m')), d: col('n').div(col('m')) }, fields),
  ]);
  expect(run.rows.map(({ row }) => row.q)).toStrictEqual([null, null, -3n, null]);
  expect(run.rows.map(({ row }) => row.r)).toStrictEqual([null, 0n, 1n, null]);
  expect(run.rows.map(({ row }) => row.d)).toStrictEqual([null, 2 ** 63, -3.5, null]);
  expect(run.overflows).toBe(1);
});

test('overflows count only in rows that are left and branches that are taken', () => {
  const fields = [i64('n')];
  const max = 9223372036854775807n;
  const rows = [{ n: max }, { n: 1n }, { n: max }, { n: null }];
  const plusOne = col('n').add(1n);
  expect(runProgram(fields, rows, [select({ x: plusOne }, fields)]).overflows).toBe(2);
  expect(runProgram(fields, rows, [filter(col('n').lt(9n), fields), select({ x: plusOne }, fields)]).overflows).toBe(0);
  const guarded = when(col('n').lt(9n), plusOne, col('n'));
  expect(runProgram(fields, rows, [select({ x: guarded }, fields)]).overflows).toBe(0);
  const nested = when(col('n').lt(9n), when(col('n').gt(5n), plusOne, col('n')), col('n'));
  expect(runProgram(fields, rows, [select({ x: nested }, fields)]).overflows).toBe(0);
  expect(runProgram(fields, rows, [select({ x: coalesce(col('n'), plusOne) }, fields)]).overflows).toBe(0);
});

test('rows with few left are computed as they are with many left', () => {
  const fields = [i64('n'), { name: 's', type: 'utf8', nullable: true } as const, bool('b')];
  const rows = Array.from({ length: 1000 }, (_, index) => ({
    n: index % 7 === 0 ? null : BigInt(index),
    s: index % 5 === 0 ? null : `row ${index}`,
    b: index % 3 === 0 ? null : index % 2 === 0,
  }));
  const computed = select(
    { n: col('n').mul(2n), s: coalesce(col('s'), 'none'), b: col('b').not(), late: col('s').ge('row 5') },
    fields,
  );
  const all = runProgram(fields, rows, [computed]).rows;
  for (const least of [0n, 500n, 990n, 999n, 5000n]) {
    const some = runProgram(fields, rows, [filter(col('n').ge(least), fields), computed]).rows;
    expect(some).toStrictEqual(all.filter(({ index }) => index % 7 !== 0 && BigInt(index) >= least));
  }
});

/** Runs once and returns the result's words. */
function rawRun(
  fields: readonly FieldDescription[],
  rows: ModelRow[],
  flags: number,
  options: CompileOptions,
  steps: SelectStep[],
) {
  const kernel = roomyKernel();
  const hidden = flags === 0 ? fields : fields.slice(0, -1);
  const { bytes, output } = compileProgram(hidden, steps, options);
  const plan = kernel.exports.reserve(bytes.length) >>> 0;
  kernel.u8.set(bytes, plan);
  const program = kernel.exports.programCreate(plan) >>> 0;
  const batch = writeBatch(kernel, fields, rows, flags);
  const result = kernel.exports.programRun(program, batch) >>> 0;
  const word = (offset: number) => kernel.u32[(result + offset) >>> 2]!;
  return {
    kernel,
    output,
    batch,
    result,
    view: word(RESULT_BATCH),
    selection: word(RESULT_SELECTION),
    count: word(RESULT_COUNT),
  };
}

const TIMED: FieldDescription[] = [
  { name: '$time', type: 'timestamp', nullable: false },
  { name: 'n', type: 'i32', nullable: false },
  { name: '$watermark', type: 'timestamp', nullable: false },
];
const timedRows = [1, 2, 3].map((n) => ({ $time: BigInt(n * 1000), n: BigInt(n), $watermark: BigInt(n * 900) }));

test('the hidden event time stays first and the watermarks last, whatever is selected', () => {
  const fields = [TIMED[1]!];
  const run = rawRun(TIMED, timedRows, BATCH_FLAG_WATERMARKS, { passThrough: [0] }, [
    select({ x: col('n').add(1) }, fields),
  ]);
  const { kernel, view } = run;
  expect(run.output.map(({ name }) => name)).toStrictEqual(['$time', 'x']);
  expect(kernel.u32[(view + BATCH_FLAGS) >>> 2]).toBe(BATCH_FLAG_WATERMARKS);
  expect(kernel.u32[(view + BATCH_COLUMN_COUNT) >>> 2]).toBe(3);
  expect(run.selection).toBe(0);
  expect(readResult(kernel, run.result, [...run.output, TIMED[2]!]).map(({ row }) => row)).toStrictEqual([
    { $time: 1000n, x: 2n, $watermark: 900n },
    { $time: 2000n, x: 3n, $watermark: 1800n },
    { $time: 3000n, x: 4n, $watermark: 2700n },
  ]);
});

test('columns that pass through are not copied', () => {
  const run = rawRun(TIMED.slice(0, 2), timedRows, 0, { passThrough: [0], fields: [0, 1] }, [
    select({ same: col('n') }, TIMED.slice(0, 2)),
  ]);
  const { kernel, batch, view } = run;
  const valuesAt = (at: number, index: number) =>
    (at + kernel.u32[(at + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES + COLUMN_VALUES) >>> 2]!) >>> 0;
  expect([valuesAt(view, 0), valuesAt(view, 1)]).toStrictEqual([valuesAt(batch, 0), valuesAt(batch, 1)]);
});

test('a batch of more rows or text than the plan said is refused with 0, and nothing is written past scratch', () => {
  const fields = [{ name: 's', type: 'utf8', nullable: false } as const];
  const rows = Array.from({ length: 8 }, () => ({ s: 'x'.repeat(100) }));
  const steps = [select({ s: when(col('s').eq('y'), 'y', col('s')) }, fields)];
  expect(rawRun(fields, rows, 0, { rowsMax: 7 }, steps).result).toBe(0);
  expect(rawRun(fields, rows, 0, { rowsMax: 8, bytesMax: 700 }, steps).result).toBe(0);
  expect(rawRun(fields, rows, 0, { rowsMax: 8, bytesMax: 800 }, steps).count).toBe(8);
});

test('a program needs as many registers as its expressions are deep, not as many as it has columns', () => {
  const registersOf = (count: number) => {
    const columns = Array.from({ length: count }, (_, index) => [`x${index}`, col('n').add(1n).mul(2n)] as const);
    const { bytes } = compileProgram([i64('n')], [select(Object.fromEntries(columns), [i64('n')])]);
    return new DataView(bytes.buffer).getUint32(PLAN_REGISTERS, true);
  };
  expect(registersOf(100)).toBe(registersOf(1));
});

test('a program goes on with the rows that one before it selected', () => {
  const fields = [i64('n'), { name: 's', type: 'utf8', nullable: true } as const];
  const rows = Array.from({ length: 200 }, (_, index) => ({
    n: BigInt(index),
    s: index % 3 === 0 ? null : `${index}`,
  }));
  const steps = [
    filter(col('n').mod(2n).eq(0n), fields),
    select({ n: col('n').add(1n), s: coalesce(col('s'), 'none') }, fields),
  ] as const;
  const kernel = roomyKernel();
  const { exports, u32 } = kernel;
  const createProgram = (step: FilterStep | SelectStep) => {
    const { bytes } = compileProgram(fields, [step], { rowsMax: rows.length });
    const plan = exports.reserve(bytes.length) >>> 0;
    kernel.u8.set(bytes, plan);
    return exports.programCreate(plan) >>> 0;
  };
  const batch = writeBatch(kernel, fields, rows);
  const between = exports.programRun(createProgram(steps[0]), batch) >>> 2;
  const result = exports.programRun(createProgram(steps[1]), u32[between]!, u32[between + 1]!, u32[between + 2]!) >>> 0;
  expect(readResult(kernel, result, steps[1].output)).toStrictEqual(runProgram(fields, rows, steps).rows);
});

test('a text computed from a computed text has room for it, however long the literals were', () => {
  const fields = [{ name: 's', type: 'utf8', nullable: true } as const];
  const first = select({ x: coalesce(col('s'), 'y'.repeat(4000)) }, fields);
  const second = select({ z: when(col('x').eq('a'), 'b', col('x')) }, first.output);
  const rows = [{ s: null }, { s: 'a' }, { s: null }];
  const run = runProgram(fields, rows, [first, second], { bytesMax: 8 });
  expect(run.rows.map(({ row }) => row.z)).toStrictEqual(['y'.repeat(4000), 'b', 'y'.repeat(4000)]);
});

test('an arena that cannot hold the program refuses it with 0', () => {
  const { exports, u8 } = loadKernel({ memory: reserveMemory(131072, false) });
  const { bytes } = compileProgram(AB, [filter(col('a'), AB), select({ x: lit(1).add(2) }, AB)]);
  const plan = exports.reserve(bytes.length) >>> 0;
  u8.set(bytes, plan);
  expect(exports.programCreate(plan)).toBe(0);
});

test('a program without steps passes every column on', () => {
  const rows = [{ a: true, b: null }];
  expect(runProgram(AB, rows, []).rows).toStrictEqual([{ index: 0, row: { a: true, b: null } }]);
});

test.each([
  ['eq', col('s').eq('zebra'), [F, F, T, F, F]],
  ['lt', col('s').lt('zebra'), [T, T, F, F, F]],
  ['ge', col('s').ge('zebra'), [F, F, T, T, T]],
  ['startsWith', col('s').startsWith('zebra'), [F, F, T, T, F]],
  ['gt of eight bytes', col('s').gt('zebra cr'), [F, F, F, T, T]],
  ['lt of a later word', col('s').lt('zebra drossing'), [T, T, T, T, F]],
])('utf8 %s goes by bytes, so a letter outside ASCII is greater than z', (_, expression, expected) => {
  const fields = [{ name: 's', type: 'utf8', nullable: false } as const];
  const rows = ['', 'zebr', 'zebra', 'zebra crossing', 'Ähre'].map((s) => ({ s }));
  expect(valuesOf(expression, fields, rows)).toStrictEqual(expected);
});

test('a text equals a literal of its own bytes only, at every length up to three words', () => {
  const fields = [{ name: 's', type: 'utf8', nullable: false } as const];
  for (let length = 0; length <= 24; length++) {
    const literal = 'abcdefghijklmnopqrstuvwxyz'.slice(0, length);
    const others = [
      `${literal}x`,
      ...Array.from({ length }, (_, at) => `${literal.slice(0, at)}#${literal.slice(at + 1)}`),
    ];
    const rows = [literal, ...others].map((s) => ({ s }));
    expect(valuesOf(col('s').eq(literal), fields, rows)).toStrictEqual([T, ...others.map(() => F)]);
    expect(valuesOf(lit(literal).ne(col('s')), fields, rows)).toStrictEqual([F, ...others.map(() => T)]);
  }
});
