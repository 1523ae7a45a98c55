// assembly/json/frame.ts — one frame of text into rows: where each begins, what becomes of a broken one.
//
//   {…}                 one row
//   [{…},{…}]           an array of rows
//   {…}\n{…}\r\n{…}     rows, separated by whitespace (NDJSON); a row may span lines, a frame may be empty
//
// Promises
//   - Every row of the frame is either in the builder, in its order, or one reject with a reason, a column and a byte.
//   - Lines: a row that is no JSON object is one reject, and reading goes on behind the first newline after the row's
//     first byte. So a line that broke off swallows none of the rows behind it, and a row that spanned lines gives one
//     reject per line that is left of it.
//   - Array: a value that its column cannot hold rejects that row alone. A syntax error rejects its row and ends the
//     frame: nothing tells where the next row begins. Rows before it are kept.
//   - A row that does not fit stays unread: the next call begins with it. One that fits no empty builder is a reject.
//   - Work is bounded: a broken row in lines is read at most JSON_DEPTH_MAX times, an array once.
//
// Not here  sealing and routing what was built (the host does, between calls).

import { builderBytesUsed, builderFields } from '../builder';
import {
  BUILDER_BYTES_MAX,
  BUILDER_ROW_NUMBERS,
  BUILDER_ROWS,
  BUILDER_ROWS_MAX,
  JSON_DEPTH_MAX,
  JSON_DONE,
  JSON_FULL,
  JSON_REJECTS_FULL,
  REASON_ROW_SIZE,
  REASON_SYNTAX,
  REASON_UTF8,
  REJECT_AT,
  REJECT_BYTES,
  REJECT_COLUMN,
  REJECT_REASON,
  REJECT_ROW,
  REJECTS_LISTED_MAX,
} from '../layout';
import {
  DECODER_BUILDER,
  DECODER_END,
  DECODER_MODE,
  DECODER_POSITION,
  DECODER_REJECT_COUNT,
  DECODER_REJECTS,
  DECODER_ROWS_SEEN,
  DECODER_START,
} from './decoder';
import {
  openFields,
  openRow,
  problem,
  problemAt,
  problemColumn,
  problemReason,
  rowBytes,
  rowOverflows,
  skipField,
} from './field';
import { readRow } from './row';
import { sequenceBytes } from './string';
import {
  CLOSE_BRACKET,
  COMMA,
  fault,
  faultAt,
  faultReason,
  NEWLINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  openText,
  SPACE,
  skipSpace,
  textEnd,
} from './text';
import { TEXT_DEPTH_MAX } from './value';

// What is expected at DECODER_POSITION.
const MODE_START: i32 = 0;
const MODE_LINES: i32 = 1; // a row, or the end
const MODE_ARRAY: i32 = 2; // a row
const MODE_BEHIND_ARRAY: i32 = 3; // the end
const MODE_BROKEN: i32 = 4; // a row that is known to be none: the last reject of the frame
const MODE_DONE: i32 = 5;

/** Starts a frame of `length` bytes, which must stay where they are until it is used up. */
export function jsonBegin(decoder: usize, ptr: usize, length: i32): void {
  store<usize>(decoder, ptr, DECODER_START);
  store<usize>(decoder, ptr, DECODER_POSITION);
  store<usize>(decoder, ptr + <usize>length, DECODER_END);
  store<i32>(decoder, MODE_START, DECODER_MODE);
  store<i32>(decoder, 0, DECODER_ROWS_SEEN);
  store<i32>(decoder, 0, DECODER_REJECT_COUNT);
}

/** Appends rows until the frame is used up (JSON_DONE) or the host has to act (JSON_FULL, JSON_REJECTS_FULL). */
export function jsonNext(decoder: usize): i32 {
  openText(load<usize>(decoder, DECODER_END));
  store<i32>(decoder, 0, DECODER_REJECT_COUNT);
  if (load<i32>(decoder, DECODER_MODE) == MODE_START) start(decoder);
  const mode = load<i32>(decoder, DECODER_MODE);
  if (mode == MODE_LINES) return nextOfLines(decoder);
  return mode == MODE_DONE ? JSON_DONE : nextOfArray(decoder);
}

