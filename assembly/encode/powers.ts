// assembly/encode/powers.ts — powers of ten to 128 bits, worked out once by exact integer arithmetic.
//
//   entry k   g(k) = ⌈10^k × 2^−r⌉ with r = ⌊log2 10^k⌋ − 127, so 2^127 ≤ g < 2^128:  u64 high │ u64 low
//
// Positive powers are multiplied up as whole big integers. Negative ones are ⌊2^WIDTH / 10^n⌋, divided down step by
// step: ⌊⌊x / 10⌋ / 10⌋ = ⌊x / 100⌋, so nothing is lost on the way.
//
// Not here  what they are good for (float-text.ts).

import { reserve } from '../arena';

export const POWER_MIN = -292;
export const POWER_MAX = 324;
const POWER_BYTES = 16;

/** Whole powers that fit 64 bits, 10^0 … 10^19, stand behind the table. */
const SMALL_POWERS = 20;
const SMALL_AT = (POWER_MAX - POWER_MIN + 1) * POWER_BYTES;

/** Words of 32 bits: 10^324 takes 1,077 bits; 2^WIDTH / 10^292 must still have 128. */
const WORDS = 40;

/** Makes the table; 0 when the arena is full. */
export function powersCreate(): usize {
  const table = reserve(SMALL_AT + SMALL_POWERS * 8);
  const number = reserve(WORDS * 4);
  if (table == 0 || number == 0) return 0;
  clear(number);
  store<u32>(number, 1);
  for (let power = 0; power <= POWER_MAX; power++) {
    if (power < SMALL_POWERS) store<u64>(table + SMALL_AT + ((<usize>power) << 3), load<u64>(number));
    storePower(table, number, power);
    multiplyByTen(number);
  }
  clear(number);
  store<u32>(number + (WORDS - 1) * 4, 0x80000000);
  for (let power = -1; power >= POWER_MIN; power--) {
    divideByTen(number);
    storePower(table, number, power);
  }
  return table;
}

// @ts-ignore: decorator
@inline
export function powerHigh(table: usize, power: i32): u64 {
  return load<u64>(table + <usize>(power - POWER_MIN) * POWER_BYTES);
}

// @ts-ignore: decorator
@inline
export function powerLow(table: usize, power: i32): u64 {
  return load<u64>(table + <usize>(power - POWER_MIN) * POWER_BYTES, 8);
}

/** 10^power, for powers below 20. */
// @ts-ignore: decorator
@inline
export function smallPower(table: usize, power: i32): u64 {
  return load<u64>(table + SMALL_AT + ((<usize>power) << 3));
}

/** The number's top 128 bits, rounded up when anything stands below them or (negative powers) always. */
function storePower(table: usize, number: usize, power: i32): void {
  const top = highestBit(number);
  let high = bitsFrom(number, top - 63);
  let low = bitsFrom(number, top - 127);
  if (power < 0 || anyBelow(number, top - 127)) {
    low++;
    if (low == 0) high++;
  }
  const entry = table + <usize>(power - POWER_MIN) * POWER_BYTES;
  store<u64>(entry, high);
  store<u64>(entry, low, 8);
}

function clear(number: usize): void {
  memory.fill(number, 0, WORDS * 4);
}

function multiplyByTen(number: usize): void {
  let carry: u64 = 0;
  for (let word = 0; word < WORDS; word++) {
    const at = number + ((<usize>word) << 2);
    const product = <u64>load<u32>(at) * 10 + carry;
    store<u32>(at, <u32>product);
    carry = product >> 32;
  }
}

function divideByTen(number: usize): void {
  let rest: u64 = 0;
  for (let word = WORDS - 1; word >= 0; word--) {
    const at = number + ((<usize>word) << 2);
    const dividend = (rest << 32) | load<u32>(at);
    store<u32>(at, <u32>(dividend / 10));
    rest = dividend % 10;
  }
}

function highestBit(number: usize): i32 {
  for (let word = WORDS - 1; word >= 0; word--) {
    const bits = load<u32>(number + ((<usize>word) << 2));
    if (bits != 0) return word * 32 + 31 - clz<i32>(bits);
  }
  return -1;
}

/** 64 bits from bit `from` upwards; bits below bit 0 are zeros. */
function bitsFrom(number: usize, from: i32): u64 {
  let bits: u64 = 0;
  for (let bit = 63; bit >= 0; bit--) bits = (bits << 1) | <u64>bitOf(number, from + bit);
  return bits;
}

function bitOf(number: usize, bit: i32): u32 {
  return bit < 0 ? 0 : (load<u32>(number + ((<usize>(bit >>> 5)) << 2)) >>> (bit & 31)) & 1;
}

function anyBelow(number: usize, bit: i32): bool {
  for (let below = 0; below < bit; below++) if (bitOf(number, below) != 0) return true;
  return false;
}
