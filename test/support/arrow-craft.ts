// test/support/arrow-craft.ts — Arrow IPC messages piece by piece, also such as no writer would make.

import { type FlatField, type FlatReference, FlatWriter } from '../../host/encode/flatbuffer.ts';

export const TYPE_NULL = 1;
export const TYPE_INT = 2;
export const TYPE_UTF8 = 5;
export const TYPE_STRUCT = 13;
export const TYPE_UTF8_VIEW = 24;

export interface CraftField {
  name: string;
  /** Number in Schema.fbs' union Type, and the fields of its table. */
  type: number;
  typeFields?: FlatField[];
  /** Index type i32. */
  dictionary?: number;
  children?: FlatReference[];
}

export interface CraftOptions {
  /** MetadataVersion; default V5. */
  version?: number;
  bigEndian?: boolean;
}

const INT_FIELDS = (bits: number): FlatField[] => [
  { bytes: 4, value: bits },
  { bytes: 1, value: 1 },
];

export const int = (name: string, bits: number): CraftField => ({ name, type: TYPE_INT, typeFields: INT_FIELDS(bits) });

/** A field's table, for schemas and for children. */
export function fieldTable({ name, type, typeFields = [], dictionary, children = [] }: CraftField): FlatReference {
  return (out) =>
    out.table([
      (at) => at.string(name),
      { bytes: 1, value: 1 },
      { bytes: 1, value: type },
      (at) => at.table(typeFields),
      dictionary === undefined
        ? undefined
        : (at) => at.table([{ bytes: 8, value: dictionary }, (index) => index.table(INT_FIELDS(32))]),
      (at) => at.vector(children),
    ]);
}

export function schemaMessage(
  fields: readonly CraftField[],
  { bigEndian = false, version = 4 }: CraftOptions = {},
): Uint8Array {
  return message(
    1,
    (out) => out.table([{ bytes: 2, value: bigEndian ? 1 : 0 }, (at) => at.vector(fields.map(fieldTable))]),
    [],
    version,
  );
}

export interface CraftBatch {
  rows: number;
  /** Per node: null count; its length is `rows`. */
  nulls: number[];
  buffers: Uint8Array[];
  variadic?: number[];
}

export function batchMessage(batch: CraftBatch): Uint8Array {
  return message(3, recordBatch(batch), batch.buffers);
}

/** A dictionary of utf8; entries as bytes, null for a null entry. */
export function dictionaryMessage(
  id: number,
  entries: readonly (Uint8Array | string | null)[],
  isDelta = false,
): Uint8Array {
  const batch = {
    rows: entries.length,
    nulls: [entries.filter((entry) => entry === null).length],
    buffers: textBuffers(entries),
  };
  return message(
    2,
    (out) => out.table([{ bytes: 8, value: id }, recordBatch(batch), { bytes: 1, value: isDelta ? 1 : 0 }]),
    batch.buffers,
  );
}

/** Validity (empty when nothing is null), offsets, bytes. */
export function textBuffers(entries: readonly (Uint8Array | string | null)[]): Uint8Array[] {
  const texts = entries.map((entry) =>
    typeof entry === 'string' ? new TextEncoder().encode(entry) : (entry ?? new Uint8Array(0)),
  );
  const offsets = new Int32Array(entries.length + 1);
  texts.forEach((text, index) => {
    offsets[index + 1] = offsets[index]! + text.length;
  });
  const validity = new Uint8Array(entries.includes(null) ? (entries.length + 7) >> 3 : 0);
  entries.forEach((entry, index) => {
    if (entry !== null && validity.length > 0) validity[index >> 3]! |= 1 << (index & 7);
  });
  return [validity, bytesOf(offsets), new Uint8Array(texts.flatMap((text) => [...text]))];
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function message(kind: number, header: FlatReference, buffers: readonly Uint8Array[], version = 4): Uint8Array {
  const body = joined(...buffers.flatMap((buffer) => [buffer, new Uint8Array(-buffer.length & 7)]));
  const metadata = new FlatWriter().finish((out) =>
    out.table([{ bytes: 2, value: version }, { bytes: 1, value: kind }, header, { bytes: 8, value: body.length }]),
  );
  const prefix = new Uint8Array(8).fill(0xff);
  new DataView(prefix.buffer).setUint32(4, metadata.length, true);
  return joined(prefix, metadata, body);
}

function recordBatch({ rows, nulls, buffers, variadic }: CraftBatch): FlatReference {
  let offset = 0;
  const places = buffers.map(({ length }) => {
    offset += (length + 7) & -8;
    return [offset - ((length + 7) & -8), length] as const;
  });
  return (out) =>
    out.table([
      { bytes: 8, value: rows },
      (at) => at.pairs(nulls.map((count) => [rows, count] as const)),
      (at) => at.pairs(places),
      undefined,
      variadic === undefined ? undefined : (at) => at.numbers(variadic),
    ]);
}
