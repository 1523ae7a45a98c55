// host/encode/arrow-metadata.ts — the metadata half of Arrow IPC messages, for the types that results have.
//
// Source  Arrow's Schema.fbs and Message.fbs, format version V5. Numbers below are theirs.

import { type FlatField, type FlatReference, FlatWriter } from './flatbuffer.ts';

export type ArrowFieldType = 'bool' | 'i32' | 'i64' | 'f64' | 'utf8' | 'timestamp';

export interface ArrowField {
  name: string;
  /** timestamp: milliseconds in UTC; its column is an i64 one. */
  type: ArrowFieldType;
  nullable: boolean;
}

/** Metadata of one record batch, and where in it the numbers stand that differ from batch to batch. */
export interface BatchTemplate {
  bytes: Uint8Array;
  bodyLengthAt: number;
  rowCountAt: number;
  /** fields × (i64 rows, i64 nulls) */
  nodesAt: number;
  /** buffers × (i64 offset, i64 bytes) */
  buffersAt: number;
}

const VERSION_V5 = 4;
const HEADER_SCHEMA = 1;
const HEADER_RECORD_BATCH = 3;
const CONTINUATION = 0xffffffff;
const PREFIX_BYTES = 8;

/** Continuation mark and a length of zero: the end of a stream. */
export const END_OF_STREAM: Uint8Array = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0);

/** A table's fields in the order of their ids, and its number in the union `Type`. */
const TYPES: Record<ArrowFieldType, { id: number; fields: FlatField[] }> = {
  bool: { id: 6, fields: [] },
  i32: {
    id: 2,
    fields: [
      { bytes: 4, value: 32 },
      { bytes: 1, value: 1 },
    ],
  }, // Int: bitWidth, is_signed
  i64: {
    id: 2,
    fields: [
      { bytes: 4, value: 64 },
      { bytes: 1, value: 1 },
    ],
  },
  f64: { id: 3, fields: [{ bytes: 2, value: 2 }] }, // FloatingPoint: DOUBLE
  utf8: { id: 5, fields: [] },
  timestamp: { id: 10, fields: [{ bytes: 2, value: 1 }, (out) => out.string('UTC')] }, // MILLISECOND, timezone
};

/** The whole schema message, prefix included. */
export function schemaMetadata(fields: readonly ArrowField[]): Uint8Array {
  const schema: FlatReference = (out) =>
    out.table([undefined, (vector) => vector.vector(fields.map((field) => (child) => fieldTable(child, field)))]);
  return withPrefix(new FlatWriter().finish((out) => messageTable(out, HEADER_SCHEMA, schema)));
}

/** Metadata of a batch of these fields with every number 0. */
export function batchTemplate(fields: readonly ArrowField[]): BatchTemplate {
  const template = { bytes: END_OF_STREAM, bodyLengthAt: 0, rowCountAt: 0, nodesAt: 0, buffersAt: 0 };
  const bufferCount = fields.reduce((sum, { type }) => sum + (type === 'utf8' ? 3 : 2), 0);
  const record: FlatReference = (out) => {
    const table = out.table([
      { bytes: 8, value: 0 },
      (vector) => {
        template.nodesAt = PREFIX_BYTES + vector.pairs(zeros(fields.length)) + 4;
        return template.nodesAt - PREFIX_BYTES - 4;
      },
      (vector) => {
        template.buffersAt = PREFIX_BYTES + vector.pairs(zeros(bufferCount)) + 4;
        return template.buffersAt - PREFIX_BYTES - 4;
      },
    ]);
    template.rowCountAt = PREFIX_BYTES + table + WIDEST_FIELD_AT;
    return table;
  };
  const bytes = new FlatWriter().finish((out) => {
    const message = messageTable(out, HEADER_RECORD_BATCH, record);
    template.bodyLengthAt = PREFIX_BYTES + message + WIDEST_FIELD_AT;
    return message;
  });
  template.bytes = withPrefix(bytes);
  return template;
}

function zeros(count: number): [number, number][] {
  return Array.from({ length: count }, () => [0, 0]);
}

/** A table's only 8-byte field: behind the vtable reference and a gap. */
const WIDEST_FIELD_AT = 8;

function messageTable(out: FlatWriter, kind: number, header: FlatReference): number {
  return out.table([{ bytes: 2, value: VERSION_V5 }, { bytes: 1, value: kind }, header, { bytes: 8, value: 0 }]);
}

function fieldTable(out: FlatWriter, { name, type, nullable }: ArrowField): number {
  const { id, fields } = TYPES[type];
  return out.table([
    (child) => child.string(name),
    { bytes: 1, value: nullable ? 1 : 0 },
    { bytes: 1, value: id },
    (child) => child.table(fields),
    undefined, // dictionary
    (child) => child.vector([]), // children: some readers insist on the vector
  ]);
}

function withPrefix(metadata: Uint8Array): Uint8Array {
  const message = new Uint8Array(PREFIX_BYTES + metadata.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setUint32(4, metadata.length, true);
  message.set(metadata, PREFIX_BYTES);
  return message;
}
