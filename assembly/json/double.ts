// assembly/json/double.ts — a decimal mantissa and exponent to the nearest double, ties to even.
//
// Promises
//   - The result is the one of JSON.parse, to the last bit, for any number of digits.
//   - Nothing is kept in static data: tables are computed once, exactly, into arena memory.
// Way       64 × 128-bit product with a table of powers of five; where a cut mantissa leaves two candidates, the whole
//           decimal is compared with the midpoint between two doubles in integers (bignum.ts).
// Source    Lemire, "Number parsing at a gigabyte per second" (2021); Mushtak, Lemire, "Fast number parsing without
//           fallback" (2023).

import { reserve } from '../arena';
import {
  BIG_BYTES,
  bigCompare,
  bigCopy,
  bigDivide,
  bigMultiply,
  bigMultiplyFive,
  bigSet,
  bigShift,
  bigTop,
} from './bignum';
import { byteAt, isDigit, MINUS } from './text';

const POWER_MIN: i32 = -342; // Below, even 2^64 × 10^q rounds to 0.
const POWER_MAX: i32 = 308; // Above, even 1 × 10^q overflows.
const INFINITY_BITS: u64 = 0x7ff0000000000000;
/** No double's midpoint has more significant digits; those behind it count only as "not exactly that". */
const DIGITS_MAX: i32 = 769;

let powers: usize = 0; // 128 bits each, from 5^POWER_MIN on; the highest bit set
let exactTens: usize = 0; // f64 10^0 … 10^22
let integerTens: usize = 0; // u64 10^0 … 10^16
let decimal: usize = 0; // bignums for the slow way
let left: usize = 0;
let right: usize = 0;

/** Computes the tables on the first call; false when the arena is full. */
export function openPowers(): bool {
  if (powers != 0) return true;
  const tableBytes = <usize>(POWER_MAX - POWER_MIN + 1) << 4;
  const base = reserve(tableBytes + 23 * 8 + 17 * 8 + 3 * BIG_BYTES);
  if (base == 0) return false;
  exactTens = base + tableBytes;
  integerTens = exactTens + 23 * 8;
  decimal = integerTens + 17 * 8;
  left = decimal + BIG_BYTES;
  right = left + BIG_BYTES;
  let ten: f64 = 1;
  for (let index: usize = 0; index < 23; index++, ten *= 10) store<f64>(exactTens + (index << 3), ten);
  let integer: u64 = 1;
  for (let index: usize = 0; index < 17; index++, integer *= 10) store<u64>(integerTens + (index << 3), integer);
  fillPowers(base);
  powers = base;
  return true;
}

function fillPowers(base: usize): void {
  const one = base + (<usize>-POWER_MIN << 4);
  bigSet(decimal, 1);
  for (let q = 0; q <= POWER_MAX; q++) {
    bigTop(decimal, one + (<usize>q << 4));
    bigMultiply(decimal, 5, 0);
  }
  // floor(2^960 / 5^n): 960 is 128 bits more than 5^342 has, so the top 128 bits are exact for every n.
  bigSet(decimal, 1);
  bigShift(decimal, 960);
  for (let q = -1; q >= POWER_MIN; q--) {
    bigDivide(decimal, 5);
    const entry = one - (<usize>-q << 4);
    bigTop(decimal, entry);
    // Short reciprocals are rounded up: the product of a mantissa that divides evenly then is not one too small.
    if (q >= -27) {
      const low = load<u64>(entry, 8) + 1;
      store<u64>(entry, low, 8);
      if (low == 0) store<u64>(entry, load<u64>(entry) + 1);
    }
  }
}

/** 10^n, 0 ≤ n ≤ 22, exact. */
// @ts-ignore: decorator
@inline
export function powerOfTen(n: i32): f64 {
  return load<f64>(exactTens + (<usize>n << 3));
}

/** 10^n, 0 ≤ n ≤ 16. */
// @ts-ignore: decorator
@inline
export function powerOfTenInteger(n: i32): u64 {
  return load<u64>(integerTens + (<usize>n << 3));
}

// @ts-ignore: decorator
@inline
export function isFinite64(value: f64): bool {
  return value <= f64.MAX_VALUE;
}

/**
 * The double nearest to mantissa × 10^exponent; infinity when that overflows.
 *
 * @param cut  the mantissa holds the first 19 significant digits only and others than 0 follow
 * @param p    where the number stands in the text, for the digits behind the mantissa
 */
