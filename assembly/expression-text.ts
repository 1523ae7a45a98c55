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
  if (operator == COMPARE_EQ || operator == COMPARE_NE) {
    equateTexts(target, a, b, operator == COMPARE_NE);
    return;
  }
  const accepted = acceptedOrders(operator);
  for (let lane = 0; lane < laneCount; lane++) {
    const pairA = pairAt(a, lane);
    const pairB = pairAt(b, lane);
    const startA = load<u32>(pairA);
    const startB = load<u32>(pairB);
    const lengthA = load<u32>(pairA, 4) - startA;
    const lengthB = load<u32>(pairB, 4) - startB;
    const order = orderOfBytes(registerBytes(a) + startA, lengthA, registerBytes(b) + startB, lengthB);
    writeBit(target, lane, (accepted & order) != 0);
  }
}

/** Equal or not. A literal of at most eight bytes is one word, compared without a branch on the data. */
function equateTexts(target: usize, a: usize, b: usize, inverted: bool): void {
  if (registerStep(a) == 0 && registerStep(b) != 0) {
    equateTexts(target, b, a, inverted);
    return;
  }
  const bits = homeValues(target);
  const pairs = registerValues(a);
  const step = registerStep(a);
  const bytes = registerBytes(a);
  const literal = registerValues(b);
  const literalAt = registerBytes(b) + load<u32>(literal);
  const literalBytes = load<u32>(literal, 4) - load<u32>(literal);
  const isShort = registerStep(b) == 0 && literalBytes <= 8;
  const mask: u64 = literalBytes == 0 ? 0 : u64.MAX_VALUE >> (64 - (<u64>literalBytes << 3));
  const word: u64 = isShort ? load<u64>(literalAt) & mask : 0; // data is padded to whole vectors
  // A word is read at every start: not where it would reach over the end of the memory.
  const wordEnd = (<usize>memory.size() << 16) - 8;
  const flip: i64 = inverted ? -1 : 0;
  for (let first = 0; first < laneCount; first += 64) {
    const count = min<i32>(64, laneCount - first);
    let equal: i64 = 0;
    for (let index = 0; index < count; index++) {
      const pair = pairs + <usize>(first + index) * step;
      const start = load<u32>(pair);
      const length = load<u32>(pair, 4) - start;
      const at = bytes + start;
      let same: bool;
      if (isShort && at <= wordEnd) {
        same = <bool>(<i32>(length == literalBytes) & <i32>((load<u64>(at) & mask) == word));
      } else {
        const other = pairAt(b, first + index);
        const otherStart = load<u32>(other);
        const otherAt = registerBytes(b) + otherStart;
        same = length == load<u32>(other, 4) - otherStart && orderOfBytes(at, length, otherAt, length) == ORDER_EQUAL;
      }
      equal |= <i64>same << index;
    }
    store<i64>(bits + (<usize>(first >>> 6) << 3), equal ^ flip);
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
