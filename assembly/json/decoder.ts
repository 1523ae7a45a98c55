// assembly/json/decoder.ts — a decoder's own memory: the columns it reads, the keys it expects, its rejects.
//
//   decoder      ├ fields below ┤
//   columns      columnCount × ├ kind ┼ flags ┼ values ┼ validity ┼ bytes ┼ bytesEnd ┼ name ┼ nameBytes ┼ stamp ┼ … ┤
//   expectations EXPECT_MAX × what stood at the k-th key of a row: its bytes as they were, and the column they mean
//   rejects      REJECTS_LISTED_MAX × the record of layout.ts
//
// A column's `stamp` is the stamp of the last row that had it: one comparison finds a duplicate, and no per-row
// clearing is needed.
//
//   expectation  v128 bytes 0…15 │ v128 mask │ v128 bytes 16…31 │ v128 mask │ u32 length │ u32 column │ …
//   The bytes are `"name":` with both quotes and the colon; column 0 means a field that nobody reads.

import { reserve } from '../arena';
import { builderFields, builderSlot } from '../builder';
import {
  BUILDER_BYTES_MAX,
  BUILDER_EVENT_TIME,
  REJECT_BYTES,
  REJECTS_LISTED_MAX,
  SLOT_BYTES,
  SLOT_FLAGS,
  SLOT_TYPE,
  SLOT_VALIDITY,
  SLOT_VALUES,
} from '../layout';
import { openPowers } from './double';
import { openLevels } from './value';

export const DECODER_BUILDER = 0;
export const DECODER_COLUMN_COUNT = 4;
export const DECODER_COLUMNS = 8;
export const DECODER_EXPECTATIONS = 12;
export const DECODER_REJECTS = 16;
export const DECODER_REJECT_COUNT = 20;
export const DECODER_MODE = 24;
export const DECODER_START = 28;
export const DECODER_END = 32;
export const DECODER_POSITION = 36;
export const DECODER_ROWS_SEEN = 40;
export const DECODER_STAMP = 44;
export const DECODER_SCRATCH = 48;
export const DECODER_SCRATCH_BYTES = 52;
const DECODER_BYTES: usize = 64;

export const FIELD_KIND = 0;
export const FIELD_FLAGS = 4;
export const FIELD_VALUES = 8;
export const FIELD_VALIDITY = 12;
export const FIELD_BYTES = 16;
export const FIELD_BYTES_END = 20;
export const FIELD_NAME = 24;
export const FIELD_NAME_BYTES = 28;
export const FIELD_STAMP = 32;
export const FIELD_STRIDE: usize = 48;

/** A field's kind is its column type, or this: i64 within the bounds of event time, or RFC 3339. */
export const KIND_EVENT_TIME: i32 = 16;

export const EXPECT_BYTES: usize = 0;
export const EXPECT_LENGTH: usize = 64;
export const EXPECT_FIELD: usize = 68;
export const EXPECT_STRIDE: usize = 80;
/** Keys by position that are remembered; the last entry never matches and ends the walk. */
export const EXPECT_MAX: usize = 64;
/** The longest remembered key, with quotes and colon. */
export const EXPECT_KEY_BYTES: usize = 32;

/** Unescaped keys and date-times are compared here; a name longer than every column's needs no more room. */
const SCRATCH_BYTES_MIN: i32 = 128;

/**
 * Makes a decoder that appends to a builder. Column i of the plan fills slot i; the builder may have more slots.
 *
 * @param plan  u32 builder │ u32 columnCount │ u32 namesBytes │ columnCount × (u32 nameOffset │ u32 nameLength) │ names;
 *              offsets count from the plan's first byte, names in UTF-8
 * @returns its handle; 0 when the arena is full
 */
export function jsonCreate(plan: usize): usize {
  const builder = load<usize>(plan);
  const columnCount = load<i32>(plan, 4);
  let namesBytes = 0;
  for (let index = 0; index < columnCount; index++) namesBytes += load<i32>(plan + <usize>index * 8, 16);
  const scratchBytes = max(namesBytes + 8, SCRATCH_BYTES_MIN);
  if (!openPowers() || !openLevels()) return 0;
  const decoder = reserve(DECODER_BYTES);
  const columns = reserve(<usize>columnCount * FIELD_STRIDE + 16);
  const names = reserve(<usize>namesBytes + 16);
  const expectations = reserve(EXPECT_MAX * EXPECT_STRIDE);
  const rejects = reserve(<usize>REJECTS_LISTED_MAX * REJECT_BYTES);
  const scratch = reserve(<usize>scratchBytes);
  if (decoder == 0 || columns == 0 || names == 0 || expectations == 0 || rejects == 0 || scratch == 0) return 0;
  store<usize>(decoder, builder, DECODER_BUILDER);
  store<i32>(decoder, columnCount, DECODER_COLUMN_COUNT);
  store<usize>(decoder, columns, DECODER_COLUMNS);
  store<usize>(decoder, expectations, DECODER_EXPECTATIONS);
  store<usize>(decoder, rejects, DECODER_REJECTS);
  store<usize>(decoder, scratch, DECODER_SCRATCH);
  store<i32>(decoder, scratchBytes, DECODER_SCRATCH_BYTES);
  for (let index: usize = 0; index < EXPECT_MAX; index++) {
    // Sixteen bytes 0xFF are in no valid text; where they stand, a key of no bytes and no field does no harm.
    memory.fill(expectations + index * EXPECT_STRIDE, 0xff, 32);
  }
  let name = names;
  for (let index = 0; index < columnCount; index++) {
    const field = columns + <usize>index * FIELD_STRIDE;
    const entry = plan + <usize>index * 8;
    const nameBytes = load<usize>(entry, 16);
    describeField(field, builder, index);
    memory.copy(name, plan + load<usize>(entry, 12), nameBytes);
    store<usize>(field, name, FIELD_NAME);
    store<usize>(field, nameBytes, FIELD_NAME_BYTES);
    name += nameBytes;
  }
  return decoder;
}

function describeField(field: usize, builder: usize, index: i32): void {
  const slot = builderSlot(builder, index);
  const flags = load<i32>(slot, SLOT_FLAGS);
  const bytes = load<usize>(slot, SLOT_BYTES);
  const bytesMax = load<i32>(builderFields(builder), BUILDER_BYTES_MAX);
  store<i32>(field, (flags & BUILDER_EVENT_TIME) != 0 ? KIND_EVENT_TIME : load<i32>(slot, SLOT_TYPE), FIELD_KIND);
  store<i32>(field, flags, FIELD_FLAGS);
  store<usize>(field, load<usize>(slot, SLOT_VALUES), FIELD_VALUES);
  store<usize>(field, load<usize>(slot, SLOT_VALIDITY), FIELD_VALIDITY);
  store<usize>(field, bytes, FIELD_BYTES);
  store<usize>(field, bytes + <usize>bytesMax, FIELD_BYTES_END);
}
