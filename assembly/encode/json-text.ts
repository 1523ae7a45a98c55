// assembly/encode/json-text.ts — text inside JSON quotes, escaped as JSON.stringify does.
//
// Escaped are the quote, the backslash and what lies below U+0020: \b \t \n \f \r, the others as \u00xx. All other
// bytes of valid UTF-8 stand for themselves, so sixteen clean ones are moved at a time.

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;

/** Writes [from, to) in quotes; returns the byte behind. Room for escapedBytes + 2 must be there. */
export function writeEscaped(out: usize, from: usize, to: usize): usize {
  let at = out;
  store<u8>(at++, QUOTE);
  while (from < to) {
    if (to - from >= 16) {
      const chunk = v128.load(from);
      const mask = dirtyMask(chunk);
      // The bytes behind a dirty one are written too and then overwritten: the text goes on at least as long.
      v128.store(at, chunk);
      if (mask == 0) {
        from += 16;
        at += 16;
        continue;
      }
      const clean = ctz<i32>(mask);
      from += clean;
      at += clean;
    }
    at = writeByte(at, load<u8>(from++));
  }
  store<u8>(at, QUOTE);
  return at + 1;
}

/** Bytes that [from, to) takes between its quotes. */
export function escapedBytes(from: usize, to: usize): u32 {
  let bytes = <u32>(to - from);
  for (let at = from; at < to; at++) {
    const byte = <u32>load<u8>(at);
    if (byte == QUOTE || byte == BACKSLASH || shortEscape(byte) != 0) bytes += 1;
    else if (byte < 0x20) bytes += 5;
  }
  return bytes;
}

function dirtyMask(chunk: v128): i32 {
  const quotes = i8x16.eq(chunk, i8x16.splat(<i8>QUOTE));
  const backslashes = i8x16.eq(chunk, i8x16.splat(<i8>BACKSLASH));
  const controls = i8x16.lt_u(chunk, i8x16.splat(0x20));
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), controls));
}

function writeByte(to: usize, byte: u32): usize {
  if (byte >= 0x20 && byte != QUOTE && byte != BACKSLASH) {
    store<u8>(to, byte);
    return to + 1;
  }
  const short = byte < 0x20 ? shortEscape(byte) : byte;
  store<u8>(to, BACKSLASH);
  if (short != 0) {
    store<u8>(to, short, 1);
    return to + 2;
  }
  store<u32>(to, 0x30303075, 1); // u000
  store<u8>(to, 0x30 + (byte >> 4), 4);
  const digit = byte & 15;
  store<u8>(to, digit < 10 ? 0x30 + digit : 0x57 + digit, 5);
  return to + 6;
}

/** The letter of a control character's two-byte escape, or 0. */
function shortEscape(byte: u32): u32 {
  switch (byte) {
    case 8:
      return 0x62;
    case 9:
      return 0x74;
    case 10:
      return 0x6e;
    case 12:
      return 0x66;
    case 13:
      return 0x72;
    default:
      return 0;
  }
}
