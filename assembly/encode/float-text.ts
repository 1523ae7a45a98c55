// assembly/encode/float-text.ts — numbers as text, exactly as JavaScript writes them.
//
// A double becomes the shortest decimal that reads back as it, the nearest to it if there are several; the notation is
// that of ECMAScript's Number::toString: plain digits for 1e-6 ≤ |x| < 1e21, else with an exponent.
//
// Source    Raffaello Giulietti, "The Schubfach way to render doubles" (2021): one table entry, three products of
//           64 × 128 bits rounded to odd, at most two candidates. Digits go out eight at a time, each eight by three
//           multiplications in one word (Daniel Lemire's blog, "Converting integers to fix-digit representations", 2021).
// Not here  NaN and the infinities: they are no numbers in JSON (json.ts).

import { powerHigh, powerLow, powersCreate, smallPower } from './powers';

/** Room that writeI64 and writeF64 need: 25 bytes at most (−2.2250738585072014e-308), and stores of eight at its end. */
export const NUMBER_ROOM_BYTES = 32;

const CHUNK: u64 = 100000000;

let powers: usize = 0;

/** Makes the table of powers on first use; false when the arena is full. */
export function floatTextCreate(): bool {
  if (powers == 0) powers = powersCreate();
  return powers != 0;
}

/** Writes an integer's digits; returns the byte behind them. */
export function writeI64(to: usize, value: i64): usize {
  if (value < 0) {
    store<u8>(to++, 0x2d);
    return writeDigits(to, <u64>(0 - value));
  }
  return writeDigits(to, value);
}

/** Writes a finite double; returns the byte behind it. */
export function writeF64(to: usize, value: f64): usize {
  if (value == 0) {
    store<u8>(to, 0x30); // JavaScript writes −0 as 0.
    return to + 1;
  }
  const bits = reinterpret<u64>(value);
  if (<i64>bits < 0) store<u8>(to++, 0x2d);
  const magnitude = abs<f64>(value);
  if (magnitude < 9007199254740992 && nearest<f64>(magnitude) == magnitude) return writeDigits(to, <u64>magnitude);
  shorten(bits & 0xfffffffffffff, <i32>((bits >> 52) & 0x7ff));
  return writeNotation(to, shortDigits, shortExponent);
}

// The decimal last found: shortDigits × 10^shortExponent.
let shortDigits: u64 = 0;
let shortExponent: i32 = 0;

/** Finds the shortest decimal of a double given as its fraction and biased exponent. */
function shorten(fraction: u64, biased: i32): void {
  const c = biased != 0 ? fraction | 0x10000000000000 : fraction;
  const q = (biased != 0 ? biased : 1) - 1075; // value = c × 2^q
  const isEven = (c & 1) == 0;
  const lowerIsCloser = fraction == 0 && biased > 1;
  // The value and the ends of its rounding interval, in quarters of an ulp.
  const left = 4 * c - 2 + <u64>lowerIsCloser;
  const middle = 4 * c;
  const right = 4 * c + 2;
  // k = ⌊log10 of the interval's width⌋; both products fit i32 for every exponent of a double.
  const k = (q * 1262611 - (lowerIsCloser ? 524031 : 0)) >> 22;
  const shift = q + ((-k * 1741647) >> 19) + 1;
  const high = powerHigh(powers, -k);
  const low = powerLow(powers, -k);
  const lower = roundToOdd(high, low, left << shift) + <u64>!isEven;
  const value = roundToOdd(high, low, middle << shift);
  const upper = roundToOdd(high, low, right << shift) - <u64>!isEven;

  const s = value / 4;
  if (s >= 10) {
    const tens = s / 10;
    const downInside = lower <= 40 * tens;
    const upInside = 40 * tens + 40 <= upper;
    if (downInside != upInside) return keep(tens + <u64>upInside, k + 1);
  }
  const downInside = lower <= 4 * s;
  const upInside = 4 * s + 4 <= upper;
  if (downInside != upInside) return keep(s + <u64>upInside, k);
  const half = 4 * s + 2;
  keep(s + <u64>(value > half || (value == half && (s & 1) != 0)), k);
}

