// host/job/row-function.ts — a job's JavaScript functions over a batch in kernel memory: the slower path.
//
// A row becomes an object (i64 a bigint; i32, f64, timestamp numbers), the function is called, and what it returns
// goes back into columns: 60 (filter over two numbers) to 400 ns (map with a text) a row, where an expression costs
// 0.3 to 5.
//
// Promises
//   - filter: the batch stays, a shorter selection is written into the given memory.
//   - map: the rows are written as an image into the given memory, all selected. When they do not fit, it stops before
//     the first that does not, and `next` says where to go on: the caller passes the image on and calls again.
//   - a function that throws, or returns what its fields cannot hold, loses that row only: it is a reject, by name.
// Not here  rows without functions (compile.ts); the order of steps.

import {
  BATCH_COLUMN_COUNT,
  BATCH_FLAG_WATERMARKS,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  REASON_FUNCTION,
  REASON_ROW_SIZE,
  REASON_TYPE,
} from '../../assembly/layout.ts';
import type { Kernel } from '../kernel/load.ts';
import { columnReader } from './column-reader.ts';
import { type ColumnDraft, columnDraft, imageBytes, writeImage } from './column-writer.ts';
import type { FieldDescription, FilterFunctionStep, MapFunctionStep, PlainRow, RowValue } from './description.ts';

export interface RowFunctionOptions {
  readonly kernel: Kernel;
  readonly step: FilterFunctionStep | MapFunctionStep;
  /** The batch's columns in order, without the watermark column. */
  readonly input: readonly FieldDescription[];
  /** Input columns (indexes) that come first in a map's output as they are: the hidden event time. */
  readonly passThrough?: readonly number[];
  /** Input columns (indexes) that the function sees; default: all that are not passed through. */
  readonly fields?: readonly number[];
  /** Where the selection or the image goes: 8-byte aligned, not the input's own memory. */
  readonly address: number;
  /** For a filter at least two bytes a row; for a map at least one row. An image needs no more than BATCH_BYTES_MAX. */
  readonly bytes: number;
}

export interface RowFunction {
  /** The columns of the resulting batch, without the watermark column. */
  readonly output: readonly FieldDescription[];
  /**
   * Calls the function for the selected rows from index `from` of the selection on.
   *
   * @param selection  address of u16 row indexes; 0: all rows
   * @param count      how many are selected
   * @returns the same object every time, good until the next call
   */
  run(batch: number, selection: number, count: number, from?: number): RowFunctionResult;
}

export interface RowFunctionResult {
  batch: number;
  /** Address of u16 row indexes; 0: all rows of `batch`. */
  selection: number;
  count: number;
  /** Where to go on in the input's selection; `count` of the input when all of it is done. */
  next: number;
  /** Rows that were refused, in this call. */
  rejected: number;
  /** Every one of them: a batch has few enough rows. */
  rejects: RowReject[];
}

export interface RowReject {
  /** Index of the row in the input batch. */
  row: number;
  /** REASON_FUNCTION: it threw; REASON_TYPE: what it returned does not fit; REASON_ROW_SIZE: one row larger than the memory. */
  reason: number;
  /** Index of the output field, −1: the row as a whole. */
  column: number;
  message: string;
}

/** @throws RangeError when the memory given is misaligned */
export function createRowFunction(options: RowFunctionOptions): RowFunction {
  if (options.address % 8 !== 0) throw new RangeError(`address=${options.address}, expected a multiple of 8`);
  return options.step.kind === 'filterFunction'
    ? filterFunction(options, options.step)
    : mapFunction(options, options.step);
}

function filterFunction(options: RowFunctionOptions, { function: keeps }: FilterFunctionStep): RowFunction {
  const { kernel, input, address } = options;
  const readRow = rowReader(options);
  const kept = new Uint16Array(kernel.memory.buffer, address, Math.floor(options.bytes / 2));
  const result = emptyResult();
  return {
    output: input,
    run(batch, selection, count, from = 0) {
      const rows = selectedRows(kernel, selection);
      resetResult(result, batch, address);
      for (let index = from; index < count; index++) {
        const row = rows === null ? index : rows[index]!;
        try {
          const answer: unknown = keeps(readRow(batch, row));
          if (answer === true) kept[result.count++] = row;
          else if (answer !== false)
            reject(result, row, REASON_TYPE, -1, `returned ${typeof answer}, expected a boolean`);
        } catch (error) {
          reject(result, row, REASON_FUNCTION, -1, String(error));
        }
      }
      result.next = count;
      return result;
    },
  };
}

