// assembly/json/number.ts — JSON numbers: checked, or read as an exact integer or the nearest double.
//
// Short forms (up to 16 integer digits, up to 16 fraction digits, no exponent) are read eight digits at a time.
// Everything else goes through scanDecimal, byte by byte and bounded by textEnd, which also is the only judge of
// the grammar for a number that may touch the end of the text.
//
// Source    eight digits by three multiplications: Lemire, Mula, "Number parsing at a gigabyte per second" (2021).
// Not here  decimal to binary (double.ts).

import { REASON_SYNTAX } from '../layout';
import { decimalToDouble, isFinite64, powerOfTen, powerOfTenInteger } from './double';
import { byteAt, COMMA, fault, isDigit, MINUS, textEnd } from './text';

export const NUMBER_EXACT: i32 = 0;
/** Not an integer, read as one. */
export const NUMBER_FRACTION: i32 = 1;
/** Beyond i64, or beyond the largest double. */
export const NUMBER_OVERFLOW: i32 = 2;

/** What readInteger and readDouble found. */
export let numberState: i32 = 0;
export let numberInteger: i64 = 0;
export let numberDouble: f64 = 0;

// What scanDecimal found: ±mantissa × 10^exponent, the mantissa being the first 19 significant digits.
const MANTISSA_DIGITS_MAX: i32 = 19;
let decimalMantissa: u64 = 0;
let decimalExponent: i64 = 0;
let decimalNegative: bool = false;
/** Digits other than 0 follow behind the mantissa. */
let decimalCut: bool = false;

/** Exponents beyond this are all alike; above any frame's length, so zeros can never make up for them. */
const EXPONENT_MAX: i64 = 1000000000000;

/** Checks the grammar only. Returns the address behind the number, or 0. */
export function skipNumber(p: usize): usize {
  const first = p + <usize>(load<u8>(p) == MINUS);
  const word = load<u64>(first);
  const digits = digitsIn(word);
  if (digits == 0 || digits == 8 || (<u8>word == 0x30 && digits != 1)) return scanDecimal(p);
  const behind = first + <usize>digits;
  if (!goesOn(load<u8>(behind))) return behind;
  if (load<u8>(behind) != 0x2e) return scanDecimal(p);
  const fraction = digitsIn(load<u64>(behind, 1));
  const last = behind + 1 + <usize>fraction;
  return fraction == 0 || fraction == 8 || goesOn(load<u8>(last)) ? scanDecimal(p) : last;
}

/** Whether an integer that begins with this byte may have more digits: 1 … 9. */
// @ts-ignore: decorator
@inline
export function leadsDigits(byte: u8): bool {
  return <u32>byte - 0x31 < 9;
}

/** p at a digit 1 … 9. Skips an integer of at most 7 digits; 0 when it is none, which is no fault. */
// @ts-ignore: decorator
@inline
export function skipShortInteger(p: usize): usize {
  const digits = digitsIn(load<u64>(p));
  if (digits == 8) return 0;
  p += <usize>digits;
  const byte = load<u8>(p);
  return byte == COMMA || !goesOn(byte) ? p : 0;
}

/**
 * Reads an integer of at most 19 digits and no point or exponent; its value is in numberInteger.
 *
 * @param p     at its first digit, 1 … 9, behind the sign
 * @param sign  0, or −1 for a negative number
 * @returns the address behind it, or 0 when it is none of these (which is no fault: readInteger decides)
 */
// @ts-ignore: decorator
@inline
export function readShortInteger(p: usize, sign: i64): usize {
  const word = load<u64>(p);
  const digits = digitsIn(word);
  let value: i64;
  if (digits == 8) {
    const next = load<u64>(p, 8);
    const more = digitsIn(next);
    p += 8 + <usize>more;
    value = <i64>eightDigits(word, 8);
    if (more != 0) value = value * <i64>powerOfTenInteger(more) + <i64>eightDigits(next, more);
    if (more == 8) {
      const last = digitsIn(load<u64>(p));
      if (last > 3) return 0;
      if (last != 0) value = value * <i64>powerOfTenInteger(last) + <i64>eightDigits(load<u64>(p), last);
      if (value < 0) return 0; // 19 digits fit into u64, not all of them into i64.
      p += <usize>last;
    }
  } else {
    value = <i64>eightDigits(word, digits);
    p += <usize>digits;
  }
  numberInteger = (value ^ sign) - sign;
  const byte = load<u8>(p);
  return byte == COMMA || !goesOn(byte) ? p : 0;
}

/** p at a 0 that is the whole number. */
// @ts-ignore: decorator
@inline
export function readZero(p: usize): usize {
  numberState = NUMBER_EXACT;
  numberInteger = 0;
  return p + 1;
}

/** Reads any number that is an exact i64 (1.0 and 1e3 are) into numberInteger. Returns the address behind it, or 0. */
export function readInteger(p: usize): usize {
  const behind = scanDecimal(p);
  if (behind == 0) return 0;
  numberInteger = 0;
  numberState = NUMBER_EXACT;
  let value = decimalMantissa;
  let exponent = decimalExponent;
  if (value == 0) return behind;
  if (decimalCut) {
    numberState = exponent > 0 ? NUMBER_OVERFLOW : NUMBER_FRACTION;
    return behind;
  }
  while (exponent < 0 && value % 10 == 0) {
    value /= 10;
    exponent++;
  }
  if (exponent < 0) {
    numberState = NUMBER_FRACTION;
    return behind;
  }
  const limit: u64 = decimalNegative ? 0x8000000000000000 : 0x7fffffffffffffff;
  while (exponent > 0 && value <= limit / 10) {
    value *= 10;
    exponent--;
  }
  if (exponent > 0 || value > limit) numberState = NUMBER_OVERFLOW;
  else numberInteger = decimalNegative ? <i64>(0 - value) : <i64>value;
  return behind;
}

