// assembly/copy.ts — moving a few bytes: a call of memory.copy costs more than the bytes.
//
// Promises  nothing outside the two ranges is read or written: short ranges go in two moves that overlap.

/** Copies `bytes` from `from` to `to`; the ranges must not overlap. */
// @ts-ignore: decorator
@inline
export function copyShort(to: usize, from: usize, bytes: u32): void {
  if (bytes > 32) memory.copy(to, from, bytes);
  else if (bytes >= 16) {
    const tail = v128.load(from + bytes - 16);
    v128.store(to, v128.load(from));
    v128.store(to + bytes - 16, tail);
  } else if (bytes >= 8) {
    const tail = load<u64>(from + bytes - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + bytes - 8, tail);
  } else if (bytes >= 4) {
    const tail = load<u32>(from + bytes - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + bytes - 4, tail);
  } else for (let at: u32 = 0; at < bytes; at++) store<u8>(to + at, load<u8>(from + at));
}