function mapFunction(options: RowFunctionOptions, { function: mapped, output }: MapFunctionStep): RowFunction {
  const { kernel, input, passThrough = [], address, bytes } = options;
  const readRow = rowReader(options);
  const passed = passThrough.map((index) => ({
    draft: columnDraft(input[index]!),
    read: columnReader(kernel, input[index]!, index),
  }));
  const drafts = output.map(columnDraft);
  const watermark = columnDraft({ name: 'watermark', type: 'timestamp', nullable: false });
  const result = emptyResult();
  return {
    output: [...passThrough.map((index) => input[index]!), ...output],
    run(batch, selection, count, from = 0) {
      const rows = selectedRows(kernel, selection);
      const flags = kernel.u32[(batch + BATCH_FLAGS) >>> 2]!;
      const watermarkIndex = kernel.u32[(batch + BATCH_COLUMN_COUNT) >>> 2]! - 1;
      const readWatermark =
        (flags & BATCH_FLAG_WATERMARKS) === 0 ? null : columnReader(kernel, watermark.field, watermarkIndex);
      const columns = [...passed.map(({ draft }) => draft), ...drafts, ...(readWatermark === null ? [] : [watermark])];
      for (const column of columns) column.clear();
      resetResult(result, address, 0);
      const headerBytes = BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES;
      let index = from;
      for (; index < count; index++) {
        const row = rows === null ? index : rows[index]!;
        if (!draftRow(result, row, () => mapped(readRow(batch, row)), drafts)) continue;
        for (const { draft, read } of passed) draft.push(read(batch, row));
        if (readWatermark !== null) watermark.push(readWatermark(batch, row));
        if (headerBytes + imageBytes(columns, result.count + 1) > bytes) {
          for (const column of columns) column.pop();
          if (result.count > 0) break;
          reject(result, row, REASON_ROW_SIZE, -1, `one row needs more than ${bytes} bytes`);
          continue;
        }
        result.count++;
      }
      writeImage(kernel, address, columns, result.count, flags);
      result.next = index;
      return result;
    },
  };
}

/** Calls the function and appends what it returned to the columns; false when the row was refused. */
function draftRow(
  result: RowFunctionResult,
  row: number,
  call: () => PlainRow,
  drafts: readonly ColumnDraft[],
): boolean {
  let returned: PlainRow;
  try {
    returned = call();
  } catch (error) {
    reject(result, row, REASON_FUNCTION, -1, String(error));
    return false;
  }
  if (typeof returned !== 'object' || returned === null) {
    reject(
      result,
      row,
      REASON_TYPE,
      -1,
      `returned ${returned === null ? 'null' : typeof returned}, expected an object`,
    );
    return false;
  }
  for (const [index, draft] of drafts.entries()) {
    const refusal = draft.push(returned[draft.field.name] as RowValue);
    if (refusal === null) continue;
    for (const before of drafts.slice(0, index)) before.pop();
    reject(result, row, REASON_TYPE, index, `"${draft.field.name}" is ${refusal}`);
    return false;
  }
  return true;
}

/** Reads the visible fields of one row into an object. */
function rowReader(options: RowFunctionOptions): (batch: number, row: number) => PlainRow {
  const { kernel, input, passThrough = [] } = options;
  const visible = options.fields ?? input.map((_, index) => index).filter((index) => !passThrough.includes(index));
  const columns = visible.map((index) => ({
    name: input[index]!.name,
    read: columnReader(kernel, input[index]!, index),
  }));
  return (batch, row) => {
    const object: Record<string, RowValue> = {};
    for (const { name, read } of columns) object[name] = read(batch, row);
    return object;
  };
}

function selectedRows({ memory }: Kernel, selection: number): Uint16Array | null {
  return selection === 0 ? null : new Uint16Array(memory.buffer, selection);
}

function emptyResult(): RowFunctionResult {
  return { batch: 0, selection: 0, count: 0, next: 0, rejected: 0, rejects: [] };
}

function resetResult(result: RowFunctionResult, batch: number, selection: number): void {
  Object.assign(result, { batch, selection, count: 0, next: 0, rejected: 0 });
  result.rejects.length = 0;
}

/** What an error says may be long; its beginning tells which one it is. */
const MESSAGE_LENGTH_MAX = 200;

function reject(result: RowFunctionResult, row: number, reason: number, column: number, message: string): void {
  result.rejected++;
  result.rejects.push({ row, reason, column, message: message.slice(0, MESSAGE_LENGTH_MAX) });
}
