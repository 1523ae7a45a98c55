// assembly/json/row.ts — one JSON object into one row of the builder.
//
// Rows of one producer repeat their keys in the same order, so the k-th key is first compared, with quotes and
// colon, with what stood at place k before (two 16-byte comparisons at most); only a key that moved is scanned and
// looked up. Fields that nobody reads are expected in the same way.
//
// Not here  what a value may be (field.ts), where a row begins and what follows a broken one (frame.ts).

import { BUILDER_NULLABLE, REASON_DUPLICATE, REASON_MISSING, REASON_SYNTAX } from '../layout';
import {
  DECODER_COLUMN_COUNT,
  DECODER_COLUMNS,
  DECODER_EXPECTATIONS,
  DECODER_SCRATCH,
  DECODER_SCRATCH_BYTES,
  DECODER_STAMP,
  EXPECT_FIELD,
  EXPECT_KEY_BYTES,
  EXPECT_LENGTH,
  EXPECT_MAX,
  EXPECT_STRIDE,
  FIELD_FLAGS,
  FIELD_NAME,
  FIELD_NAME_BYTES,
  FIELD_STAMP,
  FIELD_STRIDE,
} from './decoder';
import { problem, readField, skipField, writeNull } from './field';
import { scanString, stringEscaped, unescape } from './string';
import { CLOSE_BRACE, COLON, COMMA, fault, QUOTE, SPACE, skipSpace, textEnd } from './text';
import { skipColon } from './value';

/**
 * Reads one object into row `row`, which stays invisible; problems are left in field.ts.
 *
 * @param p  at its opening brace
 * @returns the address behind its closing brace, or 0
 */
export function readRow(decoder: usize, p: usize, row: i32): usize {
  const open = p;
  const end = textEnd;
  const stamp = nextStamp(decoder);
  const lastExpectation = load<usize>(decoder, DECODER_EXPECTATIONS) + (EXPECT_MAX - 1) * EXPECT_STRIDE;
  let expectation = load<usize>(decoder, DECODER_EXPECTATIONS);
  let found = 0;
  p++;
  if (load<u8>(p) != QUOTE) {
    p = skipSpace(p);
    if (p < end && load<u8>(p) == CLOSE_BRACE) {
      fillAbsent(decoder, stamp, row, open);
      return p + 1;
    }
  }
  while (true) {
    let field: usize;
    if (isExpected(expectation, p)) {
      field = load<usize>(expectation, EXPECT_FIELD);
      p += load<usize>(expectation, EXPECT_LENGTH);
    } else {
      p = readKey(decoder, p, expectation, lastExpectation);
      if (p == 0) return 0;
      field = keyField;
      expectation = keyExpectation;
    }
    if (expectation != lastExpectation) expectation += EXPECT_STRIDE;
    if (field == 0) {
      p = skipField(p);
    } else if (load<u32>(field, FIELD_STAMP) == stamp) {
      p = skipSpace(p);
      problem(REASON_DUPLICATE, field, p);
      p = skipField(p);
    } else {
      store<u32>(field, stamp, FIELD_STAMP);
      found++;
      p = readField(field, p, row);
    }
    if (p == 0) return 0;
    let byte = load<u8>(p);
    if (byte <= SPACE) {
      p = skipSpace(p);
      byte = load<u8>(p);
    }
    if (p >= end) return fault(REASON_SYNTAX, end);
    p++;
    if (byte == COMMA) continue;
    if (byte != CLOSE_BRACE) return fault(REASON_SYNTAX, p - 1);
    if (found != load<i32>(decoder, DECODER_COLUMN_COUNT)) fillAbsent(decoder, stamp, row, open);
    return p;
  }
}

/** A number that no column carries yet. */
// @ts-ignore: decorator
@inline
function nextStamp(decoder: usize): u32 {
  const stamp = load<u32>(decoder, DECODER_STAMP) + 1;
  store<u32>(decoder, stamp, DECODER_STAMP);
  return stamp != 0 ? stamp : restartStamps(decoder);
}

/** After 2^32 rows: columns that were not seen for as long must not look seen. */
function restartStamps(decoder: usize): u32 {
  const count = load<i32>(decoder, DECODER_COLUMN_COUNT);
  const columns = load<usize>(decoder, DECODER_COLUMNS);
  for (let index = 0; index < count; index++) store<u32>(columns + <usize>index * FIELD_STRIDE, 0, FIELD_STAMP);
  store<u32>(decoder, 1, DECODER_STAMP);
  return 1;
}

