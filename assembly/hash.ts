// assembly/hash.ts — 64-bit hashes of bytes and of keys, seeded.
//
//   xxh64        the published XXH64, any length
//   hashWord     one 64-bit word: MurmurHash3's fmix64 over word ^ seed
//   hashBytes    a utf8 key: XXH64's round over 8-byte words, the last one overlapping instead of byte by byte
//   combineHash  a further key column
//
// Promises
//   - No byte outside [at, at + length) is read.
//   - A key hashes the same whatever batch, column order in memory or fast path it came by.
// Source    XXH64 (Collet), MurmurHash3 (Appleby). 64×64→128 multiplies do not exist in WASM, so wyhash's shape loses.
// Not here  which bits index what (pane-index.ts); how a column becomes words (key.ts).

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;
/** What a null contributes, so that null, 0 and '' are three keys. */
export const NULL_HASH: u64 = 0x5bf03635dcf8a127;

// @ts-ignore: decorator
@inline
export function seedOf(low: u32, high: u32): u64 {
  return (<u64>high << 32) | <u64>low;
}

// @ts-ignore: decorator
@inline
function round(lane: u64, word: u64): u64 {
  return rotl<u64>(lane + word * PRIME_2, 31) * PRIME_1;
}

// @ts-ignore: decorator
@inline
function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >>> 33)) * PRIME_2;
  hash = (hash ^ (hash >>> 29)) * PRIME_3;
  return hash ^ (hash >>> 32);
}

/** Writes XXH64 of `length` bytes at `at` to `out` (u64). */
export function xxh64(at: usize, length: i32, seedLow: u32, seedHigh: u32, out: usize): void {
  const seed = seedOf(seedLow, seedHigh);
  const end = at + <usize>length;
  let hash: u64;
  if (length >= 32) {
    let a = seed + PRIME_1 + PRIME_2;
    let b = seed + PRIME_2;
    let c = seed;
    let d = seed - PRIME_1;
    while (end - at >= 32) {
      a = round(a, load<u64>(at));
      b = round(b, load<u64>(at, 8));
      c = round(c, load<u64>(at, 16));
      d = round(d, load<u64>(at, 24));
      at += 32;
    }
    hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
    hash = (hash ^ round(0, a)) * PRIME_1 + PRIME_4;
    hash = (hash ^ round(0, b)) * PRIME_1 + PRIME_4;
    hash = (hash ^ round(0, c)) * PRIME_1 + PRIME_4;
    hash = (hash ^ round(0, d)) * PRIME_1 + PRIME_4;
  } else {
    hash = seed + PRIME_5;
  }
  hash += <u64>length;
  while (end - at >= 8) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
    at += 8;
  }
  if (end - at >= 4) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  while (at < end) {
    hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
    at += 1;
  }
  store<u64>(out, avalanche(hash));
}

// @ts-ignore: decorator
@inline
export function hashWord(word: u64, seed: u64): u64 {
  let hash = word ^ seed;
  hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >>> 33);
}

// @ts-ignore: decorator
@inline
export function combineHash(hash: u64, next: u64): u64 {
  return hashWord(rotl<u64>(hash, 27) * PRIME_1 + next, PRIME_5);
}

/**
 * The bytes of one utf8 key. Keys of 8–32 bytes take no branch that depends on their length: four words are read,
 * clamped to the key, so shorter keys read some bytes twice. That is sound because the length is hashed too.
 */
// @ts-ignore: decorator
@inline
export function hashBytes(at: usize, length: u32, seed: u64): u64 {
  return length - 8 <= 24 ? hashMiddle(at, length, seed) : hashOther(at, length, seed);
}

// @ts-ignore: decorator
@inline
function hashMiddle(at: usize, length: u32, seed: u64): u64 {
  const last = at + length - 8;
  const second = min<usize>(at + 8, last);
  const third = max<usize>(at + 8, last) - 8;
  const a = round(seed + PRIME_1 + <u64>length, load<u64>(at)) ^ load<u64>(third);
  const b = round(seed + PRIME_2, load<u64>(second)) ^ load<u64>(last);
  return avalanche(rotl<u64>(a * PRIME_2, 31) + b * PRIME_1);
}

function hashOther(at: usize, length: u32, seed: u64): u64 {
  let hash = seed + PRIME_5 + <u64>length;
  if (length < 8) return avalanche(round(hash, shortWord(at, length)));
  const last = at + length - 8;
  while (at < last) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
    at += 8;
  }
  return avalanche(rotl<u64>(hash ^ round(0, load<u64>(last)), 27) * PRIME_1 + PRIME_4);
}

/** Up to seven bytes as one word; different bytes of the same length give different words. */
// @ts-ignore: decorator
@inline
export function shortWord(at: usize, length: u32): u64 {
  if (length >= 4) return (<u64>load<u32>(at) << 32) | <u64>load<u32>(at + length - 4);
  if (length == 0) return 0;
  return (
    (<u64>load<u8>(at) << 16) | (<u64>load<u8>(at + (length >>> 1)) << 8) | <u64>load<u8>(at + length - 1)
  );
}
