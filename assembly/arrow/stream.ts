// assembly/arrow/stream.ts — the Arrow IPC decoder: a stream of unknown origin becomes rows of a builder.
//
//   arrowBegin   schema, and of every message of the stream: framing, metadata, counts, bounds
//   arrowNext    one record batch after the other: data checked when it is opened, rows appended in pieces
//
// Promises
//   - no byte outside the stream is read, whatever it holds, and nothing outside the builder's slots is written.
//   - a stream that arrowBegin refuses adds no row. What only the data shows (arrowNext) ends the stream at the record
//     batch concerned; rows of the batches before it stay.
//   - a row that does not fit its columns is refused alone, by name; the rows around it are built.
//   - the stream must stay where it is until arrowNext has answered ARROW_DONE or an error: nothing is copied.
// Not here  JSON (json/); compressed bodies and view types, refused by name (host/decode/arrow-errors.ts).
// Source    Arrow Columnar Format 1.5.

import { appendColumn } from './append';
import { textBytes, textBytesAtMost } from './append-text';
import { batchRows, openBatch, readBatch } from './record-batch';
import { firstUnfitRow, passRow, unfitColumn } from './check';
import { Column, columnAt, Decoder, Piece, SOURCE_UNSET } from './column';
import { clearDictionary, readDictionary } from './dictionary';
import { flatBroken, flatChild, flatI64, flatU8 } from './flat';
import {
  HEADER_RECORDS,
  HEADER_SCHEMA,
  MESSAGE_END,
  messageHeader,
  messageKind,
  messageNext,
  messageVersion,
  readMessage,
} from './message';
import { readSchema } from './schema';
import { reserve } from '../arena';
import { builderBytesUsed, builderFields, builderRows, builderSlot } from '../builder';
import {
  ARROW_DELTAS_MAX,
  ARROW_DONE,
  ARROW_FILE_FORMAT,
  ARROW_FULL,
  ARROW_MESSAGE_KIND,
  ARROW_METADATA,
  ARROW_METADATA_VERSION,
  ARROW_NOT_STREAM,
  ARROW_OK,
  ARROW_REJECTS_FULL,
  ARROW_TRAILING,
  ARROW_TRUNCATED,
  BUILDER_BYTES_MAX,
  BUILDER_EVENT_TIME,
  BUILDER_NULLABLE,
  BUILDER_ROW_NUMBERS,
  BUILDER_ROWS,
  BUILDER_ROWS_MAX,
  REASON_ROW_SIZE,
  REJECT_AT,
  REJECT_BYTES,
  REJECT_COLUMN,
  REJECT_REASON,
  REJECT_ROW,
  REJECTS_LISTED_MAX,
  SLOT_FLAGS,
  SLOT_TYPE,
  TYPE_UTF8,
} from '../layout';

/** A bool takes a bit: no column with values holds more rows in a byte. */
const ROWS_PER_BYTE_MAX: u64 = 8;

/**
 * Makes a decoder. Column i of the plan feeds slot i of the builder, which may have more slots behind.
 *
 * @param plan  u32 builder │ u32 columnCount │ u32 namesBytes │ columnCount × (u32 nameOffset │ u32 nameLength) │ names
 *              (UTF-8; offsets relative to the plan's first byte). The plan is copied.
 * @returns its address; 0 when the arena is full
 */
