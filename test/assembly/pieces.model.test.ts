// A batch in pieces against the image that the scatter copies together, for batches of every kind.
import { expect, test } from 'vitest';
import {
  BATCH_FLAG_WATERMARKS,
  NULL_KEY_ERROR,
  PIECE_BYTES,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import type { ModelPlan } from '../model/scatter.ts';
import { placeBatch, placeSelection, type TestBatch, type TestColumn } from '../support/batch.ts';
import { type Random, seededRandom } from '../support/random.ts';
import { createScatter } from '../support/scatter.ts';

const ROUNDS = 400;
const ROWS_MAX = 100;
const memory = reserveMemory(8 * 1024 * 1024, false);

test('pieces put together are the scattered image, and are offered for plain batches alone', () => {
  const seen = { offered: 0, refused: 0, watermarks: 0, keyless: 0 };
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seededRandom(seed);
    const kernel = loadKernel({ memory });
    const batch = randomBatch(random);
    const rows = batch.columns[0]!.values.length;
    const plan = randomPlan(random, batch);
    const at = placeBatch(kernel, batch);
    const types = batch.columns.map(({ type }) => type);
    const scatter = createScatter(kernel, plan, types, ROWS_MAX);
    const partition = random.below(plan.partitionCount);
    const pieces = kernel.exports.scatterPieces(scatter, at, 0, rows, partition);
    expect(pieces > 0, `seed ${seed}`).toBe(isPlain(plan, batch));
    if (pieces === 0) {
      seen.refused++;
      continue;
    }
    const to = plan.keyColumns.length === 0 ? partition : 0;
    const bytes = kernel.exports.scatterImageBytes(scatter, to);
    expect(kernel.exports.scatterImageRows(scatter, to)).toBe(rows);
    const together = putTogether(kernel, scatter, pieces, bytes);
    expect(kernel.exports.scatterRun(scatter, at, 0, rows, 0, partition)).toBe(rows);
    expect(kernel.exports.scatterImageBytes(scatter, to)).toBe(bytes);
    const image = kernel.exports.scatterImage(scatter, to) >>> 0;
    expect(together, `seed ${seed}`).toEqual(kernel.u8.slice(image, image + bytes));
    seen.offered++;
    if (batch.flags !== 0) seen.watermarks++;
    if (plan.keyColumns.length === 0) seen.keyless++;
  }
  for (const [what, count] of Object.entries(seen)) expect(count, `no round with ${what}`).toBeGreaterThan(0);
});

test('a part of a batch is left to the scatter', () => {
  const kernel = loadKernel({ memory });
  const batch = { columns: [{ type: TYPE_I64, values: [1n, 2n, 3n] }] };
  const at = placeBatch(kernel, batch);
  const plan = { ...PLAN, keyColumns: [0], columns: [0] };
  const scatter = createScatter(kernel, plan, [TYPE_I64], ROWS_MAX);
  expect(kernel.exports.scatterPieces(scatter, at, 0, 3, 0)).toBe(2);
  expect(kernel.exports.scatterPieces(scatter, at, 0, 2, 0)).toBe(0);
  expect(kernel.exports.scatterPieces(scatter, at, 0, 0, 0)).toBe(0);
  expect(kernel.exports.scatterPieces(scatter, at, placeSelection(kernel, [0, 1, 2]), 3, 0)).toBe(0);
});

const PLAN: ModelPlan = {
  partitionCount: 1,
  groupTable: [0],
  keyColumns: [],
  columns: [],
  imageBytesMax: 65536,
  nullKey: NULL_KEY_ERROR,
};

function isPlain(plan: ModelPlan, { columns, flags }: Required<TestBatch>): boolean {
  const travelling = [...plan.columns, ...(flags === 0 ? [] : [columns.length - 1])].map((index) => columns[index]!);
  const needed = [...travelling, ...plan.keyColumns.map((index) => columns[index]!)];
  const plain = needed.every(
    ({ type, values }) =>
      [TYPE_I64, TYPE_F64, TYPE_I32].includes(type) &&
      !(type === TYPE_I32 && values.length % 2 === 1) &&
      !values.includes(null),
  );
  return plain && (plan.keyColumns.length === 0 || plan.partitionCount === 1);
}

function putTogether(kernel: Kernel, scatter: number, count: number, bytes: number): Uint8Array {
  const image = new Uint8Array(bytes).fill(0xff); // What no piece covers would differ.
  const list = kernel.exports.scatterPieceList(scatter) >>> 2;
  for (let piece = 0; piece < count; piece++) {
    const [from, to, length] = kernel.u32.subarray(list + (piece * PIECE_BYTES) / 4);
    image.set(kernel.u8.subarray(from!, from! + length!), to!);
  }
  return image;
}

function randomPlan(random: Random, { columns }: TestBatch): ModelPlan {
  const indexes = columns.map((_, index) => index);
  const partitionCount = random.pick([1, 1, 3]);
  const keyColumns = Array.from({ length: random.pick([0, 1, 1, 2]) }, () => random.pick(indexes));
  const groupTable = Array.from({ length: 16 }, () => random.below(partitionCount));
  return { ...PLAN, partitionCount, groupTable, keyColumns, columns: indexes.filter(() => random.chance(0.8)) };
}

function randomBatch(random: Random): Required<TestBatch> {
  const rows = 1 + random.below(ROWS_MAX);
  const wild = random.chance(0.3);
  const columns = Array.from({ length: 1 + random.below(4) }, (): TestColumn => {
    const type = random.pick(wild ? [TYPE_I64, TYPE_I32, TYPE_BOOL, TYPE_UTF8] : [TYPE_I64, TYPE_F64, TYPE_I32]);
    const nullShare = wild ? random.pick([0, 0.1]) : 0;
    const value = () => {
      if (random.chance(nullShare)) return null;
      if (type === TYPE_BOOL) return random.chance(0.5);
      if (type === TYPE_UTF8) return `${random.below(1000)}`;
      return type === TYPE_I64 ? BigInt(random.u32()) : random.u32() | 0;
    };
    return { type, values: Array.from({ length: rows }, value) };
  });
  const flags = random.chance(0.3) ? BATCH_FLAG_WATERMARKS : 0;
  if (flags !== 0) {
    columns.push({ type: TYPE_I64, values: Array.from({ length: rows }, () => BigInt(random.u32())) });
  }
  return { columns, flags };
}
