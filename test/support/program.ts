// test/support/program.ts — runs a compiled program over rows given as objects, and reads the result back.

import { RESULT_BATCH, RESULT_COUNT, RESULT_SELECTION } from '../../assembly/expression-layout.ts';
import {
  BATCH_HEADER_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from '../../assembly/layout.ts';
import { type CompileOptions, compileProgram } from '../../host/expression/compile.ts';
import { columnReader } from '../../host/job/column-reader.ts';
import { columnDraft, writeImage } from '../../host/job/column-writer.ts';
import type { FieldDescription, FilterStep, RowValue, SelectStep } from '../../host/job/description.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import type { ModelRow } from '../model/expression.ts';

export interface ProgramRows {
  rows: { index: number; row: ModelRow }[];
  overflows: number;
  output: readonly FieldDescription[];
}

const MEMORY_BYTES = 64 * 1024 * 1024;
let kernel: Kernel = loadKernel({ memory: reserveMemory(MEMORY_BYTES, false) });

/** A kernel with room for another program. */
export function roomyKernel(): Kernel {
  if (kernel.exports.arenaUsedBytes() >>> 0 > MEMORY_BYTES / 2) {
    kernel = loadKernel({ memory: reserveMemory(MEMORY_BYTES, false) });
  }
  return kernel;
}

/** Rows as a batch image; null lanes hold garbage, which nothing may look at. */
export function writeBatch(
  on: Kernel,
  fields: readonly FieldDescription[],
  rows: readonly ModelRow[],
  flags = 0,
): number {
  const address = on.exports.reserve(4096 + fields.length * (64 + rows.length * 64)) >>> 0;
  const drafts = fields.map((field) => {
    const draft = columnDraft(field);
    for (const row of rows) {
      const value = row[field.name] as RowValue;
      const isNumber = field.type === 'i32' || field.type === 'timestamp';
      const refusal = draft.push(isNumber && value !== null ? Number(value) : value);
      if (refusal !== null) throw new Error(`${field.name}: ${refusal}`);
    }
    return draft;
  });
  writeImage(on, address, drafts, rows.length, flags);
  for (const [index, { name, type }] of fields.entries()) {
    const column = (address + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES) >>> 2;
    const values = address + on.u32[column + COLUMN_VALUES / 4]!;
    for (const [row, { [name]: value }] of rows.entries()) {
      if (value !== null) continue;
      if (type === 'i32') on.i32[values / 4 + row] = -2147483648;
      if (type === 'i64' || type === 'timestamp') on.i64[values / 8 + row] = -9223372036854775808n;
      if (type === 'f64') on.f64[values / 8 + row] = 1e308;
      if (type === 'bool') on.u8[values + (row >>> 3)]! |= 1 << (row & 7);
    }
  }
  return address;
}

/** Compiles, creates, runs (twice: the second run must not see the first) and reads the rows that are left. */
export function runProgram(
  fields: readonly FieldDescription[],
  rows: readonly ModelRow[],
  steps: readonly (FilterStep | SelectStep)[],
  options: CompileOptions = {},
): ProgramRows {
  const on = roomyKernel();
  const { exports, u8 } = on;
  const { bytes, output } = compileProgram(fields, steps, { rowsMax: Math.max(1, rows.length), ...options });
  const plan = exports.reserve(bytes.length) >>> 0;
  u8.set(bytes, plan);
  const program = exports.programCreate(plan) >>> 0;
  if (program === 0) throw new Error('the arena is full');
  const batch = writeBatch(on, fields, rows);
  exports.programRun(program, batch);
  const before = exports.programOverflows(program);
  const result = exports.programRun(program, batch) >>> 0;
  if (result === 0) throw new Error('the result does not fit');
  const overflows = exports.programOverflows(program) - before;
  return { rows: readResult(on, result, output), overflows, output };
}

export function readResult(
  on: Kernel,
  result: number,
  output: readonly FieldDescription[],
): { index: number; row: ModelRow }[] {
  const { u32, memory } = on;
  const [batch, selection, count] = [RESULT_BATCH, RESULT_SELECTION, RESULT_COUNT].map(
    (word) => u32[(result + word) >>> 2]!,
  ) as [number, number, number];
  const indexes = selection === 0 ? null : new Uint16Array(memory.buffer, selection, count);
  const readers = output.map((field, index) => {
    // Times are read as the i64 they are: computed ones may be beyond what a number holds.
    const type = field.type === 'timestamp' ? 'i64' : field.type;
    return { ...field, index, read: columnReader(on, { ...field, type }, index) };
  });
  for (const { name, nullable, index } of readers) {
    const column = (batch + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES) >>> 2;
    const hasNulls = u32[column + COLUMN_VALIDITY / 4] !== 0;
    if (hasNulls !== u32[column + COLUMN_NULL_COUNT / 4]! > 0) throw new Error(`${name}: nulls without a bitmap`);
    if (hasNulls && !nullable) throw new Error(`${name} is never null, but has a validity bitmap`);
  }
  return Array.from({ length: count }, (_, lane) => {
    const index = indexes === null ? lane : indexes[lane]!;
    const row = readers.map(({ name, type, read }) => {
      const value = read(batch, index);
      return [name, type === 'i32' && value !== null ? BigInt(value as number) : value];
    });
    return { index, row: Object.fromEntries(row) as ModelRow };
  });
}
