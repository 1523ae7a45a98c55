// assembly/expression-compare.ts — comparisons of numbers: two vectors of lanes in, a bitmap out.
//
// Sixteen lanes become sixteen bits: lane masks are narrowed (all ones stay all ones under signed saturation)
// until each is a byte, whose top bits are collected by one instruction.
//
// Promises  NaN equals nothing and is neither less nor greater; −0 equals 0. i64 against f64 is exact.
// Not here  utf8 (expression-text.ts), nulls (the caller combines validity).

import {
  COMPARE_EQ,
  COMPARE_GE,
  COMPARE_GT,
  COMPARE_LE,
  COMPARE_LT,
  COMPARE_MIXED,
  COMPARE_NE,
} from './expression-layout';
import { homeValues, laneCount, registerStep, registerValues } from './expression-register';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64 } from './layout';

/** Writes the bits of `a ? b` to the target's home. */
export function compareNumbers(operator: i32, type: i32, target: usize, a: usize, b: usize): void {
  const bits = homeValues(target);
  if (type == TYPE_F64) compareAs<f64>(operator, bits, a, b);
  else if (type == TYPE_I64) compareAs<i64>(operator, bits, a, b);
  else if (type == TYPE_I32) compareAs<i32>(operator, bits, a, b);
  else if (type == TYPE_BOOL) compareBitmaps(operator, bits, registerValues(a), registerValues(b));
  else if (type == COMPARE_MIXED) compareMixed(operator, bits, a, b);
}

function compareAs<T>(operator: i32, bits: usize, a: usize, b: usize): void {
  if (operator == COMPARE_EQ) compareLanes<T>(COMPARE_EQ, bits, a, b);
  else if (operator == COMPARE_NE) compareLanes<T>(COMPARE_NE, bits, a, b);
  else if (operator == COMPARE_LT) compareLanes<T>(COMPARE_LT, bits, a, b);
  else if (operator == COMPARE_LE) compareLanes<T>(COMPARE_LE, bits, a, b);
}

// @ts-ignore: decorator
@inline
function compareLanes<T>(operator: i32, bits: usize, a: usize, b: usize): void {
  let left = registerValues(a);
  let right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  const groups = laneCount >>> 4;
  if (leftStep != 0 && rightStep == 0) {
    const literal = v128.load(right);
    for (let group = 0; group < groups; group++) {
      store<u16>(bits, bitsAgainst<T>(operator, left, literal));
      bits += 2;
      left += 16 * sizeof<T>();
    }
  } else {
    // A literal's one vector serves every lane: its step of 0 stays 0.
    const leftVector: usize = leftStep == 0 ? 0 : 16;
    const rightVector: usize = rightStep == 0 ? 0 : 16;
    for (let group = 0; group < groups; group++) {
      store<u16>(bits, bitsBetween<T>(operator, left, leftVector, right, rightVector));
      bits += 2;
      left += leftVector * sizeof<T>();
      right += rightVector * sizeof<T>();
    }
  }
  let rest: i32 = 0;
  const restCount = laneCount & 15;
  for (let lane = 0; lane < restCount; lane++) {
    const x = load<T>(left + <usize>lane * leftStep);
    const y = load<T>(right + <usize>lane * rightStep);
    rest |= <i32>compareOne<T>(operator, x, y) << lane;
  }
  if (restCount != 0) store<u16>(bits, rest);
}

// @ts-ignore: decorator
@inline
function bitsAgainst<T>(operator: i32, left: usize, literal: v128): i32 {
  if (sizeof<T>() == 4) {
    return collectFour(
      masks<T>(operator, v128.load(left), literal),
      masks<T>(operator, v128.load(left, 16), literal),
      masks<T>(operator, v128.load(left, 32), literal),
      masks<T>(operator, v128.load(left, 48), literal),
    );
  }
  return collectEight(
    masks<T>(operator, v128.load(left), literal),
    masks<T>(operator, v128.load(left, 16), literal),
    masks<T>(operator, v128.load(left, 32), literal),
    masks<T>(operator, v128.load(left, 48), literal),
    masks<T>(operator, v128.load(left, 64), literal),
    masks<T>(operator, v128.load(left, 80), literal),
    masks<T>(operator, v128.load(left, 96), literal),
    masks<T>(operator, v128.load(left, 112), literal),
  );
}

