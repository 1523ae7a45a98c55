// test/support/batch.ts — batches from and to plain JavaScript columns, so that tests compare values and not bytes.
//
//   const at = placeBatch(kernel, { columns: [i64Column([1n, 2n]), utf8Column(['a', null])] });
//   readBatch(kernel.u8, at)   →   the same columns
//
// Written by the picture in assembly/layout.ts alone, without the kernels' own code: a misread layout shows here.
// Reading checks what every batch promises: aligned buffers, a bitmap only when a row is null, ascending offsets.

import {
  ALIGN_BYTES,
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
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import type { Kernel } from '../../host/kernel/load.ts';

export type Value = boolean | number | bigint | string | null;

/** Values by type: boolean (bool), number (i32, f64), bigint (i64), string (utf8); null where the row is null. */
export interface TestColumn {
  type: number;
  values: Value[];
}

export interface TestBatch {
  columns: TestColumn[];
  /** BATCH_FLAG_… bits; default 0. */
  flags?: number;
}

export const boolColumn = (values: (boolean | null)[]): TestColumn => ({ type: TYPE_BOOL, values });
export const i32Column = (values: (number | null)[]): TestColumn => ({ type: TYPE_I32, values });
export const i64Column = (values: (bigint | null)[]): TestColumn => ({ type: TYPE_I64, values });
export const f64Column = (values: (number | null)[]): TestColumn => ({ type: TYPE_F64, values });
export const utf8Column = (values: (string | null)[]): TestColumn => ({ type: TYPE_UTF8, values });

/** The batch as an image of its own. */
export function encodeBatch({ columns, flags = 0 }: TestBatch): Uint8Array {
  const rowCount = columns[0]?.values.length ?? 0;
  const directoryBytes = BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES;
  const buffers: { at: number; bytes: Uint8Array }[] = [];
  let end = directoryBytes;
  const put = (bytes: Uint8Array) => {
    const at = end;
    buffers.push({ at, bytes });
    end = Math.ceil((at + bytes.length) / ALIGN_BYTES) * ALIGN_BYTES;
    return at;
  };
  const directory = new DataView(new ArrayBuffer(directoryBytes));
  columns.forEach(({ type, values }, index) => {
    if (values.length !== rowCount) throw new Error(`column ${index} has ${values.length} rows, column 0 ${rowCount}`);
    const column = BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    const nullCount = values.filter((value) => value === null).length;
    directory.setUint32(column + COLUMN_TYPE, type, true);
    directory.setUint32(column + COLUMN_NULL_COUNT, nullCount, true);
    if (nullCount > 0) {
      directory.setUint32(column + COLUMN_VALIDITY, put(bitmapOf(values.map((value) => value !== null))), true);
    }
    if (type === TYPE_UTF8) {
      const { offsets, bytes } = encodeUtf8(values);
      directory.setUint32(column + COLUMN_VALUES, put(offsets), true);
      directory.setUint32(column + COLUMN_BYTES, put(bytes), true);
      directory.setUint32(column + COLUMN_BYTES_LENGTH, bytes.length, true);
    } else {
      directory.setUint32(column + COLUMN_VALUES, put(encodeFixed(type, values)), true);
    }
  });
  directory.setUint32(BATCH_ROW_COUNT, rowCount, true);
  directory.setUint32(BATCH_COLUMN_COUNT, columns.length, true);
  directory.setUint32(BATCH_IMAGE_BYTES, end, true);
  directory.setUint32(BATCH_FLAGS, flags, true);
  const image = new Uint8Array(end);
  image.set(new Uint8Array(directory.buffer));
  for (const { at, bytes } of buffers) image.set(bytes, at);
  return image;
}

/** Puts the batch into kernel memory, at `at` or into memory reserved for it, and returns its address. */
export function placeBatch(kernel: Kernel, batch: TestBatch, at?: number): number {
  const image = encodeBatch(batch);
  const address = at ?? kernel.exports.reserve(image.length) >>> 0;
  if (address === 0) throw new Error(`the arena cannot hold a batch of ${image.length} bytes`);
  kernel.u8.set(image, address);
  return address;
}

/** Puts a selection (row indexes, ascending) into kernel memory and returns its address. */
export function placeSelection(kernel: Kernel, rows: readonly number[], at?: number): number {
  const address = at ?? kernel.exports.reserve(rows.length * 2) >>> 0;
  new Uint16Array(kernel.memory.buffer, address, rows.length).set(rows);
  return address;
}

/** Reads an image or a view at `at` in `memory`; throws where it breaks what every batch promises. */
export function readBatch(memory: Uint8Array, at: number): Required<TestBatch> {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const u32 = (offset: number) => view.getUint32(at + offset, true);
  const rowCount = u32(BATCH_ROW_COUNT);
  const imageBytes = u32(BATCH_IMAGE_BYTES);
  const columns: TestColumn[] = [];
  for (let index = 0; index < u32(BATCH_COLUMN_COUNT); index++) {
    const column = BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    const type = u32(column + COLUMN_TYPE);
    const locate = (name: string, field: number, bytes: number) => {
      const offset = u32(column + field);
      const inImage = offset + bytes <= imageBytes && offset % ALIGN_BYTES === 0;
      if (imageBytes !== 0 && !inImage) {
        throw new Error(`column ${index}: ${name} at ${offset}, ${bytes} bytes, of an image of ${imageBytes}`);
      }
      return (at + offset) % 2 ** 32;
    };
    const bitmapBytes = Math.ceil(rowCount / 8);
    const isNull = new Array<boolean>(rowCount).fill(false);
    if (u32(column + COLUMN_VALIDITY) !== 0) {
      const validity = locate('validity', COLUMN_VALIDITY, bitmapBytes);
      for (let row = 0; row < rowCount; row++) isNull[row] = !bitAt(memory, validity, row);
    }
    const nullCount = isNull.filter(Boolean).length;
    if (nullCount !== u32(column + COLUMN_NULL_COUNT) || (nullCount === 0) !== (u32(column + COLUMN_VALIDITY) === 0)) {
      throw new Error(`column ${index}: ${nullCount} nulls, nullCount ${u32(column + COLUMN_NULL_COUNT)}`);
    }
    const values = locate('values', COLUMN_VALUES, valuesBytes(type, rowCount));
    const bytesLength = u32(column + COLUMN_BYTES_LENGTH);
    const bytes = type === TYPE_UTF8 ? locate('bytes', COLUMN_BYTES, bytesLength) : 0;
    columns.push({
      type,
      values: isNull.map((none, row) => {
        if (type === TYPE_UTF8) return readUtf8(memory, view, values, bytes, bytesLength, row, none);
        return none ? null : readFixed(memory, view, type, values, row);
      }),
    });
  }
  return { columns, flags: u32(BATCH_FLAGS) };
}

function encodeFixed(type: number, values: readonly Value[]): Uint8Array {
  if (type === TYPE_BOOL) return bitmapOf(values.map((value) => value === true));
  const view = new DataView(new ArrayBuffer(valuesBytes(type, values.length)));
  values.forEach((value, row) => {
    if (type === TYPE_I32) view.setInt32(row * 4, Number(value ?? 0), true);
    else if (type === TYPE_I64) view.setBigInt64(row * 8, BigInt((value as bigint | null) ?? 0n), true);
    else if (type === TYPE_F64) view.setFloat64(row * 8, Number(value ?? 0), true);
    else throw new Error(`no column type ${type}`);
  });
  return new Uint8Array(view.buffer);
}

function encodeUtf8(values: readonly Value[]): { offsets: Uint8Array; bytes: Uint8Array } {
  const parts = values.map((value) => Buffer.from((value as string | null) ?? ''));
  const offsets = new DataView(new ArrayBuffer((values.length + 1) * 4));
  let end = 0;
  parts.forEach((part, row) => {
    end += part.length;
    offsets.setInt32((row + 1) * 4, end, true);
  });
  return { offsets: new Uint8Array(offsets.buffer), bytes: new Uint8Array(Buffer.concat(parts)) };
}

function valuesBytes(type: number, rowCount: number): number {
  if (type === TYPE_BOOL) return Math.ceil(rowCount / 8);
  if (type === TYPE_I32) return rowCount * 4;
  if (type === TYPE_UTF8) return (rowCount + 1) * 4;
  return rowCount * 8;
}

function bitmapOf(bits: readonly boolean[]): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, index) => {
    if (bit) bitmap[index >> 3]! |= 1 << (index & 7);
  });
  return bitmap;
}

function bitAt(memory: Uint8Array, bitmap: number, index: number): boolean {
  return ((memory[bitmap + (index >> 3)]! >> (index & 7)) & 1) === 1;
}

function readFixed(memory: Uint8Array, view: DataView, type: number, values: number, row: number): Value {
  if (type === TYPE_BOOL) return bitAt(memory, values, row);
  if (type === TYPE_I32) return view.getInt32(values + row * 4, true);
  if (type === TYPE_I64) return view.getBigInt64(values + row * 8, true);
  if (type === TYPE_F64) return view.getFloat64(values + row * 8, true);
  throw new Error(`no column type ${type}`);
}

function readUtf8(
  memory: Uint8Array,
  view: DataView,
  offsets: number,
  bytes: number,
  bytesLength: number,
  row: number,
  none: boolean,
): Value {
  const start = view.getInt32(offsets + row * 4, true);
  const end = view.getInt32(offsets + row * 4 + 4, true);
  if (!(start >= 0 && start <= end && end <= bytesLength)) {
    throw new Error(`utf8 offsets ${start}..${end} in row ${row} of ${bytesLength} bytes`);
  }
  if (none) return null;
  // Copied first: TextDecoder does not take shared memory.
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(memory.slice(bytes + start, bytes + end));
}
