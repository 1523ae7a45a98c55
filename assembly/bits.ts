// assembly/bits.ts — ranges of Arrow bitmaps (least significant bit first).
//
// Promises  no byte is read that holds none of the range's bits; bits outside the range stay as they are.

import { bitAt, clearBit, setBit } from './batch';

/** Copies `count` bits; the ranges must not overlap. */
export function copyBits(target: usize, targetFrom: i32, source: usize, sourceFrom: i32, count: i32): void {
  let done = 0;
  while (done < count && ((targetFrom + done) & 7) != 0) {
    copyBit(target, targetFrom + done, source, sourceFrom + done);
    done++;
  }
  const shift = (sourceFrom + done) & 7;
  for (; done + 8 <= count; done += 8) {
    const from = source + <usize>((sourceFrom + done) >>> 3);
    let byte = <u32>load<u8>(from);
    if (shift != 0) byte = (byte >> shift) | (<u32>load<u8>(from, 1) << (8 - shift));
    store<u8>(target + <usize>((targetFrom + done) >>> 3), <u8>byte);
  }
  for (; done < count; done++) copyBit(target, targetFrom + done, source, sourceFrom + done);
}

/** Sets or clears `count` bits. */
export function fillBits(bitmap: usize, from: i32, count: i32, ones: bool): void {
  let index = from;
  const to = from + count;
  for (; index < to && (index & 7) != 0; index++) fillBit(bitmap, index, ones);
  const wholeBytes = (to - index) >>> 3;
  if (wholeBytes > 0) memory.fill(bitmap + <usize>(index >>> 3), ones ? 0xff : 0, wholeBytes);
  index += wholeBytes << 3;
  for (; index < to; index++) fillBit(bitmap, index, ones);
}

/** The first clear bit in [from, to), or `to`. */
export function firstClearBit(bitmap: usize, from: i32, to: i32): i32 {
  let index = from;
  for (; index < to && (index & 7) != 0; index++) if (!bitAt(bitmap, index)) return index;
  while (index + 8 <= to && load<u8>(bitmap + <usize>(index >>> 3)) == 0xff) index += 8;
  for (; index < to; index++) if (!bitAt(bitmap, index)) return index;
  return to;
}

/** Clear bits among the first `count`. */
export function countClearBits(bitmap: usize, count: i32): i32 {
  let ones: i64 = 0;
  let index = 0;
  for (; index + 64 <= count; index += 64) ones += popcnt<i64>(load<i64>(bitmap + <usize>(index >>> 3)));
  for (; index + 8 <= count; index += 8) ones += popcnt<i32>(load<u8>(bitmap + <usize>(index >>> 3)));
  for (; index < count; index++) ones += <i64>bitAt(bitmap, index);
  return count - <i32>ones;
}

// @ts-ignore: decorator
@inline
function copyBit(target: usize, targetIndex: i32, source: usize, sourceIndex: i32): void {
  fillBit(target, targetIndex, bitAt(source, sourceIndex));
}

// @ts-ignore: decorator
@inline
function fillBit(bitmap: usize, index: i32, one: bool): void {
  if (one) setBit(bitmap, index);
  else clearBit(bitmap, index);
}
