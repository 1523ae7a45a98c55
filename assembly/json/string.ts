// assembly/json/string.ts — JSON strings: checked sixteen bytes at a time, unescaped only where someone reads them.
//
// Promises
//   - scanString accepts exactly RFC 8259 strings in valid UTF-8 (no overlong forms, no surrogates, nothing above
//     U+10FFFF, no unescaped control character); half a surrogate pair as an escape is legal grammar.
//   - unescape joins surrogate pairs and refuses a lone half: it has no UTF-8.
// Source    Unicode 15, table 3-7 (well-formed UTF-8 byte sequences).

import { REASON_SYNTAX, REASON_UTF8 } from '../layout';
import { BACKSLASH, fault, QUOTE, textEnd } from './text';

/** unescape's answer when the string holds half a surrogate pair. */
export const LONE_SURROGATE: i32 = -1;

/** Whether the string that scanString accepted last holds an escape. */
export let stringEscaped: bool = false;

/** Bit i: byte i of the chunk ends a plain run (quote, backslash, control character or not ASCII). */
// @ts-ignore: decorator
@inline
export function specialBytes(chunk: v128): i32 {
  // Signed: bytes from 0x80 on are negative, so one comparison finds them and the control characters.
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(chunk, i8x16.splat(0x22)), i8x16.eq(chunk, i8x16.splat(0x5c))),
      i8x16.lt_s(chunk, i8x16.splat(0x20)),
    ),
  );
}

/**
 * Checks one string.
 *
 * @param p  behind the opening quote
 * @returns the address behind the closing quote, or 0
 */
export function scanString(p: usize): usize {
  stringEscaped = false;
  while (p < textEnd) {
    const special = specialBytes(v128.load(p));
    if (special == 0) {
      p += 16;
      continue;
    }
    p += <usize>ctz(special);
    if (p >= textEnd) break;
    const byte = load<u8>(p);
    if (byte == QUOTE) return p + 1;
    if (byte == BACKSLASH) {
      stringEscaped = true;
      p = scanEscape(p);
    } else if (byte >= 0x80) {
      p = scanMultibyte(p);
    } else {
      return fault(REASON_SYNTAX, p);
    }
    if (p == 0) return 0;
  }
  return fault(REASON_SYNTAX, textEnd);
}

/** p at a backslash; the address behind the escape, or 0. */
function scanEscape(p: usize): usize {
  switch (load<u8>(p + 1)) {
    case 0x22: // "
    case 0x5c: // backslash
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return p + 2;
    case 0x75: // u
      if (p + 6 > textEnd) return fault(REASON_SYNTAX, textEnd);
      return hex4(p + 2) < 0 ? fault(REASON_SYNTAX, p) : p + 6;
    default:
      return fault(REASON_SYNTAX, p + 1);
  }
}

/** p at a byte from 0x80 on; the first ASCII byte behind the run of sequences, or 0. */
function scanMultibyte(p: usize): usize {
  while (p < textEnd) {
    if (load<u8>(p) < 0x80) return p;
    const length = sequenceBytes(p);
    if (length == 0) return fault(REASON_UTF8, p);
    p += length;
  }
  return p;
}

/** Bytes of the well-formed sequence at p, or 0. */
export function sequenceBytes(p: usize): usize {
  const lead = <u32>load<u8>(p);
  const left = textEnd - p;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return left >= 2 && isTail(load<u8>(p, 1)) ? 2 : 0;
  const second = <u32>load<u8>(p, 1);
  if (lead < 0xf0) {
    if (left < 3 || !isTail(second) || !isTail(load<u8>(p, 2))) return 0;
    if (lead == 0xe0 && second < 0xa0) return 0; // Overlong.
    return lead == 0xed && second > 0x9f ? 0 : 3; // Surrogates.
  }
  if (left < 4 || !isTail(second) || !isTail(load<u8>(p, 2)) || !isTail(load<u8>(p, 3))) return 0;
  if (lead == 0xf0 && second < 0x90) return 0; // Overlong.
  return lead == 0xf4 && second > 0x8f ? 0 : 4; // Above U+10FFFF.
}

// @ts-ignore: decorator
@inline
function isTail(byte: u32): bool {
  return (byte & 0xc0) == 0x80;
}

/**
 * Unescapes an accepted string.
 *
 * @param from   its first byte
 * @param to     its closing quote
 * @param into   receives the UTF-8 bytes as long as they fit
 * @param room   bytes that fit at `into`
 * @returns the unescaped length, which may be more than `room` (then nothing behind `room` was written), or LONE_SURROGATE
 */
export function unescape(from: usize, to: usize, into: usize, room: i32): i32 {
  let length = 0;
  while (from < to) {
    const byte = load<u8>(from);
    if (byte != BACKSLASH) {
      if (length < room) store<u8>(into + <usize>length, byte);
      length++;
      from++;
      continue;
    }
    const letter = load<u8>(from, 1);
    if (letter != 0x75) {
      if (length < room) store<u8>(into + <usize>length, unescaped(letter));
      length++;
      from += 2;
      continue;
    }
    let code = hex4(from + 2);
    from += 6;
    if ((code & 0xf800) == 0xd800) {
      if (code >= 0xdc00 || from + 6 > to || load<u16>(from) != 0x755c) return LONE_SURROGATE;
      const low = hex4(from + 2);
      if ((low & 0xfc00) != 0xdc00) return LONE_SURROGATE;
      code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
      from += 6;
    }
    const bytes = codeBytes(code);
    if (length <= room - bytes) writeCode(into + <usize>length, code, bytes);
    length += bytes;
  }
  return length;
}

function unescaped(letter: u8): u8 {
  switch (letter) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return letter; // quote, backslash, slash
  }
}

// @ts-ignore: decorator
@inline
function codeBytes(code: i32): i32 {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

function writeCode(at: usize, code: i32, bytes: i32): void {
  if (bytes == 1) {
    store<u8>(at, <u8>code);
    return;
  }
  for (let index = bytes - 1; index > 0; index--) {
    store<u8>(at + <usize>index, <u8>(0x80 | (code & 0x3f)));
    code >>= 6;
  }
  store<u8>(at, <u8>((0xf00 >> bytes) | code)); // 110…, 1110…, 11110…
}

/** Value of four hexadecimal digits, or −1. */
function hex4(p: usize): i32 {
  let value = 0;
  for (let index: usize = 0; index < 4; index++) {
    const byte = <i32>load<u8>(p + index);
    const letter = (byte | 0x20) - 0x61;
    const digit = byte - 0x30;
    if (<u32>digit < 10) value = (value << 4) | digit;
    else if (<u32>letter < 6) value = (value << 4) | (letter + 10);
    else return -1;
  }
  return value;
}
