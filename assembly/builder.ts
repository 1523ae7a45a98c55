// assembly/builder.ts — the open batch: decoders append rows to it, a listener seals and routes it.
//
// Rows of several frames and producers share one builder; it is sealed at its bound or with the turn of the
// loop. The picture is in layout.ts.
//
// Promises
//   - A row exists once builtRows was raised. Until then everything written for it is invisible, so a decoder
//     rolls a half-written row back by writing nothing: the bytes of a utf8 column end where
//     offsets[builtRows] says.
//   - The utf8 bytes of all columns together stay within bytesMax (`builderBytesUsed`).
//   - `rowNumbers[r]` is the row's index in the frame it came from: rejects after decoding name it.
// Not here  what a row looks like on the wire (json.ts, arrow.ts); lateness (watermark.ts).

import { reserve } from './arena';
import { batchColumn } from './batch';
import {
  BATCH_COLUMN_COUNT,
  BATCH_FLAG_WATERMARKS,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  BATCH_IMAGE_BYTES,
  BATCH_ROW_COUNT,
  BUILDER_BYTES_MAX,
  BUILDER_FIELDS_BYTES,
  BUILDER_NULLABLE,
  BUILDER_ROW_NUMBERS,
  BUILDER_ROWS,
  BUILDER_ROWS_MAX,
  BUILDER_WATERMARKED,
  COLUMN_BYTES,
  COLUMN_BYTES_LENGTH,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  SLOT_BYTES,
  SLOT_BYTES_TOTAL,
  SLOT_FLAGS,
  SLOT_TYPE,
  SLOT_VALIDITY,
  SLOT_VALUES,
  TYPE_BOOL,
  TYPE_I32,
  TYPE_UTF8,
} from './layout';

/**
 * Makes a builder.
 *
 * @param plan  u32 columnCount │ u32 rowsMax │ u32 bytesMax │ columnCount × (u32 type │ u32 flags)
 * @returns its address, which is also the address of the batch it builds; 0 when the arena is full
 */
export function builderCreate(plan: usize): usize {
  const columnCount = load<i32>(plan);
  const rowsMax = load<i32>(plan, 4);
  const bytesMax = load<i32>(plan, 8);
  const builder = reserve(
    BATCH_HEADER_BYTES +
      <usize>columnCount * (COLUMN_DESCRIPTOR_BYTES + SLOT_BYTES_TOTAL) +
      BUILDER_FIELDS_BYTES,
  );
  const rowNumbers = reserve(<usize>rowsMax * 4);
  if (builder == 0 || rowNumbers == 0) return 0;
  store<i32>(builder, columnCount, BATCH_COLUMN_COUNT);
  const fields = builderFields(builder);
  store<i32>(fields, rowsMax, BUILDER_ROWS_MAX);
  store<i32>(fields, bytesMax, BUILDER_BYTES_MAX);
  store<usize>(fields, rowNumbers, BUILDER_ROW_NUMBERS);
  for (let index = 0; index < columnCount; index++) {
    const type = load<i32>(plan + <usize>index * 8, 12);
    const slot = builderSlot(builder, index);
    const values = reserve(valuesBytes(type, rowsMax));
    const validity = reserve(<usize>((rowsMax + 63) >>> 6) << 3);
    const bytes = type == TYPE_UTF8 ? reserve(bytesMax) : 0;
    if (values == 0 || validity == 0 || (type == TYPE_UTF8 && bytes == 0)) return 0;
    store<i32>(slot, type, SLOT_TYPE);
    store<i32>(slot, load<i32>(plan + <usize>index * 8, 16), SLOT_FLAGS);
    store<usize>(slot, values, SLOT_VALUES);
    store<usize>(slot, validity, SLOT_VALIDITY);
    store<usize>(slot, bytes, SLOT_BYTES);
  }
  return builder;
}

/** Empties the builder: its columns are written from row 0 again. */
export function builderReset(builder: usize): void {
  store<i32>(builderFields(builder), 0, BUILDER_ROWS);
  store<i32>(builderFields(builder), 0, BUILDER_WATERMARKED);
}

