// Recovery: one test per row of its decision table, the order in which it does things, and what it says in the end.
import { expect, test } from 'vitest';
import { viewOf, writeU64 } from '../../../host/log/fields.ts';
import { GROUP_DURABLE } from '../../../host/log/layout.ts';
import type { LogError } from '../../../host/log/log-error.ts';
import { segmentPath } from '../../../host/log/place.ts';
import { type RecoverOptions, recoverLog } from '../../../host/log/recover.ts';
import { encodeSegmentHeader } from '../../../host/log/segment.ts';
import { dropAll, randomCrash } from '../../support/crash-choice.ts';
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

function diskOf(segments: readonly BuiltSegment[]): SimDisk {
  const disk = new SimDisk();
  disk.put('data/STORE', new Uint8Array());
  disk.put('data/quarantine/.keep', new Uint8Array());
  disk.put('data/log/.keep', new Uint8Array());
  putSegments(disk, segments);
  return disk;
}

const recover = (disk: SimDisk, options: Partial<RecoverOptions> = {}) =>
  recoverLog({ disk, data: 'data', store: STORE, ...options });

const quarantined = (disk: SimDisk) => disk.paths().filter((path) => /quarantine\/(?!\.keep)/.test(path));

async function refusalOf(disk: SimDisk, options: Partial<RecoverOptions> = {}): Promise<LogError> {
  const before = imageOf(disk);
  const error = await recover(disk, options).then(
    () => expect.fail('it was taken'),
    (caught: unknown) => caught as LogError,
  );
  expect(error.name).toBe('LogError');
  expect(imageOf(disk)).toEqual(before); // Nothing was changed.
  return error;
}

const imageOf = (disk: SimDisk) => Object.fromEntries(disk.paths().map((path) => [path, disk.bytesOf(path)]));

/** Two sealed segments and an open one. */
function threeSegments(options: { seal?: boolean; zeros?: number } = { seal: false }) {
  const writer = new LogWriter();
  const segments = [
    writer.segment([booted(), table('one'), rows('a', 'b')]),
    writer.segment([table('two'), rows('c'), rows('d', 'e')]),
    writer.segment([table('three'), rows('f'), rows('g'), rows('h')], options),
  ];
  return { writer, segments, last: segments[2]! };
}

test('an empty log is an empty log', async () => {
  const log = await recover(diskOf([]));
  expect(log).toMatchObject({ segments: [], lastGroup: 0, chain: 0, boot: 0, table: undefined });
});

test('a log that was closed is left as it is, and told', async () => {
  const { segments, writer } = threeSegments({ seal: true });
  const disk = diskOf(segments);
  const before = imageOf(disk);
  const log = await recover(disk);
  expect(imageOf(disk)).toEqual(before);
  expect(log.segments.map(({ firstGroup, lastGroup }) => [firstGroup, lastGroup])).toEqual([
    [1, 3],
    [4, 6],
    [7, 10],
  ]);
  expect(log).toMatchObject({ lastGroup: 10, chain: writer.chain, boot: 1, ingestMs: writer.ingestMs });
  expect(log.table?.group).toBe(7);
  expect(Buffer.from(log.table!.body).toString()).toBe('three');
});

test.each([0, 8, 4096])('an open segment with %i zeros behind it is written anew, sealed', async (zeros) => {
  const { segments } = threeSegments({ seal: false, zeros });
  const disk = diskOf(segments);
  const log = await recover(disk);
  expect(log.lastGroup).toBe(10);
  expect(quarantined(disk)).toEqual([]);
  const whole = threeSegments({ seal: true }).last.bytes;
  expect(disk.bytesOf(segments[2]!.path)).toEqual(whole);
  expect(disk.crash(dropAll).bytesOf(segments[2]!.path)).toEqual(whole);
});

test('a torn last group is copied to quarantine and cut', async () => {
  const { segments, last } = threeSegments();
  const torn = last.groups.at(-1)!;
  last.bytes = last.bytes.subarray(0, torn.offset + 80);
  const disk = diskOf(segments);
  const said: string[] = [];
  const log = await recover(disk, { report: (what) => said.push(what) });
  expect(log.lastGroup).toBe(9);
  expect(said).toHaveLength(1);
  const kept = quarantined(disk);
  expect(kept).toHaveLength(1);
  expect(disk.bytesOf(kept[0]!)).toEqual(last.bytes.subarray(torn.offset));
  expect(disk.crash(dropAll).paths()).toContain(kept[0]);
});

test('a torn group with a whole one behind it that does not call it durable is a torn tail', async () => {
  const writer = new LogWriter();
  const segment = writer.segment([booted(), table(), rows('a'), { ...rows('b'), durable: 2 }], { seal: false });
  segment.bytes[segment.groups[2]!.offset + 70]! ^= 1;
  expect((await recover(diskOf([segment]))).lastGroup).toBe(2);
});

