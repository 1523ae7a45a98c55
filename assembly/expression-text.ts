// assembly/expression-text.ts — utf8: comparisons byte by byte, prefixes, and the tables of `in`.
//
// Lane i of a utf8 register is the bytes from start to end, two i32 at values + i × step: with step 4 those are a
// column's own offsets, with 8 computed pairs, with 0 one literal for every lane.
// Tables of `in` are sorted by the compiler: numbers by value (no NaN, one zero), utf8 by length, then bytes.

import { bitAt, clearBit, setBit } from './batch';
import { acceptedOrders, ORDER_EQUAL, ORDER_GREATER, ORDER_LESS } from './expression-compare';
import { COMPARE_EQ, COMPARE_NE } from './expression-layout';
import { homeValues, laneCount, registerBytes, registerStep, registerValues } from './expression-register';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64 } from './layout';

// @ts-ignore: decorator
@inline
function pairAt(register: usize, lane: i32): usize {
  return registerValues(register) + <usize>lane * registerStep(register);
}

export function compareTexts(operator: i32, target: usize, a: usize, b: usize): void {
  const accepted = acceptedOrders(operator);
  const equality = operator == COMPARE_EQ || operator == COMPARE_NE;
  for (let lane = 0; lane < laneCount; lane++) {
    const pairA = pairAt(a, lane);
    const pairB = pairAt(b, lane);
    const startA = load<u32>(pairA);
    const startB = load<u32>(pairB);
    const lengthA = load<u32>(pairA, 4) - startA;
    const lengthB = load<u32>(pairB, 4) - startB;
    let order = ORDER_LESS;
    if (!equality || lengthA == lengthB) {
      order = orderOfBytes(registerBytes(a) + startA, lengthA, registerBytes(b) + startB, lengthB);
    }
    writeBit(target, lane, (accepted & order) != 0);
  }
}

export function startsWith(target: usize, a: usize, b: usize): void {
  for (let lane = 0; lane < laneCount; lane++) {
    const pairA = pairAt(a, lane);
    const pairB = pairAt(b, lane);
    const startA = load<u32>(pairA);
    const startB = load<u32>(pairB);
    const prefixBytes = load<u32>(pairB, 4) - startB;
    const begins =
      load<u32>(pairA, 4) - startA >= prefixBytes &&
      orderOfBytes(registerBytes(a) + startA, prefixBytes, registerBytes(b) + startB, prefixBytes) == ORDER_EQUAL;
    writeBit(target, lane, begins);
  }
}

/** target := a in the table. */
export function inTable(type: i32, target: usize, a: usize, table: usize, count: i32): void {
  if (type == TYPE_I64) inNumbers<i64>(target, a, table, count);
  else if (type == TYPE_F64) inNumbers<f64>(target, a, table, count);
  else if (type == TYPE_I32) inNumbers<i32>(target, a, table, count);
  else if (type == TYPE_BOOL) inBools(target, a, table);
  else inTexts(target, a, table, count);
}

function inNumbers<T>(target: usize, a: usize, table: usize, count: i32): void {
  for (let lane = 0; lane < laneCount; lane++) {
    const value = load<T>(pairAt(a, lane));
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (load<T>(table + <usize>middle * sizeof<T>()) < value) low = middle + 1;
      else high = middle;
    }
    writeBit(target, lane, low < count && load<T>(table + <usize>low * sizeof<T>()) == value);
  }
}

/** A table of bools: bit 0, false is in it; bit 1, true is. */
function inBools(target: usize, a: usize, table: usize): void {
  const members = load<i32>(table);
  for (let lane = 0; lane < laneCount; lane++) {
    writeBit(target, lane, ((members >>> <i32>bitAt(registerValues(a), lane)) & 1) != 0);
  }
}

/** A table of texts: count × (u32 offset from the table, u32 length). */
function inTexts(target: usize, a: usize, table: usize, count: i32): void {
  for (let lane = 0; lane < laneCount; lane++) {
    const pair = pairAt(a, lane);
    const start = load<u32>(pair);
    const length = load<u32>(pair, 4) - start;
    const text = registerBytes(a) + start;
    let low = 0;
    let high = count;
    let found: bool = false;
    while (low < high && !found) {
      const middle = (low + high) >>> 1;
      const entry = table + (<usize>middle << 3);
      const entryBytes = load<u32>(entry, 4);
      let order = entryBytes < length ? ORDER_LESS : ORDER_GREATER;
      if (entryBytes == length) order = orderOfBytes(table + load<u32>(entry), length, text, length);
      if (order == ORDER_EQUAL) found = true;
      else if (order == ORDER_LESS) low = middle + 1;
      else high = middle;
    }
    writeBit(target, lane, found);
  }
}

/** Eight bytes at a time while they are equal; the first that differ are compared as big-endian numbers. */
function orderOfBytes(a: usize, aBytes: u32, b: usize, bBytes: u32): i32 {
  const shared = min<u32>(aBytes, bBytes);
  let at: u32 = 0;
  for (; at + 8 <= shared; at += 8) {
    const x = load<u64>(a + at);
    const y = load<u64>(b + at);
    if (x != y) return bswap<u64>(x) < bswap<u64>(y) ? ORDER_LESS : ORDER_GREATER;
  }
  for (; at < shared; at++) {
    const x = load<u8>(a + at);
    const y = load<u8>(b + at);
    if (x != y) return x < y ? ORDER_LESS : ORDER_GREATER;
  }
  return aBytes == bBytes ? ORDER_EQUAL : aBytes < bBytes ? ORDER_LESS : ORDER_GREATER;
}

// @ts-ignore: decorator
@inline
function writeBit(target: usize, lane: i32, bit: bool): void {
  if (bit) setBit(homeValues(target), lane);
  else clearBit(homeValues(target), lane);
}
