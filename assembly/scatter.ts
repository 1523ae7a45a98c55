// assembly/scatter.ts — deals the rows of a batch to partitions: one image per partition, ready for its ring.
//
//   batch ─ hash key columns ─▶ hashes ─ group table ─▶ one list of rows per partition ─ gather by column ─▶ images
//
// Promises
//   - group = (murmur2 & 0x7fffffff) % groupCount, partition = table[group]; with one partition nothing is hashed.
//   - Rows of one partition keep their order; each consumed row is in one image, or on one list, never both.
//   - No image passes imageBytesMax: the run stops before the row that would make it so, and says how many it took.
//   - Images and lists are good until the next run.
//
// Units     rows are u16 indexes into the batch; positions in the selection are called picks.
// Source    a radix pass over row numbers instead of rows: a row's partition is looked at once, however many columns
//           there are, and each column is then gathered in one tight loop per partition.
// Not here  key bytes (keyhash.ts), image bytes (image.ts), bounds (scatter-bound.ts), what happens to listed rows (host).

import { batchColumnCount } from './batch';
import { beginImage, endImage, writeColumn } from './image';
import { hashKeys, MARK_LONG, MARK_NONE, MARK_NULL } from './keyhash';
import { BATCH_FLAG_WATERMARKS, BATCH_FLAGS, NULL_KEY_GROUP, SCATTER_COLUMN_BYTES, TYPE_I64 } from './layout';
import { fitsAnyway, partsFit, weighRow } from './scatter-bound';
import { orderOf, Part, partAt, partIn, Scatter } from './scatter-state';

/**
 * Deals the selected rows from pick `fromIndex` on.
 *
 * @param batch          at most rowsMax rows
 * @param selection      u16 rows, ascending; 0 = all rows
 * @param selectedCount  how many are selected (the row count when selection is 0)
 * @param partition      where rows go that have no key columns; not looked at otherwise
 * @returns how many picks were consumed, listed ones included; 0 with picks left: that row alone passes imageBytesMax
 */
export function scatterRun(
  address: usize,
  batch: usize,
  selection: usize,
  selectedCount: i32,
  fromIndex: i32,
  partition: i32,
): i32 {
  const scatter = changetype<Scatter>(address);
  assert(selectedCount <= scatter.rowsMax && fromIndex <= selectedCount);
  assert(partition < scatter.partitionCount || scatter.keyColumnCount != 0);
  forgetRun(scatter);
  const rows = (selection == 0 ? scatter.identity : selection) + (<usize>fromIndex << 1);
  const count = selectedCount - fromIndex;
  if (count == 0) return 0;
  const columnCount = scatter.columnCount + appendWatermarkColumn(scatter, batch);
  const keyless = scatter.keyColumnCount == 0;
  const single = keyless || scatter.partitionCount == 1;
  const only = keyless ? partition : 0;
  const hashes = single ? 0 : scatter.hashes;
  const marked = keyless ? 0 : markAndHash(scatter, batch, rows, count, hashes);
  let careful = marked != 0;
  if (!careful) {
    const fits = fitsAnyway(scatter, batch, columnCount, count);
    if (single && fits) {
      // Ascending rows without a gap: whole buffers may be copied.
      const last = load<u16>(rows + (<usize>(count - 1) << 1));
      writeImage(scatter, batch, columnCount, only, rows, count, <i32>last - <i32>load<u16>(rows) == count - 1);
      return count;
    }
    if (!single) dealRows(scatter, rows, count);
    careful = !fits && (single || !partsFit(scatter, batch, columnCount));
  }
  const consumed = careful
    ? admitRows(scatter, batch, columnCount, rows, count, marked != 0, single ? only : -1)
    : count;
  for (let index = 0; index < scatter.partitionCount; index++) {
    const order = orderOf(scatter, index);
    const dealt = <i32>((partAt(scatter, index).cursor - order) >>> 1);
    if (dealt != 0) writeImage(scatter, batch, columnCount, index, order, dealt, false);
  }
  return consumed;
}

