// assembly/pieces.ts — a whole batch for one partition, as the pieces of its image: no row is looked at or copied here.
//
//   batch's columns ─ pieces ─▶ the receiver's ring        where scatterRun would copy:  columns ─▶ image ─▶ ring
//
// Promises
//   - Pieces put together are, to the byte, the image that scatterRun would have made.
//   - They are offered for what needs neither a look at single rows nor new bytes: all rows to one partition, columns of
//     i64, f64 and even numbers of i32 without nulls. Everything else is scatterRun's.
//   - They are good as long as the batch, and until the next run.

import { batchColumn, batchRowCount, columnValidity, columnValues } from './batch';
import { align8, beginColumn, beginImage, columnImageBytes, directoryBytes, endImage } from './image';
import {
  BATCH_FLAG_WATERMARKS,
  BATCH_FLAGS,
  KEY_BYTES_MAX,
  PIECE_BYTES,
  PIECE_FROM,
  PIECE_LENGTH,
  PIECE_TO,
  SCATTER_COLUMN_BYTES,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
} from './layout';
import { appendWatermarkColumn, forgetRun } from './scatter';
import { partAt, Scatter } from './scatter-state';

/** What a part of a composite key takes at most when it is of fixed width: its length and eight bytes. */
const KEY_PART_BYTES_MAX = 12;

/**
 * Offers the selected rows as pieces when they are the whole batch; scatterImageBytes and scatterImageRows then tell the
 * image's size. Arguments as for scatterRun.
 *
 * @returns how many pieces there are; 0: the batch is one for scatterRun
 */
export function scatterPieces(address: usize, batch: usize, selection: usize, count: i32, partition: i32): i32 {
  const scatter = changetype<Scatter>(address);
  const keyless = scatter.keyColumnCount == 0;
  if (selection != 0 || count != batchRowCount(batch) || count == 0) return 0;
  if (!keyless && scatter.partitionCount != 1) return 0;
  assert(count <= scatter.rowsMax && partition < scatter.partitionCount);
  if (scatter.keyColumnCount * KEY_PART_BYTES_MAX > KEY_BYTES_MAX) return 0;
  if (!arePlain(batch, scatter.keyColumns, scatter.keyColumnCount, count)) return 0;
  const columnCount = scatter.columnCount + appendWatermarkColumn(scatter, batch);
  if (!arePlain(batch, scatter.columns, columnCount, count)) return 0;
  let bytes = directoryBytes(columnCount);
  for (let index = 0; index < columnCount; index++) {
    bytes += columnImageBytes(load<i32>(scatter.columns + <usize>index * SCATTER_COLUMN_BYTES, 4), count, false, 0);
  }
  if (bytes > scatter.imageBytesMax) return 0;

  forgetRun(scatter);
  const part = partAt(scatter, keyless ? partition : 0);
  const image = part.image;
  let cursor = beginImage(image, count, columnCount, load<i32>(batch, BATCH_FLAGS) & BATCH_FLAG_WATERMARKS);
  addPiece(scatter, 0, image, 0, directoryBytes(columnCount));
  for (let index = 0; index < columnCount; index++) {
    const entry = scatter.columns + <usize>index * SCATTER_COLUMN_BYTES;
    const type = load<i32>(entry, 4);
    const length = columnImageBytes(type, count, false, 0);
    beginColumn(image, index, type, cursor);
    addPiece(scatter, index + 1, columnValues(batch, batchColumn(batch, load<i32>(entry))), cursor - image, length);
    cursor += <usize>length;
  }
  part.rows = count;
  part.bytes = endImage(image, cursor);
  return columnCount + 1;
}

/** Where the pieces of the last scatterPieces are listed; layout.ts has a picture of one. */
export function scatterPieceList(address: usize): usize {
  return changetype<Scatter>(address).pieces;
}

/** Whether these columns, of (u32 column │ u32 type) each, are their images' bytes as they stand. */
function arePlain(batch: usize, columns: usize, columnCount: i32, count: i32): bool {
  for (let index = 0; index < columnCount; index++) {
    const entry = columns + <usize>index * SCATTER_COLUMN_BYTES;
    const type = load<i32>(entry, 4);
    const wide = type == TYPE_I64 || type == TYPE_F64;
    if (!wide && !(type == TYPE_I32 && align8(count << 2) == count << 2)) return false;
    if (columnValidity(batch, batchColumn(batch, load<i32>(entry))) != 0) return false;
  }
  return true;
}

function addPiece(scatter: Scatter, index: i32, from: usize, to: usize, length: i32): void {
  const piece = scatter.pieces + <usize>index * PIECE_BYTES;
  store<usize>(piece, from, PIECE_FROM);
  store<usize>(piece, to, PIECE_TO);
  store<i32>(piece, length, PIECE_LENGTH);
}
