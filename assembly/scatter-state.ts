// assembly/scatter-state.ts — what a scatter owns: its plan, scratch for one batch, one image per partition.
//
// Promises
//   - Everything is reserved at creation; a run takes no memory.
//   - Images are touched (and so committed by the system) only as far as rows went into them.
// Not here  the run (scatter.ts).

import { alignUp, reserve } from './arena';
import { imageSlackBytes } from './image';
import { KEY_SCRATCH_BYTES, keyScratch } from './keyhash';
import {
  PIECE_BYTES,
  SCATTER_COLUMN_BYTES,
  SCATTER_COLUMN_COUNT,
  SCATTER_GROUP_COUNT,
  SCATTER_GROUP_TABLE,
  SCATTER_HEADER_BYTES,
  SCATTER_IMAGE_BYTES_MAX,
  SCATTER_KEY_COLUMN_COUNT,
  SCATTER_NULL_KEY,
  SCATTER_PARTITION_COUNT,
  SCATTER_PARTITIONS_MAX,
  SCATTER_ROWS_MAX,
} from './layout';

const CACHE_LINE_BYTES: usize = 64;

// @ts-ignore: decorator
@unmanaged
export class Scatter {
  partitionCount: i32;
  groupCount: i32;
  keyColumnCount: i32;
  columnCount: i32;
  rowsMax: i32;
  imageBytesMax: i32;
  nullKey: i32;
  nullKeyCount: i32;
  longKeyCount: i32;
  groupTable: usize; // groupCount × u16
  keyColumns: usize; // keyColumnCount × (u32 column │ u32 type)
  columns: usize; // columnCount × the same, and one more for the watermark column
  key: usize; // KEY_SCRATCH_BYTES; see keyhash.ts
  identity: usize; // rowsMax × u16: 0, 1, 2, …, the selection when there is none
  hashes: usize; // rowsMax × u32
  marks: usize; // rowsMax × u8
  orders: usize; // partitionCount × orderBytes: the rows that go there, u16
  orderBytes: usize;
  nullKeys: usize; // rowsMax × u16
  longKeys: usize; // rowsMax × u16
  parts: usize; // partitionCount × Part
  pieces: usize; // (columnCount + 2) × piece (layout.ts): the directory, every column
  tallies: usize; // partitionCount × (columnCount + 1) × (i32 utf8 bytes │ i32 nulls): what a bounded run keeps
}

// @ts-ignore: decorator
@unmanaged
export class Part {
  image: usize;
  bytes: i32;
  rows: i32;
  cursor: usize; // Behind the last row of its order.
}

/**
 * Makes a scatter from a plan (layout.ts), which is copied and may go.
 *
 * @returns its address; 0 when the arena cannot hold it and one image per partition
 */
export function scatterCreate(plan: usize): usize {
  const at = reserve(offsetof<Scatter>());
  if (at == 0) return 0;
  const scatter = changetype<Scatter>(at);
  scatter.partitionCount = load<i32>(plan, SCATTER_PARTITION_COUNT);
  scatter.groupCount = load<i32>(plan, SCATTER_GROUP_COUNT);
  scatter.keyColumnCount = load<i32>(plan, SCATTER_KEY_COLUMN_COUNT);
  scatter.columnCount = load<i32>(plan, SCATTER_COLUMN_COUNT);
  scatter.rowsMax = load<i32>(plan, SCATTER_ROWS_MAX);
  scatter.imageBytesMax = load<i32>(plan, SCATTER_IMAGE_BYTES_MAX);
  scatter.nullKey = load<i32>(plan, SCATTER_NULL_KEY);
  assert(scatter.partitionCount >= 1 && scatter.partitionCount <= SCATTER_PARTITIONS_MAX);
  assert(scatter.rowsMax >= 1 && scatter.rowsMax <= 0x10000); // Rows are u16.
  const groupBytes = <usize>scatter.groupCount << 1;
  const keyColumnsBytes = <usize>scatter.keyColumnCount * SCATTER_COLUMN_BYTES;
  const columnsBytes = <usize>scatter.columnCount * SCATTER_COLUMN_BYTES;
  if (!reserveScratch(scatter)) return 0;
  keyScratch(scatter.key);
  memory.copy(scatter.groupTable, plan + load<u32>(plan, SCATTER_GROUP_TABLE), groupBytes);
  memory.copy(scatter.keyColumns, plan + SCATTER_HEADER_BYTES, keyColumnsBytes);
  memory.copy(scatter.columns, plan + SCATTER_HEADER_BYTES + keyColumnsBytes, columnsBytes);
  for (let row = 0; row < scatter.rowsMax; row++) store<u16>(scatter.identity + (<usize>row << 1), <u16>row);
  const imageBytes = <usize>scatter.imageBytesMax + imageSlackBytes(scatter.rowsMax);
  for (let index = 0; index < scatter.partitionCount; index++) {
    const image = reserve(imageBytes);
    if (image == 0) return 0;
    partAt(scatter, index).image = image;
  }
  return at;
}

function reserveScratch(scatter: Scatter): bool {
  const rowsMax = <usize>scatter.rowsMax;
  const columnsMax = <usize>scatter.columnCount + 1;
  scatter.groupTable = reserve((<usize>scatter.groupCount << 1) + 2);
  scatter.keyColumns = reserve((<usize>scatter.keyColumnCount + 1) * SCATTER_COLUMN_BYTES);
  scatter.columns = reserve(columnsMax * SCATTER_COLUMN_BYTES);
  scatter.key = reserve(KEY_SCRATCH_BYTES);
  scatter.identity = reserve(rowsMax << 1);
  scatter.hashes = reserve(rowsMax << 2);
  scatter.marks = reserve(rowsMax);
  // One more cache line each: at a power of two all orders would share the same few sets of the cache.
  scatter.orderBytes = alignUp(rowsMax << 1, CACHE_LINE_BYTES) + CACHE_LINE_BYTES;
  scatter.orders = reserve(<usize>scatter.partitionCount * scatter.orderBytes);
  scatter.nullKeys = reserve(rowsMax << 1);
  scatter.longKeys = reserve(rowsMax << 1);
  scatter.parts = reserve(<usize>scatter.partitionCount * offsetof<Part>());
  scatter.pieces = reserve((columnsMax + 1) * PIECE_BYTES);
  scatter.tallies = reserve(<usize>scatter.partitionCount * columnsMax * 8);
  return (
    scatter.groupTable != 0 &&
    scatter.keyColumns != 0 &&
    scatter.columns != 0 &&
    scatter.key != 0 &&
    scatter.identity != 0 &&
    scatter.hashes != 0 &&
    scatter.marks != 0 &&
    scatter.orders != 0 &&
    scatter.nullKeys != 0 &&
    scatter.longKeys != 0 &&
    scatter.parts != 0 &&
    scatter.pieces != 0 &&
    scatter.tallies != 0
  );
}

// @ts-ignore: decorator
@inline
export function partAt(scatter: Scatter, index: i32): Part {
  return partIn(scatter.parts, index);
}

/** The same for loops that store through other pointers: `scatter.parts` would be loaded again for every row. */
// @ts-ignore: decorator
@inline
export function partIn(parts: usize, index: i32): Part {
  return changetype<Part>(parts + <usize>index * offsetof<Part>());
}

/** Address of the rows that go to a partition. */
// @ts-ignore: decorator
@inline
export function orderOf(scatter: Scatter, partition: i32): usize {
  return scatter.orders + <usize>partition * scatter.orderBytes;
}