// @ts-ignore: decorator
@inline
function isExpected(expectation: usize, p: usize): bool {
  const first = v128.and(v128.xor(v128.load(p), v128.load(expectation)), v128.load(expectation, 16));
  if (v128.any_true(first)) return false;
  if (load<u32>(expectation, EXPECT_LENGTH) <= 16) return true;
  const second = v128.and(v128.xor(v128.load(p, 16), v128.load(expectation, 32)), v128.load(expectation, 48));
  return !v128.any_true(second);
}

let keyField: usize = 0;
let keyExpectation: usize = 0;

/**
 * A key that is not the expected one, or stands behind whitespace: finds its field (keyField; 0: nobody reads it) and
 * the expectation that it met or replaced (keyExpectation). Returns the address behind the colon, or 0.
 */
function readKey(decoder: usize, p: usize, expectation: usize, lastExpectation: usize): usize {
  p = skipSpace(p);
  keyExpectation = expectation;
  if (!isExpected(expectation, p)) {
    if (expectation == lastExpectation) return readNewKey(decoder, p, 0);
    // A field that is left out moves the others forward by one.
    keyExpectation = expectation + EXPECT_STRIDE;
    if (!isExpected(keyExpectation, p)) {
      keyExpectation = expectation;
      return readNewKey(decoder, p, expectation);
    }
  }
  keyField = load<usize>(keyExpectation, EXPECT_FIELD);
  return p + load<usize>(keyExpectation, EXPECT_LENGTH);
}

function readNewKey(decoder: usize, p: usize, expectation: usize): usize {
  if (load<u8>(p) != QUOTE) return fault(REASON_SYNTAX, p);
  const behind = scanString(p + 1);
  if (behind == 0) return 0;
  const escaped = stringEscaped;
  const value = skipColon(behind);
  if (value == 0) return 0;
  let name = p + 1;
  let nameBytes = <i32>(behind - 1 - name);
  if (escaped) {
    const scratch = load<usize>(decoder, DECODER_SCRATCH);
    const room = load<i32>(decoder, DECODER_SCRATCH_BYTES);
    // A key longer than the room is longer than every column's name, so its length alone rules it out.
    nameBytes = unescape(name, behind - 1, scratch, room);
    name = scratch;
  }
  keyField = nameBytes < 0 ? 0 : findField(decoder, name, nameBytes);
  if (expectation != 0 && !escaped && load<u8>(behind) == COLON) expect(expectation, p, behind + 1 - p);
  return value;
}

function findField(decoder: usize, name: usize, nameBytes: i32): usize {
  const count = load<i32>(decoder, DECODER_COLUMN_COUNT);
  let field = load<usize>(decoder, DECODER_COLUMNS);
  for (let index = 0; index < count; index++, field += FIELD_STRIDE) {
    if (load<i32>(field, FIELD_NAME_BYTES) != nameBytes) continue;
    if (memory.compare(load<usize>(field, FIELD_NAME), name, <usize>nameBytes) == 0) return field;
  }
  return 0;
}

/** Remembers keyField for the bytes [p, p + length): quotes, name and colon. */
function expect(expectation: usize, p: usize, length: usize): void {
  if (length > EXPECT_KEY_BYTES) return;
  for (let index: usize = 0; index < 32; index++) {
    // 16 bytes, their mask, 16 bytes, their mask.
    const at = expectation + index + (index & 16);
    const inside = index < length;
    store<u8>(at, inside ? load<u8>(p + index) : 0);
    store<u8>(at, inside ? 0xff : 0, 16);
  }
  store<usize>(expectation, length, EXPECT_LENGTH);
  store<usize>(expectation, keyField, EXPECT_FIELD);
}

/** Columns that the row does not have: null, or a problem of the row. */
function fillAbsent(decoder: usize, stamp: u32, row: i32, open: usize): void {
  const count = load<i32>(decoder, DECODER_COLUMN_COUNT);
  let field = load<usize>(decoder, DECODER_COLUMNS);
  for (let index = 0; index < count; index++, field += FIELD_STRIDE) {
    if (load<u32>(field, FIELD_STAMP) == stamp) continue;
    if ((load<i32>(field, FIELD_FLAGS) & BUILDER_NULLABLE) != 0) writeNull(field, row);
    else problem(REASON_MISSING, field, open);
  }
}
