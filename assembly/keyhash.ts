// assembly/keyhash.ts — routing hashes of whole key columns.
//
// The serialised bytes of a key, which are what Kafka would be given:
//   utf8 its bytes │ i32, i64 (timestamps) big-endian │ f64 big-endian bits, −0 as 0, every NaN as one │ bool one byte 0 or 1
//   composite  parts in order, each behind its u32 big-endian length; a null part is the length KEY_PART_NULL alone
//   a single key has no length; a single null key is empty
//
// Promises
//   - hashes[i] is the murmur2 of row rows[i]'s key bytes; marks[i] says when that key is null (any part is) or
//     longer than KEY_BYTES_MAX (a composite that is both counts as long). A long key has no hash.
//   - marks hold something only when the returned count of marked rows is not zero.
// Not here  what becomes of marked rows, and of hashes (scatter.ts).

import { batchColumn, bitAt, columnBytes, columnValidity, columnValues } from './batch';
import { copyBytes } from './copy';
import {
  KEY_BYTES_MAX,
  KEY_PART_NULL,
  SCATTER_COLUMN_BYTES,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from './layout';
import {
  LANES_BYTES,
  murmur2,
  murmur2Byte,
  murmur2I32,
  murmur2I64,
  murmur2I64x4,
  murmur2Lanes,
  murmur2x4,
} from './murmur2';

export const MARK_NONE: u8 = 0;
export const MARK_NULL: u8 = 1;
export const MARK_LONG: u8 = 2;

/** A composite key, and behind it what murmur2Lanes writes. */
export const KEY_SCRATCH_BYTES: usize = KEY_BYTES_MAX + LANES_BYTES;

export function keyScratch(key: usize): void {
  murmur2Lanes(key + KEY_BYTES_MAX);
}

/**
 * Hashes the keys of the rows `rows[0 … count)` (u16 each).
 *
 * @param keyColumns  keyColumnCount × (u32 column │ u32 type), at least one
 * @param key         KEY_SCRATCH_BYTES made by keyScratch: where composite keys are serialised
 * @param hashes      count × u32; 0 when only the marks are wanted
 * @param marks       count × u8
 * @returns how many rows are marked
 */
export function hashKeys(
  batch: usize,
  keyColumns: usize,
  keyColumnCount: i32,
  rows: usize,
  count: i32,
  key: usize,
  hashes: usize,
  marks: usize,
): i32 {
  if (keyColumnCount > 1) return hashComposite(batch, keyColumns, keyColumnCount, rows, count, key, hashes, marks);
  const column = batchColumn(batch, load<i32>(keyColumns));
  const type = load<i32>(keyColumns, 4);
  const values = columnValues(batch, column);
  let marked = 0;
  if (type == TYPE_UTF8) {
    memory.fill(marks, MARK_NONE, count);
    marked = hashUtf8(values, columnBytes(batch, column), rows, count, key + KEY_BYTES_MAX, hashes, marks);
  } else if (hashes != 0) {
    hashFixed(type, values, rows, count, key + KEY_BYTES_MAX, hashes);
  }
  const validity = columnValidity(batch, column);
  if (validity == 0) return marked;
  if (type != TYPE_UTF8) memory.fill(marks, MARK_NONE, count);
  return marked + markNulls(validity, rows, count, hashes, marks);
}

function hashFixed(type: i32, values: usize, rows: usize, count: i32, lanes: usize, hashes: usize): void {
  if (type == TYPE_I64) {
    hashI64(values, rows, count, lanes, hashes);
    return;
  }
  for (let index: usize = 0, end = <usize>count; index < end; index++) {
    const row = <usize>load<u16>(rows + (index << 1));
    let hash: u32;
    if (type == TYPE_I32) hash = murmur2I32(load<u32>(values + (row << 2)));
    else if (type == TYPE_F64) hash = murmur2I64(canonicalBits(load<f64>(values + (row << 3))));
    else hash = murmur2Byte(<u32>bitAt(values, <i32>row));
    store<u32>(hashes + (index << 2), hash);
  }
}

/** Four at a time: six multiplications a key are most of a scatter's arithmetic. */
function hashI64(values: usize, rows: usize, count: i32, lanes: usize, hashes: usize): void {
  const swap = v128.load(lanes);
  const m = v128.load(lanes, 16);
  const first = v128.load(lanes, 32);
  const end = hashes + (<usize>count << 2);
  const endOfFours = hashes + (<usize>(count & ~3) << 2);
  const firstRow = <usize>load<u16>(rows);
  if (<i32>load<u16>(rows + (<usize>(count - 1) << 1)) - <i32>firstRow == count - 1) {
    // Rows without a gap: keys lie side by side.
    let key = values + (firstRow << 3);
    rows += <usize>(count & ~3) << 1;
    for (; hashes < endOfFours; hashes += 16, key += 32) {
      v128.store(hashes, murmur2I64x4(v128.load(key), v128.load(key, 16), swap, m, first));
    }
  } else {
    for (; hashes < endOfFours; hashes += 16, rows += 8) {
      const four = load<u64>(rows); // Four row indexes in one load.
      let low = v128.load64_zero(values + (<usize>(four & 0xffff) << 3));
      low = v128.load_lane<u64>(values + (<usize>((four >>> 16) & 0xffff) << 3), low, 1);
      let high = v128.load64_zero(values + (<usize>((four >>> 32) & 0xffff) << 3));
      high = v128.load_lane<u64>(values + (<usize>(four >>> 48) << 3), high, 1);
      v128.store(hashes, murmur2I64x4(low, high, swap, m, first));
    }
  }
  for (; hashes < end; hashes += 4, rows += 2) {
    store<u32>(hashes, murmur2I64(load<u64>(values + (<usize>load<u16>(rows) << 3))));
  }
}

/** Keys of 4 to SHORT_KEY_BYTES_MAX bytes are hashed four at a time, others one by one. Returns how many are too long. */
function hashUtf8(
  offsets: usize,
  bytes: usize,
  rows: usize,
  count: i32,
  lanes: usize,
  hashes: usize,
  marks: usize,
): i32 {
  const m = v128.load(lanes, 16);
  let marked = 0;
  let index: usize = 0;
  for (const endOfFours = <usize>(count & ~3); index < endOfFours; index += 4) {
    const four = load<u64>(rows + (index << 1)); // Four row indexes in one load.
    const a = load<u64>(offsets + (<usize>(four & 0xffff) << 2)); // Begin and end of each key.
    const b = load<u64>(offsets + (<usize>((four >>> 16) & 0xffff) << 2));
    const c = load<u64>(offsets + (<usize>((four >>> 32) & 0xffff) << 2));
    const d = load<u64>(offsets + (<usize>(four >>> 48) << 2));
    let lengths = i32x4.splat(rangeLength(a));
    lengths = i32x4.replace_lane(lengths, 1, rangeLength(b));
    lengths = i32x4.replace_lane(lengths, 2, rangeLength(c));
    lengths = i32x4.replace_lane(lengths, 3, rangeLength(d));
    const short = i32x4.le_u(i32x4.sub(lengths, i32x4.splat(4)), i32x4.splat(SHORT_KEY_BYTES_MAX - 4));
    if (hashes != 0 && i32x4.all_true(short)) {
      const hash = murmur2x4(bytes + <u32>a, bytes + <u32>b, bytes + <u32>c, bytes + <u32>d, lengths, m);
      v128.store(hashes + (index << 2), hash);
    } else {
      marked += hashRange(bytes, a, index, hashes, marks);
      marked += hashRange(bytes, b, index + 1, hashes, marks);
      marked += hashRange(bytes, c, index + 2, hashes, marks);
      marked += hashRange(bytes, d, index + 3, hashes, marks);
    }
  }
  for (const end = <usize>count; index < end; index++) {
    const range = load<u64>(offsets + (<usize>load<u16>(rows + (index << 1)) << 2));
    marked += hashRange(bytes, range, index, hashes, marks);
  }
  return marked;
}

/** Longer keys than this differ so much in length that lanes would mostly wait for one another. */
const SHORT_KEY_BYTES_MAX = 64;

// @ts-ignore: decorator
@inline
function rangeLength(range: u64): i32 {
  return <i32>(range >>> 32) - <i32>range;
}

/** Hashes one key, given as two offsets; returns 1 when it is too long, and marks it. */
function hashRange(bytes: usize, range: u64, index: usize, hashes: usize, marks: usize): i32 {
  const length = rangeLength(range);
  if (length > KEY_BYTES_MAX) {
    store<u8>(marks + index, MARK_LONG);
    return 1;
  }
  if (hashes != 0) store<u32>(hashes + (index << 2), murmur2(bytes + <u32>range, length));
  return 0;
}

/** Nulls of a single key column: empty bytes, whatever stands in the value's place. Returns how many were not marked yet. */
function markNulls(validity: usize, rows: usize, count: i32, hashes: usize, marks: usize): i32 {
  const emptyHash = murmur2(0, 0);
  let marked = 0;
  for (let index: usize = 0, end = <usize>count; index < end; index++) {
    if (bitAt(validity, <i32>load<u16>(rows + (index << 1)))) continue;
    if (load<u8>(marks + index) == MARK_NONE) marked++;
    store<u8>(marks + index, MARK_NULL);
    if (hashes != 0) store<u32>(hashes + (index << 2), emptyHash);
  }
  return marked;
}

function hashComposite(
  batch: usize,
  keyColumns: usize,
  keyColumnCount: i32,
  rows: usize,
  count: i32,
  key: usize,
  hashes: usize,
  marks: usize,
): i32 {
  let marked = 0;
  for (let index: usize = 0, end = <usize>count; index < end; index++) {
    const row = <i32>load<u16>(rows + (index << 1));
    let mark = MARK_NONE;
    let used = 0;
    for (let part = 0; part < keyColumnCount; part++) {
      const entry = keyColumns + <usize>part * SCATTER_COLUMN_BYTES;
      const column = batchColumn(batch, load<i32>(entry));
      const validity = columnValidity(batch, column);
      if (validity != 0 && !bitAt(validity, row)) {
        mark = MARK_NULL;
        used = writePart(key, used, 0, KEY_PART_NULL);
      } else {
        used = writeValue(batch, column, load<i32>(entry, 4), row, key, used);
      }
      if (used < 0) {
        mark = MARK_LONG;
        break;
      }
    }
    store<u8>(marks + index, mark);
    if (mark != MARK_NONE) marked++;
    if (mark != MARK_LONG && hashes != 0) store<u32>(hashes + (index << 2), murmur2(key, used));
  }
  return marked;
}

/** Appends one part to the key; returns the bytes used, or −1 when they would pass KEY_BYTES_MAX. */
function writeValue(batch: usize, column: usize, type: i32, row: i32, key: usize, used: i32): i32 {
  const values = columnValues(batch, column);
  if (type == TYPE_UTF8) {
    const offset = values + (<usize>row << 2);
    const start = load<u32>(offset);
    const length = load<u32>(offset, 4) - start;
    const after = writePart(key, used, length, length);
    if (after >= 0) copyBytes(key + <usize>(used + 4), columnBytes(batch, column) + start, length);
    return after;
  }
  if (type == TYPE_BOOL) {
    const after = writePart(key, used, 1, 1);
    if (after >= 0) store<u8>(key + <usize>(used + 4), <u8>bitAt(values, row));
    return after;
  }
  if (type == TYPE_I32) {
    const after = writePart(key, used, 4, 4);
    if (after >= 0) store<u32>(key + <usize>(used + 4), bswap<u32>(load<u32>(values + (<usize>row << 2))));
    return after;
  }
  const after = writePart(key, used, 8, 8);
  if (after < 0) return after;
  const at = values + (<usize>row << 3);
  const bits = type == TYPE_F64 ? canonicalBits(load<f64>(at)) : load<u64>(at);
  store<u64>(key + <usize>(used + 4), bswap<u64>(bits));
  return after;
}

/** Writes a part's length word if `bytes` more fit behind it; returns the bytes used then, or −1. */
export function writePart(key: usize, used: i32, bytes: u32, lengthWord: u32): i32 {
  if (bytes > <u32>KEY_BYTES_MAX || used + 4 + <i32>bytes > KEY_BYTES_MAX) return -1;
  store<u32>(key + <usize>used, bswap<u32>(lengthWord));
  return used + 4 + <i32>bytes;
}

/** −0 and 0 are one key, and so is every NaN. */
// @ts-ignore: decorator
@inline
function canonicalBits(value: f64): u64 {
  if (value != value) return 0x7ff8000000000000;
  return value == 0 ? 0 : reinterpret<u64>(value);
}
