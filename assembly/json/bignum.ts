// assembly/json/bignum.ts — natural numbers of any length up to BIG_LIMBS_MAX × 32 bits, in memory of the caller.
//
//   ├ u32 limbCount ┼ u32 reserved ┼ limb 0 (lowest) ┼ limb 1 ┼ …      the highest limb is never 0
//
// Only what exact decimal conversion needs: set, multiply-add, divide by a small number, shift, compare.

/** The longest comparison is 770 digits, or 5^1095 × 2^54: below 2,600 bits on each side, shifts included. */
export const BIG_LIMBS_MAX: i32 = 136;
export const BIG_BYTES: usize = 8 + 136 * 4;
const LIMBS: usize = 8;

export function bigSet(big: usize, value: u64): void {
  store<u64>(big, value, LIMBS);
  store<i32>(big, value == 0 ? 0 : value >>> 32 == 0 ? 1 : 2);
}

export function bigCopy(big: usize, from: usize): void {
  memory.copy(big, from, BIG_BYTES);
}

/** big = big × factor + addend */
export function bigMultiply(big: usize, factor: u32, addend: u32): void {
  const count = load<i32>(big);
  let carry: u64 = addend;
  for (let index = 0; index < count; index++) {
    const at = big + (<usize>index << 2);
    carry += <u64>load<u32>(at, LIMBS) * factor;
    store<u32>(at, <u32>carry, LIMBS);
    carry >>= 32;
  }
  if (carry != 0) {
    store<u32>(big + (<usize>count << 2), <u32>carry, LIMBS);
    store<i32>(big, count + 1);
  }
}

/** big = big × 5^exponent */
export function bigMultiplyFive(big: usize, exponent: i32): void {
  for (; exponent >= 13; exponent -= 13) bigMultiply(big, 1220703125, 0); // 5^13 is the largest below 2^32.
  for (; exponent > 0; exponent--) bigMultiply(big, 5, 0);
}

/** big = floor(big / divisor) */
export function bigDivide(big: usize, divisor: u32): void {
  const count = load<i32>(big);
  let rest: u64 = 0;
  for (let index = count - 1; index >= 0; index--) {
    const at = big + (<usize>index << 2);
    rest = (rest << 32) | load<u32>(at, LIMBS);
    store<u32>(at, <u32>(rest / divisor), LIMBS);
    rest %= divisor;
  }
  if (count > 0 && load<u32>(big + (<usize>(count - 1) << 2), LIMBS) == 0) store<i32>(big, count - 1);
}

/** big = big × 2^bits */
export function bigShift(big: usize, bits: i32): void {
  const count = load<i32>(big);
  if (count == 0) return;
  const limbs = bits >>> 5;
  bits &= 31;
  let above: u32 = 0;
  for (let index = count - 1; index >= 0; index--) {
    const limb = load<u32>(big + (<usize>index << 2), LIMBS);
    const high = bits == 0 ? 0 : limb >>> (32 - bits);
    store<u32>(big + (<usize>(index + limbs + 1) << 2), above | high, LIMBS);
    above = limb << bits;
  }
  store<u32>(big + (<usize>limbs << 2), above, LIMBS);
  memory.fill(big + LIMBS, 0, <usize>limbs << 2);
  const total = count + limbs;
  store<i32>(big, load<u32>(big + (<usize>total << 2), LIMBS) == 0 ? total : total + 1);
}

/** Below, at or above 0 as a is less than, equal to or more than b. */
export function bigCompare(a: usize, b: usize): i32 {
  const count = load<i32>(a);
  const difference = count - load<i32>(b);
  if (difference != 0) return difference;
  for (let index = count - 1; index >= 0; index--) {
    const left = load<u32>(a + (<usize>index << 2), LIMBS);
    const right = load<u32>(b + (<usize>index << 2), LIMBS);
    if (left != right) return left < right ? -1 : 1;
  }
  return 0;
}

/** The top 128 bits, the highest one set, as u64 high at `into` and u64 low behind it; more bits are cut off. */
export function bigTop(big: usize, into: usize): void {
  const count = load<i32>(big);
  const spare = <u64>clz(limbAt(big, count - 1));
  let high: u64 = (limbAt(big, count - 1) << 32) | limbAt(big, count - 2);
  let low: u64 = (limbAt(big, count - 3) << 32) | limbAt(big, count - 4);
  const next = limbAt(big, count - 5) << 32;
  const shift = spare - 32; // limbAt is u64: 32 leading zeros more.
  if (shift != 0) {
    high = (high << shift) | (low >>> (64 - shift));
    low = (low << shift) | (next >>> (64 - shift));
  }
  store<u64>(into, high);
  store<u64>(into, low, 8);
}

function limbAt(big: usize, index: i32): u64 {
  return index < 0 ? 0 : <u64>load<u32>(big + (<usize>index << 2), LIMBS);
}
