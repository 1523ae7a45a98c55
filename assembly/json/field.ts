// assembly/json/field.ts — one value of a row into its column, or the reason why not.
//
// Two kinds of wrong: text that is no JSON is a fault (text.ts) and ends the row's reading; a value that its column
// cannot hold is a *problem*: the row's first one is kept, the value is skipped and the row is read to its end, so
// its neighbours in an array stay readable and a syntax error behind it still counts as one.
//
// What is written here is invisible until the row is committed (builder.ts).

import { clearBit, setBit } from '../batch';
import {
  BUILDER_NULLABLE,
  JSON_DEPTH_MAX,
  REASON_DEPTH,
  REASON_NULL,
  REASON_RANGE,
  REASON_SURROGATE,
  REASON_TIME_RANGE,
  REASON_TYPE,
  TIME_MAX,
  TIME_MIN,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../layout';
import {
  DECODER_COLUMNS,
  DECODER_SCRATCH,
  FIELD_BYTES,
  FIELD_BYTES_END,
  FIELD_FLAGS,
  FIELD_KIND,
  FIELD_STRIDE,
  FIELD_VALIDITY,
  FIELD_VALUES,
  KIND_EVENT_TIME,
} from './decoder';
import { INSTANT_BYTES_MAX, instantMs, readInstant } from './instant';
import {
  leadsDigits,
  NUMBER_EXACT,
  NUMBER_OVERFLOW,
  numberDouble,
  numberInteger,
  numberState,
  readDouble,
  readInteger,
  readShortInteger,
  readZero,
  skipNumber,
  skipShortInteger,
} from './number';
import { LONE_SURROGATE, scanString, specialBytes, stringEscaped, unescape } from './string';
import { isDigit, MINUS, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace, textEnd } from './text';
import { depthSeen, forgetDepth, skipLiteral, skipValue } from './value';

/** The row's first problem: 0 when it has none. */
export let problemReason: i32 = 0;
export let problemColumn: i32 = 0;
export let problemAt: usize = 0;

/** Bytes of utf8 values that the row has so far, and whether they passed the room that is left. */
export let rowBytes: i32 = 0;
export let rowOverflows: bool = false;
let roomBytes: i32 = 0;

let columns: usize = 0;
let scratch: usize = 0;
let depthMax: i32 = JSON_DEPTH_MAX;

/**
 * Before the rows of one call.
 *
 * @param levelsMax  depth at which reading stops; between JSON_DEPTH_MAX and it a value is a problem, no fault
 */
export function openFields(decoder: usize, levelsMax: i32): void {
  columns = load<usize>(decoder, DECODER_COLUMNS);
  scratch = load<usize>(decoder, DECODER_SCRATCH);
  depthMax = levelsMax;
}

/** Before each row; `room` is how many bytes of utf8 values the builder can still take. */
// @ts-ignore: decorator
@inline
export function openRow(room: i32): void {
  problemReason = 0;
  rowBytes = 0;
  rowOverflows = false;
  roomBytes = room;
}

/** Keeps the row's first problem. `field` 0: the row as a whole. */
export function problem(reason: i32, field: usize, at: usize): void {
  if (problemReason != 0) return;
  problemReason = reason;
  problemColumn = field == 0 ? -1 : <i32>((field - columns) / FIELD_STRIDE);
  problemAt = at;
}

/** A value that nobody reads. Returns the address behind it, or 0. */
// @ts-ignore: decorator
@inline
export function skipField(p: usize): usize {
  const first = load<u8>(p);
  if (first == QUOTE) {
    // Most strings end in their first sixteen bytes; one that seems to end behind the text is found by the caller.
    const special = specialBytes(v128.load(p, 1));
    const closing = p + 1 + <usize>ctz(special);
    return special != 0 && load<u8>(closing) == QUOTE ? closing + 1 : scanString(p + 1);
  }
  if (leadsDigits(first)) {
    const behind = skipShortInteger(p);
    return behind != 0 ? behind : skipNumber(p);
  }
  return skipOther(p);
}

/** Anything but a string or a short number, or any value behind whitespace. */
function skipOther(p: usize): usize {
  p = skipSpace(p);
  const first = load<u8>(p);
  if (first != OPEN_BRACE && first != OPEN_BRACKET) return skipValue(p, depthMax);
  forgetDepth();
  const behind = skipValue(p, depthMax);
  if (depthSeen > JSON_DEPTH_MAX) problem(REASON_DEPTH, 0, p);
  return behind;
}

/** Reads the value at p, whitespace allowed, into row `row` of a field's column. Returns the address behind it, or 0. */
// @ts-ignore: decorator
@inline
export function readField(field: usize, p: usize, row: i32): usize {
  p = skipSpace(p);
  const kind = load<i32>(field, FIELD_KIND);
  const first = load<u8>(p);
  if (kind == TYPE_UTF8) {
    if (first == QUOTE) return readUtf8(field, p + 1, row);
  } else if (kind == TYPE_F64) {
    if (isDigit(first) || first == MINUS) return readF64(field, p, row);
  } else if (kind == TYPE_BOOL) {
    if (first == 0x74 || first == 0x66) return readBool(field, p, row);
  } else if (leadsDigits(first)) {
    // Two branches rather than a sum: the address of the digits then waits for no load.
    const behind = readShortInteger(p, 0);
    return behind != 0 ? writeInteger(field, kind, p, behind, row) : readI64(field, kind, p, row);
  } else if (first == MINUS && leadsDigits(load<u8>(p, 1))) {
    const behind = readShortInteger(p + 1, -1);
    return behind != 0 ? writeInteger(field, kind, p, behind, row) : readI64(field, kind, p, row);
  } else if (first == 0x30 || first == MINUS) {
    return readI64(field, kind, p, row);
  } else if (first == QUOTE && kind == KIND_EVENT_TIME) {
    return readTime(field, p + 1, row);
  }
  return readOther(field, p, row);
}

/** numberInteger into its column. */
// @ts-ignore: decorator
@inline
function writeInteger(field: usize, kind: i32, p: usize, behind: usize, row: i32): usize {
  const value = numberInteger;
  const values = load<usize>(field, FIELD_VALUES);
  if (kind == TYPE_I32) {
    if (<i64>(<i32>value) != value) problem(REASON_RANGE, field, p);
    store<i32>(values + (<usize>row << 2), <i32>value);
  } else {
    if (kind == KIND_EVENT_TIME && (value < <i64>TIME_MIN || value > <i64>TIME_MAX)) {
      problem(REASON_TIME_RANGE, field, p);
    }
    store<i64>(values + (<usize>row << 3), value);
  }
  markPresent(field, row);
  return behind;
}

function readI64(field: usize, kind: i32, p: usize, row: i32): usize {
  // 0 alone is the one common number that has no leading digit.
  const behind = load<u16>(p) == 0x2c30 ? readZero(p) : readInteger(p);
  if (behind == 0) return 0;
  if (numberState == NUMBER_EXACT) return writeInteger(field, kind, p, behind, row);
  const beyondTime = kind == KIND_EVENT_TIME && numberState == NUMBER_OVERFLOW;
  problem(beyondTime ? REASON_TIME_RANGE : REASON_RANGE, field, p);
  return behind;
}

function readF64(field: usize, p: usize, row: i32): usize {
  const behind = readDouble(p);
  if (behind == 0) return 0;
  if (numberState != NUMBER_EXACT) problem(REASON_RANGE, field, p);
  store<f64>(load<usize>(field, FIELD_VALUES) + (<usize>row << 3), numberDouble);
  markPresent(field, row);
  return behind;
}

function readBool(field: usize, p: usize, row: i32): usize {
  const behind = skipLiteral(p);
  if (behind == 0) return 0;
  const values = load<usize>(field, FIELD_VALUES);
  if (load<u8>(p) == 0x74) setBit(values, row);
  else clearBit(values, row);
  markPresent(field, row);
  return behind;
}

/** p behind the opening quote. Copies while it scans; an escape, a byte beyond ASCII or little room takes the slow way. */
// @ts-ignore: decorator
@inline
function readUtf8(field: usize, p: usize, row: i32): usize {
  const offsets = load<usize>(field, FIELD_VALUES) + (<usize>row << 2);
  const start = load<i32>(offsets);
  let into = load<usize>(field, FIELD_BYTES) + <usize>start;
  const intoMax = load<usize>(field, FIELD_BYTES_END) - 16;
  let at = p;
  while (into <= intoMax && at < textEnd) {
    const chunk = v128.load(at);
    v128.store(into, chunk);
    const special = specialBytes(chunk);
    if (special != 0) {
      at += <usize>ctz(special);
      if (load<u8>(at) != QUOTE || at >= textEnd) break;
      endUtf8(field, offsets, start, <i32>(at - p), row);
      return at + 1;
    }
    at += 16;
    into += 16;
  }
  return readUtf8Slowly(field, p, row);
}

function readUtf8Slowly(field: usize, p: usize, row: i32): usize {
  const behind = scanString(p);
  if (behind == 0) return 0;
  const offsets = load<usize>(field, FIELD_VALUES) + (<usize>row << 2);
  const start = load<i32>(offsets);
  const into = load<usize>(field, FIELD_BYTES) + <usize>start;
  const room = roomBytes - rowBytes;
  let length = <i32>(behind - 1 - p);
  if (stringEscaped) {
    length = unescape(p, behind - 1, into, room);
    if (length == LONE_SURROGATE) {
      problem(REASON_SURROGATE, field, p - 1);
      length = 0;
    }
  } else if (length <= room) {
    memory.copy(into, p, <usize>length);
  }
  endUtf8(field, offsets, start, length, row);
  return behind;
}

// @ts-ignore: decorator
@inline
function endUtf8(field: usize, offsets: usize, start: i32, length: i32, row: i32): void {
  // The comparison comes first: the sum of lengths stays below bytesMax plus one frame, and below 2^31.
  if (length > roomBytes - rowBytes) rowOverflows = true;
  else rowBytes += length;
  store<i32>(offsets, start + length, 4);
  markPresent(field, row);
}

/** p behind the opening quote. */
function readTime(field: usize, p: usize, row: i32): usize {
  const behind = scanString(p);
  if (behind == 0) return 0;
  let from = p;
  let to = behind - 1;
  if (stringEscaped) {
    const length = unescape(p, to, scratch, <i32>INSTANT_BYTES_MAX);
    from = scratch;
    to = scratch + <usize>max(length, 0);
  }
  if (readInstant(from, to)) {
    store<i64>(load<usize>(field, FIELD_VALUES) + (<usize>row << 3), instantMs);
    markPresent(field, row);
  } else {
    problem(REASON_TYPE, field, p - 1);
  }
  return behind;
}

/** null, or a value of another type. */
function readOther(field: usize, p: usize, row: i32): usize {
  const behind = skipOther(p);
  if (behind == 0) return 0;
  if (load<u8>(p) != 0x6e) problem(REASON_TYPE, field, p);
  else if ((load<i32>(field, FIELD_FLAGS) & BUILDER_NULLABLE) == 0) problem(REASON_NULL, field, p);
  else writeNull(field, row);
  return behind;
}

/** Makes row `row` of a nullable column null; what stands under a null is 0 or empty. */
export function writeNull(field: usize, row: i32): void {
  const kind = load<i32>(field, FIELD_KIND);
  const values = load<usize>(field, FIELD_VALUES);
  clearBit(load<usize>(field, FIELD_VALIDITY), row);
  if (kind == TYPE_UTF8) store<i32>(values + (<usize>row << 2), load<i32>(values + (<usize>row << 2)), 4);
  else if (kind == TYPE_BOOL) clearBit(values, row);
  else if (kind == TYPE_I32) store<i32>(values + (<usize>row << 2), 0);
  else store<i64>(values + (<usize>row << 3), 0);
}

// @ts-ignore: decorator
@inline
function markPresent(field: usize, row: i32): void {
  if ((load<i32>(field, FIELD_FLAGS) & BUILDER_NULLABLE) != 0) setBit(load<usize>(field, FIELD_VALIDITY), row);
}
