// Hashes against published values, and what keys may count on. Vectors: fixtures/hash-vectors.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } from '../../assembly/layout.ts';
import { loadKernel, PAGE_BYTES, reserveMemory } from '../../host/kernel/load.ts';
import { type ImageColumn, writeImage } from '../support/image.ts';

const folder = new URL('../fixtures/hash-vectors/', import.meta.url);
const kernel = loadKernel({ memory: reserveMemory(16 * PAGE_BYTES, false) });
const { exports, u8, i64, u32 } = kernel;
const at = exports.reserve(262144) >>> 0;
const out = exports.reserve(65536) >>> 0;

function xxh64(bytes: Uint8Array, seed: bigint, where = at): bigint {
  u8.set(bytes, where);
  exports.xxh64(where, bytes.length, Number(seed & 0xffffffffn), Number(seed >> 32n), out);
  return BigInt.asUintN(64, i64[out >>> 3]!);
}

function hashes(columns: readonly ImageColumn[], seed = 7): bigint[] {
  writeImage(u8, at, columns);
  const keys = at + 131072;
  u32.set(
    columns.flatMap(({ type }, index) => [index, type]),
    keys >>> 2,
  );
  exports.hashColumns(at, keys, columns.length, seed, 0, out);
  return Array.from(i64.subarray(out >>> 3, (out >>> 3) + columns[0]!.values.length));
}

test('xxh64 gives the published value for every vector', () => {
  const buffer = Buffer.from(readFileSync(new URL('xxhash_buffer_2400.hex', folder), 'utf8').trim(), 'hex');
  const vectors = readFileSync(new URL('xxhash.csv', folder), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('XXH64,'))
    .map((line) => line.trim().split(','));
  expect(vectors.length).toBe(9);
  for (const [, length, seed, result] of vectors) {
    expect(xxh64(buffer.subarray(0, Number(length)), BigInt(seed!)), `length ${length}, seed ${seed}`).toBe(
      BigInt(`0x${result}`),
    );
  }
});

test('the last bytes of the memory can be hashed: nothing behind a key is read', () => {
  const end = u8.length;
  for (const length of [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 64]) {
    expect(() => xxh64(new Uint8Array(length), 0n, end - length)).not.toThrow();
    const header = 16 + 24;
    const view = end - 65536;
    writeImage(u8, view, [{ type: TYPE_UTF8, values: [''] }]);
    // A view whose only key ends with the memory.
    u32[(view + 16 + 16) >>> 2] = end - length - view;
    u32[(view + header + 4) >>> 2] = length;
    u32.set([0, TYPE_UTF8], at >>> 2);
    expect(() => exports.hashColumns(view, at, 1, 1, 0, out)).not.toThrow();
  }
});

test('a one-byte change anywhere in a key of any length up to 70 changes its hash', () => {
  for (let length = 1; length <= 70; length++) {
    const key = 'k'.repeat(length);
    const changed = Array.from({ length }, (_, place) => `${key.slice(0, place)}K${key.slice(place + 1)}`);
    const all = hashes([{ type: TYPE_UTF8, values: [key, ...changed] }]);
    expect(new Set(all).size, `length ${length}`).toBe(length + 1);
  }
});

test('keys of repeated bytes and of different lengths differ', () => {
  const values = Array.from({ length: 200 }, (_, length) => '\0'.repeat(length));
  expect(new Set(hashes([{ type: TYPE_UTF8, values }])).size).toBe(200);
});

test('−0 and 0 are one key, every NaN is one key; null, zero and the empty string are three', () => {
  const [zero, minusZero, nan, otherNan, nothing] = hashes([
    { type: TYPE_F64, values: [0, -0, Number.NaN, -Number.NaN, null] },
  ]);
  expect(minusZero).toBe(zero);
  expect(otherNan).toBe(nan);
  expect(nothing).not.toBe(zero);
  const [empty, absent] = hashes([{ type: TYPE_UTF8, values: ['', null] }]);
  expect(absent).not.toBe(empty);
});

test('an i32 key hashes as the same i64 key, under any seed; another seed gives another hash', () => {
  const narrow = hashes([{ type: TYPE_I32, values: [-1, 0, 7] }]);
  expect(hashes([{ type: TYPE_I64, values: [-1n, 0n, 7n] }])).toEqual(narrow);
  expect(hashes([{ type: TYPE_I32, values: [-1, 0, 7] }], 8)).not.toEqual(narrow);
});

test('in a composite key the parts do not change places', () => {
  const bools: ImageColumn = { type: TYPE_BOOL, values: [true, false] };
  const numbers: ImageColumn = { type: TYPE_I64, values: [0n, 1n] };
  const [a, b] = hashes([bools, numbers]);
  expect(a).not.toBe(b);
});

test('the tags of 65,536 successive keys spread evenly over 256 parts, by their first and by their last bits', () => {
  const counts = new Map<string, number>();
  for (let part = 0; part < 16; part++) {
    const values = Array.from({ length: 4096 }, (_, index) => BigInt(part * 4096 + index));
    for (const hash of hashes([{ type: TYPE_I64, values }])) {
      const tag = BigInt.asUintN(64, hash) >> 32n;
      for (const name of [`first ${tag >> 24n}`, `last ${(tag >> 1n) & 255n}`]) {
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
  }
  // 256 on average, standard deviation 16: five of them either way.
  for (const [name, count] of counts) expect(Math.abs(count - 256), name).toBeLessThan(80);
});
