// assembly/arrow/dictionary.ts — dictionaries of utf8, kept as pieces of the stream and never copied.
//
//   pieces   ├ first 0, count 5 ┼ first 5, count 2 ┼ …     a dictionary batch begins anew, a delta appends
//
// Two columns with one dictionary id keep pieces of their own.

import { openEntries, batchRows } from './record-batch';
import {
  Column,
  columnAt,
  Decoder,
  Piece,
  SOURCE_DICTIONARY,
  SOURCE_I16,
  SOURCE_I32,
  SOURCE_I8,
  SOURCE_LARGE_UTF8,
  SOURCE_U16,
  SOURCE_U32,
  SOURCE_U8,
} from './column';
import { firstBadText, isCleanText, offsetAt } from './text';
import { bitAt } from '../batch';
import { ARROW_DELTAS_MAX, ARROW_DICTIONARY_DELTAS, ARROW_DICTIONARY_UTF8, ARROW_OK } from '../layout';

/** Takes a dictionary batch for every column that refers to `id`. Without checkData only counts and bounds are looked at. */
export function readDictionary(decoder: Decoder, header: usize, id: i64, isDelta: bool, checkData: bool): i32 {
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    if (column.source != SOURCE_DICTIONARY || column.dictionary != id) continue;
    decoder.errorColumn = index;
    const code = openEntries(decoder, header, column, checkData);
    if (code != ARROW_OK) return code;
    if (!checkData) continue;
    const addCode = addPiece(column, isDelta);
    if (addCode != ARROW_OK) return addCode;
  }
  decoder.errorColumn = -1;
  return ARROW_OK;
}

/** Forgets every entry: a stream brings its own dictionaries. */
export function clearDictionary(column: Column): void {
  column.pieceCount = 0;
  column.entryCount = 0;
  column.entryBytesMax = 0;
  column.entriesMayBeNull = false;
}

function addPiece(column: Column, isDelta: bool): i32 {
  if (!isDelta) clearDictionary(column);
  if (batchRows == 0) return ARROW_OK;
  if (column.pieceCount == ARROW_DELTAS_MAX) return ARROW_DICTIONARY_DELTAS;
  const isLarge = column.valueSource == SOURCE_LARGE_UTF8;
  const offsets = column.values;
  if (
    !isCleanText(offsets, column.bytes, batchRows, isLarge) &&
    firstBadText(offsets, column.bytes, column.validity, 0, batchRows, isLarge) < batchRows
  ) {
    return ARROW_DICTIONARY_UTF8;
  }
  const piece = pieceAt(column, column.pieceCount++);
  piece.first = column.entryCount;
  piece.count = batchRows;
  piece.validity = column.validity;
  piece.offsets = offsets;
  piece.bytes = column.bytes;
  column.entryCount += batchRows;
  if (column.validity != 0) column.entriesMayBeNull = true;
  for (let entry = 0; entry < batchRows; entry++) {
    const bytes = offsetAt(offsets, entry + 1, isLarge) - offsetAt(offsets, entry, isLarge);
    column.entryBytesMax = max<u32>(column.entryBytesMax, bytes);
  }
  return ARROW_OK;
}

// The entry last looked up.
export let entryAt: usize = 0;
export let entryBytes: u32 = 0;

/** Looks the text of `row` up: its place in entryAt, entryBytes, or false when it is null. The index is in range. */
export function findEntry(column: Column, row: i32): bool {
  entryBytes = 0;
  if (column.validity != 0 && !bitAt(column.validity, row)) return false;
  const index = <u32>indexAt(column, row);
  let piece = pieceAt(column, 0);
  for (let at = 1; index - piece.first >= piece.count; at++) piece = pieceAt(column, at);
  const entry = <i32>(index - piece.first);
  if (piece.validity != 0 && !bitAt(piece.validity, entry)) return false;
  const isLarge = column.valueSource == SOURCE_LARGE_UTF8;
  const from = offsetAt(piece.offsets, entry, isLarge);
  entryAt = piece.bytes + from;
  entryBytes = offsetAt(piece.offsets, entry + 1, isLarge) - from;
  return true;
}

/** True when every index of a row that is not null has an entry. */
export function checkIndexes(column: Column, rows: i32): bool {
  for (let row = 0; row < rows; row++) {
    // A negative index, or one beyond 2^63, is large without its sign.
    if (<u64>indexAt(column, row) < <u64>column.entryCount) continue;
    if (column.validity == 0 || bitAt(column.validity, row)) return false;
  }
  return true;
}

function indexAt(column: Column, row: i32): i64 {
  const values = column.values;
  switch (column.indexSource) {
    case SOURCE_I8:
      return load<i8>(values + <usize>row);
    case SOURCE_U8:
      return load<u8>(values + <usize>row);
    case SOURCE_I16:
      return load<i16>(values + ((<usize>row) << 1));
    case SOURCE_U16:
      return load<u16>(values + ((<usize>row) << 1));
    case SOURCE_I32:
      return load<i32>(values + ((<usize>row) << 2));
    case SOURCE_U32:
      return load<u32>(values + ((<usize>row) << 2));
    default:
      return load<i64>(values + ((<usize>row) << 3));
  }
}

// @ts-ignore: decorator
@inline
function pieceAt(column: Column, index: i32): Piece {
  return changetype<Piece>(column.pieces + <usize>index * offsetof<Piece>());
}