// @ts-ignore: decorator
@inline
function bitsBetween<T>(operator: i32, a: usize, aStep: usize, b: usize, bStep: usize): i32 {
  if (sizeof<T>() == 4) {
    return collectFour(
      masks<T>(operator, v128.load(a), v128.load(b)),
      masks<T>(operator, v128.load(a + aStep), v128.load(b + bStep)),
      masks<T>(operator, v128.load(a + aStep * 2), v128.load(b + bStep * 2)),
      masks<T>(operator, v128.load(a + aStep * 3), v128.load(b + bStep * 3)),
    );
  }
  return collectEight(
    masks<T>(operator, v128.load(a), v128.load(b)),
    masks<T>(operator, v128.load(a + aStep), v128.load(b + bStep)),
    masks<T>(operator, v128.load(a + aStep * 2), v128.load(b + bStep * 2)),
    masks<T>(operator, v128.load(a + aStep * 3), v128.load(b + bStep * 3)),
    masks<T>(operator, v128.load(a + aStep * 4), v128.load(b + bStep * 4)),
    masks<T>(operator, v128.load(a + aStep * 5), v128.load(b + bStep * 5)),
    masks<T>(operator, v128.load(a + aStep * 6), v128.load(b + bStep * 6)),
    masks<T>(operator, v128.load(a + aStep * 7), v128.load(b + bStep * 7)),
  );
}

/** All ones in the lanes where it holds. */
// @ts-ignore: decorator
@inline
function masks<T>(operator: i32, a: v128, b: v128): v128 {
  if (operator == COMPARE_EQ) return v128.eq<T>(a, b);
  if (operator == COMPARE_NE) return v128.ne<T>(a, b);
  if (operator == COMPARE_LT) return v128.lt<T>(a, b);
  return v128.le<T>(a, b);
}

// @ts-ignore: decorator
@inline
function compareOne<T>(operator: i32, a: T, b: T): bool {
  if (operator == COMPARE_EQ) return a == b;
  if (operator == COMPARE_NE) return a != b;
  if (operator == COMPARE_LT) return a < b;
  return a <= b;
}

/** Four vectors of four lane masks → 16 bits. */
// @ts-ignore: decorator
@inline
function collectFour(m0: v128, m1: v128, m2: v128, m3: v128): i32 {
  const low = i16x8.narrow_i32x4_s(m0, m1);
  const high = i16x8.narrow_i32x4_s(m2, m3);
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

/** Eight vectors of two lane masks → 16 bits: a lane is first two i32, then two i16, then one i16 of two bytes. */
// @ts-ignore: decorator
@inline
function collectEight(m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128, m6: v128, m7: v128): i32 {
  const low = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3));
  const high = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m4, m5), i16x8.narrow_i32x4_s(m6, m7));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(low, high));
}

/** bool: equal or not, 64 lanes at a time. */
function compareBitmaps(operator: i32, bits: usize, a: usize, b: usize): void {
  const flip: i64 = operator == COMPARE_EQ ? -1 : 0;
  const words = (laneCount + 63) >>> 6;
  for (let word: usize = 0; word < <usize>words; word++) {
    const at = word << 3;
    store<i64>(bits + at, load<i64>(a + at) ^ load<i64>(b + at) ^ flip);
  }
}

function compareMixed(operator: i32, bits: usize, a: usize, b: usize): void {
  const left = registerValues(a);
  const right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  const accepted = acceptedOrders(operator);
  let word: i32 = 0;
  for (let lane = 0; lane < laneCount; lane++) {
    const order = orderOf(load<i64>(left + <usize>lane * leftStep), load<f64>(right + <usize>lane * rightStep));
    word |= <i32>((accepted & order) != 0) << (lane & 7);
    if ((lane & 7) == 7) {
      store<u8>(bits + <usize>(lane >>> 3), word);
      word = 0;
    }
  }
  if ((laneCount & 7) != 0) store<u8>(bits + <usize>(laneCount >>> 3), word);
}

export const ORDER_LESS: i32 = 1;
export const ORDER_EQUAL: i32 = 2;
export const ORDER_GREATER: i32 = 4;
export const ORDER_NONE: i32 = 8; // against NaN

/** The orders of two values for which a comparison holds. */
export function acceptedOrders(operator: i32): i32 {
  if (operator == COMPARE_EQ) return ORDER_EQUAL;
  if (operator == COMPARE_NE) return ORDER_LESS | ORDER_GREATER | ORDER_NONE;
  if (operator == COMPARE_LT) return ORDER_LESS;
  if (operator == COMPARE_LE) return ORDER_LESS | ORDER_EQUAL;
  if (operator == COMPARE_GT) return ORDER_GREATER;
  return ORDER_GREATER | ORDER_EQUAL;
}

/** Exact: the whole part is compared as an i64, which holds it, and the fraction decides when they are equal. */
function orderOf(a: i64, b: f64): i32 {
  if (b != b) return ORDER_NONE;
  if (b >= 9223372036854775808.0) return ORDER_LESS;
  if (b < -9223372036854775808.0) return ORDER_GREATER;
  const whole = <i64>b;
  if (a != whole) return a < whole ? ORDER_LESS : ORDER_GREATER;
  const fraction = b - <f64>whole;
  return fraction == 0 ? ORDER_EQUAL : fraction > 0 ? ORDER_LESS : ORDER_GREATER;
}
