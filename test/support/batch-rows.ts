// test/support/batch-rows.ts — a batch in kernel memory as plain JavaScript columns (i64 as bigint). For tests: row by row.

import {
  BATCH_COLUMN_COUNT,
  BATCH_HEADER_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
} from '../../assembly/layout.ts';

export type Value = boolean | number | bigint | string | null;

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function readBatch({ u8 }: { u8: Uint8Array }, batch: number): Value[][] {
  const view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength);
  const rows = view.getUint32(batch + BATCH_ROW_COUNT, true);
  const columnCount = view.getUint32(batch + BATCH_COLUMN_COUNT, true);
  const bit = (bitmap: number, row: number) => ((u8[bitmap + (row >> 3)]! >> (row & 7)) & 1) === 1;
  return Array.from({ length: columnCount }, (_, index) => {
    const column = batch + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    const type = view.getUint32(column + COLUMN_TYPE, true);
    const at = (field: number) => (batch + view.getUint32(column + field, true)) >>> 0;
    const hasValidity = view.getUint32(column + COLUMN_VALIDITY, true) !== 0;
    const values = at(COLUMN_VALUES);
    return Array.from({ length: rows }, (_, row): Value => {
      if (hasValidity && !bit(at(COLUMN_VALIDITY), row)) return null;
      if (type === TYPE_BOOL) return bit(values, row);
      if (type === TYPE_I32) return view.getInt32(values + row * 4, true);
      if (type === TYPE_I64) return view.getBigInt64(values + row * 8, true);
      if (type === TYPE_F64) return view.getFloat64(values + row * 8, true);
      const from = at(COLUMN_BYTES) + view.getInt32(values + row * 4, true);
      const to = at(COLUMN_BYTES) + view.getInt32(values + row * 4 + 4, true);
      return utf8.decode(u8.slice(from, to));
    });
  });
}
