// assembly/arrow/check.ts — the next row of the open record batch that must be refused.
//
// A column remembers how far it was looked at and why the row there is unfit, so each row is looked at once however
// many are refused. Values go in blocks: the whole block is compared without branches, and only a block with a
// value out of bounds is walked row by row, because what stands behind a null may be anything.

import {
  Column,
  columnAt,
  Decoder,
  SOURCE_DICTIONARY,
  SOURCE_I16,
  SOURCE_I32,
  SOURCE_I64,
  SOURCE_I8,
  SOURCE_LARGE_UTF8,
  SOURCE_NULL,
  SOURCE_U16,
  SOURCE_U32,
  SOURCE_U64,
  SOURCE_U8,
  SOURCE_UTF8,
} from './column';
import { findEntry } from './dictionary';
import { firstBadText } from './text';
import { bitAt } from '../batch';
import { firstClearBit } from '../bits';
import { REASON_NULL, REASON_RANGE, REASON_TIME_RANGE, REASON_UTF8 } from '../layout';

/** Rows compared at once; a refused row costs at most one block again. */
const BLOCK_ROWS = 64;

/** The column whose row is the unfit one that firstUnfitRow returned; the leftmost when several are. */
export let unfitColumn: i32 = -1;

/** The first row in [decoder.row, end) that some column cannot take, or `end`. */
export function firstUnfitRow(decoder: Decoder, end: i32): i32 {
  unfitColumn = -1;
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    if (column.problem == 0 && column.checkedTo < end) checkRows(column, end);
    if (column.problem != 0 && column.checkedTo < end) {
      end = column.checkedTo;
      unfitColumn = index;
    }
  }
  return end;
}

/** The unfit row is dealt with: every column goes on behind it. */
export function passRow(decoder: Decoder, row: i32): void {
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    if (column.checkedTo > row) continue;
    column.checkedTo = row + 1;
    column.problem = 0;
  }
}

function checkRows(column: Column, end: i32): void {
  const from = column.checkedTo;
  let fit = column.nullable ? end : firstNull(column, from, end);
  let problem = fit < end ? REASON_NULL : 0;
  if (column.bounded) {
    const inside = firstOutOfBounds(column, from, fit);
    if (inside < fit) {
      fit = inside;
      problem = column.isTime ? REASON_TIME_RANGE : REASON_RANGE;
    }
  } else if (!column.isClean && (column.source == SOURCE_UTF8 || column.source == SOURCE_LARGE_UTF8)) {
    const isLarge = column.source == SOURCE_LARGE_UTF8;
    const legible = firstBadText(column.values, column.bytes, column.validity, from, fit, isLarge);
    if (legible < fit) {
      fit = legible;
      problem = REASON_UTF8;
    }
  }
  column.checkedTo = fit;
  column.problem = problem;
}

function firstNull(column: Column, from: i32, to: i32): i32 {
  if (column.source == SOURCE_NULL) return from;
  if (column.source == SOURCE_DICTIONARY && column.entriesMayBeNull) {
    for (let row = from; row < to; row++) if (!findEntry(column, row)) return row;
    return to;
  }
  return column.validity == 0 ? to : firstClearBit(column.validity, from, to);
}

function firstOutOfBounds(column: Column, from: i32, to: i32): i32 {
  switch (column.source) {
    case SOURCE_I8:
      return firstOutside<i8>(column, from, to);
    case SOURCE_I16:
      return firstOutside<i16>(column, from, to);
    case SOURCE_I32:
      return firstOutside<i32>(column, from, to);
    case SOURCE_U8:
      return firstOutside<u8>(column, from, to);
    case SOURCE_U16:
      return firstOutside<u16>(column, from, to);
    case SOURCE_U32:
      return firstOutside<u32>(column, from, to);
    case SOURCE_I64:
    case SOURCE_U64:
      return firstOutside<i64>(column, from, to);
    default:
      return to;
  }
}

function firstOutside<S>(column: Column, from: i32, to: i32): i32 {
  const values = column.values;
  const validity = column.validity;
  const lowest = column.lowest;
  const highest = column.highest;
  for (let block = from; block < to; block += BLOCK_ROWS) {
    const blockEnd = min(block + BLOCK_ROWS, to);
    const start = values + <usize>block * sizeof<S>();
    const outside =
      sizeof<S>() == 8
        ? anyOutside64(start, blockEnd - block, lowest, highest)
        : anyOutside<S>(start, blockEnd - block, lowest, highest);
    if (!outside) continue;
    for (let row = block; row < blockEnd; row++) {
      const value = <i64>load<S>(values + <usize>row * sizeof<S>());
      if ((value < lowest || value > highest) && (validity == 0 || bitAt(validity, row))) return row;
    }
  }
  return to;
}

function anyOutside<S>(start: usize, count: i32, lowest: i64, highest: i64): bool {
  let outside = 0;
  for (let index = 0; index < count; index++) {
    const value = <i64>load<S>(start + <usize>index * sizeof<S>());
    outside |= i32(value < lowest) | i32(value > highest);
  }
  return outside != 0;
}

function anyOutside64(start: usize, count: i32, lowest: i64, highest: i64): bool {
  const low = i64x2.splat(lowest);
  const high = i64x2.splat(highest);
  let outside = i64x2.splat(0);
  let at = start;
  for (let pair = count >>> 1; pair > 0; pair--, at += 16) {
    const values = v128.load(at);
    outside = v128.or(outside, v128.or(i64x2.lt_s(values, low), i64x2.gt_s(values, high)));
  }
  if (v128.any_true(outside)) return true;
  return (count & 1) != 0 && (load<i64>(at) < lowest || load<i64>(at) > highest);
}
