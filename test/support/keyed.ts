// test/support/keyed.ts — a keyed stage in a kernel of its own, driven by values: tests and benches.

import {
  AGGREGATE_GENERATION_SHIFT,
  AGGREGATE_NULLABLE,
  BARRIER_OK,
  BATCH_FLAG_WATERMARKS,
  BLOCK_BYTES,
  KEYED_PLAN_HEADER_BYTES,
  NO_COLUMN,
  RECORD_BLOCK,
  RECORD_BYTES_MAX,
  RECORD_END,
  RECORD_HEADER_BYTES,
  RECORD_KEYED,
  RECORD_PANE,
  RESTORE_CORRUPT,
  RESTORE_ENTRIES,
  RESTORE_OK,
  TYPE_I64,
} from '../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { type KeyedPlan, sortResults } from '../model/keyed.ts';
import { type ImageColumn, readImage, type Value, writeImage } from './image.ts';

export interface KeyedOptions {
  /** Default: one of its own, of `memoryBytes`. */
  kernel?: Kernel;
  memoryBytes?: number;
  seed?: [low: number, high: number];
  outRowsMax?: number;
}

export interface KeyedStage {
  kernel: Kernel;
  handle: number;
  push(columns: readonly ImageColumn[], watermarks?: readonly bigint[]): number;
  /** Goes on with the batch of the last push, which paused. */
  pushOn(): number;
  /** The rows of one result image; none: nothing is ready. */
  fireOnce(outBytesMax?: number): Value[][];
  /** Every result that is ready, sorted; the order of windows in it is checked. */
  fire(outBytesMax?: number): Value[][];
  /** Sweeps one record of the snapshot under way, null at its end. */
  sweep(): SweptRecord | null;
  /** Begins a snapshot and sweeps it whole; epochs count up by themselves. */
  snapshot(): SweptRecord[];
  /** Feeds records, with no SAME among them, to a fresh stage; 0, or the first refusal. */
  restore(records: readonly SweptRecord[]): number;
  /** The same entry by entry, as for another number of partitions or a changed plan; once for each part. */
  restoreEntries(records: readonly SweptRecord[], options?: EntryRestore): number;
}

export interface SweptRecord {
  kind: number;
  payload: Uint8Array;
}

export interface EntryRestore {
  /** Which partition has each key group, and which is this one; default: this one has all. */
  groupTable?: readonly number[];
  partition?: number;
  /** Batch columns of the old plan and what they are in this one; default: the same. */
  columns?: readonly (readonly [old: number, now: number])[];
  takesCounters?: boolean;
}

const OUT_BYTES = 512 * 1024;
const BATCH_BYTES = 512 * 1024;
/** Of a BLOCK's payload, what stands before the entries. */
export const BLOCK_HEAD_BYTES = 16;

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
        (aggregate.nullable ? AGGREGATE_NULLABLE : 0) | ((aggregate.generation ?? 0) << AGGREGATE_GENERATION_SHIFT),
      ]),
    ],
    KEYED_PLAN_HEADER_BYTES >>> 2,
  );
}