/** Rows built so far. */
export function builderRows(builder: usize): i32 {
  return load<i32>(builderFields(builder), BUILDER_ROWS);
}

/** Address of the rows' indexes in the frames they came from (u32 each). */
export function builderRowNumbers(builder: usize): usize {
  return load<usize>(builderFields(builder), BUILDER_ROW_NUMBERS);
}

/** Bytes of utf8 values built so far, all columns together. */
export function builderBytesUsed(builder: usize): i32 {
  const rows = builderRows(builder);
  const columnCount = load<i32>(builder, BATCH_COLUMN_COUNT);
  let used = 0;
  for (let index = 0; index < columnCount; index++) {
    const slot = builderSlot(builder, index);
    if (load<i32>(slot, SLOT_TYPE) == TYPE_UTF8) {
      used += load<i32>(load<usize>(slot, SLOT_VALUES) + (<usize>rows << 2));
    }
  }
  return used;
}

/**
 * Turns what was built into a batch view at the builder's own address.
 * The view is good until the next builderReset.
 */
export function builderSeal(builder: usize): void {
  const rows = builderRows(builder);
  const columnCount = load<i32>(builder, BATCH_COLUMN_COUNT);
  store<i32>(builder, rows, BATCH_ROW_COUNT);
  store<i32>(builder, 0, BATCH_IMAGE_BYTES);
  const watermarked = load<i32>(builderFields(builder), BUILDER_WATERMARKED) != 0;
  store<i32>(builder, watermarked ? BATCH_FLAG_WATERMARKS : 0, BATCH_FLAGS);
  for (let index = 0; index < columnCount; index++) {
    const slot = builderSlot(builder, index);
    const column = batchColumn(builder, index);
    const type = load<i32>(slot, SLOT_TYPE);
    const values = load<usize>(slot, SLOT_VALUES);
    const validity = load<usize>(slot, SLOT_VALIDITY);
    const nullable = (load<i32>(slot, SLOT_FLAGS) & BUILDER_NULLABLE) != 0;
    const nullCount = nullable ? rows - onesIn(validity, rows) : 0;
    store<i32>(column, type, COLUMN_TYPE);
    store<i32>(column, nullCount, COLUMN_NULL_COUNT);
    store<usize>(column, nullCount == 0 ? 0 : validity - builder, COLUMN_VALIDITY);
    store<usize>(column, values - builder, COLUMN_VALUES);
    store<usize>(column, load<usize>(slot, SLOT_BYTES) - builder, COLUMN_BYTES);
    store<i32>(
      column,
      type == TYPE_UTF8 ? load<i32>(values + (<usize>rows << 2)) : 0,
      COLUMN_BYTES_LENGTH,
    );
  }
}

// @ts-ignore: decorator
@inline
export function builderFields(builder: usize): usize {
  return (
    builder +
    BATCH_HEADER_BYTES +
    <usize>load<i32>(builder, BATCH_COLUMN_COUNT) * COLUMN_DESCRIPTOR_BYTES
  );
}

// @ts-ignore: decorator
@inline
export function builderSlot(builder: usize, index: i32): usize {
  return builderFields(builder) + BUILDER_FIELDS_BYTES + <usize>index * SLOT_BYTES_TOTAL;
}

function valuesBytes(type: i32, rowsMax: i32): usize {
  if (type == TYPE_BOOL) return <usize>((rowsMax + 63) >>> 6) << 3;
  if (type == TYPE_I32) return <usize>rowsMax << 2;
  if (type == TYPE_UTF8) return <usize>(rowsMax + 1) << 2;
  return <usize>rowsMax << 3;
}

/** Set bits among the first `count`; bits behind them are not looked at. */
function onesIn(bitmap: usize, count: i32): i32 {
  let ones: i64 = 0;
  const words = count >>> 6;
  for (let index = 0; index < words; index++) ones += popcnt<i64>(load<i64>(bitmap + (<usize>index << 3)));
  const rest = count & 63;
  if (rest != 0) {
    const last = load<i64>(bitmap + (<usize>words << 3));
    ones += popcnt<i64>(last & ((<i64>1 << rest) - 1));
  }
  return <i32>ones;
}
