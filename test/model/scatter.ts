// test/model/scatter.ts — what a scatter should do, with plain rows: key bytes, group, partition, image sizes, lists.

import {
  BATCH_FLAG_WATERMARKS,
  BATCH_HEADER_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  KEY_BYTES_MAX,
  NULL_KEY_GROUP,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import type { TestBatch, TestColumn, Value } from '../support/batch.ts';
import { murmur2 } from './murmur2.ts';

export interface ModelPlan {
  partitionCount: number;
  /** Partition of each key group. */
  groupTable: number[];
  /** Columns of the batch that make the key, in order. */
  keyColumns: number[];
  /** Columns of the batch that travel, in order. */
  columns: number[];
  imageBytesMax: number;
  nullKey: number;
}

export interface ModelRun {
  consumed: number;
  /** Per partition the columns of its image; rows empty where it got none. */
  images: TestColumn[][];
  imageBytes: number[];
  nullKeys: number[];
  longKeys: number[];
}

export function modelScatter(
  plan: ModelPlan,
  batch: Required<TestBatch>,
  selected: readonly number[],
  fromIndex: number,
  partition: number,
): ModelRun {
  const travelling = [...plan.columns];
  if ((batch.flags & BATCH_FLAG_WATERMARKS) !== 0) travelling.push(batch.columns.length - 1);
  const sources = travelling.map((index) => batch.columns[index]!);
  const empty = () => sources.map(({ type }): TestColumn => ({ type, values: [] }));
  const run: ModelRun = {
    consumed: 0,
    images: Array.from({ length: plan.partitionCount }, empty),
    imageBytes: new Array<number>(plan.partitionCount).fill(0),
    nullKeys: [],
    longKeys: [],
  };
  for (const row of selected.slice(fromIndex)) {
    const target = targetOf(plan, batch, row, partition);
    if (target === 'null') run.nullKeys.push(row);
    else if (target === 'long') run.longKeys.push(row);
    else {
      const image = run.images[target]!;
      const grown = image.map(({ type, values }, index): TestColumn => {
        return { type, values: [...values, sources[index]!.values[row]!] };
      });
      const bytes = imageBytesOf(grown);
      if (bytes > plan.imageBytesMax) return run;
      image.forEach((column, index) => {
        column.values.push(sources[index]!.values[row]!);
      });
      run.imageBytes[target] = bytes;
    }
    run.consumed++;
  }
  return run;
}

/** The partition that a row goes to, or why it goes to none. */
export function targetOf(plan: ModelPlan, batch: TestBatch, row: number, partition: number): number | 'null' | 'long' {
  if (plan.keyColumns.length === 0) return partition;
  const parts = plan.keyColumns.map((index) => {
    const { type, values } = batch.columns[index]!;
    return values[row] === null ? null : keyBytes(type, values[row]!);
  });
  const key = parts.length === 1 ? (parts[0] ?? new Uint8Array()) : compositeBytes(parts);
  if (key.length > KEY_BYTES_MAX) return 'long';
  if (parts.includes(null) && plan.nullKey !== NULL_KEY_GROUP) return 'null';
  if (plan.partitionCount === 1) return 0;
  return plan.groupTable[(murmur2(key) & 0x7fffffff) % plan.groupTable.length]!;
}

/** A key's serialised bytes, as Kafka's serializers write them. */
export function keyBytes(type: number, value: Value): Uint8Array {
  if (type === TYPE_UTF8) return Buffer.from(value as string);
  if (type === TYPE_BOOL) return Uint8Array.of(value === true ? 1 : 0);
  const view = new DataView(new ArrayBuffer(type === TYPE_I32 ? 4 : 8));
  if (type === TYPE_I32) view.setInt32(0, value as number);
  else if (type === TYPE_I64) view.setBigInt64(0, value as bigint);
  else if (Number.isNaN(value)) view.setBigUint64(0, 0x7ff8000000000000n);
  else view.setFloat64(0, value === 0 ? 0 : (value as number));
  return new Uint8Array(view.buffer);
}

function compositeBytes(parts: readonly (Uint8Array | null)[]): Uint8Array {
  const pieces = parts.map((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part === null ? 0xffffffff : part.length);
    return Buffer.concat([length, part ?? new Uint8Array()]);
  });
  return Buffer.concat(pieces);
}

/** Header, descriptors and 8-aligned buffers. */
export function imageBytesOf(columns: readonly TestColumn[]): number {
  const align8 = (bytes: number) => Math.ceil(bytes / 8) * 8;
  let bytes = BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES;
  for (const { type, values } of columns) {
    const bitmap = align8(Math.ceil(values.length / 8));
    if (values.includes(null)) bytes += bitmap;
    if (type === TYPE_BOOL) bytes += bitmap;
    if (type === TYPE_I32) bytes += align8(values.length * 4);
    if (type === TYPE_I64 || type === TYPE_F64) bytes += values.length * 8;
    if (type === TYPE_UTF8) {
      const utf8 = values.reduce<number>((sum, value) => sum + Buffer.byteLength((value as string | null) ?? ''), 0);
      bytes += align8((values.length + 1) * 4) + align8(utf8);
    }
  }
  return bytes;
}
