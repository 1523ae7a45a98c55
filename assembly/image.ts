// assembly/image.ts — gathers chosen rows of a batch into an image: header, descriptors, buffers, ready to be copied anywhere.
//
// Promises
//   - Buffers begin at multiples of 8 and the bytes between them are zero, so equal rows give equal bytes.
//   - A column has a validity bitmap only when one of the chosen rows is null; utf8 offsets begin at 0; a null utf8
//     takes no bytes.
//   - imageBytesOf(…) is what the image takes, to the byte.
// Not here  which rows (scatter.ts); reading (batch.ts).

import { batchColumn, bitAt, columnBytes, columnValidity, columnValues } from './batch';
import { copyBytes } from './copy';
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
  TYPE_I32,
  TYPE_UTF8,
} from './layout';

/** Bytes behind imageBytesMax that writeImage may touch: one bitmap that turns out to be all ones, and a copied word. */
// @ts-ignore: decorator
@inline
export function imageSlackBytes(rowsMax: i32): usize {
  return <usize>align8((rowsMax + 7) >>> 3) + 16;
}

// @ts-ignore: decorator
@inline
export function align8(bytes: i32): i32 {
  return (bytes + 7) & ~7;
}

/** Header and descriptors. */
// @ts-ignore: decorator
@inline
export function directoryBytes(columnCount: i32): i32 {
  return BATCH_HEADER_BYTES + columnCount * COLUMN_DESCRIPTOR_BYTES;
}

/** What one column's buffers take in an image: `utf8Bytes` counts for utf8 alone. */
// @ts-ignore: decorator
@inline
export function columnImageBytes(type: i32, rowCount: i32, hasNulls: bool, utf8Bytes: i32): i32 {
  const bitmap = align8((rowCount + 7) >>> 3);
  const validity = hasNulls ? bitmap : 0;
  if (type == TYPE_BOOL) return validity + bitmap;
  if (type == TYPE_I32) return validity + align8(rowCount << 2);
  if (type == TYPE_UTF8) return validity + align8((rowCount + 1) << 2) + align8(utf8Bytes);
  return validity + (rowCount << 3);
}

/** Begins an image of `rowCount` rows; columns follow in order by writeColumn. Returns where the first buffer goes. */
export function beginImage(image: usize, rowCount: i32, columnCount: i32, flags: i32): usize {
  store<i32>(image, rowCount, BATCH_ROW_COUNT);
  store<i32>(image, columnCount, BATCH_COLUMN_COUNT);
  store<i32>(image, flags, BATCH_FLAGS);
  return image + <usize>directoryBytes(columnCount);
}

/** Ends it: returns its bytes. */
export function endImage(image: usize, cursor: usize): i32 {
  store<i32>(image, <i32>(cursor - image), BATCH_IMAGE_BYTES);
  return <i32>(cursor - image);
}

/** Describes a column whose values are at `cursor`, none of them null and none utf8. Returns its descriptor. */
// @ts-ignore: decorator
@inline
export function beginColumn(image: usize, index: i32, type: i32, cursor: usize): usize {
  const column = batchColumn(image, index);
  store<i32>(column, type, COLUMN_TYPE);
  store<i32>(column, 0, COLUMN_NULL_COUNT);
  store<u32>(column, 0, COLUMN_VALIDITY);
  store<u32>(column, cursor - image, COLUMN_VALUES);
  store<u32>(column, 0, COLUMN_BYTES);
  store<i32>(column, 0, COLUMN_BYTES_LENGTH);
  return column;
}

/**
 * Gathers one column of the rows `rows[0 … count)` into the image at `cursor`.
 *
 * @param contiguous  the rows follow one another, so whole buffers may be copied
 * @returns where the next buffer goes
 */
export function writeColumn(
  image: usize,
  imageIndex: i32,
  batch: usize,
  sourceIndex: i32,
  type: i32,
  rows: usize,
  count: i32,
  contiguous: bool,
  cursor: usize,
): usize {
  const source = batchColumn(batch, sourceIndex);
  const target = beginColumn(image, imageIndex, type, cursor);
  const validity = columnValidity(batch, source);
  const values = columnValues(batch, source);
  if (validity != 0) {
    const nullCount = count - gatherBits(cursor, validity, rows, count);
    if (nullCount != 0) {
      store<i32>(target, nullCount, COLUMN_NULL_COUNT);
      store<u32>(target, cursor - image, COLUMN_VALIDITY);
      cursor += <usize>align8((count + 7) >>> 3);
    }
  }
  store<u32>(target, cursor - image, COLUMN_VALUES); // Behind the bitmap, if there is one.
  if (type == TYPE_UTF8) return writeUtf8(image, target, batch, source, rows, count, contiguous, cursor);
  if (type == TYPE_BOOL) {
    gatherBits(cursor, values, rows, count);
    return cursor + <usize>align8((count + 7) >>> 3);
  }
  if (type == TYPE_I32) {
    const bytes = <usize>align8(count << 2);
    if ((count & 1) != 0) store<u32>(cursor + bytes - 4, 0);
    if (contiguous) memory.copy(cursor, values + (<usize>load<u16>(rows) << 2), <usize>count << 2);
    else gatherWords32(cursor, values, rows, count);
    return cursor + bytes;
  }
  if (contiguous) memory.copy(cursor, values + (<usize>load<u16>(rows) << 3), <usize>count << 3);
  else gatherWords64(cursor, values, rows, count);
  return cursor + (<usize>count << 3);
}

