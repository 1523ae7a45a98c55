// assembly/arrow/bind.ts — may this field of a stream feed this column of the builder, and within which bounds?
//
//   builder   takes
//   i32       any integer that fits
//   i64       any integer that fits; timestamp s/ms/us/ns and date32/date64, as milliseconds rounded down
//   f64       float 16/32/64; any integer within ±2^53
//   bool      bool
//   utf8      utf8, large_utf8, and dictionaries of them under any index type
//   any       null

import {
  Column,
  Decoder,
  SCALE_DIVIDE,
  SCALE_MULTIPLY,
  SCALE_NONE,
  SOURCE_BOOL,
  SOURCE_DICTIONARY,
  SOURCE_F16,
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
  SOURCE_UNSET,
  SOURCE_UTF8,
} from './column';
import { flatChild, flatI16, flatI32, flatI64, flatU8 } from './flat';
import {
  DATE_DAY,
  DATE_MILLISECOND,
  FIELD_BINARY_VIEW,
  FIELD_BOOL,
  FIELD_DATE,
  FIELD_FLOAT,
  FIELD_INT,
  FIELD_LARGE_UTF8,
  FIELD_NULL,
  FIELD_TIMESTAMP,
  FIELD_UTF8,
  FIELD_UTF8_VIEW,
  UNIT_MICROSECOND,
  UNIT_NANOSECOND,
  UNIT_SECOND,
} from './field-types';
import {
  ARROW_COLUMN_NESTED,
  ARROW_COLUMN_TYPE,
  ARROW_COLUMN_VIEW,
  ARROW_DICTIONARY_TYPE,
  ARROW_METADATA,
  ARROW_OK,
  TIME_MAX,
  TIME_MIN,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../layout';

const DAY_MS: i64 = 86400000;
const EXACT_INTEGER_MAX: i64 = 9007199254740992;

/** Fixes how `column` is read from `field`, or says why it cannot be. */
export function bindColumn(decoder: Decoder, column: Column, field: usize, nested: bool): i32 {
  const type = flatU8(field, 8, 0);
  const typeTable = flatChild(field, 10);
  decoder.errorDetail = type;
  column.scale = SCALE_NONE;
  column.factor = 1;
  column.bounded = false;
  const encoding = flatChild(field, 12);
  if (encoding != 0) return bindDictionary(column, encoding, type);
  if (nested) return ARROW_COLUMN_NESTED;
  if (type == FIELD_UTF8_VIEW || type == FIELD_BINARY_VIEW) return ARROW_COLUMN_VIEW;
  if (type == FIELD_NULL) {
    column.source = SOURCE_NULL;
    return ARROW_OK;
  }
  const target = column.target;
  if (type == FIELD_BOOL && target == TYPE_BOOL) {
    column.source = SOURCE_BOOL;
    return ARROW_OK;
  }
  if ((type == FIELD_UTF8 || type == FIELD_LARGE_UTF8) && target == TYPE_UTF8) {
    column.source = type == FIELD_UTF8 ? SOURCE_UTF8 : SOURCE_LARGE_UTF8;
    return ARROW_OK;
  }
  if (type == FIELD_FLOAT && target == TYPE_F64) {
    const precision = flatI16(typeTable, 4, 0);
    if (precision < 0 || precision > 2) return ARROW_METADATA;
    column.source = SOURCE_F16 + precision;
    return ARROW_OK;
  }
  if (type == FIELD_INT && (target == TYPE_I32 || target == TYPE_I64 || target == TYPE_F64)) {
    column.source = integerSource(typeTable);
    if (column.source == SOURCE_UNSET) return ARROW_METADATA;
    return bindBounds(column);
  }
  if (target == TYPE_I64 && (type == FIELD_TIMESTAMP || type == FIELD_DATE)) {
    return type == FIELD_DATE ? bindDate(column, typeTable) : bindTimestamp(column, typeTable);
  }
  return ARROW_COLUMN_TYPE;
}

function bindDictionary(column: Column, encoding: usize, type: i32): i32 {
  if (column.target != TYPE_UTF8) return ARROW_COLUMN_TYPE;
  if (type != FIELD_UTF8 && type != FIELD_LARGE_UTF8) return ARROW_DICTIONARY_TYPE;
  const indexType = flatChild(encoding, 6);
  column.indexSource = indexType == 0 ? SOURCE_I32 : integerSource(indexType); // Absent means signed 32 bits.
  if (column.indexSource == SOURCE_UNSET) return ARROW_METADATA;
  column.source = SOURCE_DICTIONARY;
  column.valueSource = type == FIELD_UTF8 ? SOURCE_UTF8 : SOURCE_LARGE_UTF8;
  column.dictionary = flatI64(encoding, 4, 0);
  return ARROW_OK;
}

function bindDate(column: Column, typeTable: usize): i32 {
  const unit = flatI16(typeTable, 4, DATE_MILLISECOND);
  if (unit != DATE_DAY && unit != DATE_MILLISECOND) return ARROW_METADATA;
  column.source = unit == DATE_DAY ? SOURCE_I32 : SOURCE_I64;
  if (unit == DATE_DAY) scaleBy(column, SCALE_MULTIPLY, DAY_MS);
  return bindBounds(column);
}

function bindTimestamp(column: Column, typeTable: usize): i32 {
  const unit = flatI16(typeTable, 4, UNIT_SECOND);
  if (unit < UNIT_SECOND || unit > UNIT_NANOSECOND) return ARROW_METADATA;
  column.source = SOURCE_I64;
  if (unit == UNIT_SECOND) scaleBy(column, SCALE_MULTIPLY, 1000);
  if (unit == UNIT_MICROSECOND) scaleBy(column, SCALE_DIVIDE, 1000);
  if (unit == UNIT_NANOSECOND) scaleBy(column, SCALE_DIVIDE, 1000000);
  return bindBounds(column);
}

function scaleBy(column: Column, scale: i32, factor: i64): void {
  column.scale = scale;
  column.factor = factor;
}

/** lowest … highest of the source's values that the target holds, given the scale. */
function bindBounds(column: Column): i32 {
  let lowest = i64.MIN_VALUE;
  let highest = i64.MAX_VALUE;
  if (column.target == TYPE_I32) {
    lowest = i32.MIN_VALUE;
    highest = i32.MAX_VALUE;
  } else if (column.target == TYPE_F64) {
    lowest = -EXACT_INTEGER_MAX;
    highest = EXACT_INTEGER_MAX;
  } else if (column.isTime) {
    lowest = <i64>TIME_MIN;
    highest = <i64>TIME_MAX;
  }
  if (column.scale == SCALE_MULTIPLY) {
    lowest /= column.factor; // Towards zero: the first and the last multiple inside.
    highest /= column.factor;
  } else if (column.scale == SCALE_DIVIDE && column.isTime) {
    lowest = scaledBound(lowest, column.factor, 0);
    highest = scaledBound(highest, column.factor, column.factor - 1);
  }
  const sourceLowest = lowestOf(column.source);
  const sourceHighest = highestOf(column.source);
  column.bounded = lowest > sourceLowest || highest < sourceHighest || column.source == SOURCE_U64;
  column.lowest = max<i64>(lowest, sourceLowest);
  column.highest = min<i64>(highest, sourceHighest);
  return ARROW_OK;
}

/** bound × factor + rest, held at the ends of i64. */
function scaledBound(bound: i64, factor: i64, rest: i64): i64 {
  if (bound > (i64.MAX_VALUE - rest) / factor) return i64.MAX_VALUE;
  if (bound < i64.MIN_VALUE / factor) return i64.MIN_VALUE;
  return bound * factor + rest;
}

function lowestOf(source: i32): i64 {
  if (source == SOURCE_I8) return i8.MIN_VALUE;
  if (source == SOURCE_I16) return i16.MIN_VALUE;
  if (source == SOURCE_I32) return i32.MIN_VALUE;
  if (source == SOURCE_I64) return i64.MIN_VALUE;
  return 0;
}

function highestOf(source: i32): i64 {
  if (source == SOURCE_I8) return i8.MAX_VALUE;
  if (source == SOURCE_I16) return i16.MAX_VALUE;
  if (source == SOURCE_I32) return i32.MAX_VALUE;
  if (source == SOURCE_U8) return u8.MAX_VALUE;
  if (source == SOURCE_U16) return u16.MAX_VALUE;
  if (source == SOURCE_U32) return u32.MAX_VALUE;
  return i64.MAX_VALUE;
}

/** The source of an Int table, or SOURCE_UNSET when its width does not exist. */
function integerSource(int: usize): i32 {
  const bits = flatI32(int, 4, 0);
  const base = flatU8(int, 6, 0) != 0 ? SOURCE_I8 : SOURCE_U8;
  if (bits == 8) return base;
  if (bits == 16) return base + (SOURCE_I16 - SOURCE_I8);
  if (bits == 32) return base + (SOURCE_I32 - SOURCE_I8);
  if (bits == 64) return base + (SOURCE_I64 - SOURCE_I8);
  return SOURCE_UNSET;
}