/** Address of the rejects of the last call. */
export function jsonRejects(decoder: usize): usize {
  return load<usize>(decoder, DECODER_REJECTS);
}

export function jsonRejectCount(decoder: usize): i32 {
  return load<i32>(decoder, DECODER_REJECT_COUNT);
}

/** Rows of the frame so far, accepted and rejected. */
export function jsonRowsSeen(decoder: usize): i32 {
  return load<i32>(decoder, DECODER_ROWS_SEEN);
}

/** Lines or an array? */
function start(decoder: usize): void {
  let p = skipSpace(load<usize>(decoder, DECODER_POSITION));
  let mode = MODE_LINES;
  if (p < textEnd && load<u8>(p) == OPEN_BRACKET) {
    mode = MODE_ARRAY;
    p = skipSpace(p + 1);
    if (p < textEnd && load<u8>(p) == CLOSE_BRACKET) {
      mode = MODE_BEHIND_ARRAY;
      p++;
    }
  }
  store<i32>(decoder, mode, DECODER_MODE);
  store<usize>(decoder, p, DECODER_POSITION);
}

function nextOfLines(decoder: usize): i32 {
  const builder = load<usize>(decoder, DECODER_BUILDER);
  const fields = builderFields(builder);
  const rowsMax = load<i32>(fields, BUILDER_ROWS_MAX);
  const begin = load<usize>(decoder, DECODER_START);
  let room = load<i32>(fields, BUILDER_BYTES_MAX) - builderBytesUsed(builder);
  let p = load<usize>(decoder, DECODER_POSITION);
  openFields(decoder, JSON_DEPTH_MAX);
  while (true) {
    p = skipSpace(p);
    if (p >= textEnd) {
      store<i32>(decoder, MODE_DONE, DECODER_MODE);
      return JSON_DONE;
    }
    const row = load<i32>(fields, BUILDER_ROWS);
    if (row == rowsMax) return pause(decoder, p, JSON_FULL);
    if (load<i32>(decoder, DECODER_REJECT_COUNT) == REJECTS_LISTED_MAX) return pause(decoder, p, JSON_REJECTS_FULL);
    openRow(room);
    let behind: usize = 0;
    if (load<u8>(p) != OPEN_BRACE || (p != begin && load<u8>(p - 1) > SPACE)) fault(REASON_SYNTAX, p);
    else behind = readRow(decoder, p, row);
    if (behind == 0) {
      rejectFault(decoder);
      p = behindNewline(p);
    } else {
      if (problemReason == 0 && !rowOverflows) {
        commit(decoder, fields, row);
        room -= rowBytes;
      } else if (!rejectProblem(decoder, row, p)) {
        return pause(decoder, p, JSON_FULL);
      }
      // Nearly always: one newline, and no call to find it.
      p = load<u8>(behind) == NEWLINE ? behind + 1 : behind;
    }
  }
}

