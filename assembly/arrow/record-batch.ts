// assembly/arrow/record-batch.ts — opens a record batch: from its metadata to addresses that are safe to read.
//
// Two depths, one walk. `checkData` false (arrowBegin, every batch of the stream): counts and bounds only. True
// (arrowNext, the batch that is opened): null counts, offsets, dictionary indexes and text as well.
//
// Promises
//   - every buffer of every field, wanted or not, lies inside the body.
//   - what a column's `values`, `validity` and `bytes` are asked for within `rows` lies inside its buffer.
// Not here  whether a value fits its column: that is a matter of the row (check.ts).

import {
  Column,
  columnAt,
  Decoder,
  SOURCE_BOOL,
  SOURCE_DICTIONARY,
  SOURCE_LARGE_UTF8,
  SOURCE_NULL,
  SOURCE_UTF8,
  sourceBytes,
} from './column';
import { checkIndexes } from './dictionary';
import { flatBroken, flatChild, flatCount, flatI64, flatU8, flatVector } from './flat';
import { messageBody, messageBodyBytes } from './message';
import { checkOffsets, isCleanText } from './text';
import { countClearBits } from '../bits';
import {
  ARROW_BUFFERS,
  ARROW_COMPRESSED,
  ARROW_DICTIONARY_INDEX,
  ARROW_METADATA,
  ARROW_NULL_COUNT,
  ARROW_OFFSETS,
  ARROW_OK,
  ARROW_ROWS_LIMIT,
} from '../layout';

let nodes: usize = 0;
let buffers: usize = 0;
let variadic: usize = 0;

/** Rows that the RecordBatch table last read by readBatch claims. */
export let batchRows: i32 = 0;

/** Reads a RecordBatch table: its vectors, its row count, and that all buffers lie inside the body. */
export function readBatch(decoder: Decoder, header: usize): i32 {
  const rows = flatI64(header, 4, 0);
  nodes = flatVector(header, 6, 16);
  buffers = flatVector(header, 8, 16);
  const compression = flatChild(header, 10);
  variadic = flatVector(header, 12, 8);
  if (flatBroken()) return ARROW_METADATA;
  if (compression != 0) {
    decoder.errorDetail = flatU8(compression, 4, 0);
    return ARROW_COMPRESSED;
  }
  if (rows < 0) return ARROW_BUFFERS;
  if (rows > <i64>decoder.rowsLimit || rows > i32.MAX_VALUE) return ARROW_ROWS_LIMIT;
  batchRows = <i32>rows;
  const bufferCount = flatCount(buffers);
  for (let index: u32 = 0; index < bufferCount; index++) {
    const offset = bufferOffset(index);
    const bytes = bufferBytes(index);
    if (offset < 0 || bytes < 0 || offset > <i64>messageBodyBytes) return ARROW_BUFFERS;
    if (bytes > <i64>messageBodyBytes - offset) return ARROW_BUFFERS;
  }
  return ARROW_OK;
}

/** Opens the record batch of the message last read for every column of the decoder. */
export function openBatch(decoder: Decoder, header: usize, checkData: bool): i32 {
  const code = readBatch(decoder, header);
  if (code != ARROW_OK) return code;
  if (flatCount(nodes) != decoder.nodeCount || flatCount(variadic) != decoder.viewCount) return ARROW_BUFFERS;
  let bufferCount: u64 = decoder.bufferCount;
  for (let index: u32 = 0; index < decoder.viewCount; index++) {
    const count = variadicCount(index);
    if (count < 0 || count > <i64>flatCount(buffers)) return ARROW_BUFFERS;
    bufferCount += count;
  }
  if (bufferCount != <u64>flatCount(buffers)) return ARROW_BUFFERS;
  for (let index = 0; index < decoder.columnCount; index++) {
    const column = columnAt(decoder, index);
    let first = column.buffer;
    for (let view: u32 = 0; view < column.viewsBefore; view++) first += <u32>variadicCount(view);
    decoder.errorColumn = index;
    const columnCode = openColumn(column, first, batchRows, checkData);
    if (columnCode != ARROW_OK) return columnCode;
  }
  decoder.errorColumn = -1;
  return ARROW_OK;
}

