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
  const least = leastTime(times, fromRow, rows);
  const after = max(before, greatestTime(times, fromRow, rows));
  const marks = load<usize>(builderSlot(builder, load<i32>(builder, BATCH_COLUMN_COUNT) - 1), SLOT_VALUES);
  const fields = builderFields(builder);
  const watermarked = load<i32>(fields, BUILDER_WATERMARKED) != 0;
  if (least >= after - delay) {
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

function leastTime(times: usize, from: i32, to: i32): i64 {
  let lanes = i64x2.splat(i64.MAX_VALUE);
  let row = from;
  for (; row + 2 <= to; row += 2) {
    const two = v128.load(times + (<usize>row << 3));
    lanes = v128.bitselect(two, lanes, i64x2.lt_s(two, lanes));
  }
  let least = min(i64x2.extract_lane(lanes, 0), i64x2.extract_lane(lanes, 1));
  if (row < to) least = min(least, load<i64>(times + (<usize>row << 3)));
  return least;
}

function greatestTime(times: usize, from: i32, to: i32): i64 {
  let lanes = i64x2.splat(i64.MIN_VALUE);
  let row = from;
  for (; row + 2 <= to; row += 2) {
    const two = v128.load(times + (<usize>row << 3));
    lanes = v128.bitselect(two, lanes, i64x2.gt_s(two, lanes));
  }
  let greatest = max(i64x2.extract_lane(lanes, 0), i64x2.extract_lane(lanes, 1));
  if (row < to) greatest = max(greatest, load<i64>(times + (<usize>row << 3)));
  return greatest;
}

function fillNone(marks: usize, from: i32, to: i32): void {
  for (let row = from; row < to; row++) store<i64>(marks + (<usize>row << 3), <i64>WATERMARK_NONE);
}
