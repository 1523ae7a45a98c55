// host/job/column-writer.ts — JavaScript values to a batch image in kernel memory. For the slower path only.
//
// A draft collects a column's values and says what does not fit its field; writeImage lays the drafts out behind a
// batch header (assembly/layout.ts).

import {
  BATCH_COLUMN_COUNT,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  BATCH_IMAGE_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_BYTES_LENGTH,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from '../../assembly/layout.ts';
import { PHYSICAL_TYPES } from '../expression/plan.ts';
import type { Kernel } from '../kernel/load.ts';
import type { FieldDescription, RowValue } from './description.ts';

export interface ColumnDraft {
  readonly field: FieldDescription;
  readonly values: readonly RowValue[];
  /** Bytes of all texts so far. */
  readonly textBytes: number;
  /** Appends a value; returns what is wrong with it instead, or null. */
  push(value: RowValue): string | null;
  /** Takes the last value back. */
  pop(): void;
  clear(): void;
}

export function columnDraft(field: FieldDescription): ColumnDraft {
  const values: RowValue[] = [];
  let textBytes = 0;
  const bytesOf = (value: RowValue | undefined) => (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  return {
    field,
    values,
    get textBytes() {
      return textBytes;
    },
    push(value) {
      const refusal = refusalOf(field, value);
      if (refusal !== null) return refusal;
      values.push(value);
      textBytes += bytesOf(value);
      return null;
    },
    pop() {
      textBytes -= bytesOf(values.pop());
    },
    clear() {
      values.length = 0;
      textBytes = 0;
    },
  };
}

function refusalOf({ type, nullable }: FieldDescription, value: unknown): string | null {
  if (value === null || value === undefined) return nullable ? null : `${value}, expected ${type}`;
  const seen = typeof value;
  switch (type) {
    case 'bool':
      return seen === 'boolean' ? null : `${seen}, expected a boolean`;
    case 'i32':
      return seen === 'number' && ((value as number) | 0) === value
        ? null
        : `${value}, expected a whole number within i32`;
    case 'i64':
      return seen === 'bigint' && BigInt.asIntN(64, value as bigint) === value
        ? null
        : `${value}, expected a bigint within i64`;
    case 'timestamp':
      return Number.isSafeInteger(value) ? null : `${value}, expected whole milliseconds`;
    case 'f64':
      return seen === 'number' ? null : `${seen}, expected a number`;
    case 'utf8':
      return seen === 'string' ? null : `${seen}, expected a string`;
  }
}

/** Bytes behind the header and descriptors of an image of so many rows. */
export function imageBytes(columns: readonly ColumnDraft[], rows: number): number {
  let bytes = 0;
  for (const { field, textBytes } of columns) {
    bytes += (field.nullable ? bitmapBytes(rows) : 0) + valuesBytes(field, rows) + align(textBytes);
  }
  return bytes;
}

/** Writes the first `rows` values of every draft as a batch image at `address`. */
export function writeImage(
  kernel: Kernel,
  address: number,
  columns: readonly ColumnDraft[],
  rows: number,
  flags: number,
): void {
  const { u32 } = kernel;
  let at = BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES;
  for (const [index, draft] of columns.entries()) {
    const column = (address + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES) >>> 2;
    const nullCount = draft.values.reduce<number>(
      (sum, value) => sum + (value === null || value === undefined ? 1 : 0),
      0,
    );
    u32[column + COLUMN_TYPE / 4] = PHYSICAL_TYPES[draft.field.type];
    u32[column + COLUMN_NULL_COUNT / 4] = nullCount;
    u32[column + COLUMN_VALIDITY / 4] = nullCount === 0 ? 0 : at;
    if (nullCount !== 0) {
      writeBitmap(kernel, address + at, rows, (row) => draft.values[row] !== null && draft.values[row] !== undefined);
      at += bitmapBytes(rows);
    }
    u32[column + COLUMN_VALUES / 4] = at;
    const bytes = at + valuesBytes(draft.field, rows);
    u32[column + COLUMN_BYTES / 4] = bytes;
    u32[column + COLUMN_BYTES_LENGTH / 4] = draft.textBytes;
    writeValues(kernel, address + at, address + bytes, draft, rows);
    at = bytes + align(draft.textBytes);
  }
  u32[(address + BATCH_ROW_COUNT) >>> 2] = rows;
  u32[(address + BATCH_COLUMN_COUNT) >>> 2] = columns.length;
  u32[(address + BATCH_IMAGE_BYTES) >>> 2] = at;
  u32[(address + BATCH_FLAGS) >>> 2] = flags;
}

function writeValues(
  kernel: Kernel,
  values: number,
  bytes: number,
  { field, values: rows }: ColumnDraft,
  count: number,
): void {
  const { i32, i64, f64, u32, memory } = kernel;
  switch (field.type) {
    case 'bool':
      writeBitmap(kernel, values, count, (row) => rows[row] === true);
      break;
    case 'i32':
      for (let row = 0; row < count; row++) i32[(values >>> 2) + row] = (rows[row] as number | null) ?? 0;
      break;
    case 'i64':
    case 'timestamp':
      for (let row = 0; row < count; row++) i64[values / 8 + row] = BigInt((rows[row] as number | bigint | null) ?? 0);
      break;
    case 'f64':
      for (let row = 0; row < count; row++) f64[values / 8 + row] = (rows[row] as number | null) ?? 0;
      break;
    case 'utf8': {
      const texts = Buffer.from(memory.buffer);
      let used = 0;
      for (let row = 0; row < count; row++) {
        u32[(values >>> 2) + row] = used;
        used += texts.write((rows[row] as string | null) ?? '', bytes + used, 'utf8');
      }
      u32[(values >>> 2) + count] = used;
    }
  }
}

function writeBitmap({ u8 }: Kernel, address: number, rows: number, isSet: (row: number) => boolean): void {
  u8.fill(0, address, address + bitmapBytes(rows));
  for (let row = 0; row < rows; row++) if (isSet(row)) u8[address + (row >>> 3)]! |= 1 << (row & 7);
}

function valuesBytes({ type }: FieldDescription, rows: number): number {
  if (type === 'bool') return bitmapBytes(rows);
  if (type === 'i32') return align(rows * 4);
  if (type === 'utf8') return align((rows + 1) * 4);
  return rows * 8;
}

function bitmapBytes(rows: number): number {
  return ((rows + 63) >>> 6) << 3;
}

function align(bytes: number): number {
  return (bytes + 7) & -8;
}
