// The rows of the keyed benches: drawn by one integer hash that JavaScript and SQL compute alike, so that no side has
// to be fed by another. Keys are spread over 53 bits, which a JavaScript number still holds exactly.

import {
  BATCH_HEADER_BYTES,
  BATCH_ROWS_MAX,
  COLUMN_DESCRIPTOR_BYTES,
  TYPE_I64,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import type { Kernel } from '../../../host/kernel/load.ts';

/** Key index × this = key. A prime below 2^31. */
export const KEY_STEP = 2147483629;

export interface Rows {
  keys: number;
  windows: number;
  rowsPerWindow: number;
  count: number;
  windowMs: number;
  /** Plain columns for the JavaScript baseline; the key is the key, not its index. */
  plain: { times: Float64Array; keys: Float64Array; values: Float64Array; count: number };
}

/** A permutation of the 32-bit numbers ("lowbias32", Wellons). */
function mix(x: number): number {
  let z = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  z = Math.imul(z ^ (z >>> 15), 0x846ca68b);
  return (z ^ (z >>> 16)) >>> 0;
}

const shiftXor = (x: string, bits: number) => `xor(${x}, ${x} >> ${bits})`;

export function drawRows(keys: number, windows: number, rowsPerWindow: number, windowMs: number): Rows {
  const count = windows * rowsPerWindow;
  const plain = {
    times: new Float64Array(count),
    keys: new Float64Array(count),
    values: new Float64Array(count),
    count,
  };
  for (let row = 0; row < count; row++) {
    plain.times[row] = Math.floor((row * windowMs) / rowsPerWindow);
    plain.keys[row] = (mix(row) % keys) * KEY_STEP;
    plain.values[row] = (mix(row + 0x40000000) % 2000001) - 1000000;
  }
  return { keys, windows, rowsPerWindow, count, windowMs, plain };
}

/** 10–20 bytes: «k», seven digits, then 2–12 letters. */
export const keyText = (index: number) =>
  `k${String(index).padStart(7, '0')}${'abcdefghijkl'.slice(0, 2 + (index % 11))}`;

/** The key index of a text's bytes. */
export function keyOfText(bytes: Uint8Array, at: number): number {
  let index = 0;
  for (let digit = 1; digit <= 7; digit++) index = index * 10 + bytes[at + digit]! - 48;
  return index;
}

/** The same rows as a SELECT. */
export function rowsSql({ keys, rowsPerWindow, count, windowMs }: Rows, type: number): string {
  const key = type === TYPE_UTF8 ? keyTextSql(`h1 % ${keys}`) : `(h1 % ${keys}) * ${KEY_STEP}`;
  return `
    WITH r AS (SELECT range AS i, range & 4294967295 AS x, (range + 1073741824) & 4294967295 AS y FROM range(${count})),
    a AS (SELECT i, (${shiftXor('x', 16)} * 2146121005) & 4294967295 AS x, (${shiftXor('y', 16)} * 2146121005) & 4294967295 AS y FROM r),
    b AS (SELECT i, (${shiftXor('x', 15)}::HUGEINT * 2221713035 % 4294967296)::BIGINT AS x,
      (${shiftXor('y', 15)}::HUGEINT * 2221713035 % 4294967296)::BIGINT AS y FROM a),
    c AS (SELECT i, ${shiftXor('x', 16)} AS h1, ${shiftXor('y', 16)} AS h2 FROM b)
    SELECT (i * ${windowMs}) // ${rowsPerWindow} AS time, ${key} AS key, h2 % 2000001 - 1000000 AS value FROM c ORDER BY i`;
}

const keyTextSql = (index: string) =>
  `'k' || lpad((${index})::VARCHAR, 7, '0') || left('abcdefghijkl', 2 + (${index}) % 11)`;

/** Writes the rows as images of 4096 rows into the kernel's memory. */
export function writeBatches(kernel: Kernel, rows: Rows, type: number): { at: number; lastTime: number }[] {
  const { u8, u32, i64 } = kernel;
  const { times, keys, values } = rows.plain;
  const texts = type === TYPE_UTF8 ? Array.from({ length: rows.keys }, (_, key) => Buffer.from(keyText(key))) : [];
  const batches: { at: number; lastTime: number }[] = [];
  const header = BATCH_HEADER_BYTES + 3 * COLUMN_DESCRIPTOR_BYTES;
  for (let first = 0; first < rows.count; first += BATCH_ROWS_MAX) {
    const count = Math.min(BATCH_ROWS_MAX, rows.count - first);
    const keyBytes = type === TYPE_UTF8 ? (count + 1) * 4 + count * 20 + 16 : count * 8;
    const at = kernel.exports.reserve(header + count * 16 + keyBytes) >>> 0;
    if (at === 0) throw new Error('the arena is full');
    const valuesAt = header + count * 8;
    const keysAt = header + count * 16;
    const bytesAt = (keysAt + (count + 1) * 4 + 7) & ~7;
    u32.set([count, 3, header + count * 16 + keyBytes, 0], at >>> 2);
    u32.set([TYPE_I64, 0, 0, header, 0, 0], (at + BATCH_HEADER_BYTES) >>> 2);
    u32.set([type, 0, 0, keysAt, bytesAt, 0], (at + BATCH_HEADER_BYTES + COLUMN_DESCRIPTOR_BYTES) >>> 2);
    u32.set([TYPE_I64, 0, 0, valuesAt, 0, 0], (at + BATCH_HEADER_BYTES + 2 * COLUMN_DESCRIPTOR_BYTES) >>> 2);
    let length = 0;
    for (let row = 0; row < count; row++) {
      i64[((at + header) >>> 3) + row] = BigInt(times[first + row]!);
      i64[((at + valuesAt) >>> 3) + row] = BigInt(values[first + row]!);
      if (type === TYPE_I64) {
        i64[((at + keysAt) >>> 3) + row] = BigInt(keys[first + row]!);
      } else {
        const text = texts[keys[first + row]! / KEY_STEP]!;
        u8.set(text, at + bytesAt + length);
        length += text.length;
        u32[((at + keysAt) >>> 2) + row + 1] = length;
      }
    }
    batches.push({ at, lastTime: times[first + count - 1]! });
  }
  return batches;
}
