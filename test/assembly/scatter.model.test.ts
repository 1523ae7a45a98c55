// The scatter against plain rows: all types, nulls, selections, bounds, watermark columns, one to eight partitions.
import { expect, test } from 'vitest';
import {
  BATCH_FLAG_WATERMARKS,
  NULL_KEY_DROP,
  NULL_KEY_ERROR,
  NULL_KEY_GROUP,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { type ModelPlan, type ModelRun, modelScatter } from '../model/scatter.ts';
import {
  placeBatch,
  placeSelection,
  readBatch,
  type TestBatch,
  type TestColumn,
  type Value,
} from '../support/batch.ts';
import { type Random, seededRandom } from '../support/random.ts';
import { createScatter, readRun } from '../support/scatter.ts';

const ROUNDS = 60;
const ROWS_MAX = 300;
const MEMORY_BYTES = 32 * 1024 * 1024;
const TYPES = [TYPE_BOOL, TYPE_I32, TYPE_I64, TYPE_F64, TYPE_UTF8];

test.each([1, 2, 5, 8])('deals every row where the model does: %i partitions', (partitionCount) => {
  const seen = { stopped: 0, refused: 0, nulls: 0, longs: 0, watermarks: 0, selections: 0, keyless: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const seed = partitionCount * 10_000 + round;
    const random = seededRandom(seed);
    const kernel = loadKernel({ memory: MEMORIES[round % 2]! }); // Reused: what a scatter finds there must not matter.
    const batch = randomBatch(random);
    const types = batch.columns.map(({ type }) => type);
    const plan = randomPlan(random, partitionCount, batch);
    const rowCount = batch.columns[0]!.values.length;
    const all = Array.from({ length: rowCount }, (_, row) => row);
    const selected = random.chance(0.5) ? all : all.filter(() => random.chance(0.6));
    const at = placeBatch(kernel, batch);
    const selection = selected === all ? 0 : placeSelection(kernel, selected);
    const scatter = createScatter(kernel, plan, types, ROWS_MAX);
    expect(scatter, `seed ${seed}`).not.toBe(0);
    let from = 0;
    while (from < selected.length) {
      const partition = random.below(partitionCount);
      const consumed = kernel.exports.scatterRun(scatter, at, selection, selected.length, from, partition);
      const expected = modelScatter(plan, batch, selected, from, partition);
      compareRuns(readRun(kernel, scatter, plan, consumed), expected, `seed ${seed}, from ${from}`);
      checkFlags(kernel.u8, kernel.exports, scatter, plan, batch.flags);
      seen.nulls += expected.nullKeys.length;
      seen.longs += expected.longKeys.length;
      if (consumed < selected.length - from) seen.stopped++;
      if (consumed === 0) seen.refused++;
      from += Math.max(consumed, 1);
    }
    if (batch.flags !== 0) seen.watermarks++;
    if (selection !== 0) seen.selections++;
    if (plan.keyColumns.length === 0) seen.keyless++;
  }
  // A mix that never met one of these would have shown nothing about it.
  for (const [what, count] of Object.entries(seen)) expect(count, `no round with ${what}`).toBeGreaterThan(0);
});

const MEMORIES = [reserveMemory(MEMORY_BYTES, false), reserveMemory(MEMORY_BYTES, true)];

function compareRuns(got: ModelRun, expected: ModelRun, where: string): void {
  expect(got.consumed, where).toBe(expected.consumed);
  expect(got.nullKeys, where).toEqual(expected.nullKeys);
  expect(got.longKeys, where).toEqual(expected.longKeys);
  expect(got.imageBytes, where).toEqual(expected.imageBytes);
  expected.images.forEach((columns, partition) => {
    if (expected.imageBytes[partition] === 0) expect(got.images[partition], where).toEqual([]);
    else expect(got.images[partition], `${where}, partition ${partition}`).toEqual(columns);
  });
}

function checkFlags(
  memory: Uint8Array,
  exports: {
    scatterImage(scatter: number, partition: number): number;
    scatterImageBytes(s: number, p: number): number;
  },
  scatter: number,
  plan: ModelPlan,
  flags: number,
): void {
  for (let partition = 0; partition < plan.partitionCount; partition++) {
    if (exports.scatterImageBytes(scatter, partition) === 0) continue;
    expect(readBatch(memory, exports.scatterImage(scatter, partition) >>> 0).flags).toBe(flags);
  }
}

function randomPlan(random: Random, partitionCount: number, batch: TestBatch): ModelPlan {
  const indexes = batch.columns.map((_, index) => index);
  const groupCount = random.pick([1, 7, 16, 128]);
  return {
    partitionCount,
    groupTable: Array.from({ length: groupCount }, () => random.below(partitionCount)),
    keyColumns: Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => random.pick(indexes)),
    columns: indexes.filter(() => random.chance(0.8)),
    imageBytesMax: random.pick([400, 2000, 6000, 65536, 262144]),
    nullKey: random.pick([NULL_KEY_ERROR, NULL_KEY_DROP, NULL_KEY_GROUP]),
  };
}

function randomBatch(random: Random): Required<TestBatch> {
  const rowCount = random.pick([1, 2, 63, 64, 65, ROWS_MAX]);
  const cardinality = random.pick([3, 40, 100_000]);
  const columns = Array.from({ length: 1 + random.below(6) }, (): TestColumn => {
    const type = random.pick(TYPES);
    const nullShare = random.pick([0, 0, 0.02, 0.5]);
    const longShare = random.pick([0, 0, 0.02]);
    const values = Array.from({ length: rowCount }, () =>
      random.chance(nullShare) ? null : randomValue(random, type, cardinality, longShare),
    );
    return { type, values };
  });
  const flags = random.chance(0.3) ? BATCH_FLAG_WATERMARKS : 0;
  if (flags !== 0) {
    columns.push({ type: TYPE_I64, values: Array.from({ length: rowCount }, () => BigInt(random.u32())) });
  }
  return { columns, flags };
}

function randomValue(random: Random, type: number, cardinality: number, longShare: number): Value {
  const which = random.below(cardinality);
  if (type === TYPE_BOOL) return which % 2 === 0;
  if (type === TYPE_I32) return Math.imul(which, 0x9e3779b1);
  if (type === TYPE_I64) return BigInt.asIntN(64, BigInt(which) * 0x9e3779b97f4a7c15n);
  if (type === TYPE_F64) return random.pick([which / 7, -which, 0, Number.NaN, Number.NEGATIVE_INFINITY]);
  if (random.chance(longShare)) return 'long'.repeat(random.pick([4095, 4096, 4097]));
  return 'ünïcode key of any length up to forty-one'.slice(0, which % 42);
}