function nextOfArray(decoder: usize): i32 {
  const builder = load<usize>(decoder, DECODER_BUILDER);
  const fields = builderFields(builder);
  const rowsMax = load<i32>(fields, BUILDER_ROWS_MAX);
  let room = load<i32>(fields, BUILDER_BYTES_MAX) - builderBytesUsed(builder);
  let p = load<usize>(decoder, DECODER_POSITION);
  openFields(decoder, TEXT_DEPTH_MAX);
  while (true) {
    p = skipSpace(p);
    const mode = load<i32>(decoder, DECODER_MODE);
    if (mode == MODE_BEHIND_ARRAY && p >= textEnd) break;
    if (load<i32>(decoder, DECODER_REJECT_COUNT) == REJECTS_LISTED_MAX) return pause(decoder, p, JSON_REJECTS_FULL);
    if (mode != MODE_ARRAY || p >= textEnd) {
      fault(REASON_SYNTAX, p);
      rejectFault(decoder);
      break;
    }
    const row = load<i32>(fields, BUILDER_ROWS);
    if (row == rowsMax) return pause(decoder, p, JSON_FULL);
    openRow(room);
    let behind: usize;
    if (load<u8>(p) == OPEN_BRACE) {
      behind = readRow(decoder, p, row);
    } else {
      problem(REASON_SYNTAX, 0, p);
      behind = skipField(p);
    }
    if (behind == 0) {
      rejectFault(decoder);
      break;
    }
    if (problemReason == 0 && !rowOverflows) {
      commit(decoder, fields, row);
      room -= rowBytes;
    } else if (!rejectProblem(decoder, row, p)) {
      return pause(decoder, p, JSON_FULL);
    }
    p = behindRow(decoder, behind);
  }
  store<i32>(decoder, MODE_DONE, DECODER_MODE);
  return JSON_DONE;
}

/** Behind a row of an array: reads the comma or the closing bracket, and notes what is expected then. */
function behindRow(decoder: usize, p: usize): usize {
  p = skipSpace(p);
  const byte = p < textEnd ? load<u8>(p) : 0;
  if (byte == COMMA) return p + 1;
  store<i32>(decoder, byte == CLOSE_BRACKET ? MODE_BEHIND_ARRAY : MODE_BROKEN, DECODER_MODE);
  return byte == CLOSE_BRACKET ? p + 1 : p;
}

function pause(decoder: usize, p: usize, status: i32): i32 {
  store<usize>(decoder, p, DECODER_POSITION);
  return status;
}

// @ts-ignore: decorator
@inline
function commit(decoder: usize, fields: usize, row: i32): void {
  const seen = load<i32>(decoder, DECODER_ROWS_SEEN);
  store<i32>(load<usize>(fields, BUILDER_ROW_NUMBERS) + (<usize>row << 2), seen);
  store<i32>(fields, row + 1, BUILDER_ROWS);
  store<i32>(decoder, seen + 1, DECODER_ROWS_SEEN);
}

/** Rejects the row at p for its problem or its size; false when it is only too large for what the builder has left. */
function rejectProblem(decoder: usize, row: i32, p: usize): bool {
  if (problemReason == 0) {
    if (row != 0) return false;
    problem(REASON_ROW_SIZE, 0, p);
  }
  reject(decoder, problemReason, problemColumn, problemAt);
  return true;
}

function rejectFault(decoder: usize): void {
  const at = faultAt;
  let reason = faultReason;
  // Where a token should stand, bytes that are no character are not only the wrong one.
  if (reason == REASON_SYNTAX && at < textEnd && load<u8>(at) >= 0x80 && sequenceBytes(at) == 0) reason = REASON_UTF8;
  reject(decoder, reason, -1, at);
}

function reject(decoder: usize, reason: i32, column: i32, at: usize): void {
  const count = load<i32>(decoder, DECODER_REJECT_COUNT);
  const seen = load<i32>(decoder, DECODER_ROWS_SEEN);
  const entry = load<usize>(decoder, DECODER_REJECTS) + <usize>count * REJECT_BYTES;
  store<i32>(entry, seen, REJECT_ROW);
  store<i32>(entry, reason, REJECT_REASON);
  store<i32>(entry, column, REJECT_COLUMN);
  store<u32>(entry, <u32>(at - load<usize>(decoder, DECODER_START)), REJECT_AT);
  store<i32>(decoder, count + 1, DECODER_REJECT_COUNT);
  store<i32>(decoder, seen + 1, DECODER_ROWS_SEEN);
}

/** Behind the first newline at or behind p, or textEnd. */
function behindNewline(p: usize): usize {
  while (p < textEnd) {
    const newlines = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(<i8>NEWLINE)));
    if (newlines != 0) return min(p + <usize>ctz(newlines) + 1, textEnd);
    p += 16;
  }
  return textEnd;
}
