// Repair: what is whole stays, byte for byte and with its number; what is lost is recorded; the damaged file is kept.
import { expect, test } from 'vitest';
import { viewOf } from '../../../host/log/fields.ts';
import type { Gap } from '../../../host/log/gap.ts';
import { gapOf } from '../../../host/log/gap.ts';
import { groupBytes, groupHeaderAt } from '../../../host/log/group.ts';
import { GROUP_GAP, GROUP_HEADER_BYTES } from '../../../host/log/layout.ts';
import { LogReader } from '../../../host/log/reader.ts';
import { recoverLog } from '../../../host/log/recover.ts';
import { repairLog } from '../../../host/log/repair.ts';
import {
  type BuiltSegment,
  booted,
  LogWriter,
  mark,
  putSegments,
  rows,
  STORE,
  table,
} from '../../support/log-writer.ts';
import { seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

const LAST_GROUP = 12;

function closedLog(): BuiltSegment[] {
  const writer = new LogWriter();
  return [
    writer.segment([booted(), table('one'), rows('a', 'b'), mark()]),
    writer.segment([table('two'), rows('c'), rows('d', 'e'), rows('f')]),
    writer.segment([table('three'), rows('g'), rows('h'), rows('i')]),
  ];
}

function diskOf(segments: readonly BuiltSegment[]): SimDisk {
  const disk = new SimDisk();
  disk.put('data/log/.keep', new Uint8Array());
  putSegments(disk, segments);
  return disk;
}

function repair(disk: SimDisk): Promise<Gap[]> {
  const report = () => undefined;
  const by = { reason: 'a test', timeMs: 1, report };
  return repairLog({ disk, data: 'data', store: STORE, durableElsewhere: LAST_GROUP, ...by });
}

/** Every group of the repaired log by number; the groups in gaps are in none. */
async function groupsOf(disk: SimDisk): Promise<{ groups: Map<number, Uint8Array>; gaps: Gap[] }> {
  const { lastGroup } = await recoverLog({
    disk,
    data: 'data',
    store: STORE,
    durableElsewhere: LAST_GROUP,
    scan: 'all',
  });
  const reader = new LogReader(disk, 'data', 1);
  const groups = new Map<number, Uint8Array>();
  const gaps: Gap[] = [];
  for (;;) {
    const into = new Uint8Array(1 << 16);
    const { bytes } = await reader.read(into, lastGroup);
    if (bytes === 0) return { groups, gaps };
    for (let at = 0; at < bytes; ) {
      const header = groupHeaderAt(into, viewOf(into), at)!;
      const end = at + groupBytes(header.bodyBytes);
      const body = into.subarray(at + GROUP_HEADER_BYTES, at + GROUP_HEADER_BYTES + header.bodyBytes);
      if (header.kind === GROUP_GAP) gaps.push(gapOf(body)!);
      else groups.set(header.number, into.slice(at, end));
      at = end;
    }
  }
}

/** All of the original is there, byte for byte, or in a recorded gap; nothing else is. */
async function checkRepaired(disk: SimDisk, said: Gap[], what: string): Promise<number[]> {
  const original = (await groupsOf(diskOf(closedLog()))).groups;
  const { groups, gaps } = await groupsOf(disk);
  expect(gaps, what).toEqual(said);
  const lost = gaps.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
  for (let number = 1; number <= LAST_GROUP; number++) {
    expect(groups.has(number), `${what}: group ${number}`).toBe(!lost.includes(number));
    if (groups.has(number)) expect(Buffer.compare(groups.get(number)!, original.get(number)!), what).toBe(0);
  }
  expect(groups.size + lost.length, what).toBe(LAST_GROUP);
  return lost;
}

const flip = (segment: BuiltSegment, offset: number) => {
  segment.bytes[offset]! ^= 4;
};

test('a log that is whole is left as it is', async () => {
  const disk = diskOf(closedLog());
  const before = disk.paths().map((path) => disk.bytesOf(path));
  expect(await repair(disk)).toEqual([]);
  expect(disk.paths().map((path) => disk.bytesOf(path))).toEqual(before);
});

test('one damaged group is given up, its neighbours are kept, the damaged file is in quarantine', async () => {
  for (const index of [0, 1, 2]) {
    for (const group of [0, 1, 2, 3]) {
      const segments = closedLog();
      const { number, offset } = segments[index]!.groups[group]!;
      flip(segments[index]!, offset + 20);
      const disk = diskOf(segments);
      const gaps = await repair(disk);
      expect(gaps).toMatchObject([{ from: number, to: number, reason: 'a test', timeMs: 1 }]);
      expect(await checkRepaired(disk, gaps, `group ${number}`)).toEqual([number]);
      const kept = disk.paths().filter((path) => path.startsWith('data/quarantine/'));
      expect(kept.map((path) => disk.bytesOf(path))).toEqual([segments[index]!.bytes]);
    }
  }
});

test('a damaged segment header costs nothing', async () => {
  for (const index of [0, 1, 2]) {
    const segments = closedLog();
    flip(segments[index]!, 40);
    const disk = diskOf(segments);
    expect(await repair(disk)).toEqual([]);
    await checkRepaired(disk, [], `header ${index}`);
  }
});

test('a damaged footer costs nothing', async () => {
  for (const index of [0, 1]) {
    const segments = closedLog();
    flip(segments[index]!, segments[index]!.bytes.byteLength - 20);
    const disk = diskOf(segments);
    expect(await repair(disk)).toEqual([]);
    await checkRepaired(disk, [], `footer ${index}`);
  }
});

test('a missing segment is given up, and the log goes on with its numbers', async () => {
  // Not the first: retention may have given it up, nothing says that it is missing.
  for (const [index, from, to] of [
    [1, 5, 8],
    [2, 9, 12],
  ] as const) {
    const disk = diskOf(closedLog().filter((_, at) => at !== index));
    const gaps = await repair(disk);
    expect(gaps).toMatchObject([{ from, to }]);
    await checkRepaired(disk, gaps, `segment ${index}`);
  }
});

test('a segment without one whole group is moved to quarantine, and its groups are given up', async () => {
  const segments = closedLog();
  segments[1]!.bytes.fill(0x55);
  const disk = diskOf(segments);
  const gaps = await repair(disk);
  expect(gaps).toMatchObject([{ from: 5, to: 8 }]);
  await checkRepaired(disk, gaps, 'filled');
  expect(disk.paths().filter((path) => path.startsWith('data/quarantine/'))).toHaveLength(1);
});

test('whatever is damaged: each group is kept as it was, or recorded as lost; repairing again changes nothing', async () => {
  let lost = 0;
  for (let seed = 0; seed < 400; seed++) {
    const random = seededRandom(seed);
    const segments = closedLog();
    for (let hits = 1 + random.below(4); hits > 0; hits--) {
      const segment = random.pick(segments);
      const at = random.below(segment.bytes.byteLength);
      if (random.chance(0.7)) flip(segment, at);
      else if (random.chance(0.5)) segment.bytes.fill(random.below(256), at, at + random.below(300));
      else segment.bytes = segment.bytes.slice(0, at + 1);
    }
    const disk = diskOf(segments);
    const gaps = await repair(disk);
    lost += (await checkRepaired(disk, gaps, `seed ${seed}`)).length;
    const after = disk.paths().map((path) => disk.bytesOf(path));
    expect(await repair(disk), `seed ${seed}`).toEqual([]);
    expect(disk.paths().map((path) => disk.bytesOf(path))).toEqual(after);
  }
  expect(lost).toBeGreaterThan(400);
});

test('killed at any of its operations, repair can be begun again', async () => {
  const damaged = () => {
    const segments = closedLog();
    flip(segments[1]!, segments[1]!.groups[2]!.offset + 20);
    return diskOf([segments[0]!, segments[1]!]);
  };
  const whole = damaged();
  await repair(whole);
  const operations = whole.operations.length;
  const expected = await groupsOf(whole);
  for (let at = 0; at < operations; at++) {
    const disk = damaged();
    const next = await new Promise<SimDisk>((resolve) => {
      disk.fault = ({ index }) => {
        if (index === at) resolve(disk.kill());
        return undefined;
      };
      void repair(disk);
    });
    await repair(next);
    expect(await groupsOf(next), `operation ${at}`).toEqual(expected);
  }
});
