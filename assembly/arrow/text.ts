// assembly/arrow/text.ts — utf8 and large_utf8 as they stand in the stream: offsets, then bytes.

import { bitAt } from '../batch';
import { isUtf8 } from './utf8';

/** Offset `index`; large offsets are known to fit (checkOffsets). */
// @ts-ignore: decorator
@inline
export function offsetAt(offsets: usize, index: i32, isLarge: bool): u32 {
  return isLarge ? <u32>load<u64>(offsets + ((<usize>index) << 3)) : load<u32>(offsets + ((<usize>index) << 2));
}

/** True when the rows + 1 offsets begin at 0 or later, never fall and end within `bytes`. */
export function checkOffsets(offsets: usize, rows: i32, isLarge: bool, bytes: i64): bool {
  return isLarge ? checkLarge(offsets, rows, bytes) : checkSmall(offsets, rows, bytes);
}

function checkSmall(offsets: usize, rows: i32, bytes: i64): bool {
  if (load<i32>(offsets) < 0) return false;
  let at = offsets;
  let row = 0;
  let falls = i32x4.splat(0);
  for (; row + 4 <= rows; row += 4, at += 16) {
    falls = v128.or(falls, i32x4.lt_s(v128.load(at, 4), v128.load(at)));
  }
  if (v128.any_true(falls)) return false;
  for (; row < rows; row++, at += 4) if (load<i32>(at, 4) < load<i32>(at)) return false;
  return <i64>load<i32>(at) <= bytes;
}

function checkLarge(offsets: usize, rows: i32, bytes: i64): bool {
  if (load<i64>(offsets) < 0) return false;
  let at = offsets;
  for (let row = 0; row < rows; row++, at += 8) if (load<i64>(at, 8) < load<i64>(at)) return false;
  return load<i64>(at) <= bytes;
}

/**
 * True when the bytes of all rows together are UTF-8 and no row begins inside a character: then each row is UTF-8.
 * False says nothing about a single row: bytes behind a null may be anything.
 */
export function isCleanText(offsets: usize, bytes: usize, rows: i32, isLarge: bool): bool {
  const from = offsetAt(offsets, 0, isLarge);
  const to = offsetAt(offsets, rows, isLarge);
  if (isAscii(bytes + from, bytes + to)) return true;
  if (!isUtf8(bytes + from, bytes + to)) return false;
  for (let row = 1; row < rows; row++) {
    const offset = offsetAt(offsets, row, isLarge);
    if (offset < to && (load<u8>(bytes + offset) & 0xc0) == 0x80) return false;
  }
  return true;
}

function isAscii(from: usize, to: usize): bool {
  let at = from;
  let seen = i8x16.splat(0);
  for (; to - at >= 16; at += 16) seen = v128.or(seen, v128.load(at));
  if (i8x16.bitmask(seen) != 0) return false;
  for (; at < to; at++) if (load<u8>(at) >= 0x80) return false;
  return true;
}

/** The first row in [from, to) that is not null and not UTF-8, or `to`. */
export function firstBadText(
  offsets: usize,
  bytes: usize,
  validity: usize,
  from: i32,
  to: i32,
  isLarge: bool,
): i32 {
  for (let row = from; row < to; row++) {
    if (validity != 0 && !bitAt(validity, row)) continue;
    const start = bytes + offsetAt(offsets, row, isLarge);
    if (!isUtf8(start, bytes + offsetAt(offsets, row + 1, isLarge))) return row;
  }
  return to;
}
