// host/log/walk.ts — from group to group: whether the one that stands here is the one that belongs here.
//
// A group counts only with its number, boot, salt, chain, times and body as the segment and the group before let expect them.

import { crc32 } from 'node:zlib';
import { gapOf } from './gap.ts';
import { checkBody, type GroupHeader, groupBytes, groupHeaderAt, headerCrcAt } from './group.ts';
import { GROUP_GAP, GROUP_HEADER_BYTES, GROUP_TABLE } from './layout.ts';
import type { SegmentHeader } from './segment.ts';

/** Where a walk is: what the next group must be, and what was seen. */
export interface Walk {
  next: number;
  chain: number;
  /** −∞ before the first group. */
  ingestMs: number;
  durable: number;
  groups: number;
  /** Where the last TABLE group stands. */
  table: number | undefined;
}

export interface WalkOptions {
  /** Walk all entries of each body as well. */
  deep?: boolean;
  /** Called for each whole group, in order. */
  visit?: (group: GroupHeader, offset: number, body: Uint8Array) => void;
}

export function beginWalk(firstGroup: number, chain: number): Walk {
  return { next: firstGroup, chain, ingestMs: Number.NEGATIVE_INFINITY, durable: 0, groups: 0, table: undefined };
}

/**
 * Looks at the group at `at`, and moves the walk behind it when it is whole and belongs there.
 *
 * @returns the group's bytes, or what is wrong with it; then the walk stays where it was
 * @throws  MalformedBody with `deep`
 */
export function stepOver(
  walk: Walk,
  segment: SegmentHeader,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  { deep = false, visit }: WalkOptions = {},
): number | string {
  const group = groupHeaderAt(bytes, view, at);
  if (group === undefined) return 'no whole group header';
  if (group.salt !== segment.salt) return 'a group of another segment';
  if (group.boot !== segment.boot) return `a group of boot ${group.boot}, expected ${segment.boot}`;
  if (group.number !== walk.next) return `group ${group.number}, expected ${walk.next}`;
  if (group.chain !== walk.chain) return `group ${group.number} does not follow the group before it (chain)`;
  if (group.ingestMs < walk.ingestMs) return `group ${group.number} goes back in time`;
  if (!(group.durable < group.number && group.durable >= walk.durable)) {
    return `group ${group.number} calls ${group.durable} durable, the one before ${walk.durable}`;
  }
  if (groupBytes(group.bodyBytes) > bytes.byteLength - at) return `group ${group.number} is cut off`;
  const bodyEnd = at + GROUP_HEADER_BYTES + group.bodyBytes;
  const body = bytes.subarray(at + GROUP_HEADER_BYTES, bodyEnd);
  if (crc32(body) !== group.bodyCrc) return `the body of group ${group.number} has another checksum`;
  const end = at + groupBytes(group.bodyBytes);
  if (bytes.subarray(bodyEnd, end).some((byte) => byte !== 0)) return `group ${group.number} is not padded by zeros`;
  const gap = group.kind === GROUP_GAP ? gapOf(body) : undefined;
  if (group.kind === GROUP_GAP && gap?.from !== group.number) return `group ${group.number} is no record of a gap`;
  if (deep) checkBody(group, body);
  visit?.(group, at, body);
  walk.next = (gap?.to ?? group.number) + 1;
  walk.chain = gap?.chain ?? headerCrcAt(view, at);
  walk.ingestMs = group.ingestMs;
  walk.durable = group.durable;
  walk.groups++;
  if (group.kind === GROUP_TABLE) walk.table = at;
  return end - at;
}
