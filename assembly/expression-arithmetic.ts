// assembly/expression-arithmetic.ts — numbers: add … abs over i64 and f64, and casts.
//
// Promises
//   - what cannot be said is null: i64 that does not fit, a cast out of range, anything divided by zero.
//   - the first two are overflows: counted for the rows that are alive and inside the instruction's mask, so a row
//     that was filtered out, or a branch that was not taken, counts nothing.
//   - nothing traps, whatever stands in lanes that are null.
// How      the fast pass computes all lanes and remembers whether any lane overflowed; only then a second pass finds
//          out which.

import {
  ARITHMETIC_ABS,
  ARITHMETIC_ADD,
  ARITHMETIC_DIV,
  ARITHMETIC_MOD,
  ARITHMETIC_MUL,
  ARITHMETIC_SUB,
} from './expression-layout';
import {
  bitmapBytes,
  clearBits,
  homeValidity,
  homeValues,
  laneCount,
  onesIn,
  registerStep,
  registerValidity,
  registerValues,
  setRegister,
  setResult,
} from './expression-register';
import { bitAt, setBit } from './batch';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64 } from './layout';

let badBits: usize = 0; // Lanes of this instruction that overflowed or were divided by zero.
let aliveBits: usize = 0; // Rows that are still selected; 0: all lanes are.
let maskBits: usize = 0;
let overflowed: i32 = 0;

/** Once per instruction: scratch for one bitmap, and which lanes count. */
export function openOverflow(bits: usize, alive: usize, mask: usize): void {
  badBits = bits;
  aliveBits = alive;
  maskBits = mask;
  overflowed = 0;
}

/** Rows that overflowed since openOverflow. */
export function overflowCount(): i32 {
  return overflowed;
}

export function arithmeticF64(operator: i32, safe: bool, target: usize, a: usize, b: usize): void {
  if (operator == ARITHMETIC_ADD) lanesF64(ARITHMETIC_ADD, target, a, b);
  else if (operator == ARITHMETIC_SUB) lanesF64(ARITHMETIC_SUB, target, a, b);
  else if (operator == ARITHMETIC_MUL) lanesF64(ARITHMETIC_MUL, target, a, b);
  else if (operator == ARITHMETIC_DIV) lanesF64(ARITHMETIC_DIV, target, a, b);
  else if (operator == ARITHMETIC_MOD) lanesF64(ARITHMETIC_MOD, target, a, b);
  else lanesF64(ARITHMETIC_ABS, target, a, a);
  setResult(target, 8, registerValidity(a), registerValidity(b));
  if (!safe && (operator == ARITHMETIC_DIV || operator == ARITHMETIC_MOD)) nullWhereZero<f64>(target, b);
}

// @ts-ignore: decorator
@inline
function lanesF64(operator: i32, target: usize, a: usize, b: usize): void {
  const out = homeValues(target);
  const left = registerValues(a);
  const right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  let lane = 0;
  if (operator != ARITHMETIC_MOD) {
    for (; lane + 2 <= laneCount; lane += 2) {
      const x = v128.load(left + <usize>lane * leftStep);
      const y = v128.load(right + <usize>lane * rightStep);
      v128.store(out + (<usize>lane << 3), vectorF64(operator, x, y));
    }
  }
  for (; lane < laneCount; lane++) {
    const x = load<f64>(left + <usize>lane * leftStep);
    const y = load<f64>(right + <usize>lane * rightStep);
    store<f64>(out + (<usize>lane << 3), scalarF64(operator, x, y));
  }
}

// @ts-ignore: decorator
@inline
function vectorF64(operator: i32, x: v128, y: v128): v128 {
  if (operator == ARITHMETIC_ADD) return f64x2.add(x, y);
  if (operator == ARITHMETIC_SUB) return f64x2.sub(x, y);
  if (operator == ARITHMETIC_MUL) return f64x2.mul(x, y);
  if (operator == ARITHMETIC_DIV) return f64x2.div(x, y);
  return f64x2.abs(x);
}

// @ts-ignore: decorator
@inline
function scalarF64(operator: i32, x: f64, y: f64): f64 {
  if (operator == ARITHMETIC_ADD) return x + y;
  if (operator == ARITHMETIC_SUB) return x - y;
  if (operator == ARITHMETIC_MUL) return x * y;
  if (operator == ARITHMETIC_DIV) return x / y;
  if (operator == ARITHMETIC_MOD) return x % y;
  return abs<f64>(x);
}

export function arithmeticI64(operator: i32, safe: bool, target: usize, a: usize, b: usize): void {
  let anyBad: bool = false;
  if (operator == ARITHMETIC_ADD) anyBad = sumsI64(ARITHMETIC_ADD, target, a, b);
  else if (operator == ARITHMETIC_SUB) anyBad = sumsI64(ARITHMETIC_SUB, target, a, b);
  else if (operator == ARITHMETIC_ABS) anyBad = sumsI64(ARITHMETIC_ABS, target, a, a);
  else if (operator == ARITHMETIC_MUL) anyBad = productsI64(target, a, b);
  else if (operator == ARITHMETIC_DIV) anyBad = quotientsI64(target, a, b);
  else remaindersI64(target, a, b);
  setResult(target, 8, registerValidity(a), registerValidity(b));
  if (safe) return;
  if (anyBad) {
    memory.fill(badBits, 0, bitmapBytes(laneCount));
    for (let lane = 0; lane < laneCount; lane++) {
      if (overflows(operator, laneI64(a, lane), laneI64(b, lane))) setBit(badBits, lane);
    }
    nullOverflows(target);
  }
  if (operator == ARITHMETIC_DIV || operator == ARITHMETIC_MOD) nullWhereZero<i64>(target, b);
}

