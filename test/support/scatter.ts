// test/support/scatter.ts — drives the scatter kernel from a model plan and reads its images back.

import {
  SCATTER_COLUMN_BYTES,
  SCATTER_COLUMN_COUNT,
  SCATTER_GROUP_COUNT,
  SCATTER_GROUP_TABLE,
  SCATTER_HEADER_BYTES,
  SCATTER_IMAGE_BYTES_MAX,
  SCATTER_KEY_COLUMN_COUNT,
  SCATTER_NULL_KEY,
  SCATTER_PARTITION_COUNT,
  SCATTER_ROWS_MAX,
} from '../../assembly/layout.ts';
import type { Kernel } from '../../host/kernel/load.ts';
import type { ModelPlan, ModelRun } from '../model/scatter.ts';
import { readBatch } from './batch.ts';

/** Creates a scatter; `types` are the batch's column types. Returns its address, 0 when the arena is full. */
export function createScatter(kernel: Kernel, plan: ModelPlan, types: readonly number[], rowsMax: number): number {
  const columns = [...plan.keyColumns, ...plan.columns];
  const groupTable = SCATTER_HEADER_BYTES + columns.length * SCATTER_COLUMN_BYTES;
  const at = kernel.exports.reserve(groupTable + plan.groupTable.length * 2) >>> 0;
  const view = new DataView(kernel.memory.buffer, at);
  view.setUint32(SCATTER_PARTITION_COUNT, plan.partitionCount, true);
  view.setUint32(SCATTER_GROUP_COUNT, plan.groupTable.length, true);
  view.setUint32(SCATTER_KEY_COLUMN_COUNT, plan.keyColumns.length, true);
  view.setUint32(SCATTER_COLUMN_COUNT, plan.columns.length, true);
  view.setUint32(SCATTER_ROWS_MAX, rowsMax, true);
  view.setUint32(SCATTER_IMAGE_BYTES_MAX, plan.imageBytesMax, true);
  view.setUint32(SCATTER_NULL_KEY, plan.nullKey, true);
  view.setUint32(SCATTER_GROUP_TABLE, groupTable, true);
  columns.forEach((column, index) => {
    view.setUint32(SCATTER_HEADER_BYTES + index * SCATTER_COLUMN_BYTES, column, true);
    view.setUint32(SCATTER_HEADER_BYTES + index * SCATTER_COLUMN_BYTES + 4, types[column]!, true);
  });
  plan.groupTable.forEach((partition, group) => {
    view.setUint16(groupTable + group * 2, partition, true);
  });
  return kernel.exports.scatterCreate(at) >>> 0;
}

/** What the last run left: images as plain columns, their sizes, and both lists. */
export function readRun(kernel: Kernel, scatter: number, plan: ModelPlan, consumed: number): ModelRun {
  const { exports } = kernel;
  const partitions = Array.from({ length: plan.partitionCount }, (_, partition) => partition);
  const rowsAt = (address: number, count: number) => [
    ...new Uint16Array(kernel.memory.buffer, address >>> 0, count).values(),
  ];
  return {
    consumed,
    imageBytes: partitions.map((partition) => exports.scatterImageBytes(scatter, partition)),
    images: partitions.map((partition) => {
      const rows = exports.scatterImageRows(scatter, partition);
      if (exports.scatterImageBytes(scatter, partition) === 0) {
        if (rows !== 0) throw new Error(`partition ${partition}: ${rows} rows in no bytes`);
        return [];
      }
      const image = exports.scatterImage(scatter, partition) >>> 0;
      const { columns } = readBatch(kernel.u8, image);
      if (columns.some(({ values }) => values.length !== rows))
        throw new Error(`partition ${partition}: not ${rows} rows`);
      return columns;
    }),
    nullKeys: rowsAt(exports.scatterNullKeys(scatter), exports.scatterNullKeyCount(scatter)),
    longKeys: rowsAt(exports.scatterLongKeys(scatter), exports.scatterLongKeyCount(scatter)),
  };
}