export function decimalToDouble(mantissa: u64, exponent: i64, cut: bool, p: usize): f64 {
  if (mantissa == 0 || exponent < POWER_MIN) return 0;
  if (exponent > POWER_MAX) return Infinity;
  const bits = nearestBits(mantissa, <i32>exponent);
  if (cut && nearestBits(mantissa + 1, <i32>exponent) != bits) return compareDigits(p, <i32>exponent, bits);
  return reinterpret<f64>(bits);
}

let productHigh: u64 = 0;

/** Low half of a × b; the high half is in productHigh. */
function product(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >>> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >>> 32;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 32);
  const cross = aLow * bHigh + (middle & 0xffffffff);
  productHigh = aHigh * bHigh + (middle >>> 32) + (cross >>> 32);
  return (cross << 32) | (low & 0xffffffff);
}

/** Bits of the double nearest to w × 10^q, w ≠ 0, POWER_MIN ≤ q ≤ POWER_MAX. */
function nearestBits(w: u64, q: i32): u64 {
  const power = powers + (<usize>(q - POWER_MIN) << 4);
  const spare = clz(w);
  w <<= spare;
  let low = product(w, load<u64>(power));
  let high = productHigh;
  if ((high & 0x1ff) == 0x1ff) {
    // The nine bits that decide are all ones: a carry from the power's low half may reach them.
    product(w, load<u64>(power, 8));
    low += productHigh;
    if (productHigh > low) high++;
  }
  const upper = high >>> 63;
  let mantissa = high >>> (upper + 9); // 54 bits: one more than a double, to round with
  // floor(q × log2(10)) by 217706 / 2^16, exact in this range; 1086 = 1023 + 63.
  let binary = <i64>((217706 * q) >> 16) + 1086 + <i64>upper - <i64>spare;
  if (binary <= 0) {
    if (binary <= -63) return 0;
    mantissa >>= <u64>(1 - binary);
    return (mantissa + (mantissa & 1)) >>> 1; // A carry into bit 52 is the smallest normal number.
  }
  // Exactly in the middle, which only short powers can be: to even instead of up.
  if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << (upper + 9) == high) mantissa--;
  mantissa = (mantissa + (mantissa & 1)) >>> 1;
  if (mantissa >= 0x20000000000000) {
    mantissa = 0x10000000000000;
    binary++;
  }
  if (binary >= 0x7ff) return INFINITY_BITS;
  return (mantissa & 0xfffffffffffff) | (<u64>binary << 52);
}

/** The double nearest to the whole number at p, walking from a close guess. `exponent` belongs to its first 19 digits. */
function compareDigits(p: usize, exponent: i32, bits: u64): f64 {
  const scale = exponent + 19 - readDigits(p);
  if (bits >= INFINITY_BITS) bits = INFINITY_BITS - 1;
  while (true) {
    const above = compareMidpoint(bits, scale);
    if (above > 0) {
      bits++;
      if (bits == INFINITY_BITS) return Infinity;
      continue;
    }
    if (above == 0) return reinterpret<f64>(bits + (bits & 1));
    if (bits == 0) return 0;
    const below = compareMidpoint(bits - 1, scale);
    if (below > 0) return reinterpret<f64>(bits);
    if (below == 0) return reinterpret<f64>(bits - (bits & 1));
    bits--;
  }
}

/** Reads the significant digits at p into `decimal`; returns how many. One digit 1 stands for all behind DIGITS_MAX. */
function readDigits(p: usize): i32 {
  bigSet(decimal, 0);
  if (byteAt(p) == MINUS) p++;
  let count = 0;
  for (let byte = byteAt(p); isDigit(byte) || byte == 0x2e; byte = byteAt(++p)) {
    const digit = <u32>byte - 0x30;
    if (byte == 0x2e || (count == 0 && digit == 0)) continue;
    if (count < DIGITS_MAX) {
      bigMultiply(decimal, 10, digit);
      count++;
    } else if (digit != 0) {
      bigMultiply(decimal, 10, 1);
      return count + 1;
    }
  }
  return count;
}

/** Compares decimal × 10^scale with the point halfway between the double `bits` and the next larger one. */
function compareMidpoint(bits: u64, scale: i32): i32 {
  const field = <i32>(bits >>> 52);
  const fraction = bits & 0xfffffffffffff;
  const binary = (field == 0 ? 1 : field) - 1076; // of half a unit in the last place
  const doubled = ((field == 0 ? fraction : fraction | 0x10000000000000) << 1) + 1;
  bigCopy(left, decimal);
  bigSet(right, doubled);
  if (scale >= 0) bigMultiplyFive(left, scale);
  else bigMultiplyFive(right, -scale);
  // Powers of two that both sides share are not multiplied in.
  const shift = scale - binary;
  if (shift > 0) bigShift(left, shift);
  else bigShift(right, -shift);
  return bigCompare(left, right);
}
