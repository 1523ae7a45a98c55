// test/support/json-decoder.ts — a JSON decoder with its builder, seen from the host: frames in, rows and rejects out.
//
// Frames are placed so that bytes which look like JSON stand right behind them: a decoder that believes one of them
// gives a wrong answer here.

import {
  BATCH_HEADER_BYTES,
  BUILDER_EVENT_TIME,
  BUILDER_FIELDS_BYTES,
  BUILDER_NULLABLE,
  BUILDER_ROW_NUMBERS,
  BUILDER_ROWS,
  COLUMN_DESCRIPTOR_BYTES,
  JSON_DONE,
  JSON_FULL,
  REJECT_BYTES,
  SLOT_BYTES,
  SLOT_BYTES_TOTAL,
  SLOT_VALIDITY,
  SLOT_VALUES,
  TYPE_BOOL,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';

export interface Column {
  name: string;
  type: number;
  nullable?: boolean;
  eventTime?: boolean;
}

export type Value = null | boolean | number | bigint | string;

export interface Reject {
  row: number;
  reason: number;
  column: number;
  at: number;
}

export interface Decoded {
  rows: Value[][];
  rowNumbers: number[];
  rejects: Reject[];
  rowsSeen: number;
  /** How often jsonNext said JSON_FULL. */
  pauses: number;
}

export interface DecoderOptions {
  columns: readonly Column[];
  rowsMax?: number;
  bytesMax?: number;
  /** What stands behind every frame; 64 bytes at most. */
  behind?: string | Uint8Array;
  /** Places frames so that the memory ends 64 bytes behind them: one byte further is a trap. */
  atMemoryEnd?: boolean;
  /** To share one kernel with other decoders; default: a kernel of its own. */
  kernel?: Kernel;
}

export interface Decoder {
  /** One whole frame into an empty builder, which is emptied as often as it is full. */
  decode(frame: Uint8Array | string): Decoded;
  /** The same in steps: `begin` leaves the builder as it is, `next` adds what one call gave and says its status. */
  begin(frame: Uint8Array | string): void;
  next(into: Decoded): number;
  check(text: Uint8Array | string): number;
}

const FRAME_BYTES_MAX = 1 << 20;

export const emptyDecoded = (): Decoded => ({ rows: [], rowNumbers: [], rejects: [], rowsSeen: 0, pauses: 0 });

export function createDecoder(options: DecoderOptions): Decoder {
  const { columns, rowsMax = 4096, bytesMax = 262144, behind = '' } = options;
  const kernel = options.kernel ?? loadKernel({ memory: reserveMemory(16 * 1024 * 1024, false) });
  const { exports, u8 } = kernel;
  const builder = createBuilder(kernel, columns, rowsMax, bytesMax);
  const decoder = exports.jsonCreate(writeDecoderPlan(kernel, builder, columns)) >>> 0;
  if (decoder === 0) throw new Error('the arena is full');
  const frameAt = exports.reserve(FRAME_BYTES_MAX + 64) >>> 0;
  let at = frameAt;
  const tail = typeof behind === 'string' ? new TextEncoder().encode(behind) : behind;
  const place = (frame: Uint8Array | string) => {
    const bytes = typeof frame === 'string' ? new TextEncoder().encode(frame) : frame;
    at = options.atMemoryEnd ? u8.length - 64 - bytes.length : frameAt;
    u8.set(bytes, at);
    u8.fill(0, at + bytes.length, at + bytes.length + 64);
    u8.set(tail, at + bytes.length);
    return bytes.length;
  };
  const begin = (frame: Uint8Array | string) => {
    const length = place(frame);
    exports.jsonBegin(decoder, at, length);
  };
  const next = (into: Decoded) => {
    const status = exports.jsonNext(decoder);
    if (status === JSON_FULL) into.pauses++;
    readRejects(kernel, decoder, into.rejects);
    readRows(kernel, builder, columns, into);
    exports.builderReset(builder);
    into.rowsSeen = exports.jsonRowsSeen(decoder);
    return status;
  };
  return {
    check(text) {
      const length = place(text);
      return exports.jsonCheck(at, length);
    },
    begin,
    next,
    decode(frame) {
      const decoded = emptyDecoded();
      begin(frame);
      while (next(decoded) !== JSON_DONE);
      return decoded;
    },
  };
}

function createBuilder({ exports, u32 }: Kernel, columns: readonly Column[], rowsMax: number, bytesMax: number) {
  const plan = exports.reserve(12 + columns.length * 8) >>> 0;
  const flags = (column: Column) =>
    (column.nullable ? BUILDER_NULLABLE : 0) | (column.eventTime ? BUILDER_EVENT_TIME : 0);
  u32.set([columns.length, rowsMax, bytesMax, ...columns.flatMap((c) => [c.type, flags(c)])], plan >> 2);
  return exports.builderCreate(plan) >>> 0;
}

function writeDecoderPlan({ exports, u8, u32 }: Kernel, builder: number, columns: readonly Column[]): number {
  const names = columns.map(({ name }) => new TextEncoder().encode(name));
  const total = names.reduce((sum, name) => sum + name.length, 0);
  const plan = exports.reserve(12 + columns.length * 8 + total) >>> 0;
  u32.set([builder, columns.length, total], plan >> 2);
  let offset = 12 + columns.length * 8;
  names.forEach((name, index) => {
    u32.set([offset, name.length], (plan + 12 + index * 8) >> 2);
    u8.set(name, plan + offset);
    offset += name.length;
  });
  return plan;
}

function readRejects({ exports, u32, i32 }: Kernel, decoder: number, rejects: Reject[]): void {
  const list = exports.jsonRejects(decoder) >>> 0;
  for (let index = 0; index < exports.jsonRejectCount(decoder); index++) {
    const entry = (list + index * REJECT_BYTES) >> 2;
    rejects.push({ row: u32[entry]!, reason: u32[entry + 1]!, column: i32[entry + 2]!, at: u32[entry + 3]! });
  }
}

function readRows(kernel: Kernel, builder: number, columns: readonly Column[], decoded: Decoded): void {
  const { u32, i32 } = kernel;
  const fields = builder + BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES;
  const rows = i32[(fields + BUILDER_ROWS) >> 2]!;
  const rowNumbers = u32[(fields + BUILDER_ROW_NUMBERS) >> 2]!;
  for (let row = 0; row < rows; row++) {
    decoded.rowNumbers.push(u32[(rowNumbers >> 2) + row]!);
    decoded.rows.push(
      columns.map((column, index) =>
        readValue(kernel, column, fields + BUILDER_FIELDS_BYTES + index * SLOT_BYTES_TOTAL, row),
      ),
    );
  }
}

function readValue({ u8, u32, i32, i64, f64 }: Kernel, column: Column, slot: number, row: number): Value {
  const values = u32[(slot + SLOT_VALUES) >> 2]!;
  const bit = (bitmap: number) => ((u8[bitmap + (row >> 3)]! >> (row & 7)) & 1) === 1;
  if (column.nullable && !bit(u32[(slot + SLOT_VALIDITY) >> 2]!)) return null;
  if (column.type === TYPE_BOOL) return bit(values);
  if (column.type === TYPE_I32) return i32[(values >> 2) + row]!;
  if (column.type === TYPE_I64) return i64[(values >> 3) + row]!;
  if (column.type !== TYPE_UTF8) return f64[(values >> 3) + row]!;
  const bytes = u32[(slot + SLOT_BYTES) >> 2]!;
  const slice = u8.subarray(bytes + i32[(values >> 2) + row]!, bytes + i32[(values >> 2) + row + 1]!);
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(slice);
}
