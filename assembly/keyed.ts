// assembly/keyed.ts — a keyed stage over tumbling windows: batches in, panes updated, the watermark moved.
//
// Promises
//   - A row belongs to the window [s, s + size) with s = t − floorMod(t − offset, size); negative times are legal.
//   - A row is late iff its window's end ≤ its own producer's watermark; a row whose window is closed, that is its end
//     ≤ the stage's watermark, is counted apart. Neither changes a pane.
//   - The watermark never goes back.
//   - When the arena is full a push stops in the middle of its batch; what it added before stays whole.
//   - A push that a snapshot under way stops in front of a row goes on there, and every row is counted once.
// Not here  results (result.ts), checkpoints (barrier.ts, sweep.ts, restore.ts).

import { addRows, fusedValues } from './aggregate';
import { batchColumn, batchColumnCount, batchRowCount, columnValues } from './batch';
import { SWEEP_NOTHING, snapshotOf } from './frozen';
import { hashWord } from './hash';
import {
  BATCH_FLAGS,
  BATCH_FLAG_WATERMARKS,
  BLOCK_BYTES,
  COUNTER_CLOSED_ROWS,
  COUNTER_ENTRIES,
  COUNTER_LATE_ROWS,
  COUNTER_OPEN_ROWS,
  COUNTER_OPEN_WINDOWS,
  COUNTER_STATE_BYTES,
  COUNTER_SUM_OVERFLOWS,
  OPEN_WINDOWS_MAX,
  PUSH_OK,
  PUSH_PAUSED,
  PUSH_STATE_FULL,
} from './layout';
import { Pane, paneFree, paneOpen } from './pane';
import { resolve } from './probe';
import {
  CHUNK_ROWS,
  Stage,
  WINDOW_TABLE_SLOTS,
  scratchSelection,
  scratchStarts,
  scratchWindowOf,
  scratchWindowRows,
  scratchWindowTable,
} from './stage';

/** In the place of a row's window. */
const LATE: u16 = 0xffff;

/**
 * Adds a batch (view or image) whose column 0 is the event time.
 *
 * @param from  0; of a batch that paused, what keyedPausedAt says
 * @returns PUSH_OK; PUSH_PAUSED when a snapshot must be swept first: its copies have no room, or this push has made as many
 *          as it may, or the arena is full of what it holds back; PUSH_STATE_FULL when the arena could not hold a new key
 *          or window
 */
export function keyedPush(handle: usize, batch: usize, from: i32): i32 {
  const stage = changetype<Stage>(handle);
  snapshotOf(stage).pushCopies = 0;
  const rows = batchRowCount(batch);
  if (rows == 0) return PUSH_OK;
  const times = columnValues(batch, batchColumn(batch, 0));
  if ((load<u32>(batch, BATCH_FLAGS) & BATCH_FLAG_WATERMARKS) == 0) {
    const start = windowStart(stage, load<i64>(times));
    if (allWithin(times, rows, start, start + stage.size - 1)) {
      if (start + stage.size <= stage.watermark) {
        stage.closedRows += rows - from;
        return PUSH_OK;
      }
      return addToWindow(stage, batch, start, 0, from, rows, 0);
    }
  }
  return pushMixed(stage, batch, times, rows, from);
}

/** Where the push that was PUSH_PAUSED goes on: its rows in the order in which they are added. */
export function keyedPausedAt(handle: usize): i32 {
  return changetype<Stage>(handle).pausedAt;
}

// @ts-ignore: decorator
@inline
function windowStart(stage: Stage, time: i64): i64 {
  const rest = (time - stage.offset) % stage.size;
  return time - (rest < 0 ? rest + stage.size : rest);
}

/** Whether every time lies in [first, last]. */
function allWithin(times: usize, rows: i32, first: i64, last: i64): bool {
  const low = i64x2.splat(first);
  const high = i64x2.splat(last);
  let outside = i64x2.splat(0);
  const pairs = rows & ~1;
  for (let row = 0; row < pairs; row += 2) {
    const time = v128.load(times + (<usize>row << 3));
    outside = v128.or(outside, v128.or(i64x2.lt_s(time, low), i64x2.gt_s(time, high)));
  }
  if (v128.any_true(outside)) return false;
  if (pairs == rows) return true;
  const time = load<i64>(times + (<usize>pairs << 3));
  return time >= first && time <= last;
}

/**
 * Rows of several windows, or with watermarks of their own: sorted by window, stably, and then added window by window in
 * the order in which these first appear. The passes do not depend on how many windows there are. The order depends on the
 * batch alone, so a push that goes on finds it again; late rows are counted when it ends.
 */
