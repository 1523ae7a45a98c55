// test/support/arrow-testing.ts — the streams of apache/arrow-testing with their JSON twins.

import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { ArrowField } from '../model/arrow-column.ts';

interface TwinColumn {
  name: string;
  count: number;
  VALIDITY?: number[];
  DATA?: unknown[];
}

export interface Twin {
  schema: { fields: ArrowField[] };
  batches: { count: number; columns: TwinColumn[] }[];
  dictionaries?: { id: number; data: { columns: TwinColumn[] } }[];
}

const root = new URL('../fixtures/arrow-testing/data/arrow-ipc-stream/integration/', import.meta.url);

/** Every stream, as «folder/name». */
export function streamNames(): string[] {
  return readdirSync(root)
    .flatMap((folder) => readdirSync(new URL(`${folder}/`, root)).map((file) => `${folder}/${file}`))
    .filter((file) => file.endsWith('.stream'))
    .map((file) => file.slice(0, -'.stream'.length))
    .sort();
}

export function readStream(name: string): Uint8Array {
  return readFileSync(new URL(`${name}.stream`, root));
}

/** The same table in the file format. */
export function readFileFormat(name: string): Uint8Array {
  return readFileSync(new URL(`${name}.arrow_file`, root));
}

/** The JSON twin; integers too long for a double stay text. */
export function readTwin(name: string): Twin {
  const text = gunzipSync(readFileSync(new URL(`${name}.json.gz`, root))).toString();
  return JSON.parse(text.replace(/(?<=[[\s,])-?\d{16,}(?=[\s,\]])/g, '"$&"'));
}

/** A top-level column's raw values, undefined where null. */
export function rawValues(twin: Twin, index: number): unknown[] {
  const field = twin.schema.fields[index]!;
  const entries =
    field.dictionary && cells(twin.dictionaries!.find(({ id }) => id === field.dictionary!.id)!.data.columns[0]!);
  return twin.batches.flatMap(({ columns }) => {
    const values = cells(columns[index]!);
    return entries ? values.map((value) => (value === undefined ? undefined : entries[Number(value)])) : values;
  });
}

function cells({ count, VALIDITY, DATA }: TwinColumn): unknown[] {
  return Array.from({ length: count }, (_, row) => (DATA && VALIDITY?.[row] !== 0 ? DATA[row] : undefined));
}
