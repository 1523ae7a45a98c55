// assembly/scatter-bound.ts — whether rows fit their images, asked three ways from cheap to exact.
//
//   fitsAnyway  whole columns at once: true for nearly every batch of narrow rows
//   partsFit    per partition, once its rows are known: true for nearly every batch
//   weighRow    row by row, to the byte: finds the row before which a run must stop
//
// Promises
//   - The first two may say no where the last says yes, never the other way round.
// Not here  what follows from the answer (scatter.ts), what an image takes (image.ts).

import { batchColumn, batchRowCount, bitAt, columnValidity, columnValues } from './batch';
import { columnImageBytes, directoryBytes } from './image';
import { SCATTER_COLUMN_BYTES, TYPE_UTF8 } from './layout';
import { orderOf, partAt, Scatter } from './scatter-state';

/**
 * Whether `count` rows fit one image even if all went to it. An upper bound that looks at whole columns:
 * true for nearly every batch, and then no row is weighed.
 */
export function fitsAnyway(scatter: Scatter, batch: usize, columnCount: i32, count: i32): bool {
  const rowCount = batchRowCount(batch);
  let bytes: i64 = directoryBytes(columnCount);
  for (let index = 0; index < columnCount; index++) {
    const entry = scatter.columns + <usize>index * SCATTER_COLUMN_BYTES;
    const type = load<i32>(entry, 4);
    const column = batchColumn(batch, load<i32>(entry));
    bytes += columnImageBytes(type, count, columnValidity(batch, column) != 0, 0);
    if (type == TYPE_UTF8) {
      const offsets = columnValues(batch, column);
      bytes += <i64>(load<u32>(offsets + (<usize>rowCount << 2)) - load<u32>(offsets)) + 7;
    }
  }
  return bytes <= <i64>scatter.imageBytesMax;
}

/** Whether every partition's rows, as dealt, fit its image: the same upper bound, with the bytes of just those rows. */
export function partsFit(scatter: Scatter, batch: usize, columnCount: i32): bool {
  for (let partition = 0; partition < scatter.partitionCount; partition++) {
    const order = orderOf(scatter, partition);
    const end = partAt(scatter, partition).cursor;
    const count = <i32>((end - order) >>> 1);
    let bytes: i64 = directoryBytes(columnCount);
    for (let index = 0; index < columnCount; index++) {
      const entry = scatter.columns + <usize>index * SCATTER_COLUMN_BYTES;
      const type = load<i32>(entry, 4);
      const column = batchColumn(batch, load<i32>(entry));
      bytes += columnImageBytes(type, count, columnValidity(batch, column) != 0, 0);
      if (type == TYPE_UTF8) {
        const offsets = columnValues(batch, column);
        bytes += 7;
        for (let at = order; at < end; at += 2) {
          const offset = offsets + (<usize>load<u16>(at) << 2);
          bytes += load<i32>(offset, 4) - load<i32>(offset);
        }
      }
    }
    if (bytes > <i64>scatter.imageBytesMax) return false;
  }
  return true;
}

/** Adds a row to its image's tally (per column i32 utf8 bytes │ i32 nulls) if the image then still fits. */
export function weighRow(scatter: Scatter, batch: usize, columnCount: i32, row: i32, rowsThen: i32, tally: usize): bool {
  let imageBytes: i64 = directoryBytes(columnCount);
  for (let index = 0; index < columnCount; index++) {
    const entry = scatter.columns + <usize>index * SCATTER_COLUMN_BYTES;
    const type = load<i32>(entry, 4);
    const column = batchColumn(batch, load<i32>(entry));
    const validity = columnValidity(batch, column);
    const isNull = validity != 0 && !bitAt(validity, row);
    const utf8Bytes = load<i32>(tally + (<usize>index << 3)) + (isNull ? 0 : utf8Length(batch, column, type, row));
    const nulls = load<i32>(tally + (<usize>index << 3), 4) + <i32>isNull;
    imageBytes += columnImageBytes(type, rowsThen, nulls != 0, utf8Bytes);
  }
  if (imageBytes > <i64>scatter.imageBytesMax) return false;
  for (let index = 0; index < columnCount; index++) {
    const entry = scatter.columns + <usize>index * SCATTER_COLUMN_BYTES;
    const column = batchColumn(batch, load<i32>(entry));
    const validity = columnValidity(batch, column);
    const at = tally + (<usize>index << 3);
    if (validity != 0 && !bitAt(validity, row)) store<i32>(at, load<i32>(at, 4) + 1, 4);
    else store<i32>(at, load<i32>(at) + utf8Length(batch, column, load<i32>(entry, 4), row));
  }
  return true;
}

// @ts-ignore: decorator
@inline
function utf8Length(batch: usize, column: usize, type: i32, row: i32): i32 {
  if (type != TYPE_UTF8) return 0;
  const offset = columnValues(batch, column) + (<usize>row << 2);
  return load<i32>(offset, 4) - load<i32>(offset);
}