function pushMixed(stage: Stage, batch: usize, times: usize, rows: i32, from: i32): i32 {
  const windows = numberWindows(stage, batch, times, rows);
  let before = 0;
  for (let window = 0; window < windows; window++) {
    const at = scratchWindowRows + (<usize>window << 2);
    const count = load<i32>(at);
    store<i32>(at, before);
    before += count;
  }
  for (let row = 0; row < rows; row++) {
    const window = load<u16>(scratchWindowOf + (<usize>row << 1));
    if (window == LATE) continue;
    const at = scratchWindowRows + (<usize>window << 2);
    const index = load<i32>(at);
    store<u16>(scratchSelection + (<usize>index << 1), <u16>row);
    store<i32>(at, index + 1);
  }
  // Where a window's rows began now stands where they end.
  let state = PUSH_OK;
  let first = 0;
  for (let window = 0; window < windows; window++) {
    const end = load<i32>(scratchWindowRows + (<usize>window << 2));
    const start = load<i64>(scratchStarts + (<usize>window << 3));
    const next = max(from, first);
    if (next < end) {
      const selection = scratchSelection + (<usize>first << 1);
      if (start + stage.size <= stage.watermark) stage.closedRows += end - next;
      else state = addToWindow(stage, batch, start, selection, next - first, end - first, first);
    }
    if (state != PUSH_OK) break;
    first = end;
  }
  if (state != PUSH_PAUSED) stage.lateRows += lateInBatch;
  return state;
}

/** Rows of the batch at hand that were found late. */
let lateInBatch: i32 = 0;

/** Numbers the windows of a batch; notes their starts and counts, and each row's number or LATE. Returns how many. */
function numberWindows(stage: Stage, batch: usize, times: usize, rows: i32): i32 {
  const hasWatermarks = (load<u32>(batch, BATCH_FLAGS) & BATCH_FLAG_WATERMARKS) != 0;
  const watermarks = hasWatermarks ? columnValues(batch, batchColumn(batch, batchColumnCount(batch) - 1)) : 0;
  memory.fill(scratchWindowTable, 0, WINDOW_TABLE_SLOTS * 2);
  const size = stage.size;
  let start = windowStart(stage, load<i64>(times));
  let window = numberOf(start, 0, stage.seed);
  let windows = 1;
  // Where a window ends, rows of two come in any order: the one before is at hand as well.
  let otherStart = start;
  let other = window;
  lateInBatch = 0;
  for (let row = 0; row < rows; row++) {
    const time = load<i64>(times + (<usize>row << 3));
    if (<u64>(time - start) >= <u64>size) {
      const heldStart = start;
      const held = window;
      start = otherStart;
      window = other;
      otherStart = heldStart;
      other = held;
      if (<u64>(time - start) >= <u64>size) {
        start = windowStart(stage, time);
        window = numberOf(start, windows, stage.seed);
        if (window == windows) windows++;
      }
    }
    let noted = <u16>window;
    if (watermarks != 0 && start + size <= load<i64>(watermarks + (<usize>row << 3))) {
      lateInBatch++;
      noted = LATE;
    } else {
      const at = scratchWindowRows + (<usize>window << 2);
      store<i32>(at, load<i32>(at) + 1);
    }
    store<u16>(scratchWindowOf + (<usize>row << 1), noted);
  }
  return windows;
}

/** The number of the window that starts at `start`; a new one gets the number `next`. */
function numberOf(start: i64, next: i32, seed: u64): i32 {
  let slot = <u32>(hashWord(<u64>start, seed) >>> 32) & (WINDOW_TABLE_SLOTS - 1);
  while (true) {
    const at = scratchWindowTable + (<usize>slot << 1);
    const number = <i32>load<u16>(at) - 1;
    if (number < 0) {
      store<u16>(at, <u16>(next + 1));
      store<i64>(scratchStarts + (<usize>next << 3), start);
      store<i32>(scratchWindowRows + (<usize>next << 2), 0);
      return next;
    }
    if (load<i64>(scratchStarts + (<usize>number << 3)) == start) return number;
    slot = (slot + 1) & (WINDOW_TABLE_SLOTS - 1);
  }
}

/** Adds the selected rows (0: the batch's) from `from` to `rows` to the window that starts at `start`; `first` stand before them. */
function addToWindow(stage: Stage, batch: usize, start: i64, selection: usize, from: i32, rows: i32, first: i32): i32 {
  const at = paneAt(stage, start);
  if (at == 0) return refuse(stage, first + from);
  const pane = changetype<Pane>(at);
  let state = PUSH_OK;
  for (; from < rows; from += CHUNK_ROWS) {
    const count = min<i32>(CHUNK_ROWS, rows - from);
    const values = fusedValues(stage, batch, selection, from, count);
    const resolved = resolve(stage, pane, batch, selection, from, count, values);
    if (values == 0) addRows(stage, batch, selection, from, resolved);
    pane.rows += resolved;
    stage.openRows += resolved;
    if (resolved == count) continue;
    state = refuse(stage, first + from + resolved);
    break;
  }
  stage.presizeCount = pane.entryCount;
  return state;
}

