// assembly/aggregate.ts — adds the values of resolved rows to their entries, one column at a time.
//
// scratchEntries names the entry of each row; two rows may share one, so every loop goes row by row in arrival order.
// A column with nulls is first packed to the rows that have a value, so that no loop below looks at validity.
//
// Promises
//   - Integer sums are 128 bits wide: they cannot wrap, whatever comes. Float sums are compensated (Neumaier, 1974).
//   - In min and max −0 is 0 and NaN is greatest. first keeps the earliest of equal times, last the latest.
// Not here  the entry's layout (stage.ts), results (result.ts).

import { batchColumn, bitAt, columnValidity } from './batch';
import { canonicalBits, columnWords, rowAt } from './key';
import { TYPE_F64, TYPE_I64 } from './layout';
import {
  Group,
  Stage,
  groupOf,
  scratchEntries,
  scratchPresent,
  scratchPresentTimes,
  scratchTimes,
  scratchValues,
} from './stage';

// @ts-ignore: decorator
@inline
function entryAt(entries: usize, index: i32): usize {
  return <usize>load<u32>(entries + (<usize>index << 2));
}

/** The values that a fused stage adds while it resolves, one word a row of the chunk; 0: the stage is not fused. */
export function fusedValues(stage: Stage, batch: usize, selection: usize, from: i32, count: i32): usize {
  if (!stage.isFused) return 0;
  const group = groupOf(stage, 0);
  return columnWords(batch, batchColumn(batch, group.columnIndex), group.type, selection, from, count, scratchValues);
}

/** The commonest shape: count, sum, min and max stand side by side in the entry, and are updated at one visit. */
// @ts-ignore: decorator
@inline
export function addToFused(at: usize, value: i64): void {
  store<i64>(at, load<i64>(at) + 1);
  const low = load<u64>(at, 8) + <u64>value;
  store<u64>(at, low, 8);
  store<i64>(at, load<i64>(at, 16) + (value >> 63) + <i64>(low < <u64>value), 16);
  const least = load<i64>(at, 24);
  store<i64>(at, value < least ? value : least, 24);
  const greatest = load<i64>(at, 32);
  store<i64>(at, value > greatest ? value : greatest, 32);
}

/** Adds a chunk whose rows are resolved. */
export function addRows(stage: Stage, batch: usize, selection: usize, from: i32, count: i32): void {
  addCount(scratchEntries, stage.stateOffset, count);
  for (let index = 0; index < stage.groupCount; index++) {
    addGroup(groupOf(stage, index), batch, selection, from, count);
  }
}

function addGroup(group: Group, batch: usize, selection: usize, from: i32, count: i32): void {
  const column = batchColumn(batch, group.columnIndex);
  const needsTime = group.first != 0 || group.last != 0;
  const needsValue = needsTime || group.sum != 0 || group.min != 0 || group.max != 0;
  let values: usize = 0;
  let times: usize = 0;
  if (needsValue) values = columnWords(batch, column, group.type, selection, from, count, scratchValues);
  if (needsTime) {
    times = columnWords(batch, batchColumn(batch, 0), TYPE_I64, selection, from, count, scratchTimes);
  }
  let entries = scratchEntries;
  const validity = columnValidity(batch, column);
  if (validity != 0) {
    count = packPresent(validity, selection, from, count, values, times);
    entries = scratchPresent;
    if (needsValue) values = scratchValues;
    if (needsTime) times = scratchPresentTimes;
  }
  if (group.count != 0) addCount(entries, group.count, count);
  if (group.type == TYPE_F64) {
    if (group.sum != 0) addFloatSum(entries, group.sum, values, count);
    if (group.min != 0) addFloatMin(entries, group.min, values, count);
    if (group.max != 0) addFloatMax(entries, group.max, values, count);
  } else {
    if (group.sum != 0) addWideSum(entries, group.sum, values, count);
    if (group.min != 0) addMin(entries, group.min, values, count);
    if (group.max != 0) addMax(entries, group.max, values, count);
  }
  if (group.first != 0) addFirst(entries, group.first, values, times, count, group.type == TYPE_F64);
  if (group.last != 0) addLast(entries, group.last, values, times, count, group.type == TYPE_F64);
}

