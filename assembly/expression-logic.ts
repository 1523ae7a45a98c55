// assembly/expression-logic.ts — bool with three values, tests for null, and the choice between two values.
//
// A bool is two bitmaps: value and validity. Words of 64 lanes are combined at once.
//   and  is null unless one side is false or both have a value;  or  unless one side is true or both have one.

import { bitAt } from './batch';
import {
  homeValidity,
  homeValues,
  laneCount,
  registerBytes,
  registerStep,
  registerValidity,
  registerValues,
  setRegister,
} from './expression-register';
import { TYPE_BOOL, TYPE_I32, TYPE_UTF8 } from './layout';

/** A validity of 0 has every bit set. */
// @ts-ignore: decorator
@inline
function validAt(bitmap: usize, at: usize): i64 {
  return bitmap == 0 ? -1 : load<i64>(bitmap + at);
}

/** Bytes of the words that hold the lanes. */
// @ts-ignore: decorator
@inline
function wordsEnd(): usize {
  return (<usize>((laneCount + 63) >>> 6)) << 3;
}

export function andBits(target: usize, a: usize, b: usize): void {
  const end = wordsEnd();
  for (let at: usize = 0; at < end; at += 8) {
    store<i64>(homeValues(target) + at, load<i64>(registerValues(a) + at) & load<i64>(registerValues(b) + at));
  }
  const validA = registerValidity(a);
  const validB = registerValidity(b);
  const nullable = validA != 0 || validB != 0;
  for (let at: usize = 0; nullable && at < end; at += 8) {
    const x = validAt(validA, at);
    const y = validAt(validB, at);
    const falseX = x & ~load<i64>(registerValues(a) + at);
    const falseY = y & ~load<i64>(registerValues(b) + at);
    store<i64>(homeValidity(target) + at, (x & y) | falseX | falseY);
  }
  setRegister(target, homeValues(target), 0, nullable ? homeValidity(target) : 0, 0);
}

export function orBits(target: usize, a: usize, b: usize): void {
  const end = wordsEnd();
  const validA = registerValidity(a);
  const validB = registerValidity(b);
  const nullable = validA != 0 || validB != 0;
  for (let at: usize = 0; at < end; at += 8) {
    const x = validAt(validA, at);
    const y = validAt(validB, at);
    const trueX = x & load<i64>(registerValues(a) + at);
    const trueY = y & load<i64>(registerValues(b) + at);
    store<i64>(homeValues(target) + at, trueX | trueY);
    if (nullable) store<i64>(homeValidity(target) + at, (x & y) | trueX | trueY);
  }
  setRegister(target, homeValues(target), 0, nullable ? homeValidity(target) : 0, 0);
}

export function notBits(target: usize, a: usize): void {
  const end = wordsEnd();
  const valid = registerValidity(a);
  for (let at: usize = 0; at < end; at += 8) {
    store<i64>(homeValues(target) + at, ~load<i64>(registerValues(a) + at));
    if (valid != 0) store<i64>(homeValidity(target) + at, load<i64>(valid + at));
  }
  setRegister(target, homeValues(target), 0, valid == 0 ? 0 : homeValidity(target), 0);
}

/** Set where a is null, or with `inverted` where it is not; never null itself. */
export function nullBits(target: usize, a: usize, inverted: bool): void {
  const end = wordsEnd();
  const valid = registerValidity(a);
  const flip: i64 = inverted ? 0 : -1;
  for (let at: usize = 0; at < end; at += 8) {
    store<i64>(homeValues(target) + at, validAt(valid, at) ^ flip);
  }
  setRegister(target, homeValues(target), 0, 0, 0);
}

/** Set where a is true, or with `inverted` where it is false or null; never null itself. */
export function trueBits(target: usize, a: usize, inverted: bool): void {
  const end = wordsEnd();
  const valid = registerValidity(a);
  const flip: i64 = inverted ? -1 : 0;
  for (let at: usize = 0; at < end; at += 8) {
    store<i64>(homeValues(target) + at, (load<i64>(registerValues(a) + at) & validAt(valid, at)) ^ flip);
  }
  setRegister(target, homeValues(target), 0, 0, 0);
}

/** Lane by lane b where `condition` is true, c elsewhere. */
export function choose(type: i32, target: usize, condition: usize, b: usize, c: usize): void {
  if (type == TYPE_BOOL) chooseBits(target, condition, b, c);
  else if (type == TYPE_I32) chooseValues<i32>(target, condition, b, c);
  else if (type == TYPE_UTF8) chooseTexts(target, condition, b, c);
  else chooseValues<i64>(target, condition, b, c); // f64 too: only its bits are moved
  const validB = registerValidity(b);
  const validC = registerValidity(c);
  const nullable = validB != 0 || validC != 0;
  const end = wordsEnd();
  for (let at: usize = 0; nullable && at < end; at += 8) {
    const taken = takenAt(condition, at);
    store<i64>(homeValidity(target) + at, (taken & validAt(validB, at)) | (~taken & validAt(validC, at)));
  }
  const step: usize = type == TYPE_BOOL ? 0 : type == TYPE_I32 ? 4 : 8;
  setRegister(target, homeValues(target), step, nullable ? homeValidity(target) : 0, 0);
}

/** Lanes where the condition is true. */
// @ts-ignore: decorator
@inline
function takenAt(condition: usize, at: usize): i64 {
  return load<i64>(registerValues(condition) + at) & validAt(registerValidity(condition), at);
}

function chooseBits(target: usize, condition: usize, b: usize, c: usize): void {
  const end = wordsEnd();
  for (let at: usize = 0; at < end; at += 8) {
    const taken = takenAt(condition, at);
    const bits = (taken & load<i64>(registerValues(b) + at)) | (~taken & load<i64>(registerValues(c) + at));
    store<i64>(homeValues(target) + at, bits);
  }
}

function chooseValues<T>(target: usize, condition: usize, b: usize, c: usize): void {
  const out = homeValues(target);
  const bValues = registerValues(b);
  const cValues = registerValues(c);
  const bStep = registerStep(b);
  const cStep = registerStep(c);
  let taken: i64 = 0;
  for (let lane = 0; lane < laneCount; lane++) {
    if ((lane & 63) == 0) taken = takenAt(condition, (<usize>(lane >>> 6)) << 3);
    const x = load<T>(bValues + <usize>lane * bStep);
    const y = load<T>(cValues + <usize>lane * cStep);
    store<T>(out + <usize>lane * sizeof<T>(), select<T>(x, y, (taken & 1) != 0));
    taken = taken >>> 1;
  }
}

/** Pairs of absolute addresses: no byte is copied before the text is stored in a column. */
function chooseTexts(target: usize, condition: usize, b: usize, c: usize): void {
  const out = homeValues(target);
  const valid = registerValidity(condition);
  for (let lane = 0; lane < laneCount; lane++) {
    const taken = bitAt(registerValues(condition), lane) && (valid == 0 || bitAt(valid, lane));
    const from = taken ? b : c;
    const pair = registerValues(from) + <usize>lane * registerStep(from);
    const bytes = registerBytes(from);
    store<usize>(out + (<usize>lane << 3), bytes + load<u32>(pair));
    store<usize>(out + (<usize>lane << 3), bytes + load<u32>(pair, 4), 4);
  }
}
