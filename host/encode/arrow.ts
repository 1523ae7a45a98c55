// host/encode/arrow.ts — a batch in memory as an Arrow IPC stream.
//
//   schema message │ record batch: metadata, then per column validity, (offsets,) values │ end of stream
//
// Promises
//   - buffers are copied with one `set` each; no loop over rows.
//   - metadata of fields seen before is not built again: the record batch's is a template with a few numbers patched.
//   - the result holds nothing of the batch, which may be reset as soon as the call returns.
// Not here  building a batch from JavaScript values (arrow-write.ts).
// Source    Arrow Columnar Format 1.5, "Serialization and IPC".

import {
  BATCH_COLUMN_COUNT,
  BATCH_HEADER_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import {
  type ArrowField,
  type ArrowFieldType,
  type BatchTemplate,
  batchTemplate,
  END_OF_STREAM,
  schemaMetadata,
} from './arrow-metadata.ts';

export type { ArrowField, ArrowFieldType } from './arrow-metadata.ts';
export { END_OF_STREAM } from './arrow-metadata.ts';

/** The column type that a field's values must have in a batch. */
export const COLUMN_TYPE_OF: Readonly<Record<ArrowFieldType, number>> = {
  bool: TYPE_BOOL,
  i32: TYPE_I32,
  i64: TYPE_I64,
  f64: TYPE_F64,
  utf8: TYPE_UTF8,
  timestamp: TYPE_I64,
};

/** Arrow asks for 8-byte aligned buffers. */
const BUFFER_ALIGN_BYTES = 8;

interface Prepared {
  schema: Uint8Array;
  template: BatchTemplate;
}

/** By the fields array itself: keep one array per result schema. */
const prepared = new WeakMap<readonly ArrowField[], Prepared>();

/** The first message of a stream of these fields. */
export function arrowSchemaMessage(fields: readonly ArrowField[]): Uint8Array {
  return preparedFor(fields).schema;
}

/**
 * One complete IPC stream: schema, one record batch, end of stream.
 *
 * @param fields  column i of the batch is fields[i]; further columns of the batch stay behind
 * @param memory  the memory that holds the batch, from address 0
 * @param batch   address of an image or a view (assembly/layout.ts)
 * @param place   where a stream of so many bytes goes; whatever stood there is overwritten
 * @throws Error  when a field and its column disagree on the type, or a null stands in a field that is not nullable
 */
export function encodeArrowStream(
  fields: readonly ArrowField[],
  memory: Uint8Array,
  batch: number,
  place: (bytes: number) => Uint8Array = newBytes,
): Uint8Array {
  const { schema } = preparedFor(fields);
  const plan = planBatch(fields, memory, batch);
  const stream = place(schema.length + plan.messageBytes + END_OF_STREAM.length);
  stream.set(schema);
  writeBatch(plan, memory, stream, schema.length);
  stream.set(END_OF_STREAM, schema.length + plan.messageBytes);
  return stream;
}

const newBytes = (bytes: number): Uint8Array => new Uint8Array(bytes);

/** The record batch message alone, for streams of several batches; arguments as for encodeArrowStream. */
export function arrowBatchMessage(fields: readonly ArrowField[], memory: Uint8Array, batch: number): Uint8Array {
  const plan = planBatch(fields, memory, batch);
  const message = new Uint8Array(plan.messageBytes);
  writeBatch(plan, memory, message, 0);
  return message;
}

/** Where the buffers of a batch lie and what its message weighs. */
interface BatchPlan {
  template: BatchTemplate;
  rows: number;
  nulls: number[];
  /** In the order of the format: address and bytes, in turns. */
  buffers: number[];
  bodyBytes: number;
  messageBytes: number;
}

function preparedFor(fields: readonly ArrowField[]): Prepared {
  let entry = prepared.get(fields);
  if (entry === undefined) {
    entry = { schema: schemaMetadata(fields), template: batchTemplate(fields) };
    prepared.set(fields, entry);
  }
  return entry;
}

function planBatch(fields: readonly ArrowField[], memory: Uint8Array, batch: number): BatchPlan {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const rows = view.getUint32(batch + BATCH_ROW_COUNT, true);
  const columnCount = view.getUint32(batch + BATCH_COLUMN_COUNT, true);
  if (columnCount < fields.length) throw new Error(`the batch has ${columnCount} columns, expected ${fields.length}`);
  const nulls: number[] = [];
  const buffers: number[] = [];
  for (const [index, field] of fields.entries()) {
    nulls.push(planColumn(view, batch, index, field, rows, buffers));
  }
  let bodyBytes = 0;
  for (let index = 1; index < buffers.length; index += 2) bodyBytes += alignUp(buffers[index]!);
  const { template } = preparedFor(fields);
  return { template, rows, nulls, buffers, bodyBytes, messageBytes: template.bytes.length + bodyBytes };
}

/** Adds a column's buffers; returns its null count. */
function planColumn(
  view: DataView,
  batch: number,
  index: number,
  field: ArrowField,
  rows: number,
  buffers: number[],
): number {
  const column = batch + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
  const type = view.getUint32(column + COLUMN_TYPE, true);
  if (type !== COLUMN_TYPE_OF[field.type]) {
    throw new Error(
      `column ${index} «${field.name}» has type ${type}, expected ${COLUMN_TYPE_OF[field.type]} (${field.type})`,
    );
  }
  const addressOf = (offset: number) => (batch + view.getUint32(column + offset, true)) >>> 0;
  const nulls =
    view.getUint32(column + COLUMN_VALIDITY, true) === 0 ? 0 : view.getUint32(column + COLUMN_NULL_COUNT, true);
  if (nulls > 0 && !field.nullable) {
    throw new Error(`column ${index} «${field.name}» has ${nulls} nulls, expected none: the field is not nullable`);
  }
  buffers.push(addressOf(COLUMN_VALIDITY), nulls === 0 ? 0 : (rows + 7) >> 3);
  const values = addressOf(COLUMN_VALUES);
  if (type === TYPE_UTF8) {
    const textBytes = rows === 0 ? 0 : view.getUint32(values + rows * 4, true);
    buffers.push(values, rows === 0 ? 0 : (rows + 1) * 4, addressOf(COLUMN_BYTES), textBytes);
  } else {
    buffers.push(values, type === TYPE_BOOL ? (rows + 7) >> 3 : rows * (type === TYPE_I32 ? 4 : 8));
  }
  return nulls;
}

function writeBatch(plan: BatchPlan, memory: Uint8Array, out: Uint8Array, at: number): void {
  const { template, rows, nulls, buffers, bodyBytes } = plan;
  out.set(template.bytes, at);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const store = (place: number, value: number) => view.setUint32(at + place, value, true); // Upper halves stay 0.
  store(template.bodyLengthAt, bodyBytes);
  store(template.rowCountAt, rows);
  for (const [index, count] of nulls.entries()) {
    store(template.nodesAt + index * 16, rows);
    store(template.nodesAt + index * 16 + 8, count);
  }
  const body = at + template.bytes.length;
  let offset = 0;
  for (let index = 0; index < buffers.length; index += 2) {
    const address = buffers[index]!;
    const bytes = buffers[index + 1]!;
    store(template.buffersAt + index * 8, offset);
    store(template.buffersAt + index * 8 + 8, bytes);
    if (bytes > 0) out.set(memory.subarray(address, address + bytes), body + offset);
    out.fill(0, body + offset + bytes, body + offset + alignUp(bytes));
    offset += alignUp(bytes);
  }
}

function alignUp(bytes: number): number {
  return (bytes + BUFFER_ALIGN_BYTES - 1) & -BUFFER_ALIGN_BYTES;
}
