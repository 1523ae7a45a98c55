// test/support/arrow-columns.ts — random Arrow tables written by another library (flechette), with their raw values.

import * as fl from '@uwdata/flechette';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } from '../../assembly/layout.ts';
import type { ArrowType } from '../model/arrow-column.ts';
import type { Random } from './random.ts';

export interface RandomColumn {
  name: string;
  type: ArrowType;
  /** undefined: null */
  raw: unknown[];
  /** Builder types that can take it. */
  targets: number[];
  column: fl.Column<unknown>;
}

interface Kind {
  type: ArrowType;
  /** What flechette builds from; `written`, when given, is what the schema then says instead. */
  build: fl.DataType;
  written?: fl.DataType;
  targets: number[];
  value: (random: Random) => unknown;
}

const INTEGER_TARGETS = [TYPE_I32, TYPE_I64, TYPE_F64];

const integer = (bitWidth: number, isSigned: boolean, build: fl.DataType): Kind => ({
  type: { name: 'int', bitWidth, isSigned },
  build,
  targets: INTEGER_TARGETS,
  value: (random) => {
    const value = integerOf(random, bitWidth, isSigned);
    return bitWidth === 64 ? value : Number(value);
  },
});

const instant = (name: 'timestamp' | 'date', unit: string, build: fl.DataType, written: fl.DataType): Kind => ({
  type: { name, unit },
  build,
  written,
  targets: [TYPE_I64],
  value: (random) => (build.typeId === fl.Type.Int && unit === 'DAY' ? random.u32() | 0 : integerOf(random, 64, true)),
});

const text = (name: string, build: fl.DataType): Kind => ({
  type: { name },
  build,
  targets: [TYPE_UTF8],
  value: textOf,
});

const KINDS: readonly (() => Kind)[] = [
  () => integer(8, true, fl.int8()),
  () => integer(16, true, fl.int16()),
  () => integer(32, true, fl.int32()),
  () => integer(64, true, fl.int64()),
  () => integer(8, false, fl.uint8()),
  () => integer(16, false, fl.uint16()),
  () => integer(32, false, fl.uint32()),
  () => integer(64, false, fl.uint64()),
  () => instant('timestamp', 'SECOND', fl.int64(), fl.timestamp(fl.TimeUnit.SECOND)),
  () => instant('timestamp', 'MILLISECOND', fl.int64(), fl.timestamp(fl.TimeUnit.MILLISECOND, 'Europe/Berlin')),
  () => instant('timestamp', 'MICROSECOND', fl.int64(), fl.timestamp(fl.TimeUnit.MICROSECOND)),
  () => instant('timestamp', 'NANOSECOND', fl.int64(), fl.timestamp(fl.TimeUnit.NANOSECOND, 'UTC')),
  () => instant('date', 'DAY', fl.int32(), fl.dateDay()),
  () => instant('date', 'MILLISECOND', fl.int64(), fl.dateMillisecond()),
  () => ({ type: { name: 'bool' }, build: fl.bool(), targets: [TYPE_BOOL], value: (random) => random.chance(0.5) }),
  () => ({
    type: { name: 'floatingpoint', precision: 'SINGLE' },
    build: fl.float32(),
    targets: [TYPE_F64],
    value: (random) => Math.fround(random.pick([random.float() * 1e6, Number.NaN, -Infinity, 1e-45])),
  }),
  () => ({
    type: { name: 'floatingpoint' },
    build: fl.float64(),
    targets: [TYPE_F64],
    value: (random) => random.float(),
  }),
  () => ({
    type: { name: 'floatingpoint' },
    build: fl.float16(),
    targets: [TYPE_F64],
    value: (random) =>
      random.pick([0, -0, 1.5, -65504, Infinity, Number.NaN, 2 ** -24, 0.000030517578125, 1023 * 2 ** -24]),
  }),
  () => text('utf8', fl.utf8()),
  () => text('largeutf8', fl.largeUtf8()),
  // Few enough entries for the index; flechette would let it wrap.
  () => ({ ...text('utf8', fl.dictionary(fl.utf8(), fl.int8())), value: (random) => `entry ${random.below(120)}` }),
  () => text('utf8', fl.dictionary(fl.utf8(), fl.uint16())),
  () => text('largeutf8', fl.dictionary(fl.largeUtf8(), fl.int32())),
];

/** Columns that no builder takes, to be skipped. */
const OTHERS: readonly (() => { build: fl.DataType; value: unknown })[] = [
  () => ({ build: fl.list(fl.utf8()), value: ['a', null] }),
  () => ({ build: fl.struct({ a: fl.int32(), b: fl.list(fl.bool()) }), value: { a: 1, b: [true] } }),
  () => ({ build: fl.decimal(20, 2), value: 5 }),
  () => ({ build: fl.runEndEncoded(fl.int32(), fl.utf8()), value: 'run' }),
  () => ({ build: fl.utf8(), value: 'unread' }),
];

/** A table of the columns in one stream, in batches of at most batchRowsMax rows, some skipped columns among them. */
export function randomTable(
  random: Random,
  columnCount: number,
  rows: number,
): { columns: RandomColumn[]; stream: Uint8Array } {
  const maxBatchRows = 1 + random.below(rows + 1);
  const columns = Array.from({ length: columnCount }, (_, index) =>
    randomColumn(random, `c${index}`, rows, maxBatchRows),
  );
  const named: [string, fl.Column<unknown>][] = columns.map(({ name, column }) => [name, column]);
  if (random.chance(0.5)) {
    const { build, value } = random.pick(OTHERS)();
    named.splice(random.below(named.length), 0, [
      'other',
      fl.columnFromArray(Array(rows).fill(value), build, { maxBatchRows }),
    ]);
  }
  const stream = fl.tableToIPC(fl.tableFromColumns(named), { format: 'stream' })!;
  return { columns, stream };
}

function randomColumn(random: Random, name: string, rows: number, maxBatchRows: number): RandomColumn {
  const { type, build, written, targets, value } = random.pick(KINDS)();
  const nullChance = random.pick([0, 0, 0.2]);
  const isTame = random.chance(0.5); // Values that every target takes, so that whole batches go through.
  const raw = Array.from({ length: rows }, () => {
    if (random.chance(nullChance)) return undefined;
    return isTame && (type.name === 'int' || type.name === 'timestamp' || type.name === 'date')
      ? tame(build, random)
      : value(random);
  });
  const built = fl.columnFromArray(raw as unknown[], build, { maxBatchRows, useBigInt: true });
  return { name, type, raw, targets, column: written ? new fl.Column([...built.data], written) : built };
}

function tame(build: fl.DataType, random: Random): number | bigint {
  const value = random.below(100);
  return 'bitWidth' in build && build.bitWidth === 64 ? BigInt(value) : value;
}

/** Of any size within the width, the ends included. */
function integerOf(random: Random, bits: number, isSigned: boolean): bigint {
  const wide = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  const narrow = random.pick([
    wide,
    wide >> BigInt(random.below(64)),
    0n,
    (1n << BigInt(bits - 1)) - 1n,
    1n << BigInt(bits - 1),
  ]);
  return isSigned ? BigInt.asIntN(bits, narrow) : BigInt.asUintN(bits, narrow);
}

function textOf(random: Random): string {
  const letters = random.pick([
    ['a', 'b', 'c'],
    ['é', '€', 'x', '😀'],
  ]);
  return Array.from({ length: random.below(random.pick([3, 40])) }, () => random.pick(letters)).join('');
}
