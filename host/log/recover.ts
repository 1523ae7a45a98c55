// host/log/recover.ts — reads the facts of a log, obeys the decision, and says what the log is.
//
//   facts ▶ decide ▶ quarantine, rewrite ▶ facts ▶ … ▶ nothing to do
//
// Promises
//   - after a crash at any of its steps it comes to the same log; done twice, the second time changes nothing.
//   - what was durable is never cut: the log is refused by name, and nothing is changed.
//   - whatever it gives up is in quarantine/ first.
//   - after a stop that was not clean the newest segment is written anew: the page cache may show bytes that never were on the disk.
// Not here  the decision (decide.ts), giving up what was durable (repair.ts), the lock and the store's id (host/store).

import { crc32 } from 'node:zlib';
import type { Disk } from '../disk/disk.ts';
import { type Decision, decideRecovery, type StopReason } from './decide.ts';
import { viewOf } from './fields.ts';
import { groupHeaderAt } from './group.ts';
import { GROUP_HEADER_BYTES } from './layout.ts';
import { LogError, type LogErrorCode } from './log-error.ts';
import { logDirectory, logNames, segmentPath } from './place.ts';
import { readFacts, readWhole, scanFile } from './read-facts.ts';
import { quarantineBytes, quarantineFile, replaceFile } from './replace.ts';
import type { SegmentFacts } from './scan.ts';
import { encodeFooter, type SegmentHeader } from './segment.ts';

export interface RecoverOptions {
  disk: Disk;
  /** The data directory. */
  data: string;
  /** Its id. */
  store: string;
  /** The greatest group that a checkpoint or a clean stop calls durable. */
  durableElsewhere?: number;
  /** 'all' reads every byte of every segment; see read-facts.ts. */
  scan?: 'newest' | 'all';
  /** Told what is done to the log, before it is done. */
  report?: (what: string) => void;
}

export interface RecoveredSegment {
  path: string;
  firstGroup: number;
  lastGroup: number;
}

export interface RecoveredLog {
  /** All sealed, in order; none: an empty log. */
  segments: RecoveredSegment[];
  /** Files that may be used again, by name in log/. */
  spares: string[];
  /** 0 when the log is empty. The next group is this + 1, and begins a segment. */
  lastGroup: number;
  /** headerCrc of the last group: the next segment's chain, and its first group's. */
  chain: number;
  /** The last boot; the next is this + 1. */
  boot: number;
  /** Ingest time of the last group; −∞ when the log is empty. */
  ingestMs: number;
  /** The last copy of the producer table; the groups behind it change it (reader.ts, from group + 1). */
  table: { group: number; body: Uint8Array } | undefined;
}

/** @throws LogError when the log must not be used as it is; DiskError */
export async function recoverLog(options: RecoverOptions): Promise<RecoveredLog> {
  const { disk, data, store, durableElsewhere = 0, scan = 'newest' } = options;
  for (;;) {
    const names = logNames(await disk.list(logDirectory(data)));
    for (const name of names.unfinished) await disk.remove(`${logDirectory(data)}/${name}`);
    const segments = await readFacts(disk, data, names.segments, scan);
    const decision = decideRecovery({ store, segments, durableElsewhere });
    const isDone = await obey(options, decision, segments.at(-1));
    if (isDone) return describe(disk, segments, names.spares);
  }
}

/** @returns whether nothing is left to be done */
async function obey(options: RecoverOptions, decision: Decision, newest: SegmentFacts | undefined): Promise<boolean> {
  const { disk, data, report = () => undefined } = options;
  switch (decision.do) {
    case 'start-empty':
    case 'nothing':
      return true;
    case 'stop':
      throw refusal(decision);
    case 'seal':
      report(`${newest!.path}: the last stop was not clean; its ${newest!.groups} groups are whole`);
      await rewrite(disk, newest!);
      return false;
    case 'cut-tail': {
      const { fromByte, toByte } = decision;
      report(
        `${newest!.path}: bytes ${fromByte} to ${toByte} were being written when the engine ended; no group in them was durable`,
      );
      const tail = (await readWhole(disk, newest!.path)).subarray(fromByte, toByte);
      await quarantineBytes(disk, data, `${nameOf(newest!)}.${fromByte}-${toByte}.${hex(crc32(tail))}`, tail);
      await rewrite(disk, newest!);
      return false;
    }
    case 'undo-roll': {
      report(`${newest!.path}: was being begun when the engine ended; it holds no group`);
      const bytes = await readWhole(disk, newest!.path);
      await quarantineFile(disk, data, newest!.path, `${nameOf(newest!)}.begun.${hex(crc32(bytes))}`);
      return false;
    }
  }
}

/** The whole groups as they are, and a footer: nothing stale follows, so their salt stays theirs alone. */
async function rewrite(disk: Disk, { path, header, groups, lastGroup, goodBytes, chain, segmentCrc }: SegmentFacts) {
  const { salt } = header as SegmentHeader;
  const good = (await readWhole(disk, path)).subarray(0, goodBytes);
  if (crc32(good) !== segmentCrc) throw new LogError('CORRUPT', path, 0, goodBytes, 'two reads gave different bytes');
  const footer = encodeFooter({ salt, groups, lastGroup, bytesUsed: goodBytes, chain, segmentCrc });
  await replaceFile(disk, path, [good, footer]);
}

async function describe(disk: Disk, segments: readonly SegmentFacts[], spares: string[]): Promise<RecoveredLog> {
  const newest = segments.at(-1);
  const found: RecoveredLog = {
    segments: segments.map(({ path, firstGroup, lastGroup }) => ({ path, firstGroup, lastGroup })),
    spares,
    lastGroup: newest?.lastGroup ?? 0,
    chain: newest?.chain ?? 0,
    boot: newest === undefined ? 0 : (newest.header as SegmentHeader).boot,
    ingestMs: segments.reduce((latest, { ingestMs }) => Math.max(latest, ingestMs), Number.NEGATIVE_INFINITY),
    table: undefined,
  };
  for (const segment of segments.toReversed()) {
    const { bytes, facts } = await scanFile(disk, segment.path, segment.firstGroup);
    if (facts.table === undefined) continue;
    const header = groupHeaderAt(bytes, viewOf(bytes), facts.table)!;
    const from = facts.table + GROUP_HEADER_BYTES;
    return { ...found, table: { group: header.number, body: bytes.slice(from, from + header.bodyBytes) } };
  }
  return found;
}

const CODES: Record<StopReason, LogErrorCode> = {
  corrupt: 'CORRUPT',
  'missing-segment': 'MISSING_SEGMENT',
  'newer-format': 'NEWER_FORMAT',
};

const ADVICE: Record<StopReason, string> = {
  corrupt:
    'nothing was changed. Restore the file from a copy; «pelton repair DIR --accept-loss» gives up what is damaged',
  'missing-segment': 'nothing was changed. Put the file back; «pelton repair DIR --accept-loss» goes on without it',
  'newer-format': 'run the Pelton that wrote it, or a newer one',
};

function refusal({ because, path, fromByte, toByte, what }: Decision & { do: 'stop' }): LogError {
  return new LogError(CODES[because], path, fromByte, toByte, what, ADVICE[because]);
}

const nameOf = ({ firstGroup }: SegmentFacts): string => segmentPath('', firstGroup).split('/').at(-1)!;
const hex = (crc: number): string => crc.toString(16).padStart(8, '0');
