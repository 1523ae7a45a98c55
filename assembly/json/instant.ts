// assembly/json/instant.ts — RFC 3339 date-times to epoch milliseconds, rounded down.
//
//   2001-01-01T00:00:00.123456Z      2001-01-01t01:00:00+01:00      2001-01-01 00:00:00z
//
// Promises  years 0000 … 9999 of the Gregorian calendar; real days only; offsets up to ±23:59.
// Not here  leap seconds (:60 is refused: epoch time has no place for it); local times without an offset.
// Source    RFC 3339, section 5.6; days from a civil date: Hinnant, "chrono-compatible low-level date algorithms".

import { isDigit } from './text';

export let instantMs: i64 = 0;

/** Reads exactly the bytes [from, to) into instantMs; false when they are no date-time. */
export function readInstant(from: usize, to: usize): bool {
  if (to - from < 20 || to - from > INSTANT_BYTES_MAX) return false;
  const year = twoDigits(from) * 100 + twoDigits(from + 2);
  const month = twoDigits(from + 5);
  const day = twoDigits(from + 8);
  const hour = twoDigits(from + 11);
  const minute = twoDigits(from + 14);
  const second = twoDigits(from + 17);
  if ((twoDigits(from) | twoDigits(from + 2) | month | day | hour | minute | second) < 0) return false;
  const separator = load<u8>(from, 10);
  if (load<u8>(from, 4) != 0x2d || load<u8>(from, 7) != 0x2d) return false;
  if ((separator | 0x20) != 0x74 && separator != 0x20) return false;
  if (load<u8>(from, 13) != 0x3a || load<u8>(from, 16) != 0x3a) return false;
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  let p = from + 19;
  let ms = 0;
  if (load<u8>(p) == 0x2e) {
    p++;
    if (!isDigit(load<u8>(p))) return false;
    let weight = 100;
    for (; p < to && isDigit(load<u8>(p)); p++) {
      ms += (<i32>load<u8>(p) - 0x30) * weight;
      weight /= 10;
    }
  }
  const offset = offsetMinutes(p, to);
  if (offset == NO_OFFSET) return false;
  const minutes = <i64>daysFromCivil(year, month, day) * 1440 + hour * 60 + minute - offset;
  instantMs = minutes * 60000 + second * 1000 + ms;
  return true;
}

/** Longer fractions than any clock gives are refused rather than scanned. */
export const INSTANT_BYTES_MAX: usize = 64;

const NO_OFFSET: i32 = 10000;

/** Minutes east of UTC of the offset that fills [p, to). */
function offsetMinutes(p: usize, to: usize): i32 {
  const sign = load<u8>(p);
  if ((sign | 0x20) == 0x7a) return p + 1 == to ? 0 : NO_OFFSET;
  if (p + 6 != to || (sign != 0x2b && sign != 0x2d) || load<u8>(p, 3) != 0x3a) return NO_OFFSET;
  const hours = twoDigits(p + 1);
  const minutes = twoDigits(p + 4);
  if ((hours | minutes) < 0 || hours > 23 || minutes > 59) return NO_OFFSET;
  return sign == 0x2d ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/** 0 … 99, or −1. */
function twoDigits(p: usize): i32 {
  const tens = <i32>load<u8>(p) - 0x30;
  const ones = <i32>load<u8>(p, 1) - 0x30;
  return <u32>tens > 9 || <u32>ones > 9 ? -1 : tens * 10 + ones;
}

function daysIn(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Days since 1970-01-01; the year is counted from March, so that the leap day comes last. */
function daysFromCivil(year: i32, month: i32, day: i32): i32 {
  const marchYear = (month <= 2 ? year - 1 : year) + 400; // + one era: never negative
  const dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const era = marchYear / 400;
  const yearOfEra = marchYear % 400;
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146097 + dayOfEra - 719468 - 146097;
}