/** Reads the nearest double into numberDouble. Returns the address behind the number, or 0. */
export function readDouble(p: usize): usize {
  const negative = load<u8>(p) == MINUS;
  let behind = p + <usize>negative;
  const word = load<u64>(behind);
  const digits = digitsIn(word);
  if (digits != 0 && digits != 8 && ((word & 0xff) != 0x30 || digits == 1)) {
    let mantissa = eightDigits(word, digits);
    behind += <usize>digits;
    let fraction = 0;
    if (load<u8>(behind) == 0x2e) {
      const next = load<u64>(behind, 1);
      fraction = digitsIn(next);
      if (fraction == 0) return fault(REASON_SYNTAX, behind + 1);
      mantissa = mantissa * powerOfTenInteger(fraction) + eightDigits(next, fraction);
      behind += 1 + <usize>fraction;
      if (fraction == 8) {
        const last = load<u64>(behind);
        const more = digitsIn(last);
        // At most 19 digits in all: the mantissa stays exact in u64.
        if (digits + 8 + more > MANTISSA_DIGITS_MAX || more == 8) return readLongDouble(p);
        if (more != 0) mantissa = mantissa * powerOfTenInteger(more) + eightDigits(last, more);
        behind += <usize>more;
        fraction += more;
      }
    }
    if (!goesOn(load<u8>(behind))) {
      // Both exact in a double, so the one division rounds correctly (Clinger 1990).
      const value =
        mantissa <= 9007199254740992
          ? <f64>mantissa / powerOfTen(fraction)
          : decimalToDouble(mantissa, -(<i64>fraction), false, p);
      numberState = NUMBER_EXACT;
      numberDouble = negative ? -value : value;
      return behind;
    }
  }
  return readLongDouble(p);
}

function readLongDouble(p: usize): usize {
  const behind = scanDecimal(p);
  if (behind == 0) return 0;
  const value = decimalToDouble(decimalMantissa, decimalExponent, decimalCut, p);
  numberState = isFinite64(value) ? NUMBER_EXACT : NUMBER_OVERFLOW;
  numberDouble = decimalNegative ? -value : value;
  return behind;
}

/** Checks a number byte by byte and takes it apart. Returns the address behind it (textEnd at most), or 0. */
export function scanDecimal(p: usize): usize {
  decimalNegative = byteAt(p) == MINUS;
  if (decimalNegative) p++;
  decimalMantissa = 0;
  decimalExponent = 0;
  decimalCut = false;
  if (!isDigit(byteAt(p))) return fault(REASON_SYNTAX, p);
  let significant = 0;
  if (load<u8>(p) == 0x30) {
    p++;
    if (isDigit(byteAt(p))) return fault(REASON_SYNTAX, p);
  } else {
    significant = scanDigits(p, 0, 0);
    p = digitsEnd;
  }
  if (byteAt(p) == 0x2e) {
    p++;
    if (!isDigit(byteAt(p))) return fault(REASON_SYNTAX, p);
    scanDigits(p, significant, 1);
    p = digitsEnd;
  }
  if ((byteAt(p) | 0x20) == 0x65) return scanExponent(p + 1);
  return p;
}

let digitsEnd: usize = 0;

/** Takes a run of digits into the mantissa; `fraction` is 1 behind the point. Returns the significant digits so far. */
function scanDigits(p: usize, significant: i32, fraction: i64): i32 {
  while (p < textEnd) {
    const digit = <u32>load<u8>(p) - 0x30;
    if (digit > 9) break;
    p++;
    if (significant < MANTISSA_DIGITS_MAX) {
      decimalMantissa = decimalMantissa * 10 + digit;
      decimalExponent -= fraction;
      if (decimalMantissa != 0) significant++;
    } else {
      decimalExponent += 1 - fraction;
      if (digit != 0) decimalCut = true;
    }
  }
  digitsEnd = p;
  return significant;
}

/** p behind the e. */
function scanExponent(p: usize): usize {
  const sign = byteAt(p);
  if (sign == 0x2b || sign == MINUS) p++;
  if (!isDigit(byteAt(p))) return fault(REASON_SYNTAX, p);
  let exponent: i64 = 0;
  while (p < textEnd) {
    const digit = <u32>load<u8>(p) - 0x30;
    if (digit > 9) break;
    if (exponent < EXPONENT_MAX) exponent = exponent * 10 + digit;
    p++;
  }
  decimalExponent += sign == MINUS ? -exponent : exponent;
  return p;
}

/** Whether this byte behind the integer digits means that the number goes on. */
// @ts-ignore: decorator
@inline
function goesOn(byte: u8): bool {
  return byte == 0x2e || (byte | 0x20) == 0x65;
}

/** How many of the eight bytes, from the first on, are digits. */
// @ts-ignore: decorator
@inline
function digitsIn(word: u64): i32 {
  const offset = word ^ 0x3030303030303030;
  // A carry out of a byte reaches only bytes behind one that is itself no digit.
  const others = ((offset + 0x7676767676767676) | offset) & 0x8080808080808080;
  return <i32>(ctz(others) >>> 3);
}

/** Value of the first `digits` (1 … 8) bytes. */
// @ts-ignore: decorator
@inline
function eightDigits(word: u64, digits: i32): u64 {
  word = (word << ((8 - <u64>digits) << 3)) & 0x0f0f0f0f0f0f0f0f;
  word = (word * 2561) >> 8;
  word = ((word & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return ((word & 0x0000ffff0000ffff) * 42949672960001) >> 32;
}
