// assembly/copy.ts — copying values that are mostly short.
//
// Promises
//   - Touches exactly [source, source + length) and [target, target + length), which must not overlap.

/** memory.copy for mostly short values: the instruction's call costs more than a few overlapping words. */
// @ts-ignore: decorator
@inline
export function copyBytes(target: usize, source: usize, length: u32): void {
  if (length > 32) {
    memory.copy(target, source, length);
  } else if (length >= 16) {
    const last = v128.load(source + length - 16);
    v128.store(target, v128.load(source));
    v128.store(target + length - 16, last);
  } else if (length >= 8) {
    const last = load<u64>(source + length - 8);
    store<u64>(target, load<u64>(source));
    store<u64>(target + length - 8, last);
  } else if (length >= 4) {
    const last = load<u32>(source + length - 4);
    store<u32>(target, load<u32>(source));
    store<u32>(target + length - 4, last);
  } else if (length > 0) {
    const last = load<u8>(source + length - 1);
    const middle = load<u8>(source + (length >>> 1));
    store<u8>(target, load<u8>(source));
    store<u8>(target + (length >>> 1), middle);
    store<u8>(target + length - 1, last);
  }
}
