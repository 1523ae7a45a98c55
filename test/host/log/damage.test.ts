// Damage to a log at rest is found, or harmless: never a group that was not written, never one fewer without a word.
import { describe, expect, test } from 'vitest';
import { decideRecovery } from '../../../host/log/decide.ts';
import { LogReader } from '../../../host/log/reader.ts';
import { recoverLog } from '../../../host/log/recover.ts';
import { scanSegment } from '../../../host/log/scan.ts';
import {
  type BuiltSegment,
  booted,
  type GroupPlan,
  LogWriter,
  mark,
  putSegments,
  rows,
  STORE,
  table,
} from '../../support/log-writer.ts';
import { seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

/** A log that was closed: every segment sealed. `rowBytes` makes it small for flips, or larger than blocks. */
function closedLog(rowBytes: number): BuiltSegment[] {
  const random = seededRandom(rowBytes);
  const text = () => Array.from({ length: rowBytes }, () => String.fromCharCode(97 + random.below(26))).join('');
  const many = (): GroupPlan => rows(...Array.from({ length: 3 }, text));
  const writer = new LogWriter();
  const segments = [
    writer.segment([booted(), table(text()), many(), mark()]),
    writer.segment([table(text()), many(), many()]),
    writer.segment([table(text()), many(), many(), many()]),
  ];
  return segments;
}

const LAST_GROUP = 11;

function diskOf(segments: readonly { path: string; bytes: Uint8Array }[]): SimDisk {
  const disk = new SimDisk();
  disk.put('data/log/.keep', new Uint8Array());
  for (const { path, bytes } of segments) disk.put(path, bytes);
  return disk;
}

async function groupsOf(disk: SimDisk, lastGroup: number): Promise<Uint8Array> {
  const reader = new LogReader(disk, 'data', 1);
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(1 << 18);
    const { bytes } = await reader.read(into, lastGroup);
    if (bytes === 0) return Buffer.concat(parts);
    parts.push(into.subarray(0, bytes));
  }
}

/** @returns 'refused' by name, or 'harmless': the log has all its groups, byte for byte */
async function fate(disk: SimDisk, whole: Uint8Array, scan: 'newest' | 'all', durableElsewhere: number) {
  try {
    const log = await recoverLog({ disk, data: 'data', store: STORE, durableElsewhere, scan });
    const groups = await groupsOf(disk, log.lastGroup);
    return Buffer.compare(groups, whole) === 0 ? 'harmless' : `wrong: ${log.lastGroup} groups`;
  } catch (error) {
    if ((error as Error).name === 'LogError') return 'refused';
    throw error;
  }
}

/** The same with one file changed; undefined: without it. */
function changed(segments: readonly BuiltSegment[], index: number, bytes: Uint8Array | undefined) {
  return segments.flatMap((segment, at) =>
    at !== index ? [segment] : bytes === undefined ? [] : [{ ...segment, bytes }],
  );
}

