// The reader: every group from a number on, once, whole, in order, and never beyond what is durable.
import { expect, test } from 'vitest';
import { viewOf } from '../../../host/log/fields.ts';
import { encodeGap } from '../../../host/log/gap.ts';
import { groupBytes, groupHeaderAt } from '../../../host/log/group.ts';
import { GROUP_GAP } from '../../../host/log/layout.ts';
import { LogReader } from '../../../host/log/reader.ts';
import { booted, LogWriter, mark, putSegments, rows, table } from '../../support/log-writer.ts';
import { SimDisk } from '../../support/sim-disk.ts';

/** Three segments of groups 1 … 9, the last one open. */
function logOfNine(): { disk: SimDisk; paths: string[] } {
  const writer = new LogWriter();
  const segments = [
    writer.segment([booted(), table(), rows('a', 'b')], { zeros: 256 }),
    writer.segment([table(), rows('c'), mark()]),
    writer.segment([table(), rows('d'), rows('e'.repeat(500))], { seal: false, zeros: 1024 }),
  ];
  const disk = new SimDisk();
  putSegments(disk, segments);
  return { disk, paths: segments.map(({ path }) => path) };
}

function numbersIn(into: Uint8Array, bytes: number): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < bytes; ) {
    const header = groupHeaderAt(into, viewOf(into), at)!;
    numbers.push(header.number);
    at += groupBytes(header.bodyBytes);
  }
  return numbers;
}

async function readAll(disk: SimDisk, from: number, durable: number, memoryBytes = 4096): Promise<number[]> {
  const reader = new LogReader(disk, 'data', from);
  const numbers: number[] = [];
  for (;;) {
    const into = new Uint8Array(new SharedArrayBuffer(memoryBytes));
    const { bytes, groups, lastGroup, neededBytes } = await reader.read(into, durable);
    expect(neededBytes).toBe(0);
    if (bytes === 0) break;
    const found = numbersIn(into, bytes);
    expect(found).toHaveLength(groups);
    expect(found.at(-1)).toBe(lastGroup);
    numbers.push(...found);
  }
  await reader.close();
  return numbers;
}

const upTo = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

test('from every group on, up to every durable one, in memory of any size', async () => {
  const { disk } = logOfNine();
  for (const memoryBytes of [640, 1000, 4096]) {
    for (let from = 1; from <= 10; from++) {
      for (let durable = 0; durable <= 9; durable++) {
        expect(await readAll(disk, from, durable, memoryBytes)).toEqual(upTo(from, durable));
      }
    }
  }
});

test('memory that cannot hold the next group: how much it takes, and then the group', async () => {
  const { disk } = logOfNine();
  const reader = new LogReader(disk, 'data', 9);
  const refused = await reader.read(new Uint8Array(300), 9);
  expect(refused).toMatchObject({ bytes: 0, groups: 0, lastGroup: 8 });
  expect(refused.neededBytes).toBeGreaterThan(500);
  expect(await reader.read(new Uint8Array(refused.neededBytes), 9)).toMatchObject({ groups: 1, lastGroup: 9 });
});

test('a log that grows is read on, across a roll, and what is not durable yet may be anything', async () => {
  const writer = new LogWriter();
  const one = writer.segment([booted(), table(), rows('a')]);
  const two = writer.segment([table(), rows('b')], { seal: false });
  const disk = new SimDisk();
  const firstTwo = one.bytes.subarray(0, one.groups[2]!.offset);
  disk.put(one.path, Buffer.concat([firstTwo, Buffer.alloc(100, 0xaa)]));
  const reader = new LogReader(disk, 'data', 1);
  const into = new Uint8Array(4096);
  expect(await reader.read(into, 2)).toMatchObject({ lastGroup: 2 });
  expect(await reader.read(into, 2)).toMatchObject({ bytes: 0, lastGroup: 2 });
  const file = await disk.open(one.path, 'write');
  await file.write([one.bytes], 0);
  expect(await reader.read(into, 3)).toMatchObject({ lastGroup: 3 });
  expect(await reader.read(into, 3)).toMatchObject({ bytes: 0 });
  putSegments(disk, [two]);
  expect(await reader.read(into, 5)).toMatchObject({ groups: 2, lastGroup: 5 });
});

test('a group that is not kept any more is named, with the earliest that is', async () => {
  const { disk, paths } = logOfNine();
  await disk.remove(paths[0]!);
  await expect(readAll(disk, 1, 9)).rejects.toMatchObject({ code: 'GROUP_GONE' });
  await expect(readAll(disk, 3, 9)).rejects.toThrow('group 3 is not kept any more; the earliest that is kept is 4');
  expect(await readAll(disk, 4, 9)).toEqual(upTo(4, 9));
});

test('a segment that is taken for other groups while it is read is gone, not corrupt', async () => {
  const { disk, paths } = logOfNine();
  const reader = new LogReader(disk, 'data', 1);
  const into = new Uint8Array(250);
  await reader.read(into, 9);
  await disk.rename(paths[0]!, 'data/log/spare-1.seg');
  const file = await disk.open('data/log/spare-1.seg', 'write');
  await file.write([new Uint8Array(2000).fill(3)], 0);
  await expect(reader.read(into, 9)).rejects.toMatchObject({ code: 'GROUP_GONE' });
});

test('a durable group that is damaged, or in no segment, is an error by name', async () => {
  const { disk, paths } = logOfNine();
  const bytes = disk.bytesOf(paths[1]!);
  bytes[200]! ^= 1;
  disk.put(paths[1]!, bytes);
  await expect(readAll(disk, 1, 9)).rejects.toMatchObject({ code: 'CORRUPT', path: paths[1] });
  await disk.remove(paths[1]!);
  await expect(readAll(disk, 1, 9)).rejects.toMatchObject({ code: 'MISSING_SEGMENT' });
});

test('a segment of another history is not read on', async () => {
  const { disk, paths } = logOfNine();
  const other = new LogWriter();
  other.segment([booted(), table(), rows('x', 'b')]);
  disk.put(paths[1]!, other.segment([table(), rows('c'), mark()]).bytes);
  await expect(readAll(disk, 1, 9)).rejects.toMatchObject({ code: 'CORRUPT', path: paths[1] });
});

test('behind the record of a gap, groups go on with their own numbers; from inside it, the record comes first', async () => {
  const writer = new LogWriter();
  const gap = encodeGap({ from: 3, to: 6, chain: 77, reason: 'test', timeMs: 0 });
  const one = writer.segment([booted(), table(), { kind: GROUP_GAP, body: gap }], { seal: false });
  writer.nextGroup = 7;
  writer.chain = 77;
  const two = writer.segment([table(), rows('a')], { seal: false });
  const { encodeFooter } = await import('../../../host/log/segment.ts');
  const { crc32 } = await import('node:zlib');
  const used = { bytesUsed: one.bytes.byteLength, segmentCrc: crc32(one.bytes) };
  const footer = encodeFooter({ salt: 0xabc0_0001, groups: 3, lastGroup: 6, chain: 77, ...used });
  const disk = new SimDisk();
  putSegments(disk, [{ ...one, bytes: Buffer.concat([one.bytes, footer]) }, two]);
  for (const from of [3, 4, 6]) {
    const reader = new LogReader(disk, 'data', from);
    const into = new Uint8Array(4096);
    expect(await reader.read(into, 8)).toMatchObject({ groups: 1, lastGroup: 6 });
    expect(numbersIn(into, 64)).toEqual([3]);
    expect(await reader.read(into, 8)).toMatchObject({ groups: 2, lastGroup: 8 });
  }
});