/** add, sub, abs; whether any lane overflowed, null lanes included. */
// @ts-ignore: decorator
@inline
function sumsI64(operator: i32, target: usize, a: usize, b: usize): bool {
  const out = homeValues(target);
  const left = registerValues(a);
  const right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  let signs = i64x2.splat(0);
  let lane = 0;
  for (; lane + 2 <= laneCount; lane += 2) {
    const x = v128.load(left + <usize>lane * leftStep);
    const y = v128.load(right + <usize>lane * rightStep);
    let sum: v128;
    if (operator == ARITHMETIC_ADD) {
      sum = i64x2.add(x, y);
      signs = v128.or(signs, v128.and(v128.xor(x, sum), v128.xor(y, sum)));
    } else if (operator == ARITHMETIC_SUB) {
      sum = i64x2.sub(x, y);
      signs = v128.or(signs, v128.and(v128.xor(x, y), v128.xor(x, sum)));
    } else {
      sum = i64x2.abs(x);
      signs = v128.or(signs, sum);
    }
    v128.store(out + (<usize>lane << 3), sum);
  }
  let bad = i64x2.bitmask(signs) != 0;
  for (; lane < laneCount; lane++) {
    const x = load<i64>(left + <usize>lane * leftStep);
    const y = load<i64>(right + <usize>lane * rightStep);
    const sum = operator == ARITHMETIC_ADD ? x + y : operator == ARITHMETIC_SUB ? x - y : x < 0 ? -x : x;
    store<i64>(out + (<usize>lane << 3), sum);
    bad = bad || overflows(operator, x, y);
  }
  return bad;
}

/** Whether any product might not fit: both factors within 32 bits cannot overflow, the others are looked at singly. */
function productsI64(target: usize, a: usize, b: usize): bool {
  const out = homeValues(target);
  const left = registerValues(a);
  const right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  let wide: u64 = 0;
  for (let lane: usize = 0; lane < <usize>laneCount; lane++) {
    const x = load<i64>(left + lane * leftStep);
    const y = load<i64>(right + lane * rightStep);
    wide |= (<u64>x + 0x80000000) | (<u64>y + 0x80000000);
    store<i64>(out + (lane << 3), x * y);
  }
  return wide >> 32 != 0;
}

function quotientsI64(target: usize, a: usize, b: usize): bool {
  const out = homeValues(target);
  const left = registerValues(a);
  const right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  let bad: bool = false;
  for (let lane: usize = 0; lane < <usize>laneCount; lane++) {
    const x = load<i64>(left + lane * leftStep);
    const y = load<i64>(right + lane * rightStep);
    const overflow = x == i64.MIN_VALUE && y == -1;
    bad = bad || overflow;
    store<i64>(out + (lane << 3), y == 0 || overflow ? 0 : x / y);
  }
  return bad;
}

function remaindersI64(target: usize, a: usize, b: usize): void {
  const out = homeValues(target);
  const left = registerValues(a);
  const right = registerValues(b);
  const leftStep = registerStep(a);
  const rightStep = registerStep(b);
  for (let lane: usize = 0; lane < <usize>laneCount; lane++) {
    const y = load<i64>(right + lane * rightStep);
    // Anything mod −1 is 0; asking the division would overflow for the least i64.
    store<i64>(out + (lane << 3), y == 0 || y == -1 ? 0 : load<i64>(left + lane * leftStep) % y);
  }
}

function overflows(operator: i32, x: i64, y: i64): bool {
  if (operator == ARITHMETIC_ADD) return ((x ^ (x + y)) & (y ^ (x + y))) < 0;
  if (operator == ARITHMETIC_SUB) return ((x ^ y) & (x ^ (x - y))) < 0;
  if (operator == ARITHMETIC_ABS) return x == i64.MIN_VALUE;
  if (operator == ARITHMETIC_DIV) return x == i64.MIN_VALUE && y == -1;
  if (operator != ARITHMETIC_MUL || x == 0 || y == 0) return false;
  if (x == -1) return y == i64.MIN_VALUE;
  if (y == -1) return x == i64.MIN_VALUE;
  return (x * y) / y != x;
}

// @ts-ignore: decorator
@inline
function laneI64(register: usize, lane: i32): i64 {
  return load<i64>(registerValues(register) + <usize>lane * registerStep(register));
}

/** Lanes of badBits become null; those with a value before are counted. */
function nullOverflows(target: usize): void {
  const validity = registerValidity(target);
  overflowed += countedBits(validity);
  setRegister(target, homeValues(target), registerStep(target), clearBits(homeValidity(target), validity, badBits), 0);
}

