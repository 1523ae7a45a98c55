// test/support/arrow-decoder.ts — drives the Arrow kernel over one stream and gives back plain columns.
//
// Each driver has a kernel of its own.

import {
  ARROW_DONE,
  ARROW_FULL,
  ARROW_OK,
  ARROW_REJECTS_FULL,
  BATCH_HEADER_BYTES,
  BUILDER_ROW_NUMBERS,
  COLUMN_DESCRIPTOR_BYTES,
  REJECT_BYTES,
} from '../../assembly/layout.ts';
import { ARENA_BASE_MIN, type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { readBatch, type Value } from './batch-rows.ts';

export interface DecoderColumn {
  name: string;
  type: number;
  flags: number;
}

export interface Decoded {
  /** ARROW_OK, or the code that ended the stream. */
  code: number;
  /** Whether arrowBegin already refused it. */
  refused: boolean;
  errorColumn: number;
  errorDetail: number;
  columns: Value[][];
  rowNumbers: number[];
  rejects: { row: number; reason: number; column: number }[];
  rowsSeen: number;
  /** Bytes of text that were built. */
  textBytes: number;
}

/** How far before the stream the bytes are set. */
const SURROUNDINGS_BYTES = 4096;
const MEMORY_BYTES = 2 * 1024 * 1024;

export interface ArrowDriver {
  /** @param surroundings  what stands before the stream: one byte over and over, or these bytes right before it */
  decode(stream: Uint8Array, surroundings?: number | Uint8Array): Decoded;
}

let shared: Kernel | undefined;
let driversMade = 0;

/** An empty, zeroed arena in a memory of at least `bytes`. */
function freshArena(arenaEnd: number, bytes: number, debug: boolean): Kernel {
  if (shared === undefined || shared.u8.length < bytes) {
    shared = loadKernel({ memory: reserveMemory(Math.max(bytes, MEMORY_BYTES), false), debug });
  }
  shared.u8.fill(0, ARENA_BASE_MIN, arenaEnd);
  shared.exports.arenaOpen(ARENA_BASE_MIN, arenaEnd);
  return shared;
}

export function arrowDriver(
  columns: readonly DecoderColumn[],
  { rowsMax = 4096, bytesMax = 262144, streamBytesMax = 65536, debug = process.env.PELTON_KERNEL === 'debug' } = {},
): ArrowDriver {
  const arenaEnd = ARENA_BASE_MIN + 256 * 1024 + columns.length * (bytesMax + rowsMax * 16);
  const kernel = freshArena(arenaEnd, arenaEnd + 65536 + streamBytesMax, debug);
  const driver = ++driversMade;
  const { exports, u8, u32, i32 } = kernel;
  const builderPlan = exports.reserve(12 + columns.length * 8) >>> 0;
  u32.set(
    [columns.length, rowsMax, bytesMax, ...columns.flatMap(({ type, flags }) => [type, flags])],
    builderPlan >> 2,
  );
  const builder = exports.builderCreate(builderPlan) >>> 0;
  const names = columns.map(({ name }) => new TextEncoder().encode(name));
  const namesBytes = names.reduce((sum, name) => sum + name.length, 0);
  const plan = exports.reserve(12 + columns.length * 8 + namesBytes) >>> 0;
  u32.set([builder, columns.length, namesBytes], plan >> 2);
  let nameOffset = 12 + columns.length * 8;
  names.forEach((name, index) => {
    u32.set([nameOffset, name.length], (plan >> 2) + 3 + index * 2);
    u8.set(name, plan + nameOffset);
    nameOffset += name.length;
  });
  const decoder = exports.arrowCreate(plan) >>> 0;
  const guard = exports.reserve(64) >>> 0;
  if (builder === 0 || decoder === 0 || guard === 0) throw new Error('the arena is too small for this test');
  const rowNumbersAt =
    u32[(builder + BATCH_HEADER_BYTES + columns.length * COLUMN_DESCRIPTOR_BYTES + BUILDER_ROW_NUMBERS) >> 2]!;

  const take = (into: Decoded) => {
    exports.builderSeal(builder);
    into.textBytes += exports.builderBytesUsed(builder);
    const rows = exports.builderRows(builder);
    for (const [index, values] of readBatch(kernel, builder).entries()) {
      for (const value of values) into.columns[index]!.push(value);
    }
    into.rowNumbers.push(...u32.subarray(rowNumbersAt >> 2, (rowNumbersAt >> 2) + rows));
    exports.builderReset(builder);
  };
  return {
    decode(stream, surroundings = 0) {
      if (driver !== driversMade) throw new Error('a driver made later has taken the arena');
      const place = u8.length - stream.length;
      if (typeof surroundings === 'number') u8.fill(surroundings, place - SURROUNDINGS_BYTES, place);
      else u8.set(surroundings, place - surroundings.length);
      u8.set(stream, place);
      exports.builderReset(builder);
      const begun = exports.arrowBegin(decoder, place, stream.length);
      const decoded: Decoded = {
        code: begun,
        refused: begun !== ARROW_OK,
        errorColumn: -1,
        errorDetail: 0,
        columns: columns.map(() => []),
        rowNumbers: [],
        rejects: [],
        rowsSeen: 0,
        textBytes: 0,
      };
      for (;;) {
        const answer = exports.arrowNext(decoder);
        const listed = exports.arrowRejectCount(decoder);
        const rejects = exports.arrowRejects(decoder) >>> 0;
        for (let index = 0; index < listed; index++) {
          const at = (rejects + index * REJECT_BYTES) >> 2;
          decoded.rejects.push({ row: u32[at]!, reason: u32[at + 1]!, column: i32[at + 2]! });
        }
        if (answer === ARROW_FULL) take(decoded);
        else if (answer !== ARROW_REJECTS_FULL) {
          take(decoded);
          decoded.code = answer === ARROW_DONE ? ARROW_OK : -answer;
          break;
        }
      }
      decoded.errorColumn = exports.arrowErrorColumn(decoder);
      decoded.errorDetail = exports.arrowErrorDetail(decoder);
      decoded.rowsSeen = exports.arrowRowsSeen(decoder);
      if (u8.subarray(guard, guard + 64).some((byte) => byte !== 0)) throw new Error('written behind the builder');
      return decoded;
    },
  };
}
