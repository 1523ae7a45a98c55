// hash/utf8: one 64-bit hash per key of 10–20 bytes, a batch of 4096 keys at a time.
//
// The baseline is FNV-1a over a Buffer with 32-bit multiplies (Math.imul), the usual choice in plain JavaScript; it
// gives half the bits. Hashes of different functions cannot be compared with each other, so each side's are
// compared with what the same function gives for the keys one by one.

import {
  BATCH_HEADER_BYTES,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_VALUES,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { measure, type Suite } from '../../measure.ts';
import { drawRows, writeBatches } from './keyed-rows.ts';

const SEED = 42;

export const hashUtf8: Suite = (options) => {
  const rows = drawRows(100_000, 1, options.smoke ? 1 << 14 : 1 << 21, 10_000);
  const kernel = loadKernel({ memory: reserveMemory(256 * 2 ** 20, false) });
  const { exports, u8, u32, i64 } = kernel;
  const batches = writeBatches(kernel, rows, TYPE_UTF8);
  const keys = exports.reserve(8) >>> 0;
  u32.set([1, TYPE_UTF8], keys >>> 2);
  const out = exports.reserve(rows.count * 8) >>> 0;
  const bytes = Buffer.from(kernel.memory.buffer);
  const fnv = new Uint32Array(rows.count);
  const places = batches.map(({ at }) => {
    const field = (offset: number) => at + u32[(at + BATCH_HEADER_BYTES + COLUMN_DESCRIPTOR_BYTES + offset) >>> 2]!;
    return { count: u32[at >>> 2]!, offsets: field(COLUMN_VALUES) >>> 2, from: field(COLUMN_BYTES) };
  });
  return measure(
    {
      name: 'hash/utf8',
      units: rows.count,
      unit: 'keys/s',
      ours: {
        name: 'pelton',
        run: () => {
          batches.forEach(({ at }, index) => void exports.hashColumns(at, keys, 1, SEED, 0, out + index * 4096 * 8));
        },
      },
      baselines: [
        {
          name: 'js-fnv1a',
          run: () => {
            places.forEach(({ count, offsets, from }, index) => {
              for (let row = 0; row < count; row++) {
                fnv[index * 4096 + row] = fnv1a(bytes, from + u32[offsets + row]!, from + u32[offsets + row + 1]!);
              }
            });
          },
        },
      ],
      compare: () => {
        // Equal keys have equal hashes, different ones different hashes: both sides split the rows alike.
        const byKey = new Map<number, bigint>();
        const distinct = new Set<bigint>();
        rows.plain.keys.forEach((key, row) => {
          const hash = i64[(out >>> 3) + row]!;
          if ((byKey.get(key) ?? hash) !== hash) throw new Error(`hash/utf8: row ${row}: one key, two hashes`);
          byKey.set(key, hash);
          distinct.add(hash);
        });
        if (distinct.size !== byKey.size) throw new Error('hash/utf8: two keys of the bench share a 64-bit hash');
        const { offsets, from } = places[0]!;
        const first = u8.slice(from + u32[offsets]!, from + u32[offsets + 1]!);
        if (fnv[0] !== fnv1a(first, 0, first.length)) throw new Error('hash/utf8: the baseline hashed something else');
      },
    },
    options,
  );
};

function fnv1a(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0;
}
