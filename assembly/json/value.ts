// assembly/json/value.ts — any JSON value, checked and skipped; one JSON text, checked.
//
// Promises
//   - No recursion: an open array or object is one bit, the innermost 64 in a register, the others in memory.
//   - Accepts exactly RFC 8259; numbers are not bounded (1e999 is grammar), duplicate names are allowed.

import { reserve } from '../arena';
import { REASON_DEPTH, REASON_SYNTAX } from '../layout';
import { scanDecimal, skipNumber } from './number';
import { scanString } from './string';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  fault,
  faultReason,
  isDigit,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  openText,
  QUOTE,
  skipSpace,
  textEnd,
} from './text';

/** A whole text may nest as deep as this; JSONTestSuite has 500 levels that may, and 100,000 that must not parse. */
export const TEXT_DEPTH_MAX: i32 = 4096;
/** Without memory for the outer levels the register is all there is. */
const REGISTER_DEPTH: i32 = 64;

let outerLevels: usize = 0;

/** Reserves the memory for outer levels on the first call; false when the arena is full. */
export function openLevels(): bool {
  if (outerLevels == 0) outerLevels = reserve(<usize>TEXT_DEPTH_MAX >> 3);
  return outerLevels != 0;
}

/** 0 when [ptr, ptr + length) is exactly one JSON text (RFC 8259), else a REASON. Depth up to TEXT_DEPTH_MAX. */
export function jsonCheck(ptr: usize, length: i32): i32 {
  openText(ptr + <usize>length);
  const depthMax = openLevels() ? TEXT_DEPTH_MAX : REGISTER_DEPTH;
  let p = skipSpace(ptr);
  if (p >= textEnd) return REASON_SYNTAX;
  const first = load<u8>(p);
  // Nothing has to follow a number at the top, so only the bounded reader may judge it.
  p = first == MINUS || isDigit(first) ? scanDecimal(p) : skipValue(p, depthMax);
  if (p == 0) return faultReason;
  if (p > textEnd) return REASON_SYNTAX;
  return p < textEnd && skipSpace(p) < textEnd ? REASON_SYNTAX : 0;
}

/** Levels of the deepest value that skipValue has met since `forgetDepth`. */
export let depthSeen: i32 = 0;

export function forgetDepth(): void {
  depthSeen = 0;
}

/**
 * Checks the value at p.
 *
 * @param depthMax  levels of arrays and objects that it may have; more is a fault
 * @returns the address behind it, or 0
 */
// @ts-ignore: decorator
@inline
export function skipValue(p: usize, depthMax: i32): usize {
  const first = load<u8>(p);
  if (first == QUOTE) return scanString(p + 1);
  if (first == MINUS || isDigit(first)) return skipNumber(p);
  return first == OPEN_BRACE || first == OPEN_BRACKET ? skipNested(p, depthMax) : skipLiteral(p);
}

/** true, false, null; anything else is a fault. */
export function skipLiteral(p: usize): usize {
  const word = load<u32>(p);
  if (word == 0x65757274 || word == 0x6c6c756e) return p + 4;
  if (word == 0x736c6166 && load<u8>(p, 4) == 0x65) return p + 5;
  // Too short for its literal: the fault is the end of the text, whatever stands behind it.
  const first = load<u8>(p);
  const begun = first == 0x74 || first == 0x66 || first == 0x6e;
  return fault(REASON_SYNTAX, begun && p + 5 > textEnd ? textEnd : p);
}

/** p at a key's opening quote; the address of its value, or 0. */
export function skipKey(p: usize): usize {
  if (load<u8>(p) != QUOTE) return fault(REASON_SYNTAX, p);
  p = scanString(p + 1);
  return p == 0 ? 0 : skipColon(p);
}

export function skipColon(p: usize): usize {
  p = skipSpace(p);
  return load<u8>(p) == COLON ? skipSpace(p + 1) : fault(REASON_SYNTAX, p);
}

/** p at { or [. A set bit in `levels` is an object. */
function skipNested(p: usize, depthMax: i32): usize {
  let levels: u64 = 0;
  let depth = 0;
  while (true) {
    const first = load<u8>(p);
    if (first == OPEN_BRACE || first == OPEN_BRACKET) {
      if (depth == depthMax) return fault(REASON_DEPTH, p);
      if ((depth & 63) == 0 && depth != 0) store<u64>(outerLevels + (<usize>(depth >>> 6) << 3), levels);
      levels = (levels << 1) | <u64>(first == OPEN_BRACE);
      if (++depth > depthSeen) depthSeen = depth;
      p = skipSpace(p + 1);
      if (p >= textEnd) return fault(REASON_SYNTAX, textEnd);
      // } and ] stand two behind { and [.
      if (load<u8>(p) != first + 2) {
        if (first == OPEN_BRACE) p = skipKey(p);
        if (p == 0) return 0;
        continue;
      }
    } else {
      p = first == QUOTE ? scanString(p + 1) : first == MINUS || isDigit(first) ? skipNumber(p) : skipLiteral(p);
      if (p == 0) return 0;
      p = skipSpace(p);
    }
    while (p < textEnd && load<u8>(p) == (levels & 1 ? CLOSE_BRACE : CLOSE_BRACKET)) {
      levels >>= 1;
      depth--;
      p++;
      if (depth == 0) return p;
      if ((depth & 63) == 0) levels = load<u64>(outerLevels + (<usize>(depth >>> 6) << 3));
      p = skipSpace(p);
    }
    if (p >= textEnd || load<u8>(p) != COMMA) return fault(REASON_SYNTAX, p);
    p = skipSpace(p + 1);
    if (levels & 1) {
      p = skipKey(p);
      if (p == 0) return 0;
    }
  }
}