export function keyedStage(plan: KeyedPlan, options: KeyedOptions = {}): KeyedStage {
  const memoryBytes = options.memoryBytes ?? 32 * 1024 * 1024;
  const kernel = options.kernel ?? loadKernel({ memory: reserveMemory(memoryBytes, false) });
  const { exports, u8 } = kernel;
  const buffer = exports.reserve(OUT_BYTES + 64) >>> 0;
  const batch = exports.reserve(BATCH_BYTES) >>> 0; // Of its own: a push may pause, and records go through the buffer.
  writePlan(kernel, buffer, plan, options);
  const handle = exports.keyedCreate(buffer) >>> 0;
  if (handle === 0) throw new Error('the arena is too small for the stage');
  let epoch = 0;
  const tableAt = exports.reserve(4096) >>> 0;
  return {
    kernel,
    handle,
    push(columns, watermarks) {
      const all = watermarks === undefined ? columns : [...columns, { type: TYPE_I64, values: watermarks }];
      writeImage(u8, batch, all, watermarks === undefined ? 0 : BATCH_FLAG_WATERMARKS);
      return exports.keyedPush(handle, batch, 0);
    },
    pushOn: () => exports.keyedPush(handle, batch, exports.keyedPausedAt(handle)),
    fireOnce(outBytesMax = OUT_BYTES) {
      const guard = u8.subarray(buffer + outBytesMax, buffer + outBytesMax + 64).fill(0xee);
      const bytes = exports.keyedFire(handle, buffer, outBytesMax);
      if (bytes < 0) throw new Error(`keyedFire: not one row fits into ${outBytesMax} bytes`);
      if (bytes === 0) return [];
      if (bytes > outBytesMax || kernel.u32[(buffer + 8) >>> 2] !== bytes) throw new Error('image bytes disagree');
      if (guard.some((byte) => byte !== 0xee)) throw new Error(`keyedFire wrote behind ${outBytesMax} bytes`);
      const columns = readImage(u8, buffer);
      return columns[0]!.values.map((_, row) => columns.map(({ values }) => values[row]!));
    },
    fire(outBytesMax = OUT_BYTES) {
      const rows: Value[][] = [];
      for (let some = this.fireOnce(outBytesMax); some.length > 0; some = this.fireOnce(outBytesMax))
        rows.push(...some);
      for (let row = 1; row < rows.length; row++) {
        if (rows[row]![2]! < rows[row - 1]![2]!) throw new Error('windows are out of order');
      }
      return sortResults(rows);
    },
    sweep: () => {
      const bytes = exports.keyedSweep(handle, buffer, RECORD_BYTES_MAX);
      if (bytes < 0) throw new Error('keyedSweep: a record is longer than the longest');
      if (bytes === 0) return null;
      const kind = kernel.u32[buffer >>> 2]!;
      const payloadBytes = kernel.u32[(buffer + 4) >>> 2]!;
      if (bytes !== RECORD_HEADER_BYTES + payloadBytes) throw new Error('record bytes disagree');
      return { kind, payload: u8.slice(buffer + RECORD_HEADER_BYTES, buffer + bytes) };
    },
    snapshot() {
      const state = exports.keyedBarrier(handle, ++epoch, 0);
      if (state !== BARRIER_OK) throw new Error(`keyedBarrier: ${state}`);
      const records: SweptRecord[] = [];
      for (let record = this.sweep(); record !== null; record = this.sweep()) records.push(record);
      return records;
    },
    restore: (records) => {
      for (const record of records) {
        if (record.kind === RECORD_KEYED) epoch = epochOf(record);
        const state = restoreRecord(kernel, handle, buffer, record);
        if (state !== RESTORE_OK) return state;
      }
      return RESTORE_OK;
    },
    restoreEntries(records, { groupTable = [], partition = 0, columns = [], takesCounters = true } = {}) {
      new Uint16Array(u8.buffer, tableAt, groupTable.length).set(groupTable);
      const fired = new Map<number, { index: number; bytes: number }>();
      for (const { kind, payload } of records) {
        const view = new DataView(payload.buffer, payload.byteOffset);
        let state = RESTORE_OK;
        u8.set(payload, buffer);
        if (kind === RECORD_KEYED) {
          epoch = Math.max(epoch, epochOf({ kind, payload }));
          const columnsAt = buffer + RECORD_BYTES_MAX;
          kernel.u32.set(columns.flat(), columnsAt >>> 2);
          const takes = takesCounters ? 1 : 0;
          state = exports.keyedRestoreBegin(handle, buffer, payload.length, columnsAt, columns.length, takes);
          if (state === RESTORE_ENTRIES) state = RESTORE_OK;
        } else if (kind === RECORD_PANE) {
          fired.set(view.getFloat64(0, true), { index: view.getUint32(24, true), bytes: view.getUint32(28, true) });
        } else if (kind === RECORD_BLOCK) {
          const start = view.getFloat64(0, true);
          const pane = fired.get(start) ?? { index: 0, bytes: 0 };
          const from = view.getUint32(8, true) === pane.index ? pane.bytes : 0;
          const at = buffer + BLOCK_HEAD_BYTES + from;
          const bytes = view.getUint32(12, true) - from;
          if (bytes < 0) return RESTORE_CORRUPT;
          state = exports.keyedRestoreEntries(handle, start, at, bytes, tableAt, groupTable.length, partition);
        } else if (kind === RECORD_END) {
          state = exports.keyedRestoreEnd(handle, 0, 0);
        }
        if (state !== RESTORE_OK) return state;
      }
      return RESTORE_OK;
    },
  };
}

/** The checkpoint that a KEYED record belongs to. */
export const epochOf = ({ payload }: SweptRecord) =>
  new DataView(payload.buffer, payload.byteOffset).getUint32(4, true);

/** Hands one record to the export that takes it. */
export function restoreRecord(kernel: Kernel, handle: number, buffer: number, { kind, payload }: SweptRecord): number {
  const { exports, u8 } = kernel;
  const head = kind === RECORD_BLOCK ? payload.subarray(0, BLOCK_HEAD_BYTES) : payload;
  u8.set(head, buffer);
  if (kind === RECORD_KEYED) return exports.keyedRestoreBegin(handle, buffer, head.length, 0, 0, 1);
  if (kind === RECORD_PANE) return exports.keyedRestorePane(handle, buffer, head.length);
  if (kind === RECORD_END) return exports.keyedRestoreEnd(handle, buffer, head.length);
  if (kind !== RECORD_BLOCK) throw new Error(`record kind ${kind}`);
  const at = exports.keyedRestoreBlock(handle, buffer, head.length) >>> 0;
  if (at < BLOCK_BYTES) return at;
  u8.set(payload.subarray(BLOCK_HEAD_BYTES, BLOCK_HEAD_BYTES + kernel.u32[(buffer + 12) >>> 2]!), at);
  return exports.keyedRestoreFill(handle);
}
