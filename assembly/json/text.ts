// assembly/json/text.ts — the text being read: where it ends, and the first fault found in it.
//
//   ptr                          textEnd              textEnd + 64
//   ├─ the frame ────────────────┼─ may be loaded, never believed ─┤
//
// Readers below take an address and return the address behind what they read, or 0 after `fault`. Loads may run up
// to 64 bytes past textEnd (the host keeps those inside the memory), and a token may seem to go on there. Nothing
// is accepted before its last byte was found below textEnd, and a fault at or behind textEnd is reported as "the
// text ends here", so the bytes behind the end never change a verdict.
//
// Not here  what a value means (number.ts, string.ts), rows and their rejects (row.ts, frame.ts).

import { REASON_SYNTAX } from '../layout';

export const QUOTE: u8 = 0x22;
export const BACKSLASH: u8 = 0x5c;
export const SPACE: u8 = 0x20;
export const NEWLINE: u8 = 0x0a;
export const COMMA: u8 = 0x2c;
export const COLON: u8 = 0x3a;
export const MINUS: u8 = 0x2d;
export const OPEN_BRACE: u8 = 0x7b;
export const CLOSE_BRACE: u8 = 0x7d;
export const OPEN_BRACKET: u8 = 0x5b;
export const CLOSE_BRACKET: u8 = 0x5d;

export let textEnd: usize = 0;
export let faultReason: i32 = 0;
export let faultAt: usize = 0;

export function openText(end: usize): void {
  textEnd = end;
}

/** Remembers why reading stopped; returns 0, which readers hand up. */
export function fault(reason: i32, at: usize): usize {
  const cut = at >= textEnd;
  faultReason = cut ? REASON_SYNTAX : reason;
  faultAt = cut ? textEnd : at;
  return 0;
}

/** The byte at p, or 0 (which is part of no token) behind the end. */
// @ts-ignore: decorator
@inline
export function byteAt(p: usize): u8 {
  return p < textEnd ? load<u8>(p) : 0;
}

// @ts-ignore: decorator
@inline
export function isDigit(byte: u8): bool {
  return <u32>byte - 0x30 < 10;
}

/** The first byte at or behind p that is no JSON whitespace, or textEnd. */
// @ts-ignore: decorator
@inline
export function skipSpace(p: usize): usize {
  return load<u8>(p) > SPACE ? p : skipSpaces(p);
}

function skipSpaces(p: usize): usize {
  while (p < textEnd) {
    const byte = load<u8>(p);
    if (byte != SPACE && byte != NEWLINE && byte != 0x0d && byte != 0x09) return p;
    p++;
  }
  return p;
}
