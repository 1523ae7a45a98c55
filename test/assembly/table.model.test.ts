// The state table against a Map, both spaces: all of the Map is in the table, and nothing else is.
import { expect, test } from 'vitest';
import { BARRIER_OK, COUNTER_ENTRIES, COUNTER_STATE_BYTES, TYPE_I64, TYPE_UTF8 } from '../../assembly/layout.ts';
import type { KeyedPlan } from '../model/keyed.ts';
import { type Value, writeImage } from '../support/image.ts';
import { type KeyedStage, keyedStage } from '../support/keyed.ts';
import { type Random, seededRandom } from '../support/random.ts';

const planOf = (type: number): KeyedPlan => ({ keys: [{ column: 0, type }], aggregates: [], sizeMs: 1n, offsetMs: 0n });
const ROWS_AT = 16; // Where the i64 row count stands in an entry with one key: free for the test's own value.

const SEED: [number, number] = [0x1234, 0x9876];

/** Undoes the kernel's fmix64, so that a test can choose a key's hash. */
function keyOfHash(hash: bigint): bigint {
  const mask = (1n << 64n) - 1n;
  const unshift = (x: bigint) => x ^ (x >> 33n);
  let h = unshift(hash);
  h = unshift((h * inverse(0xc4ceb9fe1a85ec53n)) & mask);
  h = unshift((h * inverse(0xff51afd7ed558ccdn)) & mask);
  return BigInt.asIntN(64, h ^ ((BigInt(SEED[1]) << 32n) | BigInt(SEED[0])));
}

/** Of an odd number modulo 2^64, by Newton's iteration. */
function inverse(odd: bigint): bigint {
  let x = odd;
  for (let step = 0; step < 6; step++) x = BigInt.asUintN(64, x * (2n - odd * x));
  return x;
}

interface Subject {
  stage: KeyedStage;
  table: number;
  batch: number;
  use(keys: readonly Value[]): void;
}

function subject(type: number, memoryBytes = 64 * 1024 * 1024): Subject {
  const stage = keyedStage(planOf(type), { seed: SEED, memoryBytes });
  const batch = stage.kernel.exports.reserve(4 * 1024 * 1024) >>> 0;
  return {
    stage,
    table: stage.kernel.exports.tableCreate(stage.handle),
    use: (keys) => void writeImage(stage.kernel.u8, batch, [{ type, values: keys }]),
    batch,
  };
}

/** Runs `steps` of upsert, find and erase on both sides; every key lies in `keys`. */
function compare({ stage, table, batch, use }: Subject, keys: readonly Value[], steps: number, random: Random): void {
  const { exports, f64 } = stage.kernel;
  use(keys);
  const model = new Map<number, number>();
  let upserts = 0.7;
  for (let step = 0; step < steps; step++) {
    if (step % 1000 === 0) upserts = random.pick([0.2, 0.7, 0.9]);
    const index = random.below(keys.length);
    const context = `seed ${random.seed}, step ${step}`;
    if (random.chance(upserts)) {
      const entry = exports.tableUpsert(stage.handle, table, batch, index) >>> 0;
      expect(entry, context).not.toBe(0);
      f64[(entry + ROWS_AT) >>> 3] = step;
      model.set(index, step);
    } else if (random.chance(0.5)) {
      expect(exports.tableErase(stage.handle, table, batch, index), context).toBe(model.delete(index) ? 1 : 0);
    } else {
      const entry = exports.tableFind(stage.handle, table, batch, index) >>> 0;
      expect(entry === 0 ? undefined : f64[(entry + ROWS_AT) >>> 3], context).toBe(model.get(index));
    }
  }
  keys.forEach((_, index) => {
    const entry = exports.tableFind(stage.handle, table, batch, index) >>> 0;
    const held = entry === 0 ? undefined : f64[(entry + ROWS_AT) >>> 3];
    if (held !== model.get(index))
      expect.fail(`seed ${random.seed}, key ${keys[index]}: ${held}, expected ${model.get(index)}`);
  });
  expect(exports.keyedCounter(stage.handle, COUNTER_ENTRIES)).toBe(model.size);
  exports.tableFree(stage.handle, table);
  expect(exports.keyedCounter(stage.handle, COUNTER_ENTRIES)).toBe(0);
  expect(exports.keyedCounter(stage.handle, COUNTER_STATE_BYTES)).toBe(0);
}

