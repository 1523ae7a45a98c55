// host/log/scan.ts — one segment's bytes to facts: what is whole, where that ends, and what stands behind it.
//
//   0        64                          goodBytes
//   ├ header ┼ group ┼ group ┼ … ┼ group ┼ a footer │ nothing │ zeros │ bytes that are no group that belongs there
//
// Promises
//   - pure: the same bytes and the same expectations give the same facts.
//   - no length is followed before its checksum was right; the scan ends for every input.
// Not here  whether a group belongs where it stands (walk.ts), what the facts mean (decide.ts), reading files (recover.ts).

import { crc32 } from 'node:zlib';
import { alignUp, viewOf } from './fields.ts';
import { groupHeaderAt } from './group.ts';
import { FOOTER_BYTES, SEGMENT_HEADER_BYTES } from './layout.ts';
import { type Footer, footerAt, type SegmentHeader, segmentHeaderOf } from './segment.ts';
import { beginWalk, stepOver, type Walk, type WalkOptions } from './walk.ts';

/** What stands behind the last whole group. */
export type SegmentEnd =
  | { is: 'sealed'; footer: Footer }
  /** The file ends there, or only zeros follow. */
  | { is: 'open' }
  | {
      is: 'damaged';
      /** What was found wrong at goodBytes. */
      what: string;
      /** Only zeros follow. */
      toByte: number;
      /** Whether a footer of this segment follows: it was sealed once. */
      wasSealed: boolean;
      /** A group of this segment with a greater number follows. */
      later: { offset: number; number: number } | undefined;
    };

export interface SegmentFacts {
  path: string;
  /** As its name says. */
  firstGroup: number;
  fileBytes: number;
  header: SegmentHeader | 'damaged' | 'newer';
  groups: number;
  /** firstGroup − 1 when there is none. */
  lastGroup: number;
  /** headerCrc of the last group; the header's chain when there is none. */
  chain: number;
  /** The greatest ingest time; −∞ when no group was looked at. */
  ingestMs: number;
  /** Every group up to this one was durable once: the greatest that any header in the file says. */
  durable: number;
  goodBytes: number;
  /** Of the bytes up to goodBytes. */
  segmentCrc: number;
  /** Where the last TABLE group stands. */
  table: number | undefined;
  end: SegmentEnd;
}

/** @param bytes  the whole file */
export function scanSegment(
  path: string,
  firstGroup: number,
  bytes: Uint8Array,
  options: WalkOptions = {},
): SegmentFacts {
  const view = viewOf(bytes);
  const header = segmentHeaderOf(bytes);
  const known = typeof header === 'string' || header.firstGroup !== firstGroup ? undefined : header;
  const walk = beginWalk(firstGroup, known?.chain ?? 0);
  let at = known === undefined ? 0 : SEGMENT_HEADER_BYTES;
  let what = 'no header of this segment';
  if (known !== undefined) {
    for (;;) {
      const step = stepOver(walk, known, bytes, view, at, options);
      if (typeof step === 'string') {
        what = step;
        break;
      }
      at += step;
    }
  }
  const segmentCrc = crc32(bytes.subarray(0, at));
  const footer = known === undefined ? undefined : footerAt(bytes, at);
  const isSealed = footer !== undefined && known !== undefined && agrees(footer, known, walk, at, segmentCrc);
  let end: SegmentEnd = { is: 'open' };
  let durable = walk.durable;
  if (isSealed) end = { is: 'sealed', footer };
  else {
    const toByte = lastUsed(bytes, at);
    if (toByte > at || known === undefined) {
      const behind = lookBehind(bytes, view, at, toByte, walk.next, known?.salt);
      durable = Math.max(durable, behind.durable);
      const why = footer === undefined ? what : 'a footer that does not fit what it seals';
      end = { is: 'damaged', what: why, toByte, wasSealed: behind.wasSealed, later: behind.later };
    }
  }
  const { next, chain, ingestMs, groups, table } = walk;
  const lastGroup = next - 1;
  const ends = { goodBytes: at, segmentCrc, table, end };
  return {
    path,
    firstGroup,
    fileBytes: bytes.byteLength,
    header,
    groups,
    lastGroup,
    chain,
    ingestMs,
    durable,
    ...ends,
  };
}

/**
 * The facts of a sealed segment whose file ends with its footer, or with a copy of it (a file that is longer than what is
 * used of it), without what is between its ends.
 *
 * @param head  its first SEGMENT_HEADER_BYTES
 * @param tail  its last FOOTER_BYTES
 * @returns undefined when the whole file must be scanned
 */
export function sealedByItsEnds(
  path: string,
  firstGroup: number,
  fileBytes: number,
  head: Uint8Array,
  tail: Uint8Array,
): SegmentFacts | undefined {
  const header = segmentHeaderOf(head);
  const footer = footerAt(tail, 0);
  if (typeof header === 'string' || header.firstGroup !== firstGroup || footer === undefined) return undefined;
  if (footer.salt !== header.salt || !(footer.bytesUsed <= fileBytes - FOOTER_BYTES)) return undefined;
  const { groups, lastGroup, chain, segmentCrc, bytesUsed: goodBytes } = footer;
  const unseen = { ingestMs: Number.NEGATIVE_INFINITY, durable: 0, table: undefined };
  return {
    path,
    firstGroup,
    fileBytes,
    header,
    groups,
    lastGroup,
    chain,
    segmentCrc,
    goodBytes,
    ...unseen,
    end: { is: 'sealed', footer },
  };
}

function agrees(footer: Footer, segment: SegmentHeader, walk: Walk, at: number, segmentCrc: number): boolean {
  return (
    footer.salt === segment.salt &&
    footer.bytesUsed === at &&
    footer.groups === walk.groups &&
    footer.lastGroup === walk.next - 1 &&
    footer.chain === walk.chain &&
    footer.segmentCrc === segmentCrc
  );
}

/** The first multiple of 8 behind which only zeros stand, from `from` on. */
function lastUsed(bytes: Uint8Array, from: number): number {
  let end = bytes.byteLength;
  while (end > from && bytes[end - 1] === 0) end--;
  return Math.min(bytes.byteLength, alignUp(end));
}

/**
 * What stands behind the first byte that is wrong, at multiples of 8: groups of this segment and its footer.
 *
 * @param salt  undefined when the header is gone: then numbers alone tell a recycled file's old groups apart
 */
function lookBehind(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  to: number,
  next: number,
  salt: number | undefined,
) {
  let durable = 0;
  let wasSealed = false;
  let later: { offset: number; number: number } | undefined;
  for (let at = from; at < to; at += 8) {
    const group = groupHeaderAt(bytes, view, at);
    if (group !== undefined && at > from && (salt === undefined || group.salt === salt) && group.number >= next) {
      later ??= { offset: at, number: group.number };
      if (group.durable < group.number) durable = Math.max(durable, group.durable);
    }
    if (at + FOOTER_BYTES <= bytes.byteLength) {
      const footer = footerAt(bytes, at);
      const isOurs = footer !== undefined && (salt === undefined ? footer.lastGroup >= next : footer.salt === salt);
      wasSealed ||= isOurs && footer.bytesUsed === at;
    }
  }
  return { durable, wasSealed, later };
}