export function arrowCreate(plan: usize): usize {
  const columnCount = load<i32>(plan, 4);
  const planBytes: usize = 12 + ((<usize>columnCount) << 3) + load<u32>(plan, 8);
  const address = reserve(offsetof<Decoder>());
  const planCopy = reserve(planBytes);
  const columns = reserve(<usize>columnCount * offsetof<Column>());
  const rejects = reserve(REJECTS_LISTED_MAX * REJECT_BYTES);
  if (address == 0 || planCopy == 0 || columns == 0 || rejects == 0) return 0;
  memory.copy(planCopy, plan, planBytes);
  const decoder = changetype<Decoder>(address);
  decoder.plan = planCopy;
  decoder.builder = load<usize>(plan);
  decoder.columnCount = columnCount;
  decoder.columns = columns;
  decoder.rejects = rejects;
  decoder.errorColumn = -1;
  for (let index = 0; index < columnCount; index++) {
    const column = columnAt(decoder, index);
    column.slot = builderSlot(decoder.builder, index);
    column.target = load<i32>(column.slot, SLOT_TYPE);
    column.nullable = (load<i32>(column.slot, SLOT_FLAGS) & BUILDER_NULLABLE) != 0;
    column.isTime = (load<i32>(column.slot, SLOT_FLAGS) & BUILDER_EVENT_TIME) != 0;
    if (column.target != TYPE_UTF8) continue;
    column.pieces = reserve(ARROW_DELTAS_MAX * offsetof<Piece>());
    if (column.pieces == 0) return 0;
  }
  return address;
}

/**
 * Takes one complete IPC stream of `length` bytes at `stream` (8-aligned): schema message, dictionary and record
 * batches, end-of-stream mark or none. Reads everything but the data.
 *
 * @returns ARROW_OK, or the code of what is wrong; then arrowNext answers −code.
 */
export function arrowBegin(address: usize, stream: usize, length: i32): i32 {
  const decoder = changetype<Decoder>(address);
  decoder.stream = stream;
  decoder.streamBytes = length;
  decoder.at = stream;
  decoder.failed = ARROW_OK;
  decoder.errorColumn = -1;
  decoder.errorDetail = 0;
  decoder.rows = 0;
  decoder.row = 0;
  decoder.rowsSeen = 0;
  decoder.rejectCount = 0;
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    column.source = SOURCE_UNSET;
    clearDictionary(column);
  }
  decoder.failed = checkStream(decoder);
  return decoder.failed;
}

/**
 * Appends rows to the builder.
 *
 * @returns ARROW_DONE: the stream is through. ARROW_FULL: seal and reset the builder, call again.
 *          ARROW_REJECTS_FULL: read the list, call again (each call begins an empty one).
 *          −code: the stream is broken from this record batch on; what was built stays.
 */
export function arrowNext(address: usize): i32 {
  const decoder = changetype<Decoder>(address);
  decoder.rejectCount = 0;
  if (decoder.failed != ARROW_OK) return -decoder.failed;
  const fields = builderFields(decoder.builder);
  const rowsMax = load<i32>(fields, BUILDER_ROWS_MAX);
  while (true) {
    if (decoder.row == decoder.rows) {
      const code = nextBatch(decoder);
      if (code == MESSAGE_END) return ARROW_DONE;
      decoder.failed = code;
      if (code != ARROW_OK) return -code;
      continue;
    }
    const room = rowsMax - load<i32>(fields, BUILDER_ROWS);
    if (room <= 0) return ARROW_FULL;
    const row = decoder.row;
    const fitTo = firstUnfitRow(decoder, row + min(room, decoder.rows - row));
    if (fitTo == row) rejectUnfit(decoder, row);
    else if (!appendRows(decoder, row, fitTo - row)) {
      if (rowBytes(decoder, row) <= <u64>load<i32>(fields, BUILDER_BYTES_MAX)) return ARROW_FULL;
      reject(decoder, row, REASON_ROW_SIZE, -1);
    }
    if (decoder.rejectCount == REJECTS_LISTED_MAX) return ARROW_REJECTS_FULL;
  }
}

/** Address of the rejects of the last arrowNext; layout.ts has the picture. `at` is where the record batch begins. */
export function arrowRejects(address: usize): usize {
  return changetype<Decoder>(address).rejects;
}

/** Rejects of the last arrowNext, all of them listed. */
export function arrowRejectCount(address: usize): i32 {
  return changetype<Decoder>(address).rejectCount;
}

/** Rows of this stream that were built or rejected so far. */
export function arrowRowsSeen(address: usize): i32 {
  return changetype<Decoder>(address).rowsSeen;
}

