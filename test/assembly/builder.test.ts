// The builder's own promises; decoders' tests show what they put into it.
import { expect, test } from 'vitest';
import {
  BATCH_COLUMN_COUNT,
  BATCH_HEADER_BYTES,
  BATCH_ROW_COUNT,
  BUILDER_NULLABLE,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';

const kernel = loadKernel({ memory: reserveMemory(16 * 1024 * 1024, false) });

test('a sealed empty builder is a batch of no rows with every column described', () => {
  const { exports, u32 } = kernel;
  const plan = exports.reserve(64) >>> 2;
  u32.set([2, 4096, 65536, TYPE_I64, 0, TYPE_UTF8, BUILDER_NULLABLE], plan);
  const builder = exports.builderCreate(plan << 2) >>> 0;
  exports.builderSeal(builder);
  expect(u32[(builder + BATCH_ROW_COUNT) >> 2]).toBe(0);
  expect(u32[(builder + BATCH_COLUMN_COUNT) >> 2]).toBe(2);
  expect(u32[(builder + BATCH_HEADER_BYTES) >> 2]).toBe(TYPE_I64);
});

test('an arena that cannot hold the builder refuses it with 0', () => {
  const small = loadKernel({ memory: reserveMemory(131072, false) });
  const plan = small.exports.reserve(64) >>> 2;
  small.u32.set([1, 4096, 262144, TYPE_UTF8, 0], plan);
  expect(small.exports.builderCreate(plan << 2)).toBe(0);
});
