// assembly/watermark.ts — what a producer's rows do to its watermark, and which of them may be late.
//
// A row is judged by its own producer alone: against max(times of that producer's rows before it) − delay, whatever
// the frame or the batch (SEMANTICS 1.1). For nearly every run of rows the smallest and the largest time prove that
// no row is late; only a run that fails the proof gets its watermarks written out, row by row, into the last slot.
//
// Promises
//   - a row that is not in doubt carries WATERMARK_NONE, which no window's end is below.
//   - the result depends on the order of the producer's rows alone, never on how they were cut into calls.

import { builderFields, builderRows, builderSlot } from './builder';
import { BATCH_COLUMN_COUNT, BUILDER_WATERMARKED, SLOT_VALUES, WATERMARK_NONE } from './layout';

/**
 * Takes the rows from `fromRow` on, all of one producer, into account.
 *
 * @param builder  column 0 is the event time, the last slot is for watermarks (i64 both)
 * @param maxTime  the producer's greatest event time so far, ms; WATERMARK_NONE or less before its first row
 * @param delayMs  how far its rows may be out of order
 * @returns its greatest event time now
 */
export function watermarkRows(builder: usize, fromRow: i32, maxTime: f64, delayMs: f64): f64 {
  const rows = builderRows(builder);
  if (fromRow >= rows) return maxTime;
  const times = load<usize>(builderSlot(builder, 0), SLOT_VALUES);
  const before = maxTime > <f64>WATERMARK_NONE ? <i64>maxTime : i64.MIN_VALUE;
  const delay = <i64>delayMs;
  findExtremes(times, fromRow, rows);
  const after = max(before, greatestTime);
  const marks = load<usize>(builderSlot(builder, load<i32>(builder, BATCH_COLUMN_COUNT) - 1), SLOT_VALUES);
  const fields = builderFields(builder);
  const watermarked = load<i32>(fields, BUILDER_WATERMARKED) != 0;
  if (leastTime >= after - delay) {
    if (watermarked) fillNone(marks, fromRow, rows);
    return <f64>after;
  }
  if (!watermarked) {
    fillNone(marks, 0, fromRow);
    store<i32>(fields, 1, BUILDER_WATERMARKED);
  }
  let running = before;
  for (let row = fromRow; row < rows; row++) {
    const at = <usize>row << 3;
    store<i64>(marks + at, running == i64.MIN_VALUE ? <i64>WATERMARK_NONE : running - delay);
    running = max(running, load<i64>(times + at));
  }
  return <f64>after;
}

let leastTime: i64 = 0;
let greatestTime: i64 = 0;

/**
 * Sets leastTime and greatestTime of rows [from, to), at least one. One walk for both, and four rows at a time: each of
 * the four running extremes waits for its own last comparison only.
 */
function findExtremes(times: usize, from: i32, to: i32): void {
  const first = v128.load64_splat(times + (<usize>from << 3));
  let leastA = first;
  let leastB = first;
  let greatestA = first;
  let greatestB = first;
  let row = from;
  for (; row + 4 <= to; row += 4) {
    const a = v128.load(times + (<usize>row << 3));
    const b = v128.load(times + (<usize>row << 3), 16);
    leastA = lesser(a, leastA);
    leastB = lesser(b, leastB);
    greatestA = greater(a, greatestA);
    greatestB = greater(b, greatestB);
  }
  for (; row < to; row++) {
    const one = v128.load64_splat(times + (<usize>row << 3));
    leastA = lesser(one, leastA);
    greatestA = greater(one, greatestA);
  }
  const least = lesser(leastA, leastB);
  const greatest = greater(greatestA, greatestB);
  leastTime = min(i64x2.extract_lane(least, 0), i64x2.extract_lane(least, 1));
  greatestTime = max(i64x2.extract_lane(greatest, 0), i64x2.extract_lane(greatest, 1));
}

// @ts-ignore: decorator
@inline
function lesser(a: v128, b: v128): v128 {
  return v128.bitselect(a, b, i64x2.lt_s(a, b));
}

// @ts-ignore: decorator
@inline
function greater(a: v128, b: v128): v128 {
  return v128.bitselect(a, b, i64x2.gt_s(a, b));
}

function fillNone(marks: usize, from: i32, to: i32): void {
  for (let row = from; row < to; row++) store<i64>(marks + (<usize>row << 3), <i64>WATERMARK_NONE);
}
