// What the model test cannot pin by chance: known partitions, refusals, exact bounds, views, equal bytes.
import { expect, test } from 'vitest';
import {
  BATCH_HEADER_BYTES,
  BUILDER_NULLABLE,
  COLUMN_BYTES_LENGTH,
  COLUMN_VALUES,
  KEY_BYTES_MAX,
  NULL_KEY_DROP,
  NULL_KEY_ERROR,
  NULL_KEY_GROUP,
  TYPE_F64,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { imageBytesOf, keyBytes, type ModelPlan } from '../model/scatter.ts';
import {
  boolColumn,
  f64Column,
  i32Column,
  i64Column,
  placeBatch,
  readBatch,
  type TestBatch,
  utf8Column,
} from '../support/batch.ts';
import { createScatter, readRun } from '../support/scatter.ts';

const ROWS_MAX = 64;
const identityTable = (groupCount: number) => Array.from({ length: groupCount }, (_, group) => group);

function scatterOf(batch: TestBatch, changes: Partial<ModelPlan> = {}, memoryBytes = 4 * 1024 * 1024) {
  const kernel = loadKernel({ memory: reserveMemory(memoryBytes, false) });
  const plan: ModelPlan = {
    partitionCount: 10,
    groupTable: identityTable(10),
    keyColumns: [0],
    columns: batch.columns.map((_, index) => index),
    imageBytesMax: 65536,
    nullKey: NULL_KEY_ERROR,
    ...changes,
  };
  const types = batch.columns.map(({ type }) => type);
  const scatter = createScatter(kernel, plan, types, ROWS_MAX);
  const at = placeBatch(kernel, batch);
  const rowCount = batch.columns[0]!.values.length;
  const run = (from = 0, partition = 0) =>
    readRun(kernel, scatter, plan, kernel.exports.scatterRun(scatter, at, 0, rowCount, from, partition));
  return { kernel, scatter, run };
}

test('a key lands in the partition that a Kafka topic would give it', () => {
  // Kafka's published murmur2 of these, & 0x7fffffff, % 10.
  const published = { '21': -973932308, foobar: -790332482, abc: 479470107 };
  const { run } = scatterOf({ columns: [utf8Column(Object.keys(published))] });
  const { images } = run();
  for (const [key, hash] of Object.entries(published)) {
    expect(images[(hash & 0x7fffffff) % 10]![0]!.values).toContain(key);
  }
});

test('0 and −0 are one key, and so is every NaN', () => {
  const { kernel, scatter, run } = scatterOf({ columns: [f64Column([0, -0, Number.NaN, Number.NaN])] });
  const { images } = run();
  expect(images.filter((image) => image[0]?.values.some((value) => value === 0))).toHaveLength(1);
  expect(images.filter((image) => image[0]?.values.some((value) => Number.isNaN(value)))).toHaveLength(1);
  // A NaN with another payload and sign.
  const other = placeBatch(kernel, { columns: [f64Column([1])] });
  kernel.i64[(other + 40) >> 3] = -0x0007_0000_0000_0001n;
  const before = images.findIndex((image) => image[0]?.values.some((value) => Number.isNaN(value)));
  kernel.exports.scatterRun(scatter, other, 0, 1, 0, 0);
  expect(kernel.exports.scatterImageRows(scatter, before)).toBe(1);
  expect(keyBytes(TYPE_F64, Number.NaN)).toEqual(Uint8Array.of(0x7f, 0xf8, 0, 0, 0, 0, 0, 0));
});

test('a null key is listed, dropped or routed, as the job says', () => {
  const batch: TestBatch = { columns: [utf8Column(['a', null, 'b', null]), i64Column([1n, 2n, 3n, 4n])] };
  for (const nullKey of [NULL_KEY_ERROR, NULL_KEY_DROP]) {
    const { nullKeys, images, consumed } = scatterOf(batch, { nullKey }).run();
    expect([nullKeys, consumed]).toEqual([[1, 3], 4]);
    expect(images.flatMap((image) => image[1]?.values ?? []).sort()).toEqual([1n, 3n]);
  }
  const routed = scatterOf(batch, { nullKey: NULL_KEY_GROUP }).run();
  expect(routed.nullKeys).toEqual([]);
  const withNulls = routed.images.filter((image) => image[0]?.values.includes(null));
  expect(withNulls).toHaveLength(1);
  expect(withNulls[0]![1]!.values).toEqual(expect.arrayContaining([2n, 4n]));
});

test('with one partition null and long keys are still listed', () => {
  const long = 'x'.repeat(KEY_BYTES_MAX + 1);
  const { run } = scatterOf(
    { columns: [utf8Column(['a', null, long, 'x'.repeat(KEY_BYTES_MAX)])] },
    { partitionCount: 1, groupTable: [0] },
  );
  const { nullKeys, longKeys, consumed, images } = run();
  expect([nullKeys, longKeys, consumed]).toEqual([[1], [2], 4]);
  expect(images[0]![0]!.values).toEqual(['a', 'x'.repeat(KEY_BYTES_MAX)]);
});

test('an image may be exactly its largest size; one byte less stops before the row', () => {
  const columns = [utf8Column(['abcdefgh', 'ijklmnop', 'q'])];
  const two = imageBytesOf([utf8Column(['abcdefgh', 'ijklmnop'])]);
  const plan = { keyColumns: [], partitionCount: 1, groupTable: [0] };
  expect(scatterOf({ columns }, { ...plan, imageBytesMax: two }).run().consumed).toBe(2);
  expect(scatterOf({ columns }, { ...plan, imageBytesMax: two - 1 }).run().consumed).toBe(1);
});

test('a row that no image can hold consumes nothing, and the next run may step over it', () => {
  const { run } = scatterOf(
    { columns: [utf8Column(['x'.repeat(500), 'small'])] },
    { keyColumns: [], partitionCount: 1, groupTable: [0], imageBytesMax: 200 },
  );
  expect(run(0).consumed).toBe(0);
  const second = run(1);
  expect([second.consumed, second.images[0]![0]!.values]).toEqual([1, ['small']]);
});

test('the lengths of its parts count in a composite key’s size', () => {
  const fits = 'x'.repeat(KEY_BYTES_MAX - 12); // Two lengths and an i32 beside it.
  const { run } = scatterOf({ columns: [utf8Column([fits, `${fits}x`]), i32Column([7, 7])] }, { keyColumns: [0, 1] });
  expect(run().longKeys).toEqual([1]);
});

test('what stands in a null’s place does not travel', () => {
  const { kernel, scatter } = scatterOf({ columns: [utf8Column(['a'])] }, { keyColumns: [] });
  const at = placeBatch(kernel, { columns: [utf8Column(['abc', null, 'de'])] });
  const offsets = (at + kernel.u32[(at + BATCH_HEADER_BYTES + COLUMN_VALUES) >> 2]!) >> 2;
  kernel.i32.set([0, 3, 4, 5], offsets); // The null row covers the d.
  kernel.exports.scatterRun(scatter, at, 0, 3, 0, 0);
  const image = kernel.exports.scatterImage(scatter, 0) >>> 0;
  expect(readBatch(kernel.u8, image).columns).toEqual([utf8Column(['abc', null, 'e'])]);
  expect(kernel.u32[(image + BATCH_HEADER_BYTES + COLUMN_BYTES_LENGTH) >> 2]).toBe(4);
});

test.each([2, 3, 64])('%i equal rows give equal bytes, whatever the image held before', (rows) => {
  const of = <T>(values: T[]) => Array.from({ length: rows }, (_, row) => values[row % values.length]!);
  const columns = [
    utf8Column(of(['abc', null, 'fgh'])),
    i32Column(of([1, 2, 3])),
    boolColumn(of([true, false])),
    i64Column(of([1n, 2n])),
  ];
  const { kernel, scatter, run } = scatterOf({ columns }, { keyColumns: [] });
  const at = kernel.exports.scatterImage(scatter, 4) >>> 0;
  const imageBytes = () => kernel.u8.slice(at, at + kernel.exports.scatterImageBytes(scatter, 4));
  run(0, 4);
  const clean = imageBytes();
  kernel.u8.fill(0xee, at, at + 4096);
  run(0, 4);
  expect(imageBytes()).toEqual(clean);
});

test('a sealed builder is scattered where it stands', () => {
  const kernel = loadKernel({ memory: reserveMemory(8 * 1024 * 1024, false) });
  const { exports, u32 } = kernel;
  const builderPlan = exports.reserve(64) >>> 2;
  u32.set([2, ROWS_MAX, 4096, TYPE_I64, 0, TYPE_UTF8, BUILDER_NULLABLE], builderPlan);
  const builder = exports.builderCreate(builderPlan << 2) >>> 0;
  exports.builderSeal(builder);
  const plan: ModelPlan = {
    partitionCount: 2,
    groupTable: [0, 1],
    keyColumns: [0],
    columns: [0, 1],
    imageBytesMax: 65536,
    nullKey: NULL_KEY_ERROR,
  };
  const scatter = createScatter(kernel, plan, [TYPE_I64, TYPE_UTF8], ROWS_MAX);
  expect(exports.scatterRun(scatter, builder, 0, 0, 0, 0)).toBe(0);
  expect(exports.scatterImageBytes(scatter, 0)).toBe(0);
});

test('an arena that cannot hold an image for every partition refuses the scatter with 0', () => {
  const { scatter } = scatterOf({ columns: [i64Column([1n])] }, { imageBytesMax: 65536 }, 131072 + 65536 * 5);
  expect(scatter).toBe(0);
});
