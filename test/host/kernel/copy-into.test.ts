// Bytes into a memory, plain or shared: all of them, nothing beside them, from any alignment and of any length.
import { expect, test } from 'vitest';
import { copyInto } from '../../../host/kernel/copy-into.ts';
import { PAGE_BYTES, reserveMemory } from '../../../host/kernel/load.ts';
import { seededRandom } from '../../support/random.ts';

test.each([false, true])('shared: %s', (isShared) => {
  const random = seededRandom(3);
  const source = Uint8Array.from({ length: 10 * PAGE_BYTES }, () => 1 + random.below(255));
  const memory = reserveMemory(source.byteLength + 64, isShared);
  const put = copyInto(memory);
  const seen = new Uint8Array(memory.buffer);
  for (const length of [0, 1, 7, 60, 4096, 4 * PAGE_BYTES - 1, 4 * PAGE_BYTES, 4 * PAGE_BYTES + 1, 9 * PAGE_BYTES]) {
    const from = random.below(9);
    const address = 8 * (1 + random.below(7));
    const bytes = source.subarray(from, from + length);
    put(bytes, address);
    expect(Buffer.compare(seen.slice(address, address + length), bytes), `${length} bytes`).toBe(0);
    expect([seen[address - 1], seen[address + length]], `beside ${length} bytes`).toEqual([0, 0]);
    seen.fill(0);
  }
});
