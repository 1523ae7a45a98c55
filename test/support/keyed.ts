// test/support/keyed.ts — a keyed stage in a kernel of its own, driven by values: tests and benches.

import {
  AGGREGATE_NULLABLE,
  BATCH_FLAG_WATERMARKS,
  KEYED_PLAN_HEADER_BYTES,
  NO_COLUMN,
  TYPE_I64,
} from '../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { type KeyedPlan, sortResults } from '../model/keyed.ts';
import { type ImageColumn, readImage, type Value, writeImage } from './image.ts';

export interface KeyedOptions {
  memoryBytes?: number;
  seed?: [low: number, high: number];
  outRowsMax?: number;
}

export interface KeyedStage {
  kernel: Kernel;
  handle: number;
  push(columns: readonly ImageColumn[], watermarks?: readonly bigint[]): number;
  /** Every result that is ready, sorted; the order of windows in it is checked. */
  fire(outBytesMax?: number): Value[][];
  snapshot(chunkBytes?: number): Uint8Array;
  /** Feeds `bytes` in chunks, then says that they end. */
  restore(bytes: Uint8Array, chunkBytes?: number): number;
}

const OUT_BYTES = 512 * 1024;

export function writePlan(kernel: Kernel, at: number, plan: KeyedPlan, options: KeyedOptions = {}): void {
  const [seedLow, seedHigh] = options.seed ?? [1, 2];
  const u32 = kernel.u32.subarray(at >>> 2);
  u32.set([plan.keys.length, plan.aggregates.length, seedLow, seedHigh]);
  kernel.i64.set([plan.sizeMs, plan.offsetMs], (at + 16) >>> 3);
  u32.set([options.outRowsMax ?? 4096, 0], 8);
  u32.set(
    [
      ...plan.keys.flatMap(({ column, type }) => [column, type]),
      ...plan.aggregates.flatMap((aggregate) => [
        aggregate.function,
        aggregate.column < 0 ? NO_COLUMN : aggregate.column,
        aggregate.type,
        aggregate.nullable ? AGGREGATE_NULLABLE : 0,
      ]),
    ],
    KEYED_PLAN_HEADER_BYTES >>> 2,
  );
}

export function keyedStage(plan: KeyedPlan, options: KeyedOptions = {}): KeyedStage {
  const kernel = loadKernel({ memory: reserveMemory(options.memoryBytes ?? 32 * 1024 * 1024, false) });
  const { exports, u8 } = kernel;
  const buffer = exports.reserve(OUT_BYTES + 64) >>> 0;
  writePlan(kernel, buffer, plan, options);
  const handle = exports.keyedCreate(buffer) >>> 0;
  if (handle === 0) throw new Error('the arena is too small for the stage');
  return {
    kernel,
    handle,
    push(columns, watermarks) {
      const all = watermarks === undefined ? columns : [...columns, { type: TYPE_I64, values: watermarks }];
      writeImage(u8, buffer, all, watermarks === undefined ? 0 : BATCH_FLAG_WATERMARKS);
      return exports.keyedPush(handle, buffer);
    },
    fire(outBytesMax = OUT_BYTES) {
      const rows: Value[][] = [];
      for (;;) {
        const guard = u8.subarray(buffer + outBytesMax, buffer + outBytesMax + 64).fill(0xee);
        const bytes = exports.keyedFire(handle, buffer, outBytesMax);
        if (bytes < 0) throw new Error(`keyedFire: not one row fits into ${outBytesMax} bytes`);
        if (bytes === 0) break;
        if (bytes > outBytesMax || kernel.u32[(buffer + 8) >>> 2] !== bytes) throw new Error('image bytes disagree');
        if (guard.some((byte) => byte !== 0xee)) throw new Error(`keyedFire wrote behind ${outBytesMax} bytes`);
        const columns = readImage(u8, buffer);
        for (let row = 0; row < columns[0]!.values.length; row++) rows.push(columns.map(({ values }) => values[row]!));
      }
      for (let row = 1; row < rows.length; row++) {
        if (rows[row]![2]! < rows[row - 1]![2]!) throw new Error('windows are out of order');
      }
      return sortResults(rows);
    },
    snapshot(chunkBytes = 65536) {
      const chunks: Uint8Array[] = [];
      for (let start = 1; ; start = 0) {
        const bytes = exports.keyedSnapshot(handle, buffer, chunkBytes, start);
        if (bytes < 0) throw new Error(`keyedSnapshot: no record fits into ${chunkBytes} bytes`);
        if (bytes === 0) break;
        chunks.push(u8.slice(buffer, buffer + bytes));
      }
      return new Uint8Array(Buffer.concat(chunks));
    },
    restore(bytes, chunkBytes = 65536) {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const chunk = bytes.subarray(at, at + chunkBytes);
        u8.set(chunk, buffer);
        const state = exports.keyedRestore(handle, buffer, chunk.length);
        if (state !== 0) return state;
      }
      return exports.keyedRestore(handle, buffer, 0);
    },
  };
}