/** Address of a partition's image, whether or not the last run put rows into it. */
export function scatterImage(scatter: usize, partition: i32): usize {
  return partAt(changetype<Scatter>(scatter), partition).image;
}

/** Its bytes; 0 when the last run put no row into it. */
export function scatterImageBytes(scatter: usize, partition: i32): i32 {
  return partAt(changetype<Scatter>(scatter), partition).bytes;
}

export function scatterImageRows(scatter: usize, partition: i32): i32 {
  return partAt(changetype<Scatter>(scatter), partition).rows;
}

/** Rows (u16) that the last run consumed and left out because their key is null, ascending; none under NULL_KEY_GROUP. */
export function scatterNullKeys(scatter: usize): usize {
  return changetype<Scatter>(scatter).nullKeys;
}

export function scatterNullKeyCount(scatter: usize): i32 {
  return changetype<Scatter>(scatter).nullKeyCount;
}

/** Rows (u16) that the last run consumed and left out because their key is longer than KEY_BYTES_MAX, ascending. */
export function scatterLongKeys(scatter: usize): usize {
  return changetype<Scatter>(scatter).longKeys;
}

export function scatterLongKeyCount(scatter: usize): i32 {
  return changetype<Scatter>(scatter).longKeyCount;
}

/** Nothing went anywhere, nothing was listed. */
export function forgetRun(scatter: Scatter): void {
  scatter.nullKeyCount = 0;
  scatter.longKeyCount = 0;
  for (let index = 0; index < scatter.partitionCount; index++) {
    partAt(scatter, index).rows = 0;
    partAt(scatter, index).bytes = 0;
  }
}

/** A batch that may hold late rows takes its last column along; returns 1 then. */
export function appendWatermarkColumn(scatter: Scatter, batch: usize): i32 {
  if ((load<i32>(batch, BATCH_FLAGS) & BATCH_FLAG_WATERMARKS) == 0) return 0;
  const entry = scatter.columns + <usize>scatter.columnCount * SCATTER_COLUMN_BYTES;
  store<i32>(entry, batchColumnCount(batch) - 1);
  store<i32>(entry, TYPE_I64, 4);
  return 1;
}

/** Hashes the picks' keys (unless `hashes` is 0) and marks those to be left out; returns how many. */
function markAndHash(scatter: Scatter, batch: usize, rows: usize, count: i32, hashes: usize): i32 {
  const marks = scatter.marks;
  let marked = hashKeys(batch, scatter.keyColumns, scatter.keyColumnCount, rows, count, scatter.key, hashes, marks);
  if (marked == 0 || scatter.nullKey != NULL_KEY_GROUP) return marked;
  for (let at = marks, end = marks + <usize>count; at < end; at++) {
    if (load<u8>(at) != MARK_NULL) continue;
    store<u8>(at, MARK_NONE);
    marked--;
  }
  return marked;
}

/** Sends every pick to its partition's order. */
function dealRows(scatter: Scatter, rows: usize, count: i32): void {
  emptyOrders(scatter);
  const groupCount = <u32>scatter.groupCount;
  const table = scatter.groupTable;
  const parts = scatter.parts;
  // Dividing costs as much as hashing. A mask also drops the sign bit: groupCount ≤ 2^16.
  const mask = (groupCount & (groupCount - 1)) == 0 ? groupCount - 1 : 0;
  let hash = scatter.hashes;
  const end = rows + (<usize>count << 1);
  if (mask != 0) {
    for (const endOfFours = rows + (<usize>(count & ~3) << 1); rows < endOfFours; rows += 8, hash += 16) {
      const four = load<u64>(rows); // Four row indexes in one load.
      const a = load<u16>(table + (<usize>(load<u32>(hash) & mask) << 1));
      const b = load<u16>(table + (<usize>(load<u32>(hash, 4) & mask) << 1));
      const c = load<u16>(table + (<usize>(load<u32>(hash, 8) & mask) << 1));
      const d = load<u16>(table + (<usize>(load<u32>(hash, 12) & mask) << 1));
      dealRow(partIn(parts, a), <u16>four);
      dealRow(partIn(parts, b), <u16>(four >>> 16));
      dealRow(partIn(parts, c), <u16>(four >>> 32));
      dealRow(partIn(parts, d), <u16>(four >>> 48));
    }
  }
  for (; rows < end; rows += 2, hash += 4) {
    const group = (load<u32>(hash) & 0x7fffffff) % groupCount;
    dealRow(partIn(parts, load<u16>(table + (<usize>group << 1))), load<u16>(rows));
  }
}

