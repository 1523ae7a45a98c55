// assembly/arrow/append.ts — rows of the open record batch into the builder, column by column.
//
// Every row given was found fit and has room. Equal layouts are copied whole; others are converted in one loop per
// pair of types. What stands behind a null is copied as it is, except text: a null owns no bytes.
//
// Not here  raising builtRows: the caller does it when all columns are written.

import {
  Column,
  SCALE_DIVIDE,
  SCALE_MULTIPLY,
  SOURCE_BOOL,
  SOURCE_DICTIONARY,
  SOURCE_F16,
  SOURCE_F32,
  SOURCE_F64,
  SOURCE_I16,
  SOURCE_I32,
  SOURCE_I64,
  SOURCE_I8,
  SOURCE_NULL,
  SOURCE_U16,
  SOURCE_U32,
  SOURCE_U64,
  SOURCE_U8,
} from './column';
import { appendEntries, appendText } from './append-text';
import { copyBits, fillBits } from '../bits';
import { SLOT_VALIDITY, SLOT_VALUES, TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } from '../layout';

/** Writes rows from … from + count − 1 behind the builder's first `built` rows. */
export function appendColumn(column: Column, built: i32, from: i32, count: i32): void {
  assert(count > 0 && column.checkedTo >= from + count); // Every row was found fit.
  const slot = column.slot;
  const values = load<usize>(slot, SLOT_VALUES);
  if (column.nullable) {
    const validity = load<usize>(slot, SLOT_VALIDITY);
    if (column.source == SOURCE_NULL) fillBits(validity, built, count, false);
    else if (column.validity != 0) copyBits(validity, built, column.validity, from, count);
    else fillBits(validity, built, count, true);
  }
  if (column.source == SOURCE_NULL) appendNothing(column.target, values, built, count);
  else if (column.source == SOURCE_BOOL) copyBits(values, built, column.values, from, count);
  else if (column.source == SOURCE_DICTIONARY) appendEntries(column, built, from, count);
  else if (column.target == TYPE_UTF8) appendText(column, built, from, count);
  else if (column.target == TYPE_I64) appendI64(column, values + ((<usize>built) << 3), from, count);
  else if (column.target == TYPE_I32) appendI32(column, values + ((<usize>built) << 2), from, count);
  else appendF64(column, values + ((<usize>built) << 3), from, count);
}

/** Null rows: zeros, so that equal input gives equal bytes. */
function appendNothing(target: i32, values: usize, built: i32, count: i32): void {
  if (target == TYPE_BOOL) fillBits(values, built, count, false);
  else if (target == TYPE_I32) memory.fill(values + ((<usize>built) << 2), 0, (<usize>count) << 2);
  else if (target == TYPE_I64 || target == TYPE_F64) memory.fill(values + ((<usize>built) << 3), 0, (<usize>count) << 3);
  else {
    const end = built == 0 ? 0 : load<i32>(values + ((<usize>built) << 2));
    for (let row = built; row <= built + count; row++) store<i32>(values + ((<usize>row) << 2), end);
  }
}

function appendI64(column: Column, to: usize, from: i32, count: i32): void {
  const values = column.values;
  switch (column.source) {
    case SOURCE_I8:
      return convert<i8, i64>(values, to, from, count);
    case SOURCE_I16:
      return convert<i16, i64>(values, to, from, count);
    case SOURCE_U8:
      return convert<u8, i64>(values, to, from, count);
    case SOURCE_U16:
      return convert<u16, i64>(values, to, from, count);
    case SOURCE_U32:
      return convert<u32, i64>(values, to, from, count);
    case SOURCE_I32:
      convert<i32, i64>(values, to, from, count);
      if (column.scale == SCALE_MULTIPLY) multiply(to, to, count, column.factor);
      return;
    default: {
      const start = values + ((<usize>from) << 3);
      if (column.scale == SCALE_MULTIPLY) multiply(start, to, count, column.factor);
      else if (column.scale == SCALE_DIVIDE && column.factor == 1000) divide(start, to, count, 1000);
      else if (column.scale == SCALE_DIVIDE) divide(start, to, count, 1000000);
      else memory.copy(to, start, (<usize>count) << 3);
    }
  }
}

