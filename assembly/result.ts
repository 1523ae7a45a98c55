// assembly/result.ts — results of closed windows, as batch images.
//
//   columns  time (end − 1) │ window start │ window end │ keys … │ aggregates …
//
// A firing window is a cursor: a call writes what fits and the next one goes on; one image may hold several windows.
// Pass 1 walks the dense entries and notes as many as fit; pass 2 writes column by column.
//
// Promises
//   - Windows come in order of their end, each entry once.
//   - A pane is given back whole when its last entry was written.
//   - The image stays within outBytesMax and outRowsMax.
// Not here  when a window is closed (keyed.ts).

import { setBit } from './batch';
import { factsOf } from './blocks';
import { canonicalBits, paddedBytes } from './key';
import { dropFirstPane, paneOfIndex } from './keyed';
import {
  AGGREGATE_AVG,
  AGGREGATE_COUNT,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  BATCH_COLUMN_COUNT,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  BATCH_IMAGE_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_BYTES_LENGTH,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  OUT_TOO_SMALL,
  RESULT_TIME_COLUMNS,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from './layout';
import { Pane, blockEnd } from './pane';
import {
  Aggregate,
  ENTRY_BYTES,
  ENTRY_ERASED,
  ENTRY_FLAGS,
  ENTRY_KEYS,
  ENTRY_NULLS,
  Group,
  Stage,
  aggregateOf,
  groupOf,
  keyOf,
  scratchEntries,
  scratchNulls,
  scratchStarts,
} from './stage';

let rowCount: i32 = 0;
/** Pass 1 stopped because the next entry did not fit. */
let isFull: bool = false;

/**
 * Writes the next results of ready windows at `out` (8-aligned).
 *
 * @returns image bytes; 0 when nothing is ready; OUT_TOO_SMALL when not even one row fits
 */
export function keyedFire(handle: usize, out: usize, outBytesMax: i32): i32 {
  const stage = changetype<Stage>(handle);
  rowCount = 0;
  isFull = false;
  const columnCount = RESULT_TIME_COLUMNS + stage.keyCount + stage.aggregateCount;
  // Alignment costs each column at most three paddings of 8 bytes, and one more offset for utf8.
  const fixed = BATCH_HEADER_BYTES + columnCount * (COLUMN_DESCRIPTOR_BYTES + 32);
  let room = <i64>outBytesMax - fixed;
  const rowBits = bitsPerRow(stage);
  let index = 0;
  while (index < stage.paneCount && !isFull) {
    const pane = paneOfIndex(stage, index);
    if (pane.start + stage.size > stage.watermark) break;
    room = noteEntries(stage, pane, rowBits, room);
    if (!isFull) index++;
  }
  if (rowCount == 0 && isFull) return OUT_TOO_SMALL;
  const bytes = rowCount == 0 ? 0 : writeImage(stage, out, columnCount);
  for (; index > 0; index--) dropFirstPane(stage);
  return bytes;
}

/** What a row takes in the image besides its utf8 bytes, in bits. */
function bitsPerRow(stage: Stage): i64 {
  let bits: i64 = RESULT_TIME_COLUMNS * 64;
  for (let index = 0; index < stage.keyCount; index++) bits += 1 + valueBits(keyOf(stage, index).type);
  for (let index = 0; index < stage.aggregateCount; index++) {
    bits += 1 + valueBits(aggregateOf(stage, index).resultType);
  }
  return bits;
}

function valueBits(type: i32): i64 {
  if (type == TYPE_BOOL) return 1;
  return type == TYPE_I32 || type == TYPE_UTF8 ? 32 : 64;
}

/** Notes the pane's entries from the cursor on; moves the cursor. Returns the room left, in bytes. */
function noteEntries(stage: Stage, pane: Pane, rowBits: i64, room: i64): i64 {
  let block = stage.fireBlock == 0 ? pane.firstBlock : stage.fireBlock;
  let entry = stage.fireBlock == 0 ? block : stage.fireAt;
  let roomBits = room << 3;
  const fixedBytes = stage.fixedBytes;
  const rowsBefore = rowCount;
  while (block != 0) {
    const end = blockEnd(pane, block);
    while (entry < end) {
      const bytes = load<u32>(entry, ENTRY_BYTES);
      if (load<u16>(entry, ENTRY_FLAGS) != ENTRY_ERASED) {
        const needed = rowBits + (<i64>(bytes - fixedBytes) << 3);
        if (rowCount == stage.outRowsMax || roomBits < needed) {
          isFull = true;
          stage.fireBlock = block;
          stage.fireAt = entry;
          stage.firedEntries += rowCount - rowsBefore;
          return roomBits >> 3;
        }
        roomBits -= needed;
        store<u32>(scratchEntries + (<usize>rowCount << 2), <u32>entry);
        store<i64>(scratchStarts + (<usize>rowCount << 3), pane.start);
        rowCount++;
      }
      entry += <usize>bytes;
    }
    block = <usize>factsOf(block).next;
    entry = block;
  }
  stage.fireBlock = 0;
  stage.firedEntries = 0;
  return roomBits >> 3;
}

function writeImage(stage: Stage, out: usize, columnCount: i32): i32 {
  store<i32>(out, rowCount, BATCH_ROW_COUNT);
  store<i32>(out, columnCount, BATCH_COLUMN_COUNT);
  store<i32>(out, 0, BATCH_FLAGS);
  let column = out + BATCH_HEADER_BYTES;
  let at = column + <usize>columnCount * COLUMN_DESCRIPTOR_BYTES;
  for (let index = 0; index < RESULT_TIME_COLUMNS; index++) {
    describe(out, column, TYPE_I64, at);
    at = writeTimes(at, index == 0 ? stage.size - 1 : index == 1 ? 0 : stage.size);
    column += COLUMN_DESCRIPTOR_BYTES;
  }
  for (let index = 0; index < stage.keyCount; index++) {
    describe(out, column, keyOf(stage, index).type, at);
    at = writeKeyColumn(stage, index, out, column, at);
    column += COLUMN_DESCRIPTOR_BYTES;
  }
  for (let index = 0; index < stage.aggregateCount; index++) {
    const aggregate = aggregateOf(stage, index);
    describe(out, column, aggregate.resultType, at);
    at = writeAggregate(stage, aggregate, out, column, at);
    column += COLUMN_DESCRIPTOR_BYTES;
  }
  store<i32>(out, <i32>(at - out), BATCH_IMAGE_BYTES);
  return <i32>(at - out);
}

function describe(out: usize, column: usize, type: i32, values: usize): void {
  store<i32>(column, type, COLUMN_TYPE);
  store<u32>(column, 0, COLUMN_NULL_COUNT);
  store<u32>(column, 0, COLUMN_VALIDITY);
  store<u32>(column, <u32>(values - out), COLUMN_VALUES);
  store<u32>(column, 0, COLUMN_BYTES);
  store<u32>(column, 0, COLUMN_BYTES_LENGTH);
}

// @ts-ignore: decorator
@inline
function entryOfRow(row: i32): usize {
  return <usize>load<u32>(scratchEntries + (<usize>row << 2));
}

function writeTimes(at: usize, distance: i64): usize {
  for (let row = 0; row < rowCount; row++) {
    const start = load<i64>(scratchStarts + (<usize>row << 3));
    store<i64>(at + (<usize>row << 3), start + distance);
  }
  return at + (<usize>rowCount << 3);
}

function writeKeyColumn(stage: Stage, index: i32, out: usize, column: usize, at: usize): usize {
  const type = keyOf(stage, index).type;
  const offset = ENTRY_KEYS + (<usize>index << 3);
  if (type == TYPE_UTF8) at = writeUtf8(stage, index, out, column, at);
  else at = writeWords(type, offset, at);
  clearNulls();
  let nullCount = 0;
  for (let row = 0; row < rowCount; row++) {
    if (((load<u16>(entryOfRow(row), ENTRY_NULLS) >>> index) & 1) == 0) continue;
    setBit(scratchNulls, row);
    nullCount++;
  }
  return writeValidity(out, column, nullCount, at);
}

/** A column of fixed width out of the 64-bit words at `offset` in the entries. */
function writeWords(type: i32, offset: usize, at: usize): usize {
  if (type == TYPE_BOOL) {
    memory.fill(at, 0, bitmapBytes());
    for (let row = 0; row < rowCount; row++) if (load<u64>(entryOfRow(row) + offset) != 0) setBit(at, row);
    return at + bitmapBytes();
  }
  if (type == TYPE_I32) {
    for (let row = 0; row < rowCount; row++) {
      store<i32>(at + (<usize>row << 2), <i32>load<i64>(entryOfRow(row) + offset));
    }
    if ((rowCount & 1) != 0) store<i32>(at + (<usize>rowCount << 2), 0);
    return at + (((<usize>rowCount << 2) + 7) & ~7);
  }
  for (let row = 0; row < rowCount; row++) {
    store<u64>(at + (<usize>row << 3), load<u64>(entryOfRow(row) + offset));
  }
  return at + (<usize>rowCount << 3);
}

function writeUtf8(stage: Stage, index: i32, out: usize, column: usize, at: usize): usize {
  const offsets = at;
  const bytes = (at + (<usize>(rowCount + 1) << 2) + 7) & ~7;
  store<u32>(bytes - 8, 0, 4); // the padding, unless the last offset stands there
  let length: u32 = 0;
  for (let row = 0; row < rowCount; row++) {
    const entry = entryOfRow(row);
    let from = entry + <usize>stage.fixedBytes;
    for (let before = 0; before < index; before++) {
      if (keyOf(stage, before).type != TYPE_UTF8) continue;
      from += paddedBytes(load<u32>(entry + (<usize>before << 3), ENTRY_KEYS));
    }
    const keyBytes = load<u32>(entry + (<usize>index << 3), ENTRY_KEYS);
    store<u32>(offsets + (<usize>row << 2), length);
    // Whole words: the entry is padded with zeros, and the next key overwrites them.
    for (let word: u32 = 0; word < keyBytes; word += 8) {
      store<u64>(bytes + length + word, load<u64>(from + word));
    }
    length += keyBytes;
  }
  store<u32>(offsets + (<usize>rowCount << 2), length);
  store<u32>(column, <u32>(bytes - out), COLUMN_BYTES);
  store<u32>(column, length, COLUMN_BYTES_LENGTH);
  return bytes + paddedBytes(length);
}

function writeAggregate(stage: Stage, aggregate: Aggregate, out: usize, column: usize, at: usize): usize {
  if (aggregate.group < 0) return writeWords(TYPE_I64, stage.stateOffset, at);
  const group = groupOf(stage, aggregate.group);
  const what = aggregate.function;
  if (what == AGGREGATE_COUNT) return writeWords(TYPE_I64, group.count, at);
  clearNulls();
  let nullCount = 0;
  if (group.count != 0) {
    for (let row = 0; row < rowCount; row++) {
      if (load<i64>(entryOfRow(row) + group.count) != 0) continue;
      setBit(scratchNulls, row);
      nullCount++;
    }
  }
  const isFloat = group.type == TYPE_F64;
  if (what == AGGREGATE_SUM && isFloat) {
    for (let row = 0; row < rowCount; row++) {
      store<u64>(at + (<usize>row << 3), canonicalSum(entryOfRow(row) + group.sum));
    }
    at += <usize>rowCount << 3;
  } else if (what == AGGREGATE_SUM) {
    nullCount += writeWideSum(stage, group, at);
    at += <usize>rowCount << 3;
  } else if (what == AGGREGATE_AVG) {
    at = writeAverage(stage, group, at);
  } else {
    at = writeWords(group.type, valueOffset(group, what), at);
  }
  return writeValidity(out, column, nullCount, at);
}

function valueOffset(group: Group, what: i32): usize {
  if (what == AGGREGATE_MIN) return group.min;
  if (what == AGGREGATE_MAX) return group.max;
  return (what == AGGREGATE_FIRST ? group.first : group.last) + 8;
}

/** A compensated sum's bits. Once the sum has left the finite numbers, its compensation says nothing. */
function canonicalSum(at: usize): u64 {
  return canonicalBits(floatSum(at));
}

function floatSum(at: usize): f64 {
  const sum = load<f64>(at);
  return sum - sum == 0 ? sum + load<f64>(at, 8) : sum;
}

/** Sums that fit 64 bits; the others become null and are counted. Returns how many those are. */
function writeWideSum(stage: Stage, group: Group, at: usize): i32 {
  let overflows = 0;
  for (let row = 0; row < rowCount; row++) {
    const from = entryOfRow(row) + group.sum;
    const low = load<i64>(from);
    if (load<i64>(from, 8) != low >> 63) {
      setBit(scratchNulls, row);
      overflows++;
      stage.sumOverflows++;
    }
    store<i64>(at + (<usize>row << 3), low);
  }
  return overflows;
}

function writeAverage(stage: Stage, group: Group, at: usize): usize {
  const countOffset = group.count != 0 ? group.count : stage.stateOffset;
  for (let row = 0; row < rowCount; row++) {
    const entry = entryOfRow(row);
    const from = entry + group.sum;
    const count = <f64>load<i64>(entry + countOffset);
    // 2^64 · high + low; both parts are exact up to 2^53, the quotient is rounded like any f64.
    const sum =
      group.type == TYPE_F64
        ? floatSum(from)
        : load<i64>(from, 8) == load<i64>(from) >> 63
          ? <f64>load<i64>(from)
          : <f64>load<i64>(from, 8) * 18446744073709551616.0 + <f64>load<u64>(from);
    store<u64>(at + (<usize>row << 3), canonicalBits(count == 0 ? 0 : sum / count));
  }
  return at + (<usize>rowCount << 3);
}

function bitmapBytes(): usize {
  return (<usize>(rowCount + 63) >>> 6) << 3;
}

function clearNulls(): void {
  memory.fill(scratchNulls, 0, bitmapBytes());
}

/** Appends the validity bitmap when any row is null: the complement of the noted nulls. */
function writeValidity(out: usize, column: usize, nullCount: i32, at: usize): usize {
  if (nullCount == 0) return at;
  store<u32>(column, nullCount, COLUMN_NULL_COUNT);
  store<u32>(column, <u32>(at - out), COLUMN_VALIDITY);
  const bytes = bitmapBytes();
  for (let offset: usize = 0; offset < bytes; offset += 8) {
    store<u64>(at + offset, ~load<u64>(scratchNulls + offset));
  }
  return at + bytes;
}
