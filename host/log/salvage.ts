// host/log/salvage.ts — what is left of a damaged segment: every group that is still whole, and records of the gaps between.
//
//   ├ header ┼ 7 ┼ 8 ┼ ✗✗✗✗ ┼ 12 ┼ 13 ┼ footer      becomes      ├ header ┼ 7 ┼ 8 ┼ GAP 9–11 ┼ 12 ┼ 13 ┼ footer
//
// Groups are kept as they are, with their numbers and checksums; a damaged header is made anew from what its groups repeat.
// Pure. Not here  deciding that a repair is wanted, files, quarantine (repair.ts).

import { crc32 } from 'node:zlib';
import { viewOf } from './fields.ts';
import { encodeGap, type Gap } from './gap.ts';
import { encodeGroupHeader, groupBytes, groupHeaderAt } from './group.ts';
import { FOOTER_BYTES, GROUP_GAP, GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './layout.ts';
import { encodeFooter, encodeSegmentHeader, footerAt, type SegmentHeader, segmentHeaderOf } from './segment.ts';
import { beginWalk, stepOver, type Walk } from './walk.ts';

/** What is known about a segment from outside of it. */
export interface Surroundings {
  store: string;
  firstGroup: number;
  /** Of the group before; 0 at the beginning of the log, undefined when it is not known. */
  chain: number | undefined;
  /** The first group of the segment behind, and its chainInto; undefined for the newest segment. */
  behind: { firstGroup: number; chain: number | null } | undefined;
  /** Groups up to this one were durable once. */
  durable: number;
  reason: string;
  timeMs: number;
}

export interface Salvaged {
  /** The segment made anew, sealed. */
  bytes: Uint8Array;
  gaps: Gap[];
}

/** @returns undefined when the bytes hold no group and no header of the segment */
export function salvage(bytes: Uint8Array, around: Surroundings): Salvaged | undefined {
  const view = viewOf(bytes);
  const header = headerOf(bytes, view, around);
  if (header === undefined) return undefined;
  const walk = beginWalk(around.firstGroup, header.chain);
  const parts: Uint8Array[] = [encodeSegmentHeader(header)];
  const gaps: Gap[] = [];
  const addGap = (to: number, chain: number | null) => {
    const gap: Gap = { from: walk.next, to, chain, reason: around.reason, timeMs: around.timeMs };
    gaps.push(gap);
    parts.push(gapGroup(gap, header, walk));
  };
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.byteLength; ) {
    const step = stepOver(walk, header, bytes, view, at);
    if (typeof step === 'number') {
      parts.push(bytes.subarray(at, at + step));
      at += step;
      continue;
    }
    const found = nextWhole(bytes, view, at, walk, header, around);
    if (found === undefined) break;
    if (found.number > walk.next) addGap(found.number - 1, found.chain);
    at = found.offset;
  }
  const end = endOf(footerOf(bytes, SEGMENT_HEADER_BYTES, header.salt), around);
  if (end.lastGroup >= walk.next) addGap(end.lastGroup, end.chain);
  const body = Buffer.concat(parts);
  const { salt } = header;
  const totals = { groups: walk.groups, lastGroup: walk.next - 1, bytesUsed: body.byteLength, chain: walk.chain };
  return { bytes: Buffer.concat([body, encodeFooter({ salt, ...totals, segmentCrc: crc32(body) })]), gaps };
}

/** What a segment says of the group before its first; null when its header and its first group's are damaged. */
export function chainInto(bytes: Uint8Array, firstGroup: number): number | null {
  const own = segmentHeaderOf(bytes);
  if (typeof own !== 'string' && own.firstGroup === firstGroup) return own.chain;
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const group = groupHeaderAt(bytes, view, at);
    if (group?.number === firstGroup) return group.chain;
  }
  return null;
}

/** A segment that only says which groups are lost. */
export function gapSegment(header: SegmentHeader, gap: Gap): Uint8Array {
  const walk = beginWalk(header.firstGroup, header.chain);
  const body = Buffer.concat([encodeSegmentHeader(header), gapGroup(gap, header, walk)]);
  const totals = { groups: 1, lastGroup: gap.to, bytesUsed: body.byteLength, chain: walk.chain };
  return Buffer.concat([body, encodeFooter({ salt: header.salt, ...totals, segmentCrc: crc32(body) })]);
}

/** Writes the record as a group where the walk is, and moves the walk behind it. */
function gapGroup(gap: Gap, { boot, salt }: SegmentHeader, walk: Walk): Uint8Array {
  const body = encodeGap(gap);
  const bytes = new Uint8Array(groupBytes(body.byteLength));
  bytes.set(body, GROUP_HEADER_BYTES);
  const ingestMs = Number.isFinite(walk.ingestMs) ? walk.ingestMs : 0;
  const place = { number: gap.from, durable: walk.durable, ingestMs, boot, salt, chain: walk.chain };
  const sizes = { entries: 0, bodyBytes: body.byteLength, bodyCrc: crc32(body) };
  const headerCrc = encodeGroupHeader({ kind: GROUP_GAP, ...place, ...sizes }, bytes);
  walk.next = gap.to + 1;
  walk.chain = gap.chain ?? headerCrc;
  walk.ingestMs = ingestMs;
  walk.groups++;
  return bytes;
}

/** The segment's own header if it is whole and fits; else one made of what its first group repeats. */
function headerOf(bytes: Uint8Array, view: DataView, around: Surroundings): SegmentHeader | undefined {
  const { store, firstGroup, chain } = around;
  const own = segmentHeaderOf(bytes);
  if (typeof own !== 'string' && own.firstGroup === firstGroup && own.store === store) {
    return chain === undefined || chain === own.chain ? own : undefined;
  }
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const group = groupHeaderAt(bytes, view, at);
    if (group === undefined || !isOurs(group.number, around)) continue;
    const ownChain = group.number === firstGroup ? group.chain : (chain ?? 0);
    return { store, firstGroup, boot: group.boot, salt: group.salt, chain: ownChain };
  }
  return undefined;
}

/** The next group from `at` on that is whole in itself, fits behind what was kept, and can be followed from. */
function nextWhole(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  walk: Walk,
  header: SegmentHeader,
  around: Surroundings,
): { offset: number; number: number; chain: number } | undefined {
  for (let at = from; at < bytes.byteLength; at += 8) {
    const group = groupHeaderAt(bytes, view, at);
    if (group === undefined || !(group.number >= walk.next) || !isOurs(group.number, around)) continue;
    if (group.number === walk.next && group.chain !== walk.chain) continue;
    const trial: Walk = { ...walk, next: group.number, chain: group.chain };
    if (typeof stepOver(trial, header, bytes, view, at) === 'number') {
      return { offset: at, number: group.number, chain: group.chain };
    }
  }
  return undefined;
}

const isOurs = (number: number, { firstGroup, behind }: Surroundings): boolean =>
  number >= firstGroup && (behind === undefined || number < behind.firstGroup);

function footerOf(bytes: Uint8Array, from: number, salt: number) {
  for (let at = bytes.byteLength - (bytes.byteLength % 8) - FOOTER_BYTES; at >= from; at -= 8) {
    const footer = footerAt(bytes, at);
    if (footer?.salt === salt) return footer;
  }
  return undefined;
}

/** Up to where groups must follow, whether they are found or not. */
function endOf(footer: { lastGroup: number; chain: number } | undefined, { behind, durable }: Surroundings) {
  if (behind !== undefined) return { lastGroup: behind.firstGroup - 1, chain: behind.chain };
  if (footer !== undefined && footer.lastGroup >= durable) return footer;
  return { lastGroup: durable, chain: null };
}