/** Packs entries, values and times of the rows that are not null; returns how many those are. */
function packPresent(validity: usize, selection: usize, from: i32, count: i32, values: usize, times: usize): i32 {
  let present = 0;
  for (let index = 0; index < count; index++) {
    if (!bitAt(validity, rowAt(selection, from + index))) continue;
    store<u32>(scratchPresent + (<usize>present << 2), <u32>entryAt(scratchEntries, index));
    if (values != 0) store<u64>(scratchValues + (<usize>present << 3), load<u64>(values + (<usize>index << 3)));
    if (times != 0) store<u64>(scratchPresentTimes + (<usize>present << 3), load<u64>(times + (<usize>index << 3)));
    present++;
  }
  return present;
}

function addCount(entries: usize, offset: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    store<i64>(at, load<i64>(at) + 1);
  }
}

function addWideSum(entries: usize, offset: usize, values: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const value = load<i64>(values + (<usize>index << 3));
    const low = load<u64>(at) + <u64>value;
    store<u64>(at, low);
    store<i64>(at, load<i64>(at, 8) + (value >> 63) + <i64>(low < <u64>value), 8);
  }
}

function addMin(entries: usize, offset: usize, values: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const value = load<i64>(values + (<usize>index << 3));
    const least = load<i64>(at);
    store<i64>(at, value < least ? value : least);
  }
}

function addMax(entries: usize, offset: usize, values: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const value = load<i64>(values + (<usize>index << 3));
    const greatest = load<i64>(at);
    store<i64>(at, value > greatest ? value : greatest);
  }
}

function addFloatSum(entries: usize, offset: usize, values: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const value = load<f64>(values + (<usize>index << 3));
    const sum = load<f64>(at);
    const next = sum + value;
    // What the rounding of next lost: exact when the larger operand comes first.
    const lost = abs(sum) >= abs(value) ? sum - next + value : value - next + sum;
    store<f64>(at, next);
    store<f64>(at, load<f64>(at, 8) + lost, 8);
  }
}

function addFloatMin(entries: usize, offset: usize, values: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const value = load<f64>(values + (<usize>index << 3)) + 0.0; // −0 becomes 0
    const least = load<f64>(at);
    if (value < least || (least != least && value == value)) store<f64>(at, value);
  }
}

function addFloatMax(entries: usize, offset: usize, values: usize, count: i32): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const value = load<f64>(values + (<usize>index << 3)) + 0.0;
    if (value != value) store<u64>(at, canonicalBits(value));
    else if (value > load<f64>(at)) store<f64>(at, value);
  }
}

function addFirst(entries: usize, offset: usize, values: usize, times: usize, count: i32, isFloat: bool): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const time = load<i64>(times + (<usize>index << 3));
    if (time >= load<i64>(at)) continue;
    store<i64>(at, time);
    store<u64>(at, valueBits(values + (<usize>index << 3), isFloat), 8);
  }
}

function addLast(entries: usize, offset: usize, values: usize, times: usize, count: i32, isFloat: bool): void {
  for (let index = 0; index < count; index++) {
    const at = entryAt(entries, index) + offset;
    const time = load<i64>(times + (<usize>index << 3));
    if (time < load<i64>(at)) continue;
    store<i64>(at, time);
    store<u64>(at, valueBits(values + (<usize>index << 3), isFloat), 8);
  }
}

/** −0 stays what it is in first and last; NaN becomes the one NaN, as everything that may enter a snapshot. */
// @ts-ignore: decorator
@inline
function valueBits(at: usize, isFloat: bool): u64 {
  const bits = load<u64>(at);
  return isFloat && reinterpret<f64>(bits) != reinterpret<f64>(bits) ? 0x7ff8000000000000 : bits;
}
