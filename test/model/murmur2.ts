// test/model/murmur2.ts — Kafka's murmur2 in JavaScript: the reference for the kernel, and the baseline's hash in benches.

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** Signed 32-bit hash of bytes[from, from + length), as Kafka's clients give it. */
export function murmur2(bytes: Uint8Array, from = 0, length = bytes.length - from): number {
  let hash = SEED ^ length;
  let at = from;
  for (const wordsEnd = from + (length & ~3); at < wordsEnd; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    const mixed = Math.imul(word, M);
    hash = Math.imul(hash, M) ^ Math.imul(mixed ^ (mixed >>> 24), M);
  }
  const rest = length & 3;
  if (rest === 3) hash ^= bytes[at + 2]! << 16;
  if (rest >= 2) hash ^= bytes[at + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ bytes[at]!, M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}