function openColumn(column: Column, first: u32, rows: i32, checkData: bool): i32 {
  column.validity = 0;
  column.checkedTo = 0;
  column.problem = 0;
  if (nodeLength(column.node) != <i64>rows) return ARROW_BUFFERS;
  const source = column.source;
  if (source == SOURCE_NULL) return ARROW_OK;
  const code = openValidity(column, column.node, first, rows, checkData);
  if (code != ARROW_OK) return code;
  column.values = bufferAt(first + 1);
  if (source == SOURCE_UTF8 || source == SOURCE_LARGE_UTF8) return openText(column, first, rows, checkData);
  const valuesBytes = bufferBytes(first + 1);
  if (source == SOURCE_BOOL) return valuesBytes < bitmapBytes(rows) ? ARROW_BUFFERS : ARROW_OK;
  const valueBytes = sourceBytes(source == SOURCE_DICTIONARY ? column.indexSource : source);
  if (valuesBytes < <i64>rows * valueBytes) return ARROW_BUFFERS;
  if (source == SOURCE_DICTIONARY && checkData && !checkIndexes(column, rows)) return ARROW_DICTIONARY_INDEX;
  return ARROW_OK;
}

function openText(column: Column, first: u32, rows: i32, checkData: bool): i32 {
  column.bytes = bufferAt(first + 2);
  column.isClean = true;
  if (rows == 0) return ARROW_OK; // Writers may leave the single offset out.
  const isLarge = column.source == SOURCE_LARGE_UTF8;
  const code = checkText(first, rows, isLarge, checkData);
  if (code != ARROW_OK || !checkData) return code;
  column.isClean = isCleanText(column.values, column.bytes, rows, isLarge);
  return ARROW_OK;
}

/** Validity of one node; its bitmap is `first` among the buffers. Leaves 0 in column.validity when no row is null. */
function openValidity(column: Column, node: u32, first: u32, rows: i32, checkData: bool): i32 {
  const nulls = nodeNulls(node);
  if (nulls < 0 || nulls > <i64>rows) return ARROW_NULL_COUNT;
  const bytes = bufferBytes(first);
  if (bytes == 0) return nulls == 0 ? ARROW_OK : ARROW_NULL_COUNT;
  if (bytes < bitmapBytes(rows)) return ARROW_BUFFERS;
  if (checkData && <i64>countClearBits(bufferAt(first), rows) != nulls) return ARROW_NULL_COUNT;
  if (nulls > 0) column.validity = bufferAt(first);
  return ARROW_OK;
}

/** Offsets (buffer first + 1) and bytes (first + 2) of `rows` texts. */
function checkText(first: u32, rows: i32, isLarge: bool, checkData: bool): i32 {
  if (bufferBytes(first + 1) < (<i64>rows + 1) << (isLarge ? 3 : 2)) return ARROW_BUFFERS;
  if (!checkData) return ARROW_OK;
  return checkOffsets(bufferAt(first + 1), rows, isLarge, bufferBytes(first + 2)) ? ARROW_OK : ARROW_OFFSETS;
}

/** Opens the utf8 values of a dictionary batch into `into`, a column used as scratch: one node, three buffers. */
export function openEntries(decoder: Decoder, header: usize, into: Column, checkData: bool): i32 {
  const code = readBatch(decoder, header);
  if (code != ARROW_OK) return code;
  if (flatCount(nodes) != 1 || flatCount(buffers) != 3) return ARROW_BUFFERS;
  if (nodeLength(0) != <i64>batchRows) return ARROW_BUFFERS;
  const isLarge = into.valueSource == SOURCE_LARGE_UTF8;
  into.validity = 0;
  into.values = bufferAt(1);
  into.bytes = bufferAt(2);
  const validityCode = openValidity(into, 0, 0, batchRows, checkData);
  if (validityCode != ARROW_OK || batchRows == 0) return validityCode;
  return checkText(0, batchRows, isLarge, checkData);
}

// @ts-ignore: decorator
@inline
function bitmapBytes(rows: i32): i64 {
  return (<i64>rows + 7) >> 3;
}

// @ts-ignore: decorator
@inline
function nodeLength(index: u32): i64 {
  return load<i64>(nodes + 4 + ((<usize>index) << 4));
}

// @ts-ignore: decorator
@inline
function nodeNulls(index: u32): i64 {
  return load<i64>(nodes + 4 + ((<usize>index) << 4), 8);
}

// @ts-ignore: decorator
@inline
function bufferOffset(index: u32): i64 {
  return load<i64>(buffers + 4 + ((<usize>index) << 4));
}

// @ts-ignore: decorator
@inline
function bufferBytes(index: u32): i64 {
  return load<i64>(buffers + 4 + ((<usize>index) << 4), 8);
}

// @ts-ignore: decorator
@inline
function bufferAt(index: u32): usize {
  return messageBody + <usize>bufferOffset(index);
}

// @ts-ignore: decorator
@inline
function variadicCount(index: u32): i64 {
  return load<i64>(variadic + 4 + ((<usize>index) << 3));
}