function writeUtf8(
  image: usize,
  target: usize,
  batch: usize,
  source: usize,
  rows: usize,
  count: i32,
  contiguous: bool,
  cursor: usize,
): usize {
  const validity = columnValidity(batch, source);
  const sourceOffsets = columnValues(batch, source);
  const sourceBytes = columnBytes(batch, source);
  const bytes = cursor + <usize>align8((count + 1) << 2);
  if ((count & 1) == 0) store<u32>(bytes - 4, 0);
  let length: u32;
  if (contiguous && validity == 0) {
    const first = sourceOffsets + (<usize>load<u16>(rows) << 2);
    const base = load<u32>(first);
    for (let index: usize = 0, end = <usize>count; index <= end; index++) {
      store<u32>(cursor + (index << 2), load<u32>(first + (index << 2)) - base);
    }
    length = load<u32>(cursor + (<usize>count << 2));
    memory.copy(bytes, sourceBytes + base, length);
  } else {
    length = gatherUtf8(cursor, bytes, sourceOffsets, sourceBytes, validity, rows, count);
  }
  const padded = align8(length);
  for (let at = <i32>length; at < padded; at++) store<u8>(bytes + <usize>at, 0);
  store<u32>(target, bytes - image, COLUMN_BYTES);
  store<u32>(target, length, COLUMN_BYTES_LENGTH);
  return bytes + <usize>padded;
}

/** Gathers values into `bytes` and their offsets, from 0, into `offsets`; returns the bytes written. */
function gatherUtf8(
  offsets: usize,
  bytes: usize,
  sourceOffsets: usize,
  sourceBytes: usize,
  validity: usize,
  rows: usize,
  count: i32,
): u32 {
  let used: u32 = 0;
  store<u32>(offsets, 0);
  for (let index: usize = 0, end = <usize>count; index < end; index++) {
    const row = <usize>load<u16>(rows + (index << 1));
    if (validity == 0 || bitAt(validity, <i32>row)) {
      const start = load<u32>(sourceOffsets + (row << 2));
      const length = load<u32>(sourceOffsets + (row << 2), 4) - start;
      copyBytes(bytes + used, sourceBytes + start, length);
      used += length;
    }
    store<u32>(offsets + (index << 2), used, 4);
  }
  return used;
}

function gatherWords64(target: usize, source: usize, rows: usize, count: i32): void {
  const end = target + (<usize>count << 3);
  const endOfFours = target + (<usize>(count & ~3) << 3);
  for (; target < endOfFours; target += 32, rows += 8) {
    const four = load<u64>(rows); // Four row indexes in one load.
    store<u64>(target, load<u64>(source + (<usize>(four & 0xffff) << 3)));
    store<u64>(target, load<u64>(source + (<usize>((four >>> 16) & 0xffff) << 3)), 8);
    store<u64>(target, load<u64>(source + (<usize>((four >>> 32) & 0xffff) << 3)), 16);
    store<u64>(target, load<u64>(source + (<usize>(four >>> 48) << 3)), 24);
  }
  for (; target < end; target += 8, rows += 2) {
    store<u64>(target, load<u64>(source + (<usize>load<u16>(rows) << 3)));
  }
}

function gatherWords32(target: usize, source: usize, rows: usize, count: i32): void {
  for (const end = target + (<usize>count << 2); target < end; target += 4, rows += 2) {
    store<u32>(target, load<u32>(source + (<usize>load<u16>(rows) << 2)));
  }
}

/** Gathers bits and zeroes the rest of the last eight bytes; returns how many are set. */
function gatherBits(target: usize, source: usize, rows: usize, count: i32): i32 {
  let ones = 0;
  let word: u64 = 0;
  for (let index = 0; index < count; index++) {
    if (bitAt(source, <i32>load<u16>(rows + (<usize>index << 1)))) word |= <u64>1 << (index & 63);
    if ((index & 63) == 63) {
      ones += <i32>popcnt<u64>(word);
      store<u64>(target + <usize>((index >>> 6) << 3), word);
      word = 0;
    }
  }
  if ((count & 63) != 0) {
    ones += <i32>popcnt<u64>(word);
    store<u64>(target + <usize>((count >>> 6) << 3), word);
  }
  return ones;
}