/** A full arena may have room when the snapshot under way is swept. */
function refuse(stage: Stage, position: i32): i32 {
  stage.pausedAt = position;
  return snapshotOf(stage).phase == SWEEP_NOTHING ? PUSH_STATE_FULL : PUSH_PAUSED;
}

// @ts-ignore: decorator
@inline
export function paneOfIndex(stage: Stage, index: i32): Pane {
  return changetype<Pane>(<usize>load<u32>(stage.panes + (<usize>index << 2)));
}

/** The open pane that starts at `start`, made if there is none; 0 when the arena, or the list of windows, is full. */
export function paneAt(stage: Stage, start: i64): usize {
  if (stage.lastPane != 0 && changetype<Pane>(stage.lastPane).start == start) return stage.lastPane;
  let low = 0;
  let high = stage.paneCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (paneOfIndex(stage, middle).start < start) low = middle + 1;
    else high = middle;
  }
  if (low < stage.paneCount && paneOfIndex(stage, low).start == start) {
    stage.lastPane = changetype<usize>(paneOfIndex(stage, low));
    return stage.lastPane;
  }
  if (stage.paneCount == OPEN_WINDOWS_MAX) return 0;
  const pane = paneOpen(stage, start);
  if (pane == 0) return 0;
  const at = stage.panes + (<usize>low << 2);
  memory.copy(at + 4, at, <usize>(stage.paneCount - low) << 2);
  store<u32>(at, <u32>pane);
  stage.paneCount++;
  stage.lastPane = pane;
  return pane;
}

/** Forgets the earliest pane: it has been fired. */
export function dropFirstPane(stage: Stage): void {
  const pane = paneOfIndex(stage, 0);
  if (stage.lastPane == changetype<usize>(pane)) stage.lastPane = 0;
  stage.openRows -= pane.rows;
  stage.paneCount--;
  memory.copy(stage.panes, stage.panes + 4, <usize>stage.paneCount << 2);
  paneFree(stage, pane);
}

/** Windows whose end ≤ watermark become ready to fire. A lower watermark than before changes nothing. */
export function keyedAdvance(handle: usize, watermark: f64): void {
  const stage = changetype<Stage>(handle);
  stage.watermark = max<i64>(stage.watermark, <i64>watermark);
}

/** All open windows become ready: the watermark moves to the greatest of their ends. Returns the watermark. */
export function keyedFlush(handle: usize): f64 {
  const stage = changetype<Stage>(handle);
  if (stage.paneCount > 0) {
    const end = paneOfIndex(stage, stage.paneCount - 1).start + stage.size;
    stage.watermark = max<i64>(stage.watermark, end);
  }
  return <f64>stage.watermark;
}

/** One of the COUNTER_ values (layout.ts). */
export function keyedCounter(handle: usize, which: i32): f64 {
  const stage = changetype<Stage>(handle);
  if (which == COUNTER_LATE_ROWS) return <f64>stage.lateRows;
  if (which == COUNTER_CLOSED_ROWS) return <f64>stage.closedRows;
  if (which == COUNTER_SUM_OVERFLOWS) return <f64>stage.sumOverflows;
  if (which == COUNTER_OPEN_WINDOWS) return <f64>stage.paneCount;
  if (which == COUNTER_OPEN_ROWS) return <f64>stage.openRows;
  if (which == COUNTER_ENTRIES) return <f64>stage.entries;
  if (which == COUNTER_STATE_BYTES) return <f64>stage.stateBlocks * BLOCK_BYTES;
  return -1;
}

/** The table of the open window that starts at `start`, for single keys; 0: there is none. */
export function keyedTable(handle: usize, start: f64): usize {
  const stage = changetype<Stage>(handle);
  for (let index = 0; index < stage.paneCount; index++) {
    if (paneOfIndex(stage, index).start == <i64>start) return changetype<usize>(paneOfIndex(stage, index));
  }
  return 0;
}

/** A table of the stage's keys that belongs to no window; 0 when the arena is full. See tableUpsert in probe.ts. */
export function tableCreate(handle: usize): usize {
  return paneOpen(changetype<Stage>(handle), 0);
}

export function tableFree(handle: usize, table: usize): void {
  paneFree(changetype<Stage>(handle), changetype<Pane>(table));
}
