// assembly/arrow/utf8.ts — is a byte range UTF-8? Sixteen ASCII bytes at a time, the rest by the table of RFC 3629.
//
// Well-formed means Unicode's table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.

/** True when [from, to) is well-formed UTF-8. */
export function isUtf8(from: usize, to: usize): bool {
  let at = from;
  while (at < to) {
    if (to - at >= 16) {
      const mask = i8x16.bitmask(v128.load(at));
      if (mask == 0) {
        at += 16;
        continue;
      }
      at += ctz<i32>(mask);
    } else if (load<u8>(at) < 0x80) {
      at++;
      continue;
    }
    do {
      const bytes = characterBytes(at, to);
      if (bytes == 0) return false;
      at += bytes;
    } while (at < to && load<u8>(at) >= 0x80);
  }
  return true;
}

/** Length of the multi-byte character at `at`, 0 when it is not well-formed. */
function characterBytes(at: usize, to: usize): u32 {
  const lead = <u32>load<u8>(at);
  const left = <u32>(to - at);
  if (lead < 0xc2 || lead > 0xf4 || left < 2) return 0;
  const second = <u32>load<u8>(at, 1);
  if ((second & 0xc0) != 0x80) return 0;
  if (lead < 0xe0) return 2;
  if (left < 3 || !isContinuation(at + 2)) return 0;
  if (lead < 0xf0) {
    if (lead == 0xe0 && second < 0xa0) return 0;
    if (lead == 0xed && second > 0x9f) return 0; // U+D800 … U+DFFF
    return 3;
  }
  if (left < 4 || !isContinuation(at + 3)) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return 4;
}

// @ts-ignore: decorator
@inline
function isContinuation(at: usize): bool {
  return (load<u8>(at) & 0xc0) == 0x80;
}
