// A group that is whole in itself counts only where it belongs; a body that is whole counts only when it is one of ours.
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { viewOf } from '../../../host/log/fields.ts';
import { encodeGroupHeader, type GroupHeader, groupHeaderAt } from '../../../host/log/group.ts';
import {
  ENTRY_BYTES,
  ENTRY_GROUP,
  ENTRY_KIND,
  ENTRY_VERDICT,
  GROUP_DATA,
  GROUP_HEADER_BYTES,
  RUN_BYTES,
  RUN_ENTRIES,
  RUN_HEADER_BYTES,
} from '../../../host/log/layout.ts';
import { scanSegment } from '../../../host/log/scan.ts';
import { type BuiltSegment, booted, LogWriter, rows, table } from '../../support/log-writer.ts';

const segmentOfFour = (): BuiltSegment =>
  new LogWriter().segment([booted(), table(), rows('abc', 'd'), rows('e')], { seal: false });

/** The same segment, group 3 with another header, whose checksum is right. */
function withHeader(change: (header: GroupHeader) => Partial<GroupHeader>): BuiltSegment {
  const segment = segmentOfFour();
  const { offset } = segment.groups[2]!;
  const header = groupHeaderAt(segment.bytes, viewOf(segment.bytes), offset)!;
  encodeGroupHeader({ ...header, ...change(header) }, segment.bytes.subarray(offset));
  return segment;
}

const scan = ({ path, bytes }: BuiltSegment, deep = false) => scanSegment(path, 1, bytes, { deep });

test('the segment that is changed below is whole', () => {
  expect(
    scan(
      withHeader(() => ({})),
      true,
    ),
  ).toMatchObject({ groups: 4, lastGroup: 4, end: { is: 'open' } });
});

test.each<[string, (header: GroupHeader) => Partial<GroupHeader>, RegExp]>([
  ['of another segment (salt)', ({ salt }) => ({ salt: salt + 1 }), /another segment/],
  ['of another boot', ({ boot }) => ({ boot: boot + 1 }), /boot 2, expected 1/],
  ['of another number', ({ number }) => ({ number: number + 1 }), /group 4, expected 3/],
  ['of another history (chain)', ({ chain }) => ({ chain: chain ^ 1 }), /chain/],
  ['of an earlier time', ({ ingestMs }) => ({ ingestMs: ingestMs - 2 }), /back in time/],
  ['that calls itself durable', ({ number }) => ({ durable: number }), /durable/],
  ['that calls less durable than the one before', () => ({ durable: 0 }), /durable/],
  ['longer than the file', () => ({ bodyBytes: 0xffff_fff0 }), /cut off/],
  ['with another checksum of its body', ({ bodyCrc }) => ({ bodyCrc: bodyCrc ^ 1 }), /checksum/],
  ['that should be the record of a gap', () => ({ kind: 4 }), /no record of a gap/],
])('a group %s does not count, nor does what follows', (_what, change, says) => {
  const { lastGroup, end } = scan(withHeader(change));
  expect(lastGroup).toBe(2);
  expect(end).toMatchObject({
    is: 'damaged',
    what: expect.stringMatching(says),
    later: { number: expect.any(Number) },
  });
});

/** Group 3 with other bytes in its body, whose checksums are right. */
function withBody(change: (body: DataView) => void): BuiltSegment {
  const segment = segmentOfFour();
  const { offset, bytes } = segment.groups[2]!;
  const body = segment.bytes.subarray(offset + GROUP_HEADER_BYTES, offset + bytes);
  change(viewOf(body));
  const header = groupHeaderAt(segment.bytes, viewOf(segment.bytes), offset)!;
  encodeGroupHeader({ ...header, bodyCrc: crc32(body) }, segment.bytes.subarray(offset));
  return { ...segment, bytes: segment.bytes.subarray(0, offset + bytes) };
}

test.each<[string, (body: DataView) => void, RegExp]>([
  ['a run longer than the body', (body) => body.setUint32(RUN_BYTES, 0xffff_fff8, true), /a run of 4294967288 bytes/],
  [
    'a run that leaves a rest',
    (body) => body.setUint32(RUN_BYTES, body.getUint32(RUN_BYTES, true) - 8, true),
    /cut off|left/,
  ],
  [
    'a run with other entries than it says',
    (body) => body.setUint32(RUN_ENTRIES, 7, true),
    /2 entries, the run says 7/,
  ],
  [
    'an entry longer than its run',
    (body) => body.setUint32(RUN_HEADER_BYTES + ENTRY_BYTES, 0xffff_ffff, true),
    /4294967295/,
  ],
  ['an entry of no kind', (body) => body.setUint16(RUN_HEADER_BYTES + ENTRY_KIND, 9, true), /kind 9/],
  ['a refused entry', (body) => body.setUint16(RUN_HEADER_BYTES + ENTRY_VERDICT, 1, true), /verdict 1/],
  ['an entry of another group', (body) => body.setUint32(RUN_HEADER_BYTES + ENTRY_GROUP, 9, true), /group 9/],
])('%s is found when bodies are walked, however right the checksums', (_what, change, says) => {
  const segment = withBody(change);
  expect(scan(segment)).toMatchObject({ lastGroup: 3 });
  expect(() => scan(segment, true)).toThrow(says);
});

test('more entries than the group says is found, too', () => {
  const segment = withHeader(() => ({ entries: 9 }));
  expect(() => scan({ ...segment, bytes: segment.bytes.subarray(0, segment.groups[3]!.offset) }, true)).toThrow(
    'the group says 9',
  );
  expect(groupHeaderAt(segment.bytes, viewOf(segment.bytes), segment.groups[2]!.offset)!.kind).toBe(GROUP_DATA);
});
