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
