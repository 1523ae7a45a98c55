// host/log/reader.ts — whole groups, in order, from a number on, into memory that the caller gives: for a replay, or for a
// thread that has fallen behind. The log may be growing meanwhile.
//
// Promises
//   - nothing beyond the durable number that the caller names is looked at as more than bytes that may still change.
//   - every group handed out has passed the checks of walk.ts, across segments too.
//   - a group that is no longer kept is GROUP_GONE, by number; never silence, never another group instead.
// Not here  what the groups mean.

import type { Disk, DiskError, DiskFile } from '../disk/disk.ts';
import { viewOf } from './fields.ts';
import { groupBytes, groupHeaderAt } from './group.ts';
import { FOOTER_BYTES, GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './layout.ts';
import { LogError } from './log-error.ts';
import { logDirectory, logNames, segmentPath } from './place.ts';
import { footerAt, type SegmentHeader, segmentHeaderOf } from './segment.ts';
import { beginWalk, stepOver, type Walk } from './walk.ts';

export interface GroupsRead {
  /** At the start of the memory given: whole groups with their headers, one after the other. */
  bytes: number;
  groups: number;
  /** The last group in them; the one before the next when there is none. */
  lastGroup: number;
  /** Memory that the next group takes, when what was given cannot hold it; else 0. */
  neededBytes: number;
}

interface Place {
  file: DiskFile;
  path: string;
  header: SegmentHeader;
  walk: Walk;
  /** Of the next group in the file. */
  offset: number;
}

export class LogReader {
  readonly #disk: Disk;
  readonly #data: string;
  #place: Place | undefined;
  /** Of the group before the next; undefined where reading began. */
  #chain: number | undefined;
  #next: number;

  /** @param from  the first group to hand out; inside a gap, the gap's record is */
  constructor(disk: Disk, data: string, from: number) {
    this.#disk = disk;
    this.#data = data;
    this.#next = from;
  }

  /** The next group that `read` will hand out. */
  get next(): number {
    return this.#next;
  }

  /**
   * @param into     may be shared memory; what stands behind `bytes` is undefined afterwards
   * @param durable  groups up to this one are on the disk; none beyond it is handed out
   * @returns no bytes and no neededBytes: nothing more up to `durable`
   * @throws  LogError GROUP_GONE, CORRUPT; DiskError
   */
  async read(into: Uint8Array, durable: number): Promise<GroupsRead> {
    const view = viewOf(into);
    while (this.#next <= durable) {
      const place = this.#place ?? (await this.#open());
      const got = await place.file.read(into, place.offset);
      const found = this.#take(place, into.subarray(0, got), view, durable);
      if (found.bytes > 0 || found.neededBytes > into.byteLength) return found;
      if (found.skipped > 0) continue;
      if (await this.#isSealedAt(place)) await this.#leave(place);
      else {
        await this.close();
        throw await this.#refusal(place.path, place.header.firstGroup, place.offset, found.what);
      }
    }
    return { bytes: 0, groups: 0, lastGroup: this.#next - 1, neededBytes: 0 };
  }

  async close(): Promise<void> {
    const { file } = this.#place ?? {};
    this.#place = undefined;
    this.#chain = undefined;
    await file?.close();
  }

  /** Walks over the whole groups in `got`: those before the next are passed over, those from it on stay. */
  #take(
    place: Place,
    got: Uint8Array,
    view: DataView,
    durable: number,
  ): GroupsRead & { skipped: number; what: string } {
    const { walk } = place;
    let at = 0;
    let from = 0;
    let groups = 0;
    let neededBytes = 0;
    let what = '';
    while (walk.next <= durable) {
      const header = groupHeaderAt(got, view, at);
      const isNext = header?.salt === place.header.salt && header.number === walk.next;
      if (isNext && groupBytes(header.bodyBytes) > got.byteLength - at) {
        neededBytes = groupBytes(header.bodyBytes);
        what = `group ${header.number} is cut off`;
        break;
      }
      const step = stepOver(walk, place.header, got, view, at);
      if (typeof step === 'string') {
        what = step;
        break;
      }
      at += step;
      if (walk.next <= this.#next) from = at;
      else groups++;
    }
    place.offset += at;
    if (groups > 0) this.#next = walk.next;
    if (from > 0) got.copyWithin(0, from, at);
    const bytes = at - from;
    if (bytes > 0) this.#chain = walk.chain;
    return { bytes, groups, lastGroup: this.#next - 1, neededBytes: bytes > 0 ? 0 : neededBytes, skipped: from, what };
  }

  /** Opens the segment that holds the next group. */
  async #open(): Promise<Place> {
    const { segments } = logNames(await this.#disk.list(logDirectory(this.#data)));
    const firstGroup = segments.findLast((first) => first <= this.#next);
    if (firstGroup === undefined) throw gone(this.#data, this.#next, segments[0]);
    const path = segmentPath(this.#data, firstGroup);
    const file = await openKept(this.#disk, path);
    if (file === undefined) return this.#open(); // Taken away since it was listed.
    const head = new Uint8Array(SEGMENT_HEADER_BYTES);
    const header = segmentHeaderOf(head.subarray(0, await file.read(head, 0)));
    const what = wrongHeader(header, firstGroup, this.#next, this.#chain);
    if (what !== undefined) {
      await file.close();
      throw await this.#refusal(path, firstGroup, 0, what);
    }
    this.#place = beginPlace(file, path, header as SegmentHeader);
    return this.#place;
  }

  async #isSealedAt({ file, header, offset, walk }: Place): Promise<boolean> {
    const tail = new Uint8Array(FOOTER_BYTES);
    const got = await file.read(tail, offset);
    const footer = got === FOOTER_BYTES ? footerAt(tail, 0) : undefined;
    return footer?.salt === header.salt && footer.bytesUsed === offset && footer.lastGroup === walk.next - 1;
  }

  async #leave({ file, walk, path, offset }: Place): Promise<void> {
    const { segments } = logNames(await this.#disk.list(logDirectory(this.#data)));
    if (!segments.includes(walk.next)) {
      if (segments[0] === undefined || segments[0] > walk.next) throw gone(this.#data, this.#next, segments[0]);
      const what = `group ${walk.next} is durable, and no segment begins with it`;
      throw new LogError('MISSING_SEGMENT', path, offset, offset, what);
    }
    this.#chain = walk.chain;
    this.#place = undefined;
    await file.close();
  }

  /** The next group is durable and not where it must be: its file was taken for other groups, or is damaged. */
  async #refusal(path: string, firstGroup: number, offset: number, what: string): Promise<LogError> {
    const { segments } = logNames(await this.#disk.list(logDirectory(this.#data)));
    if (!segments.includes(firstGroup)) return gone(this.#data, this.#next, segments[0]);
    return new LogError('CORRUPT', path, offset, offset + GROUP_HEADER_BYTES, what);
  }
}

function beginPlace(file: DiskFile, path: string, header: SegmentHeader): Place {
  return { file, path, header, walk: beginWalk(header.firstGroup, header.chain), offset: SEGMENT_HEADER_BYTES };
}

/** @param chain  of the group before `next`, when that was handed out */
function wrongHeader(
  header: SegmentHeader | 'damaged' | 'newer',
  firstGroup: number,
  next: number,
  chain: number | undefined,
): string | undefined {
  if (typeof header === 'string') return `its header is ${header}`;
  if (header.firstGroup !== firstGroup) return `its header is of the segment from group ${header.firstGroup} on`;
  const follows = chain === undefined || (firstGroup === next && header.chain === chain);
  return follows ? undefined : `it does not follow group ${next - 1} (chain)`;
}

async function openKept(disk: Disk, path: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, 'read');
  } catch (error) {
    if ((error as DiskError).code === 'ENOENT') return undefined;
    throw error;
  }
}

function gone(data: string, group: number, earliest: number | undefined): LogError {
  const kept = earliest === undefined ? 'the log keeps no group' : `the earliest that is kept is ${earliest}`;
  return new LogError('GROUP_GONE', logDirectory(data), 0, 0, `group ${group} is not kept any more; ${kept}`);
}
