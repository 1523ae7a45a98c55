// test/support/image.ts — batches written and read value by value, for tests and models. Slow and plain on purpose.

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
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';

/** bool: boolean; i32, f64: number; i64: bigint; utf8: string. */
export type Value = null | boolean | number | bigint | string;

export interface ImageColumn {
  type: number;
  values: readonly Value[];
}

const align = (bytes: number) => (bytes + 7) & ~7;

/** Writes an image at `at` (8-aligned) and returns its bytes. */
export function writeImage(u8: Uint8Array, at: number, columns: readonly ImageColumn[], flags = 0): number {
  const view = new DataView(u8.buffer, u8.byteOffset);
  const rows = columns[0]?.values.length ?? 0;
  let next = BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES;
  const take = (bytes: number) => {
    const offset = next;
    next += align(bytes);
    u8.fill(0, at + offset, at + next);
    return offset;
  };
  columns.forEach(({ type, values }, index) => {
    const descriptor = at + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    u8.fill(0, descriptor, descriptor + COLUMN_DESCRIPTOR_BYTES);
    const nulls = values.filter((value) => value === null).length;
    view.setUint32(descriptor + COLUMN_TYPE, type, true);
    view.setUint32(descriptor + COLUMN_NULL_COUNT, nulls, true);
    if (nulls > 0) {
      const validity = take(values.length / 8 + 1);
      view.setUint32(descriptor + COLUMN_VALIDITY, validity, true);
      values.forEach((value, row) => {
        if (value !== null) u8[at + validity + (row >> 3)]! |= 1 << (row & 7);
      });
    }
    if (type === TYPE_UTF8) {
      const encoded = values.map((value) => Buffer.from(value === null ? '' : String(value)));
      const offsets = take((rows + 1) * 4);
      const length = encoded.reduce((sum, bytes) => sum + bytes.length, 0);
      const bytes = take(length);
      let end = 0;
      encoded.forEach((value, row) => {
        u8.set(value, at + bytes + end);
        end += value.length;
        view.setInt32(at + offsets + (row + 1) * 4, end, true);
      });
      view.setUint32(descriptor + COLUMN_VALUES, offsets, true);
      view.setUint32(descriptor + COLUMN_BYTES, bytes, true);
      view.setUint32(descriptor + COLUMN_BYTES_LENGTH, length, true);
      return;
    }
    const offset = take(type === TYPE_BOOL ? rows / 8 + 1 : rows * (type === TYPE_I32 ? 4 : 8));
    view.setUint32(descriptor + COLUMN_VALUES, offset, true);
    values.forEach((value, row) => {
      if (value === null) return;
      if (type === TYPE_BOOL && value) u8[at + offset + (row >> 3)]! |= 1 << (row & 7);
      if (type === TYPE_I32) view.setInt32(at + offset + row * 4, value as number, true);
      if (type === TYPE_I64) view.setBigInt64(at + offset + row * 8, value as bigint, true);
      if (type === TYPE_F64) view.setFloat64(at + offset + row * 8, value as number, true);
    });
  });
  view.setUint32(at + BATCH_ROW_COUNT, rows, true);
  view.setUint32(at + BATCH_COLUMN_COUNT, columns.length, true);
  view.setUint32(at + BATCH_IMAGE_BYTES, next, true);
  view.setUint32(at + BATCH_FLAGS, flags, true);
  return next;
}

/** Reads a batch (image or view) back into columns of values. */
export function readImage(u8: Uint8Array, at: number): ImageColumn[] {
  const view = new DataView(u8.buffer, u8.byteOffset);
  const rows = view.getUint32(at + BATCH_ROW_COUNT, true);
  const text = new TextDecoder('utf-8', { fatal: true });
  const address = (offset: number) => (at + offset) >>> 0;
  return Array.from({ length: view.getUint32(at + BATCH_COLUMN_COUNT, true) }, (_, index) => {
    const descriptor = at + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    const type = view.getUint32(descriptor + COLUMN_TYPE, true);
    const validity = view.getUint32(descriptor + COLUMN_VALIDITY, true);
    const data = address(view.getUint32(descriptor + COLUMN_VALUES, true));
    const bytes = address(view.getUint32(descriptor + COLUMN_BYTES, true));
    const values = Array.from({ length: rows }, (_, row): Value => {
      if (validity !== 0 && !(((u8[address(validity) + (row >> 3)] ?? 0) >> (row & 7)) & 1)) return null;
      if (type === TYPE_BOOL) return ((u8[data + (row >> 3)]! >> (row & 7)) & 1) === 1;
      if (type === TYPE_I32) return view.getInt32(data + row * 4, true);
      if (type === TYPE_I64) return view.getBigInt64(data + row * 8, true);
      if (type === TYPE_F64) return view.getFloat64(data + row * 8, true);
      const start = view.getInt32(data + row * 4, true);
      return text.decode(u8.slice(bytes + start, bytes + view.getInt32(data + row * 4 + 4, true)));
    });
    return { type, values };
  });
}