function appendI32(column: Column, to: usize, from: i32, count: i32): void {
  const values = column.values;
  switch (column.source) {
    case SOURCE_I8:
      return convert<i8, i32>(values, to, from, count);
    case SOURCE_I16:
      return convert<i16, i32>(values, to, from, count);
    case SOURCE_U8:
      return convert<u8, i32>(values, to, from, count);
    case SOURCE_U16:
      return convert<u16, i32>(values, to, from, count);
    case SOURCE_I64:
    case SOURCE_U64:
      return convert<i64, i32>(values, to, from, count);
    default:
      memory.copy(to, values + ((<usize>from) << 2), (<usize>count) << 2); // i32, and u32 below 2^31
  }
}

function appendF64(column: Column, to: usize, from: i32, count: i32): void {
  const values = column.values;
  switch (column.source) {
    case SOURCE_I8:
      return convert<i8, f64>(values, to, from, count);
    case SOURCE_I16:
      return convert<i16, f64>(values, to, from, count);
    case SOURCE_I32:
      return convert<i32, f64>(values, to, from, count);
    case SOURCE_U8:
      return convert<u8, f64>(values, to, from, count);
    case SOURCE_U16:
      return convert<u16, f64>(values, to, from, count);
    case SOURCE_U32:
      return convert<u32, f64>(values, to, from, count);
    case SOURCE_I64:
    case SOURCE_U64:
      return convert<i64, f64>(values, to, from, count);
    case SOURCE_F16:
      return convertHalves(values, to, from, count);
    case SOURCE_F32:
      return convertFloats(values, to, from, count);
    case SOURCE_F64:
      memory.copy(to, values + ((<usize>from) << 3), (<usize>count) << 3);
  }
}

function convert<S, T>(values: usize, to: usize, from: i32, count: i32): void {
  const start = values + <usize>from * sizeof<S>();
  for (let index = 0; index < count; index++) {
    store<T>(to + <usize>index * sizeof<T>(), <T>load<S>(start + <usize>index * sizeof<S>()));
  }
}

function multiply(start: usize, to: usize, count: i32, factor: i64): void {
  for (let at = to; at < to + ((<usize>count) << 3); at += 8) {
    store<i64>(at, load<i64>(start + (at - to)) * factor);
  }
}

/** Rounds down: −1 µs lies in millisecond −1. Inlined per factor, so that the division becomes a constant's. */
// @ts-ignore: decorator
@inline
function divide(start: usize, to: usize, count: i32, factor: i64): void {
  for (let at = to; at < to + ((<usize>count) << 3); at += 8) {
    const value = load<i64>(start + (at - to));
    const quotient = value / factor;
    store<i64>(at, quotient - <i64>(quotient * factor > value));
  }
}

/** One NaN for all: what promotion makes of a NaN's payload may differ between machines. */
function convertFloats(values: usize, to: usize, from: i32, count: i32): void {
  const start = values + ((<usize>from) << 2);
  for (let index = 0; index < count; index++) {
    const value = load<f32>(start + ((<usize>index) << 2));
    const bits: u64 = value == value ? reinterpret<u64>(<f64>value) : 0x7ff8000000000000;
    store<u64>(to + ((<usize>index) << 3), bits);
  }
}

function convertHalves(values: usize, to: usize, from: i32, count: i32): void {
  const start = values + ((<usize>from) << 1);
  for (let index = 0; index < count; index++) {
    store<f64>(to + ((<usize>index) << 3), halfToF64(load<u16>(start + ((<usize>index) << 1))));
  }
}

/** IEEE 754 binary16: sign, 5 bits of exponent biased by 15, 10 bits of fraction. */
function halfToF64(half: u32): f64 {
  const sign = <u64>(half >>> 15) << 63;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent == 31) return fraction != 0 ? NaN : reinterpret<f64>(sign | 0x7ff0000000000000);
  if (exponent == 0) {
    const magnitude = <f64>fraction / 16777216; // fraction × 2^−24
    return sign != 0 ? -magnitude : magnitude;
  }
  return reinterpret<f64>(sign | (<u64>(exponent + 1008) << 52) | (<u64>fraction << 42));
}
