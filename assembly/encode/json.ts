// assembly/encode/json.ts — a batch as JSON lines: one object a row, "\n" behind each.
//
//   plan   u32 fieldCount │ fieldCount × (i32 column │ u32 nameOffset │ u32 nameLength) │ names
//          a name stands there as the row shows it, escaped, quoted, with its colon: "origin":
//          column ENCODE_PARTITION, ENCODE_OFFSET: not a column, but the call's `partition`, and `base` + row
//
//   null is null · i64 its digits · f64 as JavaScript writes it, NaN and the infinities null · text as JSON.stringify
//
// Promises
//   - whole rows only, never a byte behind outBytesMax.
// Not here  which fields, and their names' text: the host prepares the plan once (host/encode).

import { batchColumn, batchRowCount, bitAt, columnBytes, columnType, columnValidity, columnValues } from '../batch';
import { copyBytes } from '../copy';
import { floatTextCreate, NUMBER_ROOM_BYTES, writeF64, writeI64 } from './float-text';
import { escapedBytes, writeEscaped } from './json-text';
import { ENCODE_OFFSET, ENCODE_PARTITION, TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } from '../layout';

/** Braces and line feed, and each field's comma. */
const ROW_FRAME_BYTES = 3;
const FIELD_BYTES = 12;

let rowsWritten: i32 = 0;

/** Makes the encoder's tables (11 KB); false when the arena is full. Once per instance, before encodeJson. */
export function encodeCreate(): bool {
  return floatTextCreate();
}

/**
 * Writes rows from `fromRow` on, as many as fit.
 *
 * @param partition  value of ENCODE_PARTITION fields
 * @param base       ENCODE_OFFSET fields are base + row; an integer, at most 2^53
 * @returns bytes written; encodeJsonRows says how many rows that is. No row although some are left: outBytesMax is
 *          smaller than encodeJsonRowBytes of row `fromRow`.
 */
export function encodeJson(
  plan: usize,
  batch: usize,
  fromRow: i32,
  partition: i32,
  base: f64,
  out: usize,
  outBytesMax: i32,
): i32 {
  const rows = batchRowCount(batch);
  const fixedBytes = fixedRowBytes(plan);
  const end = out + outBytesMax;
  let at = out;
  let row = fromRow;
  for (; row < rows; row++) {
    const left = <u32>(end - at);
    // Text may grow sixfold; only a row that might not fit is measured.
    if (fixedBytes + 6 * textBytes(plan, batch, row) > left && fixedBytes + escapedTextBytes(plan, batch, row) > left) {
      break;
    }
    at = writeRow(at, plan, batch, row, partition, <i64>base + row);
  }
  rowsWritten = row - fromRow;
  return <i32>(at - out);
}

/** Rows that the last encodeJson wrote. */
export function encodeJsonRows(): i32 {
  return rowsWritten;
}

/** Bytes that surely hold row `row`; at most NUMBER_ROOM_BYTES a field more than it takes. */
export function encodeJsonRowBytes(plan: usize, batch: usize, row: i32): i32 {
  return <i32>(fixedRowBytes(plan) + escapedTextBytes(plan, batch, row));
}

function writeRow(to: usize, plan: usize, batch: usize, row: i32, partition: i32, offset: i64): usize {
  const fieldCount = load<i32>(plan);
  let at = to;
  let lead: u32 = 0x7b;
  for (let index = 0; index < fieldCount; index++) {
    const field = plan + 4 + <usize>index * FIELD_BYTES;
    const column = load<i32>(field);
    const nameBytes = load<u32>(field, 8);
    store<u8>(at, lead);
    copyBytes(at + 1, plan + load<u32>(field, 4), nameBytes);
    at += 1 + nameBytes;
    if (column == ENCODE_PARTITION) at = writeI64(at, partition);
    else if (column == ENCODE_OFFSET) at = writeI64(at, offset);
    else at = writeValue(at, batch, batchColumn(batch, column), row);
    lead = 0x2c;
  }
  if (fieldCount == 0) store<u8>(at++, 0x7b);
  store<u16>(at, 0x0a7d);
  return at + 2;
}

function writeValue(to: usize, batch: usize, column: usize, row: i32): usize {
  const validity = columnValidity(batch, column);
  if (validity != 0 && !bitAt(validity, row)) return writeNull(to);
  const values = columnValues(batch, column);
  switch (columnType(column)) {
    case TYPE_BOOL:
      return writeBool(to, bitAt(values, row));
    case TYPE_I32:
      return writeI64(to, load<i32>(values + ((<usize>row) << 2)));
    case TYPE_I64:
      return writeI64(to, load<i64>(values + ((<usize>row) << 3)));
    case TYPE_F64: {
      const value = load<f64>(values + ((<usize>row) << 3));
      return isFinite(value) ? writeF64(to, value) : writeNull(to);
    }
    default: {
      const offsets = values + ((<usize>row) << 2);
      const bytes = columnBytes(batch, column);
      return writeEscaped(to, bytes + load<u32>(offsets), bytes + load<u32>(offsets, 4));
    }
  }
}

function writeNull(to: usize): usize {
  store<u32>(to, 0x6c6c756e);
  return to + 4;
}

function writeBool(to: usize, value: bool): usize {
  if (value) {
    store<u32>(to, 0x65757274);
    return to + 4;
  }
  store<u32>(to, 0x736c6166);
  store<u8>(to, 0x65, 4);
  return to + 5;
}

/** Upper bound of everything in a row but its text. */
function fixedRowBytes(plan: usize): u32 {
  const fieldCount = load<i32>(plan);
  let bytes: u32 = ROW_FRAME_BYTES;
  for (let index = 0; index < fieldCount; index++) {
    const field = plan + 4 + <usize>index * FIELD_BYTES;
    bytes += 1 + load<u32>(field, 8) + NUMBER_ROOM_BYTES;
  }
  return bytes;
}

function textBytes(plan: usize, batch: usize, row: i32): u32 {
  let bytes: u32 = 0;
  const fieldCount = load<i32>(plan);
  for (let index = 0; index < fieldCount; index++) {
    const offsets = textOffsets(plan, index, batch, row);
    if (offsets != 0) bytes += load<u32>(offsets, 4) - load<u32>(offsets);
  }
  return bytes;
}

function escapedTextBytes(plan: usize, batch: usize, row: i32): u32 {
  let total: u32 = 0;
  const fieldCount = load<i32>(plan);
  for (let index = 0; index < fieldCount; index++) {
    const offsets = textOffsets(plan, index, batch, row);
    if (offsets == 0) continue;
    const bytes = columnBytes(batch, batchColumn(batch, load<i32>(plan + 4 + <usize>index * FIELD_BYTES)));
    total += escapedBytes(bytes + load<u32>(offsets), bytes + load<u32>(offsets, 4));
  }
  return total;
}

/** Address of a text field's two offsets for `row`; 0 for other fields. */
function textOffsets(plan: usize, index: i32, batch: usize, row: i32): usize {
  const column = load<i32>(plan + 4 + <usize>index * FIELD_BYTES);
  if (column < 0) return 0;
  const descriptor = batchColumn(batch, column);
  if (columnType(descriptor) != TYPE_UTF8) return 0;
  return columnValues(batch, descriptor) + ((<usize>row) << 2);
}
