// JavaScript functions over batches in kernel memory, plain and shared.
import { describe, expect, test } from 'vitest';
import {
  BATCH_FLAG_WATERMARKS,
  BATCH_IMAGE_BYTES,
  REASON_FUNCTION,
  REASON_ROW_SIZE,
  REASON_TYPE,
} from '../../../assembly/layout.ts';
import { columnReader } from '../../../host/job/column-reader.ts';
import type { FieldDescription, PlainRow, RowValue } from '../../../host/job/description.ts';
import { createRowFunction } from '../../../host/job/row-function.ts';
import { loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { writeBatch } from '../../support/program.ts';

const FIELDS: FieldDescription[] = [
  { name: '$time', type: 'timestamp', nullable: false },
  { name: 'flag', type: 'bool', nullable: true },
  { name: 'small', type: 'i32', nullable: true },
  { name: 'big', type: 'i64', nullable: true },
  { name: 'real', type: 'f64', nullable: true },
  { name: 'text', type: 'utf8', nullable: true },
];
const WATERMARK: FieldDescription = { name: '$watermark', type: 'timestamp', nullable: false };
const rows = Array.from({ length: 10 }, (_, n) => ({
  $time: BigInt(n * 1000),
  flag: n % 4 === 3 ? null : n % 2 === 0,
  small: n % 4 === 2 ? null : BigInt(-n),
  big: n % 4 === 1 ? null : 9007199254740993n + BigInt(n),
  real: n % 5 === 4 ? null : n / 3,
  text: n % 5 === 3 ? null : `Zeile ${n} €`,
  $watermark: BigInt(n * 900),
}));
const BYTES = 65536;

describe.each([
  ['plain', false],
  ['shared', true],
])('over %s memory', (_, shared) => {
  const kernel = loadKernel({ memory: reserveMemory(4 * 1024 * 1024, shared) });
  const address = kernel.exports.reserve(BYTES) >>> 0;
  const selection = kernel.exports.reserve(64) >>> 0;
  new Uint16Array(kernel.memory.buffer, selection).set([1, 3, 4, 9]);
  const batch = writeBatch(kernel, [...FIELDS, WATERMARK], rows, BATCH_FLAG_WATERMARKS);

  const readBack = (at: number, fields: readonly FieldDescription[], count: number) => {
    const readers = fields.map((field, index) => ({ name: field.name, read: columnReader(kernel, field, index) }));
    return Array.from({ length: count }, (_, row) =>
      Object.fromEntries(readers.map(({ name, read }) => [name, read(at, row)])),
    );
  };
  const create = (mapped: (row: PlainRow) => PlainRow, output: readonly FieldDescription[], bytes = BYTES) =>
    createRowFunction({
      kernel,
      step: { kind: 'mapFunction', function: mapped, output },
      input: FIELDS,
      passThrough: [0],
      address,
      bytes,
    });

  test('a function sees bigint, number, boolean, string and null, and not the hidden event time', () => {
    const seen: PlainRow[] = [];
    const keep = createRowFunction({
      kernel,
      step: { kind: 'filterFunction', function: (row) => seen.push(row) > 0, output: FIELDS },
      input: FIELDS,
      passThrough: [0],
      address,
      bytes: BYTES,
    });
    keep.run(batch, 0, rows.length);
    const { $time, $watermark, ...expected } = rows[1]!;
    expect(seen[1]).toStrictEqual({ ...expected, small: -1 });
    expect(seen).toHaveLength(10);
  });

  test('a filter shortens the selection, and a row whose function throws is a reject', () => {
    const keep = createRowFunction({
      kernel,
      step: {
        kind: 'filterFunction',
        function: ({ small }) => {
          if (small === -4) throw new Error('no fours');
          return small === -9 ? ('yes' as unknown as boolean) : (small as number) < -1;
        },
        output: FIELDS,
      },
      input: FIELDS,
      address,
      bytes: BYTES,
    });
    const result = keep.run(batch, selection, 4);
    expect([...new Uint16Array(kernel.memory.buffer, result.selection, result.count)]).toStrictEqual([3]);
    expect(result).toMatchObject({ batch, next: 4, rejected: 2 });
    expect(result.rejects).toStrictEqual([
      { row: 4, reason: REASON_FUNCTION, column: -1, message: 'Error: no fours' },
      { row: 9, reason: REASON_TYPE, column: -1, message: 'returned string, expected a boolean' },
    ]);
  });

  test('map gives back what it was given, as an image with event time first and watermarks last', () => {
    const same = create((row) => row, FIELDS.slice(1));
    const result = same.run(batch, selection, 4);
    expect(result).toMatchObject({ batch: address, selection: 0, count: 4, next: 4, rejected: 0 });
    const expected = [1, 3, 4, 9].map((index) => {
      const { $time, small, $watermark, ...others } = rows[index]!;
      const numbers = {
        $time: Number($time),
        small: small === null ? null : Number(small),
        $watermark: Number($watermark),
      };
      return { ...others, ...numbers };
    });
    expect(readBack(address, [...same.output, WATERMARK], 4)).toStrictEqual(expected);
    expect(kernel.u32[(address + BATCH_IMAGE_BYTES) >>> 2]! % 8).toBe(0);
  });

  test('rows that do not fit are left for the next call, and one too large for any image is a reject', () => {
    const output: FieldDescription[] = [{ name: 'text', type: 'utf8', nullable: false }];
    const long = create(({ small }) => ({ text: 'x'.repeat(small === -4 ? 5000 : 300) }), output, 1024);
    const all: RowValue[] = [];
    const rejects: number[][] = [];
    for (let from = 0; from < rows.length; ) {
      const result = long.run(batch, 0, rows.length, from);
      expect(kernel.u32[(address + BATCH_IMAGE_BYTES) >>> 2]).toBeLessThanOrEqual(1024);
      all.push(...readBack(address, long.output, result.count).map(({ $time }) => $time as number));
      rejects.push(...result.rejects.map(({ row, reason }) => [row, reason]));
      from = result.next;
    }
    expect(all).toStrictEqual([0, 1000, 2000, 3000, 5000, 6000, 7000, 8000, 9000]);
    expect(rejects).toStrictEqual([[4, REASON_ROW_SIZE]]);
  });

  test('every refused row is listed, with the beginning of what was thrown', () => {
    const rows = Array.from({ length: 300 }, (_, n) => ({ n: BigInt(n) }));
    const fields: FieldDescription[] = [{ name: 'n', type: 'i64', nullable: false }];
    const throws = createRowFunction({
      kernel,
      step: {
        kind: 'filterFunction',
        function: () => {
          throw new Error('x'.repeat(1000));
        },
        output: fields,
      },
      input: fields,
      address,
      bytes: BYTES,
    });
    const { rejects, rejected } = throws.run(writeBatch(kernel, fields, rows), 0, 300);
    expect(rejects.map(({ row }) => row)).toStrictEqual(rows.map((_, row) => row));
    expect(rejected).toBe(300);
    expect(rejects[0]!.message).toBe(`Error: ${'x'.repeat(193)}`);
  });

  test.each<[string, FieldDescription['type'], unknown, string]>([
    ['a fraction for i32', 'i32', 0.5, '"x" is 0.5, expected a whole number within i32'],
    ['a number for i64', 'i64', 5, '"x" is 5, expected a bigint within i64'],
    ['2^63 for i64', 'i64', 2n ** 63n, '"x" is 9223372036854775808, expected a bigint within i64'],
    ['a bigint for f64', 'f64', 5n, '"x" is bigint, expected a number'],
    ['a Date for timestamp', 'timestamp', new Date(0), 'expected whole milliseconds'],
    ['a number for utf8', 'utf8', 5, '"x" is number, expected a string'],
    ['null for bool', 'bool', null, '"x" is null, expected bool'],
    ['nothing for utf8', 'utf8', undefined, '"x" is undefined, expected utf8'],
  ])('%s loses the row, by name', (_what, type, value, message) => {
    const output: FieldDescription[] = [
      { name: 'first', type: 'i32', nullable: false },
      { name: 'x', type, nullable: false },
    ];
    const result = create(() => ({ first: 1, x: value as RowValue }), output).run(batch, selection, 1);
    expect(result.count).toBe(0);
    expect(result.rejects).toMatchObject([{ row: 1, reason: REASON_TYPE, column: 1 }]);
    expect(result.rejects[0]!.message).toContain(message);
  });
});
