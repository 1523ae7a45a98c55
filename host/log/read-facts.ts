// host/log/read-facts.ts — what recovery knows before it decides: the log's files, read and scanned.
//
// Sealed segments before the newest two are believed by their ends (header, footer, chain from one to the next), so that a
// restart does not take longer for a longer log; what is between is checked by whoever reads it, and by `verify`.

import type { Disk, DiskFile } from '../disk/disk.ts';
import { LOG_FILE_BYTES_MAX } from '../limits.ts';
import { MalformedBody } from './group.ts';
import { FOOTER_BYTES, SEGMENT_HEADER_BYTES } from './layout.ts';
import { LogError } from './log-error.ts';
import { segmentPath } from './place.ts';
import { type SegmentFacts, scanSegment, sealedByItsEnds } from './scan.ts';
import type { WalkOptions } from './walk.ts';

const SCANNED_ALWAYS = 2;

/** @param scan  'newest' believes older sealed segments by their ends, 'all' reads every byte */
export async function readFacts(
  disk: Disk,
  data: string,
  firstGroups: readonly number[],
  scan: 'newest' | 'all',
): Promise<SegmentFacts[]> {
  const facts: SegmentFacts[] = [];
  for (const [index, firstGroup] of firstGroups.entries()) {
    const byEnds = scan === 'newest' && index < firstGroups.length - SCANNED_ALWAYS;
    const path = segmentPath(data, firstGroup);
    const short = byEnds ? await withFile(disk, path, (file) => readEnds(file, path, firstGroup)) : undefined;
    facts.push(short ?? (await scanFile(disk, path, firstGroup)).facts);
  }
  return facts;
}

export async function scanFile(disk: Disk, path: string, firstGroup: number, options: WalkOptions = {}) {
  const bytes = await readWhole(disk, path);
  try {
    return { bytes, facts: scanSegment(path, firstGroup, bytes, options) };
  } catch (error) {
    if (!(error instanceof MalformedBody)) throw error;
    throw new LogError(
      'CORRUPT',
      path,
      0,
      bytes.byteLength,
      `a group whose checksums are right holds ${error.message}`,
    );
  }
}

export function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  return withFile(disk, path, async (file) => {
    const size = await file.size();
    if (size > LOG_FILE_BYTES_MAX) {
      throw new LogError('CORRUPT', path, LOG_FILE_BYTES_MAX, size, `expected at most ${LOG_FILE_BYTES_MAX} bytes`);
    }
    const bytes = new Uint8Array(size);
    const got = await file.read(bytes, 0);
    return bytes.subarray(0, got);
  });
}

async function readEnds(file: DiskFile, path: string, firstGroup: number): Promise<SegmentFacts | undefined> {
  const size = await file.size();
  if (size < SEGMENT_HEADER_BYTES + FOOTER_BYTES) return undefined;
  const head = new Uint8Array(SEGMENT_HEADER_BYTES);
  const tail = new Uint8Array(FOOTER_BYTES);
  await file.read(head, 0);
  await file.read(tail, size - FOOTER_BYTES);
  return sealedByItsEnds(path, firstGroup, size, head, tail);
}

async function withFile<T>(disk: Disk, path: string, act: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path, 'read');
  try {
    return await act(file);
  } finally {
    await file.close();
  }
}
