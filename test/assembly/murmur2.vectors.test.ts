// Kafka's published values, for the kernel and for the model that other tests lean on.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { murmur2 } from '../model/murmur2.ts';
import { seededRandom } from '../support/random.ts';

const kernel = loadKernel({ memory: reserveMemory(1024 * 1024, false) });
const at = kernel.exports.reserve(4096) >>> 0;
const vectors = readFileSync(new URL('../fixtures/hash-vectors/murmur2_kafka.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',') as [string, string]);

test('there are six published values', () => {
  expect(vectors.length).toBe(6);
});

test.each(vectors)('%s hashes to %s, in the kernel and in the model', (input, hash) => {
  const bytes = Buffer.from(input);
  kernel.u8.set(bytes, at);
  expect(kernel.exports.murmur2(at, bytes.length) | 0).toBe(Number(hash));
  expect(murmur2(bytes)).toBe(Number(hash));
});

test('kernel and model agree for every length up to 300, wherever the bytes begin', () => {
  const random = seededRandom(11);
  for (let length = 0; length <= 300; length++) {
    const from = at + (length % 9);
    for (let index = 0; index < length; index++) kernel.u8[from + index] = random.u32();
    expect(kernel.exports.murmur2(from, length) | 0, `length ${length}`).toBe(murmur2(kernel.u8, from, length));
  }
});