/** Column of the plan that the error is about, or −1. */
export function arrowErrorColumn(address: usize): i32 {
  return changetype<Decoder>(address).errorColumn;
}

/** What was seen: the Type number of Schema.fbs, the codec, the metadata version or the message kind; by the code. */
export function arrowErrorDetail(address: usize): i32 {
  return changetype<Decoder>(address).errorDetail;
}

/** Walks all messages; leaves the decoder before the first one behind the schema. */
function checkStream(decoder: Decoder): i32 {
  const first = readFirst(decoder);
  if (first != ARROW_OK) return first;
  const code = readSchema(decoder);
  if (code != ARROW_OK) return code;
  decoder.errorDetail = 0;
  decoder.at = messageNext;
  decoder.rowsLimit = rowsLimitOf(decoder);
  while (true) {
    const read = readBatchMessage(decoder);
    if (read == MESSAGE_END) break;
    if (read != ARROW_OK) return read;
    const isRecords = messageKind == HEADER_RECORDS;
    const next = messageNext;
    const batchCode = isRecords ? openBatch(decoder, messageHeader, false) : openDictionary(decoder, false);
    if (batchCode != ARROW_OK) return batchCode;
    if (isRecords) decoder.rowsLimit -= batchRows;
    decoder.at = next;
  }
  decoder.rowsLimit = rowsLimitOf(decoder);
  return rewind(decoder);
}

function rowsLimitOf(decoder: Decoder): u32 {
  return <u32>min<u64>(<u64>decoder.streamBytes * ROWS_PER_BYTE_MAX, i32.MAX_VALUE);
}

/** Back to the first message behind the schema. */
function rewind(decoder: Decoder): i32 {
  const code = readMessage(decoder.stream, decoder.streamBytes);
  decoder.at = messageNext;
  return code;
}

/** The first message must be the schema; what is no stream at all is told apart from a broken one. */
function readFirst(decoder: Decoder): i32 {
  const stream = decoder.stream;
  if (decoder.streamBytes < 4) return ARROW_TRUNCATED;
  const isMarked = load<u32>(stream) == 0xffffffff;
  if (decoder.streamBytes >= 6 && load<u32>(stream) == 0x4f525241 && load<u16>(stream, 4) == 0x3157) {
    return ARROW_FILE_FORMAT; // "ARROW1"
  }
  const code = readMessage(stream, decoder.streamBytes);
  if (code == MESSAGE_END || code == ARROW_TRAILING) return ARROW_NOT_STREAM;
  if (code == ARROW_METADATA || (code == ARROW_TRUNCATED && !isMarked)) return ARROW_NOT_STREAM;
  return messageCode(decoder, code, HEADER_SCHEMA);
}

/** Reads the next message, which must hold a batch. */
function readBatchMessage(decoder: Decoder): i32 {
  const code = readMessage(decoder.at, decoder.streamBytes - <u32>(decoder.at - decoder.stream));
  return code == MESSAGE_END ? code : messageCode(decoder, code, 0);
}

/** `code`, or ARROW_MESSAGE_KIND when the message is not of the kind (0: any batch). */
function messageCode(decoder: Decoder, code: i32, kind: i32): i32 {
  if (code == ARROW_METADATA_VERSION) decoder.errorDetail = messageVersion;
  const isExpected = kind == 0 ? messageKind != HEADER_SCHEMA : messageKind == kind;
  if (code == ARROW_MESSAGE_KIND || (code == ARROW_OK && !isExpected)) {
    decoder.errorDetail = messageKind;
    return ARROW_MESSAGE_KIND;
  }
  return code;
}