function emptyOrders(scatter: Scatter): void {
  for (let index = 0; index < scatter.partitionCount; index++) {
    partAt(scatter, index).cursor = orderOf(scatter, index);
  }
}

// @ts-ignore: decorator
@inline
function dealRow(part: Part, row: u16): void {
  const cursor = part.cursor;
  store<u16>(cursor, row);
  part.cursor = cursor + 2;
}

/**
 * The careful way: lists marked picks, weighs the others one by one, deals those that fit.
 *
 * @param only  the partition of every row; −1: by its hash
 * @returns how many picks are consumed
 */
function admitRows(
  scatter: Scatter,
  batch: usize,
  columnCount: i32,
  rows: usize,
  count: i32,
  marked: bool,
  only: i32,
): i32 {
  emptyOrders(scatter);
  const tallyBytes = <usize>columnCount << 3;
  memory.fill(scatter.tallies, 0, <usize>scatter.partitionCount * tallyBytes);
  for (let index = 0; index < count; index++) {
    const row = load<u16>(rows + (<usize>index << 1));
    const mark = marked ? load<u8>(scatter.marks + <usize>index) : MARK_NONE;
    if (mark != MARK_NONE) {
      listRow(scatter, row, mark);
      continue;
    }
    let partition = only;
    if (partition < 0) {
      const group = (load<u32>(scatter.hashes + (<usize>index << 2)) & 0x7fffffff) % <u32>scatter.groupCount;
      partition = load<u16>(scatter.groupTable + (<usize>group << 1));
    }
    const part = partAt(scatter, partition);
    const tally = scatter.tallies + <usize>partition * tallyBytes;
    const rowsThen = <i32>((part.cursor - orderOf(scatter, partition)) >>> 1) + 1;
    if (!weighRow(scatter, batch, columnCount, row, rowsThen, tally)) return index;
    dealRow(part, row);
  }
  return count;
}

function listRow(scatter: Scatter, row: u16, mark: u8): void {
  if (mark == MARK_LONG) {
    store<u16>(scatter.longKeys + (<usize>scatter.longKeyCount << 1), row);
    scatter.longKeyCount += 1;
  } else {
    store<u16>(scatter.nullKeys + (<usize>scatter.nullKeyCount << 1), row);
    scatter.nullKeyCount += 1;
  }
}

function writeImage(
  scatter: Scatter,
  batch: usize,
  columnCount: i32,
  partition: i32,
  rows: usize,
  count: i32,
  contiguous: bool,
): void {
  const part = partAt(scatter, partition);
  const image = part.image;
  const flags = load<i32>(batch, BATCH_FLAGS) & BATCH_FLAG_WATERMARKS;
  let cursor = beginImage(image, count, columnCount, flags);
  for (let index = 0; index < columnCount; index++) {
    const entry = scatter.columns + <usize>index * SCATTER_COLUMN_BYTES;
    cursor = writeColumn(image, index, batch, load<i32>(entry), load<i32>(entry, 4), rows, count, contiguous, cursor);
  }
  part.rows = count;
  part.bytes = endImage(image, cursor);
  assert(part.bytes <= scatter.imageBytesMax); // fitsAnyway or weighRow made sure.
}