test('a damaged group that one behind it calls durable is corruption: named, nothing changed', async () => {
  const { segments, last } = threeSegments();
  const damaged = last.groups[1]!;
  last.bytes[damaged.offset + 70]! ^= 1;
  const error = await refusalOf(diskOf(segments));
  expect(error).toMatchObject({
    code: 'CORRUPT',
    path: last.path,
    fromByte: damaged.offset,
    toByte: last.bytes.byteLength,
  });
  expect(error.message).toContain('group 8');
  expect(error.message).toContain('pelton repair');
});

test('a damaged last group that a checkpoint or a clean stop calls durable is corruption', async () => {
  const { segments, last } = threeSegments();
  last.bytes[last.groups.at(-1)!.offset + 70]! ^= 1;
  expect(await refusalOf(diskOf(segments), { durableElsewhere: 10 })).toMatchObject({ code: 'CORRUPT' });
  expect((await recover(diskOf(segments), { durableElsewhere: 9 })).lastGroup).toBe(9);
});

test('damage in a sealed segment is corruption, also in its last group', async () => {
  for (const group of [0, 1, 2, 3]) {
    const { segments, last } = threeSegments({ seal: true });
    last.bytes[last.groups[group]!.offset + 20]! ^= 1;
    expect(await refusalOf(diskOf(segments))).toMatchObject({ code: 'CORRUPT', fromByte: last.groups[group]!.offset });
  }
});

test('a segment that is neither sealed nor the newest is corruption', async () => {
  const { segments } = threeSegments({ seal: true });
  segments[1]!.bytes = segments[1]!.bytes.subarray(0, -64);
  expect(await refusalOf(diskOf(segments))).toMatchObject({ code: 'CORRUPT', path: segments[1]!.path });
});

test('a segment missing between two is missing, with the numbers of its groups', async () => {
  const { segments } = threeSegments();
  const error = await refusalOf(diskOf([segments[0]!, segments[2]!]));
  expect(error).toMatchObject({ code: 'MISSING_SEGMENT' });
  expect(error.message).toContain('groups 4 to 6');
});

test('the newest segment missing is seen by a clean stop or a checkpoint', async () => {
  const { segments } = threeSegments();
  expect(await refusalOf(diskOf(segments.slice(0, 2)), { durableElsewhere: 10 })).toMatchObject({
    code: 'MISSING_SEGMENT',
  });
  expect(await refusalOf(diskOf([]), { durableElsewhere: 10 })).toMatchObject({ code: 'MISSING_SEGMENT' });
});

const halfBegun: [string, (writer: LogWriter) => Uint8Array][] = [
  ['an empty file', () => new Uint8Array()],
  ['zeros', () => new Uint8Array(8192)],
  ['a header and zeros', (writer) => writer.segment([], { seal: false, zeros: 512 }).bytes],
  ['a torn header', (writer) => writer.segment([], { seal: false }).bytes.subarray(0, 30)],
  ['a recycled file with the old header', () => new LogWriter().segment([booted(), table(), rows('old')]).bytes],
  [
    'a recycled file with a new header and old groups',
    (writer) => {
      const old = new LogWriter().segment([booted(), table(), rows('old')]).bytes;
      old.set(writer.segment([], { seal: false }).bytes);
      return old;
    },
  ],
  ['a torn first group', (writer) => writer.segment([table()], { seal: false }).bytes.subarray(0, 100)],
];

test.each(halfBegun)('a roll that was interrupted is undone: %s', async (_what, bytesOf) => {
  for (const isSealed of [true, false]) {
    const writer = new LogWriter();
    const one = writer.segment([booted(), table('one'), rows('a')], { seal: isSealed });
    const path = one.path.replace(/1\.seg$/, '4.seg');
    const disk = diskOf([one]);
    const begun = Uint8Array.from(bytesOf(writer));
    disk.put(path, begun);
    const log = await recover(disk);
    expect(log).toMatchObject({ lastGroup: 3 });
    expect(log.segments).toHaveLength(1);
    expect(quarantined(disk).map((kept) => disk.bytesOf(kept))).toEqual([begun]);
  }
});

test('a damaged header in front of whole groups is corruption', async () => {
  const { segments, last } = threeSegments();
  last.bytes[20]! ^= 1;
  expect(await refusalOf(diskOf(segments))).toMatchObject({ code: 'CORRUPT', path: last.path, fromByte: 0 });
});

test('a segment of another store is refused', async () => {
  const { segments } = threeSegments();
  expect((await refusalOf(diskOf(segments), { store: 'ff'.repeat(16) })).message).toContain('store');
});

