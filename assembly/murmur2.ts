// assembly/murmur2.ts — Kafka's murmur2: the hash that decides where a key lives.
//
// Kafka's default partitioner takes (murmur2 & 0x7fffffff) % partitions of the serialised key, so a key group here and
// a partition of a topic there hold the same keys.
//
// Source    Austin Appleby's MurmurHash2, 32 bit, with the seed and the words (little-endian) that Kafka's clients use;
//           held to the values published with them (test/fixtures/hash-vectors/murmur2_kafka.csv).
// Not here  what the bytes of a key are (keyhash.ts).

const SEED: u32 = 0x9747b28c;
const M: u32 = 0x5bd1e995;

/** Hash of `length` bytes at `bytes`. */
export function murmur2(bytes: usize, length: i32): u32 {
  let hash: u32 = SEED ^ <u32>length;
  const wordsEnd = bytes + <usize>(length & ~3);
  let at = bytes;
  for (; at < wordsEnd; at += 4) hash = (hash * M) ^ mixWord(load<u32>(at));
  const rest = length & 3;
  if (rest != 0) {
    if (rest == 3) hash ^= <u32>load<u8>(at, 2) << 16;
    if (rest >= 2) hash ^= <u32>load<u8>(at, 1) << 8;
    hash = (hash ^ <u32>load<u8>(at)) * M;
  }
  return finish(hash);
}

/** Hash of one byte. */
// @ts-ignore: decorator
@inline
export function murmur2Byte(value: u32): u32 {
  return finish((SEED ^ 1 ^ value) * M);
}

/** Hash of an i32's four bytes, big-endian. */
// @ts-ignore: decorator
@inline
export function murmur2I32(value: u32): u32 {
  return finish(((SEED ^ 4) * M) ^ mixWord(bswap<u32>(value)));
}

/** Hash of an i64's eight bytes, big-endian. */
// @ts-ignore: decorator
@inline
export function murmur2I64(value: u64): u32 {
  const first = ((SEED ^ 8) * M) ^ mixWord(bswap<u32>(<u32>(value >>> 32)));
  return finish((first * M) ^ mixWord(bswap<u32>(<u32>value)));
}

/** murmur2I64 of four keys at once: two in `low`, two in `high`. */
// @ts-ignore: decorator
@inline
export function murmur2I64x4(low: v128, high: v128): v128 {
  const m = i32x4.splat(M);
  // The first, then the second big-endian word of every key: picked and swapped in one shuffle each.
  const first = v128.shuffle<u8>(low, high, 7, 6, 5, 4, 15, 14, 13, 12, 23, 22, 21, 20, 31, 30, 29, 28);
  const second = v128.shuffle<u8>(low, high, 3, 2, 1, 0, 11, 10, 9, 8, 19, 18, 17, 16, 27, 26, 25, 24);
  let hash = v128.xor(i32x4.splat((SEED ^ 8) * M), mixWords(first, m));
  hash = v128.xor(i32x4.mul(hash, m), mixWords(second, m));
  hash = i32x4.mul(v128.xor(hash, i32x4.shr_u(hash, 13)), m);
  return v128.xor(hash, i32x4.shr_u(hash, 15));
}

// @ts-ignore: decorator
@inline
function mixWords(words: v128, m: v128): v128 {
  words = i32x4.mul(words, m);
  return i32x4.mul(v128.xor(words, i32x4.shr_u(words, 24)), m);
}

// @ts-ignore: decorator
@inline
function mixWord(word: u32): u32 {
  word *= M;
  return (word ^ (word >>> 24)) * M;
}

// @ts-ignore: decorator
@inline
function finish(hash: u32): u32 {
  hash = (hash ^ (hash >>> 13)) * M;
  return hash ^ (hash >>> 15);
}
