// assembly/arrow/append-text.ts — text of the open record batch into the builder, and how many bytes a row needs there.

import { Column, SOURCE_DICTIONARY, SOURCE_LARGE_UTF8, SOURCE_NULL } from './column';
import { entryAt, entryBytes, findEntry } from './dictionary';
import { offsetAt } from './text';
import { bitAt, clearBit } from '../batch';
import { copyBytes } from '../copy';
import { SLOT_BYTES, SLOT_VALIDITY, SLOT_VALUES } from '../layout';

/** Bytes that rows from … from + count − 1 need at most. */
export function textBytesAtMost(column: Column, from: i32, count: i32): u64 {
  if (column.source == SOURCE_NULL) return 0;
  if (column.source == SOURCE_DICTIONARY) return <u64>column.entryBytesMax * count;
  const isLarge = column.source == SOURCE_LARGE_UTF8;
  return offsetAt(column.values, from + count, isLarge) - offsetAt(column.values, from, isLarge);
}

/** Bytes that one row needs. */
export function textBytes(column: Column, row: i32): u32 {
  if (column.source == SOURCE_NULL) return 0;
  if (column.source == SOURCE_DICTIONARY) return findEntry(column, row) ? entryBytes : 0;
  if (column.validity != 0 && !bitAt(column.validity, row)) return 0;
  const isLarge = column.source == SOURCE_LARGE_UTF8;
  return offsetAt(column.values, row + 1, isLarge) - offsetAt(column.values, row, isLarge);
}

export function appendText(column: Column, built: i32, from: i32, count: i32): void {
  const offsets = load<usize>(column.slot, SLOT_VALUES) + ((<usize>built) << 2);
  const bytes = load<usize>(column.slot, SLOT_BYTES);
  const isLarge = column.source == SOURCE_LARGE_UTF8;
  const end = startText(offsets, built);
  const start = offsetAt(column.values, from, isLarge);
  if (column.validity == 0) {
    if (isLarge) rebaseLarge(column.values + ((<usize>from) << 3), offsets, count, end - start);
    else rebaseSmall(column.values + ((<usize>from) << 2), offsets, count, end - start);
    memory.copy(bytes + end, column.bytes + start, offsetAt(column.values, from + count, isLarge) - start);
    return;
  }
  let to = end;
  for (let index = 0; index < count; index++) {
    if (bitAt(column.validity, from + index)) {
      const rowStart = offsetAt(column.values, from + index, isLarge);
      const rowBytes = offsetAt(column.values, from + index + 1, isLarge) - rowStart;
      copyBytes(bytes + to, column.bytes + rowStart, rowBytes);
      to += rowBytes;
    }
    store<u32>(offsets + ((<usize>index) << 2), to, 4);
  }
}

/** Decodes dictionary indexes. A row whose entry is null is null, so validity is mended here. */
export function appendEntries(column: Column, built: i32, from: i32, count: i32): void {
  const offsets = load<usize>(column.slot, SLOT_VALUES) + ((<usize>built) << 2);
  const bytes = load<usize>(column.slot, SLOT_BYTES);
  const validity = load<usize>(column.slot, SLOT_VALIDITY);
  let to = startText(offsets, built);
  for (let index = 0; index < count; index++) {
    if (findEntry(column, from + index)) {
      copyBytes(bytes + to, entryAt, entryBytes);
      to += entryBytes;
    } else if (column.nullable) clearBit(validity, built + index);
    store<u32>(offsets + ((<usize>index) << 2), to, 4);
  }
}

/** Where the text of the first new row begins; a builder's first offset is 0 and written here. */
function startText(offsets: usize, built: i32): u32 {
  if (built == 0) store<u32>(offsets, 0);
  return load<u32>(offsets);
}

function rebaseSmall(from: usize, to: usize, count: i32, shift: u32): void {
  let index = 0;
  const shifts = i32x4.splat(shift);
  for (; index + 4 <= count; index += 4) {
    const at = (<usize>index) << 2;
    v128.store(to + at, i32x4.add(v128.load(from + at, 4), shifts), 4);
  }
  for (; index < count; index++) {
    const at = (<usize>index) << 2;
    store<u32>(to + at, load<u32>(from + at, 4) + shift, 4);
  }
}

function rebaseLarge(from: usize, to: usize, count: i32, shift: u32): void {
  for (let index = 0; index < count; index++) {
    store<u32>(to + ((<usize>index) << 2), <u32>load<u64>(from + ((<usize>index) << 3), 8) + shift, 4);
  }
}