/** Keeps a decimal without the zeros at its end; there are sixteen at most. */
function keep(digits: u64, exponent: i32): void {
  if (digits % 100000000 == 0) {
    digits /= 100000000;
    exponent += 8;
  }
  if (digits % 10000 == 0) {
    digits /= 10000;
    exponent += 4;
  }
  while (digits % 10 == 0) {
    digits /= 10;
    exponent++;
  }
  shortDigits = digits;
  shortExponent = exponent;
}

/** ⌊g × c / 2^128⌋ for the 128-bit g, its last bit set when anything was cut off. */
function roundToOdd(high: u64, low: u64, c: u64): u64 {
  const below = highProduct(low, c);
  const middle = high * c + below;
  const top = highProduct(high, c) + <u64>(middle < below);
  return top | <u64>(middle > 1);
}

/** Upper 64 bits of a × b. */
function highProduct(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const cross = aLow * bHigh + (middle & 0xffffffff);
  return aHigh * bHigh + (middle >> 32) + (cross >> 32);
}

/** ECMAScript Number::toString, steps 5 to 12: `count` digits with the point behind `point` of them. */
function writeNotation(to: usize, digits: u64, exponent: i32): usize {
  const count = digitCount(digits);
  const point = count + exponent;
  if (point > 21 || point < -5) return writeExponent(to, digits, count, point - 1);
  if (point <= 0) {
    store<u16>(to, 0x2e30); // 0.
    memory.fill(to + 2, 0x30, -point);
    return writeDigits(to + 2 - point, digits);
  }
  if (exponent >= 0) {
    const end = writeDigits(to, digits);
    memory.fill(end, 0x30, exponent);
    return end + exponent;
  }
  writeDigits(to + 1, digits);
  memory.copy(to, to + 1, point);
  store<u8>(to + point, 0x2e);
  return to + count + 1;
}

function writeExponent(to: usize, digits: u64, count: i32, exponent: i32): usize {
  let at = to;
  if (count == 1) store<u8>(at++, 0x30 + <u8>digits);
  else {
    writeDigits(to + 1, digits);
    store<u8>(to, load<u8>(to, 1));
    store<u8>(to, 0x2e, 1);
    at = to + count + 1;
  }
  store<u8>(at, 0x65);
  store<u8>(at, exponent < 0 ? 0x2d : 0x2b, 1);
  return writeDigits(at + 2, exponent < 0 ? -exponent : exponent);
}

/** Writes the digits of `value`; up to seven bytes behind them change. */
function writeDigits(to: usize, value: u64): usize {
  if (value < CHUNK) return writeFirst(to, <u32>value);
  let at = to;
  const chunks = value / CHUNK;
  if (chunks < CHUNK) at = writeFirst(at, <u32>chunks);
  else {
    const top = chunks / CHUNK;
    at = writeFirst(at, <u32>top);
    store<u64>(at, eightDigits(<u32>(chunks - top * CHUNK)));
    at += 8;
  }
  store<u64>(at, eightDigits(<u32>(value - chunks * CHUNK)));
  return at + 8;
}

/** Digits of a value below 10^8 without leading zeros. */
function writeFirst(to: usize, value: u32): usize {
  const digits = eightDigits(value);
  // The first digit stands in the lowest byte. Zero keeps its last one.
  const zeros = min<u64>(ctz<u64>(digits & 0x0f0f0f0f0f0f0f0f) >> 3, 7);
  store<u64>(to, digits >> (zeros << 3));
  return to + 8 - <usize>zeros;
}

/** Eight digits as text, the first in the lowest byte: halves, then pairs, then digits, all in one word. */
// @ts-ignore: decorator
@inline
function eightDigits(value: u32): u64 {
  const upper = <u64>(value / 10000);
  const halves = upper | ((<u64>value - upper * 10000) << 32);
  const hundreds = ((halves * 10486) >> 20) & 0x0000007f0000007f;
  const pairs = hundreds | ((halves - hundreds * 100) << 16);
  const tens = ((pairs * 103) >> 10) & 0x000f000f000f000f;
  return (tens | ((pairs - tens * 10) << 8)) + 0x3030303030303030;
}

function digitCount(value: u64): i32 {
  // 1233 / 4096 is log10 2 from above; right for all but values below the power of ten they are near.
  const power = ((64 - <i32>clz<u64>(value)) * 1233) >> 12;
  return power + i32(value >= smallPower(powers, power));
}