const distinct = (count: number, make: (index: number) => Value) =>
  Array.from({ length: count }, (_, index) => make(index));

test('agrees with a Map after any sequence of upsert, find and erase', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = seededRandom(seed);
    const keys = distinct(random.pick([10, 300, 5000]), (index) => BigInt(index * 977));
    compare(subject(TYPE_I64), keys, 20_000, random);
  }
});

test('agrees with a Map over utf8 keys whose entries differ in size', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const random = seededRandom(seed);
    const keys = distinct(random.pick([50, 3000]), (index) => `${index}${'-'.repeat(index % 50)}`);
    compare(subject(TYPE_UTF8), keys, 20_000, random);
  }
});

test('agrees with a Map while the index splits into many segments', () => {
  const random = seededRandom(77);
  compare(
    subject(TYPE_I64),
    distinct(60_000, (index) => BigInt(index)),
    150_000,
    random,
  );
});

test('agrees with a Map when every key has the same tag', () => {
  const keys = distinct(600, (index) => keyOfHash((0xabcdef00n << 32n) | BigInt(index)));
  compare(subject(TYPE_I64), keys, 12_000, seededRandom(5));
});

test('agrees with a Map when every key belongs to one segment, however deep the directory', () => {
  const keys = distinct(7000, (index) => keyOfHash((0x55540000n << 32n) | (BigInt(index) << 33n) | BigInt(index)));
  compare(subject(TYPE_I64), keys, 30_000, seededRandom(6));
});

test('more keys of one tag than a segment holds are refused, and every earlier key is still there', () => {
  const { stage, table, batch, use } = subject(TYPE_I64);
  const { exports } = stage.kernel;
  use(distinct(13_000, (index) => keyOfHash((0xabcdef00n << 32n) | BigInt(index))));
  let held = 0;
  while (exports.tableUpsert(stage.handle, table, batch, held) !== 0) held++;
  expect(held).toBe(12288);
  for (let index = 0; index < 13_000; index += 97) {
    expect(exports.tableFind(stage.handle, table, batch, index) !== 0).toBe(index < held);
  }
});

test('an erased entry serves the next key of its size: no new block is taken', () => {
  const { stage, table, batch, use } = subject(TYPE_I64);
  const { exports } = stage.kernel;
  use(distinct(4000, (index) => BigInt(index)));
  for (let index = 0; index < 2000; index++) exports.tableUpsert(stage.handle, table, batch, index);
  const bytes = exports.keyedCounter(stage.handle, COUNTER_STATE_BYTES);
  for (let index = 0; index < 2000; index++) {
    exports.tableErase(stage.handle, table, batch, index);
    exports.tableUpsert(stage.handle, table, batch, 2000 + index);
  }
  expect(exports.keyedCounter(stage.handle, COUNTER_STATE_BYTES)).toBe(bytes);
});

test('a block is marked for the next checkpoint: by a new key and an erased one, not by a search', () => {
  const { stage, table, batch, use } = subject(TYPE_I64);
  const { exports } = stage.kernel;
  use([1n, 2n]);
  const checkpoint = (epoch: number) => {
    expect(exports.keyedBarrier(stage.handle, epoch, 0)).toBe(BARRIER_OK);
    while (stage.sweep() !== null);
  };
  checkpoint(7);
  const entry = exports.tableUpsert(stage.handle, table, batch, 0) >>> 0;
  expect(exports.blockEpoch(entry)).toBe(8);
  checkpoint(8);
  exports.tableFind(stage.handle, table, batch, 0);
  expect(exports.blockEpoch(entry)).toBe(8);
  exports.tableErase(stage.handle, table, batch, 0);
  expect(exports.blockEpoch(entry)).toBe(9);
});
