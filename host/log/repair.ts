// host/log/repair.ts — goes on with a damaged log by giving up what is damaged. Only when an operator asks for it.
//
//   decide ▶ stop: which segment, and why ▶ quarantine the file ▶ put what is left of it, or a record of the gap ▶ decide ▶ …
//
// Promises
//   - every file that is changed is in quarantine/ first, whole.
//   - what is lost is in the log: a GROUP_GAP group with the range, the reason and the time. Groups that are kept keep their numbers.
//   - a crash at any step leaves a log that can be repaired again.
// Not here  the decision that a log is damaged (decide.ts), the lock (host/store).

import { crc32 } from 'node:zlib';
import type { Disk } from '../disk/disk.ts';
import { type Decision, decideRecovery } from './decide.ts';
import type { Gap } from './gap.ts';
import { LogError } from './log-error.ts';
import { logDirectory, logNames, segmentPath } from './place.ts';
import { readFacts, readWhole } from './read-facts.ts';
import { recoverLog } from './recover.ts';
import { quarantineBytes, quarantineFile, replaceFile } from './replace.ts';
import { chainInto, gapSegment, salvage } from './salvage.ts';
import type { SegmentFacts } from './scan.ts';
import type { SegmentHeader } from './segment.ts';

export interface RepairOptions {
  disk: Disk;
  data: string;
  store: string;
  durableElsewhere: number;
  /** Goes into the records. */
  reason: string;
  timeMs: number;
  report: (what: string) => void;
}

/** @returns what was given up, in the order of the log */
export async function repairLog(options: RepairOptions): Promise<Gap[]> {
  const { disk, data, store, durableElsewhere } = options;
  const gaps: Gap[] = [];
  // Each round mends or removes one segment, or fills one gap: twice the segments are enough, and a bound all the same.
  for (let rounds = 0; ; rounds++) {
    const names = logNames(await disk.list(logDirectory(data))).segments;
    const segments = await readFacts(disk, data, names, 'all');
    const durable = segments.reduce((most, segment) => Math.max(most, segment.durable), durableElsewhere);
    const decision = decideRecovery({ store, segments, durableElsewhere });
    if (decision.do !== 'stop') break;
    if (decision.because === 'newer-format' || rounds > 4 * names.length + 8) {
      throw new LogError(
        'NEWER_FORMAT',
        decision.path,
        decision.fromByte,
        decision.toByte,
        decision.what,
        'it cannot be repaired by this Pelton',
      );
    }
    options.report(`${decision.path}: ${decision.what}`);
    gaps.push(...(await mend(options, decision, segments, durable)));
  }
  await recoverLog({ ...options, scan: 'all' });
  return gaps.sort((one, two) => one.from - two.from);
}

async function mend(
  options: RepairOptions,
  stop: Decision & { do: 'stop' },
  segments: readonly SegmentFacts[],
  durable: number,
): Promise<Gap[]> {
  const { disk, data, store, reason, timeMs, report } = options;
  const index = segments.findIndex(({ path }) => path === stop.path);
  const segment = segments[index];
  if (stop.because === 'missing-segment') {
    return [await fillGap(options, (segment?.lastGroup ?? 0) + 1, segment, segments[index + 1], durable)];
  }
  if (segment === undefined) throw new Error(`no segment ${stop.path}`);
  const before = segments[index - 1];
  const next = segments[index + 1];
  const bytes = await readWhole(disk, segment.path);
  const name = `${segment.path.split('/').at(-1)}.damaged.${crc32(bytes).toString(16).padStart(8, '0')}`;
  const isBeforeItsTime = before !== undefined && before.lastGroup >= segment.firstGroup;
  const around = { store, firstGroup: segment.firstGroup, durable, reason, timeMs };
  const behind = await behindOf(disk, next);
  const left = isBeforeItsTime ? undefined : salvage(bytes, { ...around, chain: chainTo(segment, before), behind });
  if (left === undefined) {
    const kept = await quarantineFile(disk, data, segment.path, name);
    report(`nothing of it can be kept; it is in ${kept}`);
    // In the middle the next look finds its groups missing; nothing would say so of the first.
    if (before !== undefined || (next === undefined && durable < segment.firstGroup)) return [];
    return [await fillGap(options, segment.firstGroup, undefined, next, durable)];
  }
  const kept = await quarantineBytes(disk, data, name, bytes);
  await replaceFile(disk, segment.path, [left.bytes]);
  for (const { from, to } of left.gaps) report(`groups ${from} to ${to} are given up; the damaged file is in ${kept}`);
  return left.gaps;
}

/** A segment in place of those that are missing from `firstGroup` on. */
async function fillGap(
  { disk, data, store, reason, timeMs, report }: RepairOptions,
  firstGroup: number,
  before: SegmentFacts | undefined,
  next: SegmentFacts | undefined,
  durable: number,
): Promise<Gap> {
  const behind = await behindOf(disk, next);
  const to = behind === undefined ? durable : behind.firstGroup - 1;
  const gap: Gap = { from: firstGroup, to, chain: behind?.chain ?? null, reason, timeMs };
  const boot = before === undefined ? 0 : (before.header as SegmentHeader).boot;
  const salt = crc32(JSON.stringify(gap)); // Nothing stale stands behind it: any will do.
  const bytes = gapSegment({ store, firstGroup, boot, salt, chain: before?.chain ?? 0 }, gap);
  await replaceFile(disk, segmentPath(data, firstGroup), [bytes]);
  report(`groups ${gap.from} to ${gap.to} are given up: their segments are missing`);
  return gap;
}

/** Of the group before the segment's first; undefined when what stands before it does not say. */
function chainTo({ firstGroup }: SegmentFacts, before: SegmentFacts | undefined): number | undefined {
  if (firstGroup === 1) return 0;
  return before?.end.is === 'sealed' && before.lastGroup === firstGroup - 1 ? before.chain : undefined;
}

async function behindOf(disk: Disk, next: SegmentFacts | undefined) {
  if (next === undefined) return undefined;
  return { firstGroup: next.firstGroup, chain: chainInto(await readWhole(disk, next.path), next.firstGroup) };
}