test('every flipped bit of a closed log is refused or harmless', async () => {
  const segments = closedLog(60);
  const whole = await groupsOf(diskOf(segments), LAST_GROUP);
  const facts = segments.map(({ path, firstGroup, bytes }) => scanSegment(path, firstGroup, bytes));
  const counts = { refused: 0, harmless: 0, bits: 0 };
  for (const [index, { path, firstGroup, bytes }] of segments.entries()) {
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      counts.bits++;
      const found = facts.with(index, scanSegment(path, firstGroup, bytes));
      const decision = decideRecovery({ store: STORE, segments: found, durableElsewhere: LAST_GROUP });
      if (decision.do === 'stop') counts.refused++;
      else {
        expect(await fate(diskOf(segments), whole, 'all', LAST_GROUP), `bit ${bit} of ${path}`).toBe('harmless');
        counts.harmless++;
      }
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
  expect(counts.refused + counts.harmless).toBe(counts.bits);
  expect(counts.bits).toBeGreaterThan(25_000);
  // Harmless are version bits that an older reader may ignore (24 of each header's 32), and the newest footer: it is made anew.
  expect(counts.harmless).toBeLessThanOrEqual(64 * 8);
});

test('a flipped bit that a quick restart does not look at is refused by the reader', async () => {
  const segments = closedLog(60);
  const whole = await groupsOf(diskOf(segments), LAST_GROUP);
  let refused = 0;
  for (let bit = 3; bit < segments[0]!.bytes.byteLength * 8; bit += 61) {
    const bytes = Uint8Array.from(segments[0]!.bytes);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const outcome = await fate(diskOf(changed(segments, 0, bytes)), whole, 'newest', LAST_GROUP);
    expect(outcome, `bit ${bit}`).toMatch(/refused|harmless/);
    if (outcome === 'refused') refused++;
  }
  expect(refused).toBeGreaterThan(100);
});

describe('a closed log', () => {
  const small = closedLog(20);
  const large = closedLog(3000);

  test('truncated anywhere is refused or harmless', async () => {
    const whole = await groupsOf(diskOf(small), LAST_GROUP);
    for (const [index, { bytes, path }] of small.entries()) {
      for (let length = 0; length < bytes.byteLength; length++) {
        const disk = diskOf(changed(small, index, bytes.subarray(0, length)));
        expect(await fate(disk, whole, 'all', LAST_GROUP), `${path} cut to ${length}`).toMatch(/refused|harmless/);
      }
    }
  });

  test('with a block of zeros, or two blocks swapped, is refused or harmless', async () => {
    const whole = await groupsOf(diskOf(large), LAST_GROUP);
    let refused = 0;
    for (const [index, { bytes }] of large.entries()) {
      const blocks = Math.ceil(bytes.byteLength / 4096);
      expect(blocks).toBeGreaterThan(2);
      for (let one = 0; one < blocks; one++) {
        const zeroed = Uint8Array.from(bytes).fill(0, one * 4096, (one + 1) * 4096);
        if ((await fate(diskOf(changed(large, index, zeroed)), whole, 'all', LAST_GROUP)) === 'refused') refused++;
        else expect.fail(`block ${one} of ${index}`);
        for (let two = one + 1; two < Math.floor(bytes.byteLength / 4096); two++) {
          const swapped = Uint8Array.from(bytes);
          swapped.set(bytes.subarray(two * 4096, (two + 1) * 4096), one * 4096);
          swapped.set(bytes.subarray(one * 4096, (one + 1) * 4096), two * 4096);
          expect(await fate(diskOf(changed(large, index, swapped)), whole, 'all', LAST_GROUP)).toBe('refused');
        }
      }
    }
    expect(refused).toBeGreaterThan(8);
  });

  test('with a group twice, left out, or put elsewhere is refused', async () => {
    for (const [index, { bytes, groups }] of small.entries()) {
      const whole = await groupsOf(diskOf(small), LAST_GROUP);
      for (const { offset, bytes: length } of groups) {
        const group = bytes.subarray(offset, offset + length);
        const [before, behind] = [bytes.subarray(0, offset), bytes.subarray(offset + length)];
        for (const damaged of [
          [before, group, group, behind],
          [before, behind],
        ]) {
          const disk = diskOf(changed(small, index, Buffer.concat(damaged)));
          // The last group twice: the second one is cut as the tail of a newest segment whose footer has moved.
          const outcome = await fate(disk, whole, 'all', LAST_GROUP);
          const isTwice = damaged.length === 4 && offset === small[2]!.groups.at(-1)!.offset && index === 2;
          expect(outcome).toBe(isTwice ? 'harmless' : 'refused');
        }
        const other = small[(index + 1) % 3]!;
        const moved = Buffer.concat([
          before,
          other.bytes.subarray(other.groups[0]!.offset, other.groups[0]!.offset + other.groups[0]!.bytes),
          behind,
        ]);
        expect(await fate(diskOf(changed(small, index, moved)), whole, 'all', LAST_GROUP)).toBe('refused');
      }
    }
  });

  test('with any one segment deleted is refused', async () => {
    const whole = await groupsOf(diskOf(small), LAST_GROUP);
    for (const index of [0, 1, 2]) {
      expect(await fate(diskOf(changed(small, index, undefined)), whole, 'newest', LAST_GROUP)).toBe('refused');
    }
  });

  test('with an old copy of any one segment is refused or harmless', async () => {
    const whole = await groupsOf(diskOf(small), LAST_GROUP);
    for (const [index, { bytes, groups }] of small.entries()) {
      for (const { offset } of groups) {
        for (const zeros of [0, 512]) {
          const old = Buffer.concat([bytes.subarray(0, offset), Buffer.alloc(zeros)]);
          expect(await fate(diskOf(changed(small, index, old)), whole, 'newest', LAST_GROUP)).toBe('refused');
        }
      }
      // All its groups, not yet sealed.
      const unsealed = diskOf(changed(small, index, bytes.subarray(0, -64)));
      expect(await fate(unsealed, whole, 'newest', LAST_GROUP)).toBe(index === 2 ? 'harmless' : 'refused');
    }
  });
});

test('an open log with any bit flipped keeps at least what was called durable, and nothing that was not written', async () => {
  const writer = new LogWriter();
  const one = writer.segment([booted(), table(), rows('a')]);
  const two = writer.segment([table(), rows('b'), rows('c'), { ...rows('d'), durable: 5 }], { seal: false, zeros: 64 });
  const whole = await groupsOf(diskOf([one, two]), 7);
  const counts = new Map<number, number>();
  for (let bit = 0; bit < two.bytes.byteLength * 8; bit++) {
    const bytes = Uint8Array.from(two.bytes);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const disk = diskOf([one, { ...two, bytes }]);
    const lastGroup = await recoverLog({ disk, data: 'data', store: STORE }).then(
      (log) => log.lastGroup,
      () => 0,
    );
    counts.set(lastGroup, (counts.get(lastGroup) ?? 0) + 1);
    if (lastGroup === 0) continue;
    expect(lastGroup, `bit ${bit}`).toBeGreaterThanOrEqual(5);
    const groups = await groupsOf(disk, lastGroup);
    expect(Buffer.compare(groups, whole.subarray(0, groups.byteLength)), `bit ${bit}`).toBe(0);
  }
  expect([...counts.keys()].sort()).toEqual([0, 5, 6, 7]);
});

test('putSegments and closedLog make a log that is whole', async () => {
  const disk = new SimDisk();
  putSegments(disk, closedLog(60));
  expect(await recoverLog({ disk, data: 'data', store: STORE, scan: 'all' })).toMatchObject({ lastGroup: LAST_GROUP });
});
