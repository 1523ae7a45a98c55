// host/log/open-log.ts — a log as it was left becomes one that can be appended to: recovered, its newest segment certain, its table known.

import type { Disk } from '../disk/disk.ts';
import type { LogLimits } from '../limits.ts';
import type { LogHead } from './log-head.ts';
import type { ProducerTable } from './producer-table.ts';
import { readWhole } from './read-facts.ts';
import { type RecoveredLog, recoverLog } from './recover.ts';
import { replaceFile } from './replace.ts';
import { restoreProducers } from './restore-producers.ts';
import { Spares } from './spares.ts';

export interface OpenedLog {
  table: ProducerTable;
  spares: Spares;
  head: LogHead;
  segments: RecoveredLog['segments'];
}

export interface OpenLogOptions {
  disk: Disk;
  data: string;
  /** The data directory's id. */
  store: string;
  limits: LogLimits;
  /** The greatest group that a checkpoint or a clean stop calls durable. */
  durableElsewhere?: number;
  scan?: 'newest' | 'all';
  report?: (what: string) => void;
}

/** The one that decodes again what the log holds. */
export const REPLAYING_LISTENER = 0;

/** @throws LogError when the log must not be used as it is; DiskError */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const { disk, data, store, limits, durableElsewhere = 0 } = options;
  const recovered = await recoverLog(options);
  if (recovered.lastGroup > durableElsewhere) await makeCertain(disk, recovered);
  const table = await restoreProducers(disk, recovered, limits);
  table.gatherAt(REPLAYING_LISTENER);
  const spares = await Spares.find(disk, data, limits.segmentBytes, limits.sparesMax);
  const head: LogHead = {
    store,
    boot: recovered.boot + 1,
    number: recovered.lastGroup,
    durable: recovered.lastGroup,
    chain: recovered.chain,
    ingestMs: Math.max(0, recovered.ingestMs),
    bootedAt: 0,
  };
  return { table, spares, head, segments: recovered.segments };
}

/**
 * The newest segment once more. Its footer may have been written by a process that was killed before its sync returned, or
 * after it failed: then readers see what the medium may not have, and the next segment must not be built on that.
 */
async function makeCertain(disk: Disk, { segments }: RecoveredLog): Promise<void> {
  const newest = segments.at(-1);
  if (newest !== undefined) await replaceFile(disk, newest.path, [await readWhole(disk, newest.path)]);
}
