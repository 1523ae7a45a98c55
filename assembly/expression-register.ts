// assembly/expression-register.ts — vector registers and bitmaps: what every instruction reads and writes.
//
//   register  u32 values │ u32 step │ u32 validity │ u32 bytes │ u32 homeValues │ u32 homeValidity
//
//   values    where lane 0 is: in a column (a load copies nothing), in a constant, or at home
//   step      bytes from lane to lane; 0 for a constant, whose one vector of equal lanes serves every lane
//   validity  bitmap, or 0 when no lane is null; never another register's, whose home may be written again
//   bytes     utf8: what start and end count from
//
// Promises
//   - a bitmap's bits behind the last lane are undefined: who counts or selects masks them.
//   - a home's bitmap may be written in whole 16-byte vectors.

import { alignUp } from './arena';

export const REGISTER_BYTES: usize = 24;
const VALUES: usize = 0;
const STEP: usize = 4;
const VALIDITY: usize = 8;
const BYTES: usize = 12;
const HOME_VALUES: usize = 16;
const HOME_VALIDITY: usize = 20;

/** Lanes of the instruction that runs: the batch's rows, or the selected ones once they are few. */
export let laneCount: i32 = 0;

export function setLaneCount(count: i32): void {
  laneCount = count;
}

/** Bytes of a bitmap of so many bits, in whole vectors. */
// @ts-ignore: decorator
@inline
export function bitmapBytes(bits: i32): usize {
  return alignUp(<usize>((bits + 7) >>> 3), 16);
}

// @ts-ignore: decorator
@inline
export function registerValues(register: usize): usize {
  return load<usize>(register, VALUES);
}

// @ts-ignore: decorator
@inline
export function registerStep(register: usize): usize {
  return load<usize>(register, STEP);
}

// @ts-ignore: decorator
@inline
export function registerValidity(register: usize): usize {
  return load<usize>(register, VALIDITY);
}

// @ts-ignore: decorator
@inline
export function registerBytes(register: usize): usize {
  return load<usize>(register, BYTES);
}

// @ts-ignore: decorator
@inline
export function homeValues(register: usize): usize {
  return load<usize>(register, HOME_VALUES);
}

// @ts-ignore: decorator
@inline
export function homeValidity(register: usize): usize {
  return load<usize>(register, HOME_VALIDITY);
}

export function setHome(register: usize, values: usize, validity: usize): void {
  store<usize>(register, values, HOME_VALUES);
  store<usize>(register, validity, HOME_VALIDITY);
}

export function setRegister(register: usize, values: usize, step: usize, validity: usize, bytes: usize): void {
  store<usize>(register, values, VALUES);
  store<usize>(register, step, STEP);
  store<usize>(register, validity, VALIDITY);
  store<usize>(register, bytes, BYTES);
}

/** The target's values are at home now; its validity is what both operands' say together. */
export function setResult(target: usize, step: usize, validityA: usize, validityB: usize): void {
  setRegister(target, homeValues(target), step, andValidity(homeValidity(target), validityA, validityB), 0);
}

/** Both bitmaps together, written to `home`; 0 when neither is there. */
export function andValidity(home: usize, a: usize, b: usize): usize {
  if (a == 0 && b == 0) return 0;
  if (a == 0) a = b;
  if (b == 0) b = a;
  const end = bitmapBytes(laneCount);
  for (let at: usize = 0; at < end; at += 16) {
    v128.store(home + at, v128.and(loadBits(a, at), loadBits(b, at)));
  }
  return home;
}

/** `into` loses the bits of `without`; `into` 0 stands for all bits and is written to `home`. */
export function clearBits(home: usize, into: usize, without: usize): usize {
  const end = bitmapBytes(laneCount);
  for (let at: usize = 0; at < end; at += 16) {
    const bits = into == 0 ? i8x16.splat(-1) : loadBits(into, at);
    v128.store(home + at, v128.andnot(bits, loadBits(without, at)));
  }
  return home;
}

/**
 * Sixteen bytes of a bitmap. One of a column ends after a multiple of 8 bytes, so only its lower half is there when
 * the last lane's word is the lower one.
 */
// @ts-ignore: decorator
@inline
export function loadBits(bitmap: usize, at: usize): v128 {
  if (at + 8 >= <usize>((laneCount + 7) >>> 3)) return v128.load64_zero(bitmap + at);
  return v128.load(bitmap + at);
}

/** Set bits among the first `count`. */
export function onesIn(bitmap: usize, count: i32): i32 {
  let ones: i64 = 0;
  const words = count >>> 6;
  for (let index = 0; index < words; index++) ones += popcnt<i64>(load<i64>(bitmap + (<usize>index << 3)));
  const rest = count & 63;
  if (rest != 0) {
    ones += popcnt<i64>(load<i64>(bitmap + (<usize>words << 3)) & ((<i64>1 << rest) - 1));
  }
  return <i32>ones;
}