/** How many of badBits are valid, alive and inside the mask. */
function countedBits(validity: usize): i32 {
  let count = 0;
  for (let lane = 0; lane < laneCount; lane++) {
    if (!bitAt(badBits, lane)) continue;
    if (validity != 0 && !bitAt(validity, lane)) continue;
    if (aliveBits != 0 && !bitAt(aliveBits, lane)) continue;
    if (maskBits != 0 && !bitAt(maskBits, lane)) continue;
    count++;
  }
  return count;
}

function nullWhereZero<T>(target: usize, divisor: usize): void {
  const values = registerValues(divisor);
  const step = registerStep(divisor);
  memory.fill(badBits, 0, bitmapBytes(laneCount));
  for (let lane = 0; lane < laneCount; lane++) {
    if (load<T>(values + <usize>lane * step) == 0) setBit(badBits, lane);
  }
  if (onesIn(badBits, laneCount) == 0) return;
  const validity = clearBits(homeValidity(target), registerValidity(target), badBits);
  setRegister(target, homeValues(target), registerStep(target), validity, 0);
}

/** target := a, as another type; out of range is an overflow. */
export function cast(from: i32, to: i32, target: usize, a: usize): void {
  if (from == TYPE_BOOL) {
    if (to == TYPE_I32) castBool<i32>(target, a);
    else if (to == TYPE_I64) castBool<i64>(target, a);
    else castBool<f64>(target, a);
  } else if (from == TYPE_I32) {
    if (to == TYPE_I64) castI32<i64>(target, a);
    else castI32<f64>(target, a);
  } else if (from == TYPE_I64 && to == TYPE_F64) {
    castI64(target, a);
  }
  const narrow = from == TYPE_F64 || (from == TYPE_I64 && to == TYPE_I32);
  const bad = narrow && (from == TYPE_I64 ? narrowI64(target, a) : narrowF64(to, target, a));
  setResult(target, to == TYPE_I32 ? 4 : 8, registerValidity(a), 0);
  if (bad) nullOverflows(target);
}

function castBool<T>(target: usize, a: usize): void {
  const out = homeValues(target);
  const bits = registerValues(a);
  for (let lane = 0; lane < laneCount; lane++) {
    store<T>(out + <usize>lane * sizeof<T>(), <T>(<i32>bitAt(bits, lane)));
  }
}

function castI32<T>(target: usize, a: usize): void {
  const out = homeValues(target);
  const values = registerValues(a);
  const step = registerStep(a);
  let lane = 0;
  if (step != 0) {
    for (; lane + 4 <= laneCount; lane += 4) {
      const four = v128.load(values + (<usize>lane << 2));
      const at = out + (<usize>lane << 3);
      if (isFloat<T>()) {
        v128.store(at, f64x2.convert_low_i32x4_s(four));
        v128.store(at, f64x2.convert_low_i32x4_s(i8x16.shuffle(four, four, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)), 16);
      } else {
        v128.store(at, i64x2.extend_low_i32x4_s(four));
        v128.store(at, i64x2.extend_high_i32x4_s(four), 16);
      }
    }
  }
  for (; lane < laneCount; lane++) {
    store<T>(out + (<usize>lane << 3), <T>load<i32>(values + <usize>lane * step));
  }
}

function castI64(target: usize, a: usize): void {
  const out = homeValues(target);
  for (let lane = 0; lane < laneCount; lane++) {
    store<f64>(out + (<usize>lane << 3), <f64>laneI64(a, lane));
  }
}

/** i64 → i32; whether any lane did not fit (then badBits says which). */
function narrowI64(target: usize, a: usize): bool {
  const out = homeValues(target);
  let bad: bool = false;
  memory.fill(badBits, 0, bitmapBytes(laneCount));
  for (let lane = 0; lane < laneCount; lane++) {
    const value = laneI64(a, lane);
    store<i32>(out + (<usize>lane << 2), <i32>value);
    if (<i64>(<i32>value) != value) {
      setBit(badBits, lane);
      bad = true;
    }
  }
  return bad;
}

/** f64 → i32 or i64, towards zero; NaN does not fit. */
function narrowF64(to: i32, target: usize, a: usize): bool {
  const out = homeValues(target);
  const values = registerValues(a);
  const step = registerStep(a);
  let bad: bool = false;
  memory.fill(badBits, 0, bitmapBytes(laneCount));
  for (let lane = 0; lane < laneCount; lane++) {
    const value = load<f64>(values + <usize>lane * step);
    let fits: bool;
    if (to == TYPE_I32) {
      fits = value > -2147483649.0 && value < 2147483648.0;
      store<i32>(out + (<usize>lane << 2), fits ? <i32>value : 0);
    } else {
      fits = value >= -9223372036854775808.0 && value < 9223372036854775808.0;
      store<i64>(out + (<usize>lane << 3), fits ? <i64>value : 0);
    }
    if (!fits) {
      setBit(badBits, lane);
      bad = true;
    }
  }
  return bad;
}