/** Goes to the next record batch, taking dictionaries on the way. */
function nextBatch(decoder: Decoder): i32 {
  decoder.rows = 0;
  decoder.row = 0;
  const code = readBatchMessage(decoder);
  if (code != ARROW_OK) return code;
  decoder.batchAt = <u32>(decoder.at - decoder.stream);
  decoder.at = messageNext;
  if (messageKind != HEADER_RECORDS) return openDictionary(decoder, true);
  const batchCode = openBatch(decoder, messageHeader, true);
  if (batchCode == ARROW_OK) decoder.rows = batchRows;
  return batchCode;
}

function openDictionary(decoder: Decoder, checkData: bool): i32 {
  const header = messageHeader;
  const id = flatI64(header, 4, 0);
  const data = flatChild(header, 6);
  const isDelta = flatU8(header, 8, 0) != 0;
  if (flatBroken() || data == 0) return ARROW_METADATA;
  const code = readBatch(decoder, data); // Also when nobody wants it: its buffers must lie inside the body.
  return code != ARROW_OK ? code : readDictionary(decoder, data, id, isDelta, checkData);
}

/** Appends as many of the rows as the builder's bytes allow; false when not even the first fits. */
function appendRows(decoder: Decoder, row: i32, count: i32): bool {
  const fit = rowsThatFit(decoder, row, count);
  if (fit == 0) return false;
  const fields = builderFields(decoder.builder);
  const built = builderRows(decoder.builder);
  for (let index = 0; index < decoder.columnCount; index++) {
    appendColumn(columnAt(decoder, index), built, row, fit);
  }
  countUp(load<usize>(fields, BUILDER_ROW_NUMBERS) + ((<usize>built) << 2), decoder.rowsSeen, fit);
  store<i32>(fields, built + fit, BUILDER_ROWS);
  assert(built + fit <= load<i32>(fields, BUILDER_ROWS_MAX));
  assert(builderBytesUsed(decoder.builder) <= load<i32>(fields, BUILDER_BYTES_MAX));
  decoder.row = row + fit;
  decoder.rowsSeen += fit;
  return true;
}

/** first, first + 1, … at `to`. */
function countUp(to: usize, first: u32, count: i32): void {
  let index = 0;
  let numbers = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  for (; index + 4 <= count; index += 4) {
    v128.store(to + ((<usize>index) << 2), numbers);
    numbers = i32x4.add(numbers, i32x4.splat(4));
  }
  for (; index < count; index++) store<u32>(to + ((<usize>index) << 2), first + index);
}

function rowsThatFit(decoder: Decoder, row: i32, count: i32): i32 {
  let needed: u64 = 0;
  let hasText = false;
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    if (column.target != TYPE_UTF8) continue;
    hasText = true;
    needed += textBytesAtMost(column, row, count);
  }
  if (!hasText) return count;
  const bytesMax = load<i32>(builderFields(decoder.builder), BUILDER_BYTES_MAX);
  const left = <u64>(bytesMax - builderBytesUsed(decoder.builder));
  if (needed <= left) return count;
  needed = 0;
  for (let index = 0; index < count; index++) {
    needed += rowBytes(decoder, row + index);
    if (needed > left) return index;
  }
  return count;
}

/** Text bytes of one row, all columns together. */
function rowBytes(decoder: Decoder, row: i32): u64 {
  let bytes: u64 = 0;
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    if (column.target == TYPE_UTF8) bytes += textBytes(column, row);
  }
  return bytes;
}

function rejectUnfit(decoder: Decoder, row: i32): void {
  reject(decoder, row, columnAt(decoder, unfitColumn).problem, unfitColumn);
}

function reject(decoder: Decoder, row: i32, reason: i32, column: i32): void {
  const entry = decoder.rejects + <usize>decoder.rejectCount * REJECT_BYTES;
  store<u32>(entry, decoder.rowsSeen, REJECT_ROW);
  store<i32>(entry, reason, REJECT_REASON);
  store<i32>(entry, column, REJECT_COLUMN);
  store<u32>(entry, decoder.batchAt, REJECT_AT);
  decoder.rejectCount++;
  decoder.rowsSeen++;
  decoder.row = row + 1;
  passRow(decoder, row);
}
