// host/log/place.ts — names and places in a data directory.

const SEGMENT_NAME = /^(\d{20})\.seg$/;
const SPARE_NAME = /^spare-\d+\.seg$/;

export const logDirectory = (data: string): string => `${data}/log`;
export const quarantineDirectory = (data: string): string => `${data}/quarantine`;
export const segmentPath = (data: string, firstGroup: number): string =>
  `${logDirectory(data)}/${String(firstGroup).padStart(20, '0')}.seg`;

/** Written by recovery or repair, and renamed when whole; one that is found was left by a crash, and only a copy. */
export const unfinishedPath = (path: string): string => `${path}.tmp`;

export interface LogNames {
  /** First groups of the segments, ascending. */
  segments: number[];
  spares: string[];
  unfinished: string[];
  /** Left alone. */
  others: string[];
}

export function logNames(names: readonly string[]): LogNames {
  const found: LogNames = { segments: [], spares: [], unfinished: [], others: [] };
  for (const name of names) {
    const firstGroup = Number(SEGMENT_NAME.exec(name)?.[1] ?? Number.NaN);
    if (Number.isSafeInteger(firstGroup)) found.segments.push(firstGroup);
    else if (SPARE_NAME.test(name)) found.spares.push(name);
    else if (name.endsWith('.seg.tmp')) found.unfinished.push(name);
    else found.others.push(name);
  }
  found.segments.sort((one, two) => one - two);
  return found;
}
