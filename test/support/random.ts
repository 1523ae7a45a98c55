// test/support/random.ts — seeded randomness: the same seed gives the same numbers on every machine.
//
// xoshiro128** (Blackman, Vigna, "Scrambled linear pseudorandom number generators", 2018), seeded by splitmix32.
// Tests print the seed in their failure messages.

export interface Random {
  readonly seed: number;
  /** 0 … 2^32 − 1 */
  u32(): number;
  /** 0 … bound − 1 */
  below(bound: number): number;
  /** 0 ≤ x < 1, 53 bits */
  float(): number;
  pick<T>(from: readonly T[]): T;
  chance(probability: number): boolean;
}

export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const splitmix = () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();
  const u32 = () => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return scrambled;
  };
  const below = (bound: number) => Math.floor((u32() / 4294967296) * bound);
  return {
    seed,
    u32,
    below,
    float: () => ((u32() >>> 5) * 67108864 + (u32() >>> 6)) / 9007199254740992,
    pick: (from) => from[below(from.length)]!,
    chance: (probability) => u32() / 4294967296 < probability,
  };
}

const rotate = (x: number, bits: number) => (x << bits) | (x >>> (32 - bits));