test('a newer format is refused, and says so', async () => {
  const { segments, last } = threeSegments();
  const header = encodeSegmentHeader({ store: STORE, firstGroup: 7, boot: 1, salt: 1, chain: 0 });
  viewOf(header).setUint32(8, 99, true);
  const { crc32 } = await import('node:zlib');
  viewOf(header).setUint32(60, crc32(header.subarray(0, 60)), true);
  last.bytes.set(header);
  expect(await refusalOf(diskOf(segments))).toMatchObject({ code: 'NEWER_FORMAT' });
});

test('an old copy of the open segment is seen by what a later group, a clean stop or a checkpoint calls durable', async () => {
  const { segments, last } = threeSegments();
  last.bytes = last.bytes.subarray(0, last.groups[2]!.offset);
  expect(await refusalOf(diskOf(segments), { durableElsewhere: 10 })).toMatchObject({ code: 'CORRUPT' });
});

test('a length that no checksum vouches for is not followed', async () => {
  const { segments, last } = threeSegments();
  viewOf(last.bytes).setUint32(last.groups[3]!.offset + 8, 0xffffffff, true);
  expect((await recover(diskOf(segments))).lastGroup).toBe(9);
});

test('older segments are believed by their ends, the newest two are read whole', async () => {
  for (const zeros of [0, 4096]) {
    const { segments } = threeSegments({ seal: true });
    const first = segments[0]!;
    const footer = first.bytes.subarray(-64);
    // A file that is longer than what is used of it ends with a copy of the footer.
    if (zeros > 0) first.bytes = Buffer.concat([first.bytes, new Uint8Array(zeros), footer]);
    const disk = diskOf(segments);
    const log = await recover(disk);
    expect(log.lastGroup).toBe(10);
    const reads = disk.operations.filter(({ name, path }) => name === 'read' && path === first.path);
    expect(reads.map(({ bytes }) => bytes)).toEqual([64, 64]);
  }
});

test('what is left of an interrupted recovery is removed, other files are left alone', async () => {
  const { segments, last } = threeSegments();
  const disk = diskOf(segments);
  disk.put(`${last.path}.tmp`, new Uint8Array(10));
  disk.put('data/log/spare-3.seg', new Uint8Array(10));
  disk.put('data/log/notes.txt', new Uint8Array(10));
  const log = await recover(disk);
  expect(log.spares).toEqual(['spare-3.seg']);
  expect(disk.paths().filter((path) => !path.endsWith('.seg') && !path.endsWith('.keep'))).toEqual([
    'data/STORE',
    'data/log/notes.txt',
  ]);
});

test('the producer table is found in an older segment when the newest has none', async () => {
  const writer = new LogWriter();
  const segments = [writer.segment([booted(), table('one'), rows('a')]), writer.segment([mark(), rows('b')])];
  expect((await recover(diskOf(segments))).table?.group).toBe(2);
});

/** Logs as crashes leave them: what recovery does about each is in the tests above. */
function crashedLogs(): SimDisk[] {
  const torn = threeSegments();
  torn.last.bytes = torn.last.bytes.subarray(0, -9);
  const begun = threeSegments();
  const withRoll = diskOf(begun.segments);
  withRoll.put(segmentPath('data', 11), new Uint8Array(640).fill(7));
  return [diskOf(torn.segments), diskOf(threeSegments({ seal: false, zeros: 100 }).segments), withRoll];
}

test('recovering twice changes nothing the second time', async () => {
  for (const disk of crashedLogs()) {
    const first = await recover(disk);
    const after = imageOf(disk);
    expect(await recover(disk)).toEqual(first);
    expect(imageOf(disk)).toEqual(after);
  }
});

test('killed or cut off at any of its operations, recovery comes to the same log', async () => {
  let crashes = 0;
  for (const make of crashedLogs().map((_, index) => () => crashedLogs()[index]!)) {
    const whole = make();
    const expected = await recover(whole);
    const quarantine = quarantined(whole).map((path) => whole.bytesOf(path));
    for (let at = 0; at < whole.operations.length; at++) {
      for (let seed = 0; seed < 12; seed++) {
        const disk = make();
        const random = seededRandom(seed * 1000 + at);
        const next = await new Promise<SimDisk>((resolve) => {
          disk.fault = ({ index }) => {
            if (index === at) resolve(seed === 0 ? disk.kill() : disk.crash(randomCrash(random)));
            if (index === at) disk.halt();
            return undefined;
          };
          void recover(disk);
        });
        expect(await recover(next), `operation ${at}, seed ${seed}`).toEqual(expected);
        expect(quarantined(next).map((path) => next.bytesOf(path))).toEqual(quarantine);
        crashes++;
      }
    }
  }
  expect(crashes).toBeGreaterThan(500);
});

test('the durable number of a group that is not whole is not believed beyond its own', async () => {
  const { segments, last } = threeSegments();
  writeU64(viewOf(last.bytes), last.groups[3]!.offset + GROUP_DURABLE, 9999);
  expect((await recover(diskOf(segments))).lastGroup).toBe(9);
});
