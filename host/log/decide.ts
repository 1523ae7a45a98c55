// host/log/decide.ts — facts in, decision out: what recovery does about a log as it was found. No I/O, no clock.
//
//   the first bytes that are wrong stand …                                     decision
//   nowhere: the newest segment is sealed                                      nothing
//   behind the last group of the newest segment, nothing but zeros             seal
//   there, and no group that was durable is missing                            cut-tail
//   in the newest segment before its first group, none of its groups durable   undo-roll
//   anywhere, and a group is missing that was durable once                     stop: corrupt
//   in a segment that was sealed, or is not the newest                         stop: corrupt
//   between two segments: groups that neither has                              stop: missing-segment
//
// «Durable once» is the greatest number that any header in the log, a checkpoint or a clean stop calls durable. A whole group
// behind damaged bytes is no proof by itself: the log writes the next groups while a sync is under way, and a crash may keep
// those and lose the one before. It is proof when it calls the damaged one durable; then nothing is cut.
// The limit of one copy: damage to groups that were durable, but that nothing written after them calls so, cannot be told from
// a torn write. A MARK after silence, a clean stop and a checkpoint end that uncertainty.

import type { SegmentFacts } from './scan.ts';
import type { SegmentHeader } from './segment.ts';

export interface LogFacts {
  /** The data directory's id. */
  store: string;
  /** In the order of their names. */
  segments: readonly SegmentFacts[];
  /** What a checkpoint or a clean stop knows to have been durable; 0 when there is neither. */
  durableElsewhere: number;
}

export type StopReason = 'corrupt' | 'missing-segment' | 'newer-format';

/** What recovery does next; after each but `start-empty`, `nothing` and `stop` it looks again. */
export type Decision =
  | { do: 'start-empty' }
  | { do: 'nothing' }
  /** The newest segment ends cleanly; its groups are written anew all the same: some may never have reached the disk. */
  | { do: 'seal' }
  | { do: 'cut-tail'; fromByte: number; toByte: number }
  | { do: 'undo-roll' }
  | { do: 'stop'; because: StopReason; path: string; fromByte: number; toByte: number; what: string };

export function decideRecovery(facts: LogFacts): Decision {
  const newest = facts.segments.at(-1);
  const durable = facts.segments.reduce((most, segment) => Math.max(most, segment.durable), facts.durableElsewhere);
  if (newest === undefined) return durable === 0 ? { do: 'start-empty' } : lost('log', 1, durable);

  const isBegun = isInterruptedRoll(newest, durable);
  const counted = isBegun ? facts.segments.slice(0, -1) : facts.segments;
  for (const [index, segment] of counted.entries()) {
    const before = counted[index - 1];
    const stop = notSealed(before) ?? wrongInItself(segment, facts.store) ?? wrongBehind(segment, before);
    if (stop !== undefined) return stop;
  }
  const last = counted.at(-1);
  if (last === undefined || last.end.is === 'sealed') {
    const lastGroup = last?.lastGroup ?? 0;
    if (lastGroup < durable) return lost(last?.path ?? 'log', lastGroup + 1, durable);
  }
  return isBegun ? { do: 'undo-roll' } : decideEnd(newest, durable);
}

function decideEnd(newest: SegmentFacts, durable: number): Decision {
  const { end, lastGroup, goodBytes } = newest;
  switch (end.is) {
    case 'sealed':
      return { do: 'nothing' };
    case 'open':
      if (lastGroup < durable)
        return corrupt(newest, `it ends with group ${lastGroup}, groups up to ${durable} were durable`);
      return { do: 'seal' };
    case 'damaged':
      if (end.wasSealed) return corrupt(newest, `${end.what}, in a sealed segment`);
      if (lastGroup < durable) {
        const found = end.later === undefined ? '' : `, group ${end.later.number} follows at ${end.later.offset}`;
        return corrupt(newest, `${end.what}${found}; groups up to ${durable} were durable`);
      }
      return { do: 'cut-tail', fromByte: goodBytes, toByte: end.toByte };
  }
}

/** The newest segment was being begun: no group of it is whole, and none was ever called durable. */
function isInterruptedRoll({ groups, header, end, firstGroup }: SegmentFacts, durable: number): boolean {
  if (groups > 0 || header === 'newer' || durable >= firstGroup || end.is === 'sealed') return false;
  // Its header is durable before a group is written: groups without one are damage.
  return end.is === 'open' || (!end.wasSealed && (end.later === undefined || isOf(header, firstGroup)));
}

function wrongInItself(segment: SegmentFacts, store: string): Decision | undefined {
  const { header, firstGroup, path } = segment;
  if (header === 'newer') {
    return { do: 'stop', because: 'newer-format', path, fromByte: 0, toByte: 64, what: 'a newer Pelton wrote it' };
  }
  if (header === 'damaged') return corrupt(segment, 'its header is damaged');
  if (!isOf(header, firstGroup))
    return corrupt(segment, `its header is of the segment from group ${header.firstGroup} on`);
  return header.store === store ? undefined : corrupt(segment, `it is of store ${header.store}, expected ${store}`);
}

/** Damage in the one before is named first: it explains what does not fit behind it. */
function notSealed(before: SegmentFacts | undefined): Decision | undefined {
  if (before === undefined || before.end.is === 'sealed') return undefined;
  return corrupt(before, `${whatIsWrong(before)}; it is not the newest, and not sealed`);
}

/** Whether a segment goes on where the one before it ends. */
function wrongBehind(segment: SegmentFacts, before: SegmentFacts | undefined): Decision | undefined {
  if (before === undefined) return undefined;
  const header = segment.header as SegmentHeader;
  // Of the two, damage in the one before is what explains a gap.
  if (before.end.is !== 'sealed')
    return corrupt(before, `${whatIsWrong(before)}; it is not the newest, and not sealed`);
  const expected = before.lastGroup + 1;
  if (segment.firstGroup > expected) {
    const what = `groups ${expected} to ${segment.firstGroup - 1} are in no segment`;
    return { do: 'stop', because: 'missing-segment', path: before.path, fromByte: 0, toByte: 0, what };
  }
  if (segment.firstGroup < expected)
    return corrupt(segment, `it begins before ${before.path} ends (group ${before.lastGroup})`);
  if (header.chain !== before.chain) return corrupt(segment, `it does not follow ${before.path} (chain)`);
  return header.boot < (before.header as SegmentHeader).boot
    ? corrupt(segment, `its boot ${header.boot} goes back`)
    : undefined;
}

const isOf = (header: SegmentFacts['header'], firstGroup: number): boolean =>
  typeof header !== 'string' && header.firstGroup === firstGroup;

const whatIsWrong = ({ end }: SegmentFacts): string => (end.is === 'damaged' ? end.what : 'it has no footer');

function corrupt({ path, goodBytes, fileBytes, end }: SegmentFacts, what: string): Decision {
  const toByte = end.is === 'damaged' ? end.toByte : fileBytes;
  return { do: 'stop', because: 'corrupt', path, fromByte: goodBytes, toByte, what };
}

/** Groups that were durable are in no file, and no damage says where they were. */
function lost(path: string, first: number, durable: number): Decision {
  const what = `groups ${first} to ${durable} were durable, and are in no segment`;
  return { do: 'stop', because: 'missing-segment', path, fromByte: 0, toByte: 0, what };
}
