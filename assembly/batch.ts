// assembly/batch.ts — reading a batch: header and columns as addresses. The picture is in layout.ts.

import {
  BATCH_COLUMN_COUNT,
  BATCH_HEADER_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from './layout';

// @ts-ignore: decorator
@inline
export function batchRowCount(batch: usize): i32 {
  return load<i32>(batch, BATCH_ROW_COUNT);
}

// @ts-ignore: decorator
@inline
export function batchColumnCount(batch: usize): i32 {
  return load<i32>(batch, BATCH_COLUMN_COUNT);
}

/** Address of a column's descriptor. */
// @ts-ignore: decorator
@inline
export function batchColumn(batch: usize, index: i32): usize {
  return batch + BATCH_HEADER_BYTES + <usize>index * COLUMN_DESCRIPTOR_BYTES;
}

// @ts-ignore: decorator
@inline
export function columnType(column: usize): i32 {
  return load<i32>(column, COLUMN_TYPE);
}

// @ts-ignore: decorator
@inline
export function columnNullCount(column: usize): i32 {
  return load<i32>(column, COLUMN_NULL_COUNT);
}

/** Address of the values (utf8: of the i32 offsets; bool: of the bitmap). */
// @ts-ignore: decorator
@inline
export function columnValues(batch: usize, column: usize): usize {
  return batch + load<u32>(column, COLUMN_VALUES);
}

/** Address of the validity bitmap, or 0 when no row is null. */
// @ts-ignore: decorator
@inline
export function columnValidity(batch: usize, column: usize): usize {
  const offset = load<u32>(column, COLUMN_VALIDITY);
  return offset == 0 ? 0 : batch + offset;
}

/** Address that the utf8 offsets count from. */
// @ts-ignore: decorator
@inline
export function columnBytes(batch: usize, column: usize): usize {
  return batch + load<u32>(column, COLUMN_BYTES);
}

// @ts-ignore: decorator
@inline
export function bitAt(bitmap: usize, index: i32): bool {
  return ((load<u8>(bitmap + <usize>(index >>> 3)) >>> (index & 7)) & 1) != 0;
}

// @ts-ignore: decorator
@inline
export function setBit(bitmap: usize, index: i32): void {
  const at = bitmap + <usize>(index >>> 3);
  store<u8>(at, <u8>(<i32>load<u8>(at) | (1 << (index & 7))));
}

// @ts-ignore: decorator
@inline
export function clearBit(bitmap: usize, index: i32): void {
  const at = bitmap + <usize>(index >>> 3);
  store<u8>(at, <u8>(<i32>load<u8>(at) & ~(1 << (index & 7))));
}
