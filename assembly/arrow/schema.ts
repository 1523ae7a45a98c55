// assembly/arrow/schema.ts — the schema message: which fields feed which builder columns, and where their buffers stand.
//
// Every field, wanted or not, has a fixed number of nodes and buffers in each record batch, in depth-first order. The
// walk counts them all, so a wanted column behind any other type is found; what a column may be turned from is decided
// in bind.ts.
//
// Source  Arrow Columnar Format 1.5, "Serialization and IPC"; Schema.fbs.

import { bindColumn } from './bind';
import { Column, columnAt, Decoder, SOURCE_UNSET } from './column';
import { flatBroken, flatChild, flatCount, flatElement, flatI16, flatU8, flatVector } from './flat';
import { messageHeader, messageVersion, VERSION_5 } from './message';
import {
  FIELD_BINARY,
  FIELD_BINARY_VIEW,
  FIELD_FIXED_LIST,
  FIELD_LARGE_BINARY,
  FIELD_LARGE_LIST,
  FIELD_LARGE_LIST_VIEW,
  FIELD_LARGE_UTF8,
  FIELD_LIST,
  FIELD_LIST_VIEW,
  FIELD_MAP,
  FIELD_NULL,
  FIELD_RUN_END,
  FIELD_STRUCT,
  FIELD_TYPE_MAX,
  FIELD_UNION,
  FIELD_UTF8,
  FIELD_UTF8_VIEW,
} from './field-types';
import {
  ARROW_BIG_ENDIAN,
  ARROW_COLUMN_DUPLICATE,
  ARROW_COLUMN_MISSING,
  ARROW_DEPTH_MAX,
  ARROW_FIELDS_LIMIT,
  ARROW_FIELDS_MAX,
  ARROW_METADATA,
  ARROW_OK,
  ARROW_UNKNOWN_TYPE,
} from '../layout';

let fieldsSeen: i32 = 0;

/** Reads the schema of the message last read into the decoder's columns. */
export function readSchema(decoder: Decoder): i32 {
  if (flatI16(messageHeader, 4, 0) != 0) return ARROW_BIG_ENDIAN;
  decoder.version = messageVersion;
  decoder.nodeCount = 0;
  decoder.bufferCount = 0;
  decoder.viewCount = 0;
  fieldsSeen = 0;
  const fields = flatVector(messageHeader, 6, 4);
  const fieldCount = flatCount(fields);
  for (let index: u32 = 0; index < fieldCount; index++) {
    const field = flatElement(fields, index);
    const node = decoder.nodeCount;
    const buffer = decoder.bufferCount;
    const viewsBefore = decoder.viewCount;
    let code = walkField(decoder, field, 0);
    if (code == ARROW_OK) code = matchField(decoder, field, node, buffer, viewsBefore);
    if (flatBroken()) return ARROW_METADATA;
    if (code != ARROW_OK) return code;
  }
  if (flatBroken()) return ARROW_METADATA;
  for (let index = 0; index < decoder.columnCount; index++) {
    if (columnAt(decoder, index).source == SOURCE_UNSET) {
      decoder.errorColumn = index;
      return ARROW_COLUMN_MISSING;
    }
  }
  return ARROW_OK;
}

/** Counts the nodes and buffers of a field and everything below it. */
function walkField(decoder: Decoder, field: usize, depth: i32): i32 {
  if (depth > ARROW_DEPTH_MAX || ++fieldsSeen > ARROW_FIELDS_MAX) return ARROW_FIELDS_LIMIT;
  const type = flatU8(field, 8, 0);
  decoder.nodeCount++;
  if (flatChild(field, 12) != 0) {
    decoder.bufferCount += 2; // Indexes; what they point at travels in dictionary batches.
    return ARROW_OK;
  }
  if (type == 0 || type > FIELD_TYPE_MAX) {
    decoder.errorDetail = type;
    return ARROW_UNKNOWN_TYPE;
  }
  decoder.bufferCount += ownBuffers(field, type);
  if (type == FIELD_BINARY_VIEW || type == FIELD_UTF8_VIEW) decoder.viewCount++;
  if (!isNested(type)) return ARROW_OK;
  const children = flatVector(field, 14, 4);
  const childCount = flatCount(children);
  for (let index: u32 = 0; index < childCount; index++) {
    const code = walkField(decoder, flatElement(children, index), depth + 1);
    if (code != ARROW_OK || flatBroken()) return code;
  }
  return ARROW_OK;
}

function ownBuffers(field: usize, type: i32): u32 {
  switch (type) {
    case FIELD_NULL:
    case FIELD_RUN_END:
      return 0;
    case FIELD_STRUCT:
    case FIELD_FIXED_LIST:
      return 1;
    case FIELD_UNION: {
      const isDense = flatI16(flatChild(field, 10), 4, 0) != 0;
      return (isDense ? 2 : 1) + (messageVersion < VERSION_5 ? 1 : 0); // V4 unions had a validity bitmap.
    }
    case FIELD_BINARY:
    case FIELD_UTF8:
    case FIELD_LARGE_BINARY:
    case FIELD_LARGE_UTF8:
    case FIELD_LIST_VIEW:
    case FIELD_LARGE_LIST_VIEW:
      return 3;
    default:
      return 2;
  }
}

export function isNested(type: i32): bool {
  switch (type) {
    case FIELD_LIST:
    case FIELD_LARGE_LIST:
    case FIELD_LIST_VIEW:
    case FIELD_LARGE_LIST_VIEW:
    case FIELD_MAP:
    case FIELD_STRUCT:
    case FIELD_FIXED_LIST:
    case FIELD_UNION:
    case FIELD_RUN_END:
      return true;
    default:
      return false;
  }
}

/** Binds the column of the plan that has the field's name, if there is one. */
function matchField(decoder: Decoder, field: usize, node: u32, buffer: u32, viewsBefore: u32): i32 {
  const name = flatVector(field, 4, 1);
  const nameBytes = flatCount(name);
  for (let index = 0; index < decoder.columnCount; index++) {
    const entry = decoder.plan + 12 + ((<usize>index) << 3);
    if (load<u32>(entry, 4) != nameBytes) continue;
    if (memory.compare(decoder.plan + load<u32>(entry), name + 4, nameBytes) != 0) continue;
    const column: Column = columnAt(decoder, index);
    decoder.errorColumn = index;
    if (column.source != SOURCE_UNSET) return ARROW_COLUMN_DUPLICATE;
    column.node = node;
    column.buffer = buffer;
    column.viewsBefore = viewsBefore;
    const code = bindColumn(decoder, column, field, isNested(flatU8(field, 8, 0)));
    if (code != ARROW_OK) return code;
    decoder.errorColumn = -1;
  }
  return ARROW_OK;
}
