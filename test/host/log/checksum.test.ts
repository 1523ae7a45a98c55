// Joined checksums against those of the joined bytes.
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { joinChecksums } from '../../../host/log/checksum.ts';
import { seededRandom } from '../../support/random.ts';

test('the checksum of two pieces is that of the whole, for any lengths', () => {
  const random = seededRandom(11);
  const bytes = Uint8Array.from({ length: 70_000 }, () => random.below(256));
  for (const length of [0, 1, 7, 8, 63, 64, 255, 4096, 65_535, 65_536, bytes.length]) {
    const cut = bytes.length - length;
    const joined = joinChecksums(crc32(bytes.subarray(0, cut)), crc32(bytes.subarray(cut)), length);
    expect(joined, `${length} bytes`).toBe(crc32(bytes));
  }
});

test('the check value of CRC-32 in two pieces', () => {
  expect(joinChecksums(crc32('1234'), crc32('56789'), 5)).toBe(0xcbf43926);
});
