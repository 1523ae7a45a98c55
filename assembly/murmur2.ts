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
  if (length >= 4) {
    // The rest is the top of the last four bytes: without a branch on how many, which no predictor knows.
    hash = select<u32>((hash ^ tailWord(bytes, <usize>length - 4)) * M, hash, rest != 0);
  } else if (rest != 0) {
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

/** Bytes of what the four-lane hashes want to find in memory. */
export const LANES_BYTES: usize = 48;

/**
 * Writes the constants of the four-lane hashes: a shuffle that swaps the bytes of every word, the multiplier, and what
 * the length of an i64 makes of the seed. Loaded once before a loop they stay in registers; written as constants the
 * engine builds them anew in every turn, which cost more than the hash (1.5 against 0.6 ns a key).
 */
export function murmur2Lanes(lanes: usize): void {
  v128.store(lanes, i8x16(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  v128.store(lanes, i32x4.splat(M), 16);
  v128.store(lanes, i32x4.splat((SEED ^ 8) * M), 32);
}

/**
 * murmur2 of four byte ranges at once, each of at least four bytes. A lane whose words have run out waits for the
 * longest; it goes on reading its own last word, so nothing outside the ranges is read.
 *
 * @param m  the multiplier in every lane, from murmur2Lanes
 */
// @ts-ignore: decorator
@inline
export function murmur2x4(a: usize, b: usize, c: usize, d: usize, lengths: v128, m: v128): v128 {
  const lastA = <usize>i32x4.extract_lane(lengths, 0) - 4;
  const lastB = <usize>i32x4.extract_lane(lengths, 1) - 4;
  const lastC = <usize>i32x4.extract_lane(lengths, 2) - 4;
  const lastD = <usize>i32x4.extract_lane(lengths, 3) - 4;
  const longest = max(max(lastA, lastB), max(lastC, lastD)) + 4;
  let hash = v128.xor(i32x4.splat(SEED), lengths);
  let left = i32x4.shr_u(lengths, 2); // Words that each lane has still to take: as many lanes take one as are above 0.
  for (let at: usize = 0; at + 4 <= longest; at += 4) {
    let words = v128.load32_zero(a + min(at, lastA));
    words = v128.load_lane<u32>(b + min(at, lastB), words, 1);
    words = v128.load_lane<u32>(c + min(at, lastC), words, 2);
    words = v128.load_lane<u32>(d + min(at, lastD), words, 3);
    const next = v128.xor(i32x4.mul(hash, m), mixWords(words, m));
    hash = v128.bitselect(next, hash, i32x4.gt_s(left, i32x4.splat(0)));
    left = i32x4.sub(left, i32x4.splat(1));
  }
  let tails = i32x4.splat(tailWord(a, lastA));
  tails = i32x4.replace_lane(tails, 1, tailWord(b, lastB));
  tails = i32x4.replace_lane(tails, 2, tailWord(c, lastC));
  tails = i32x4.replace_lane(tails, 3, tailWord(d, lastD));
  const withTail = i32x4.mul(v128.xor(hash, tails), m);
  const hasTail = i32x4.ne(v128.and(lengths, i32x4.splat(3)), i32x4.splat(0));
  return finish4(v128.bitselect(withTail, hash, hasTail), m);
}

/** The bytes behind the last whole word, of a range whose last four bytes begin at bytes + last. */
// @ts-ignore: decorator
@inline
function tailWord(bytes: usize, last: usize): u32 {
  return load<u32>(bytes + last) >>> ((4 - (<u32>last & 3)) << 3);
}

/** murmur2I64 of four keys at once: two in `low`, two in `high`. */
// @ts-ignore: decorator
@inline
export function murmur2I64x4(low: v128, high: v128, swap: v128, m: v128, first: v128): v128 {
  const upper = i8x16.swizzle(v128.shuffle<u32>(low, high, 1, 3, 5, 7), swap);
  const lower = i8x16.swizzle(v128.shuffle<u32>(low, high, 0, 2, 4, 6), swap);
  let hash = v128.xor(first, mixWords(upper, m));
  hash = v128.xor(i32x4.mul(hash, m), mixWords(lower, m));
  return finish4(hash, m);
}

// @ts-ignore: decorator
@inline
function finish4(hash: v128, m: v128): v128 {
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
