// host/encode/arrow-write.ts — an Arrow IPC stream from plain JavaScript columns: for clients, tests and load generators.
//
// The values become a batch image in a scratch buffer, and that goes the way of every result (arrow.ts). Loops over
// rows are fine here: this is not the engine's path.

import {
  BATCH_COLUMN_COUNT,
  BATCH_HEADER_BYTES,
  BATCH_IMAGE_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_BYTES_LENGTH,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from '../../assembly/layout.ts';
import {
  type ArrowField,
  type ArrowFieldType,
  arrowBatchMessage,
  arrowSchemaMessage,
  COLUMN_TYPE_OF,
  END_OF_STREAM,
} from './arrow.ts';

export type ArrowValue = boolean | number | bigint | string | null;

export interface ArrowColumn {
  name: string;
  type: ArrowFieldType;
  /** null only when nullable. i64 and timestamp: bigint, or an integer number. */
  values: ArrayLike<ArrowValue>;
  /** Default: whether a value is null. */
  nullable?: boolean;
}

export interface ArrowWriteOptions {
  /** Rows of one record batch; default: all in one. */
  batchRowsMax?: number;
}

/**
 * One complete IPC stream of these columns.
 *
 * @throws RangeError when the columns differ in length or a value does not fit its type
 */
export function writeArrow(
  columns: readonly ArrowColumn[],
  { batchRowsMax = Infinity }: ArrowWriteOptions = {},
): Uint8Array {
  const rowCount = columns[0]?.values.length ?? 0;
  for (const { name, values } of columns) {
    if (values.length !== rowCount) throw new RangeError(`«${name}» has ${values.length} values, expected ${rowCount}`);
  }
  const fields: ArrowField[] = columns.map(({ name, type, values, nullable }) => ({
    name,
    type,
    nullable: nullable ?? Array.prototype.includes.call(values, null),
  }));
  const parts = [arrowSchemaMessage(fields)];
  for (let from = 0; from < rowCount || (from === 0 && parts.length === 1); from += batchRowsMax) {
    const image = batchImage(columns, from, Math.min(rowCount, from + batchRowsMax));
    parts.push(arrowBatchMessage(fields, image, 0));
  }
  parts.push(END_OF_STREAM);
  return concatenated(parts);
}

/** Rows from … to − 1 as a batch image at address 0. */
export function batchImage(columns: readonly ArrowColumn[], from: number, to: number): Uint8Array {
  const rows = to - from;
  const buffers = columns.map((column) => columnBuffers(column, from, rows));
  const headBytes = alignUp(BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES);
  const imageBytes = buffers.flat().reduce((sum, bytes) => sum + alignUp(bytes.length), headBytes);
  const image = new Uint8Array(imageBytes);
  const view = new DataView(image.buffer);
  view.setUint32(BATCH_ROW_COUNT, rows, true);
  view.setUint32(BATCH_COLUMN_COUNT, columns.length, true);
  view.setUint32(BATCH_IMAGE_BYTES, imageBytes, true);
  let at = headBytes;
  const place = (bytes: Uint8Array) => {
    image.set(bytes, at);
    at += alignUp(bytes.length);
    return at - alignUp(bytes.length);
  };
  for (const [index, { type }] of columns.entries()) {
    const [validity, values, text] = buffers[index]!;
    const nulls = nullsIn(columns[index]!, from, rows);
    const column = BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    view.setUint32(column + COLUMN_TYPE, COLUMN_TYPE_OF[type], true);
    view.setUint32(column + COLUMN_NULL_COUNT, nulls, true);
    const validityAt = place(validity!);
    view.setUint32(column + COLUMN_VALIDITY, nulls === 0 ? 0 : validityAt, true);
    view.setUint32(column + COLUMN_VALUES, place(values!), true);
    view.setUint32(column + COLUMN_BYTES, place(text!), true);
    view.setUint32(column + COLUMN_BYTES_LENGTH, text!.length, true);
  }
  return image;
}

/** Validity, values and (utf8) text of one column. */
function columnBuffers(column: ArrowColumn, from: number, rows: number): [Uint8Array, Uint8Array, Uint8Array] {
  const { type, values } = column;
  const validity = new Uint8Array((rows + 7) >> 3);
  for (let row = 0; row < rows; row++) if (values[from + row] !== null) validity[row >> 3]! |= 1 << (row & 7);
  if (type === 'utf8') return [validity, ...textBuffers(values, from, rows)];
  if (type === 'bool') {
    const bits = new Uint8Array((rows + 7) >> 3);
    for (let row = 0; row < rows; row++) if (values[from + row]) bits[row >> 3]! |= 1 << (row & 7);
    return [validity, bits, new Uint8Array(0)];
  }
  const bytes = new Uint8Array(rows * (type === 'i32' ? 4 : 8));
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < rows; row++) {
    const value = values[from + row]!;
    if (value === null) continue;
    if (type === 'f64') view.setFloat64(row * 8, Number(value), true);
    else if (type === 'i32') view.setInt32(row * 4, Number(integerWithin(column, value, 32)), true);
    else view.setBigInt64(row * 8, integerWithin(column, value, 64), true);
  }
  return [validity, bytes, new Uint8Array(0)];
}

function textBuffers(values: ArrayLike<ArrowValue>, from: number, rows: number): [Uint8Array, Uint8Array] {
  const encoder = new TextEncoder();
  const texts = Array.from({ length: rows }, (_, row) => String(values[from + row] ?? ''));
  const joined = texts.join('');
  const whole = encoder.encode(joined);
  // As many bytes as characters: all ASCII, encoded by one call instead of one per value. Other texts are encoded one
  // by one: halves of a surrogate pair at the seam of two texts must not become a pair.
  const parts = whole.length === joined.length ? texts : texts.map((text) => encoder.encode(text));
  const offsets = new Uint8Array((rows + 1) * 4);
  const view = new DataView(offsets.buffer);
  let end = 0;
  for (const [row, { length }] of parts.entries()) {
    end += length;
    view.setInt32((row + 1) * 4, end, true);
  }
  return [offsets, parts === texts ? whole : concatenated(parts as Uint8Array[])];
}

function integerWithin({ name, type }: ArrowColumn, value: ArrowValue, bits: 32 | 64): bigint {
  const integer = BigInt(value!);
  if (BigInt.asIntN(bits, integer) !== integer) throw new RangeError(`«${name}»: ${value} does not fit ${type}`);
  return integer;
}

function nullsIn({ values }: ArrowColumn, from: number, rows: number): number {
  let nulls = 0;
  for (let row = from; row < from + rows; row++) if (values[row] === null) nulls++;
  return nulls;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function alignUp(bytes: number): number {
  return (bytes + 7) & -8;
}
