// host/checkpoint/keeper-message.ts — what the keeper and control say to each other, and what a partition says first.

import type { WrittenPart } from './part-writer.ts';

/** The first frame of a part, FRAME_BARRIER, as JSON. */
export interface PartHead {
  checkpoint: number;
  /** The last checkpoint that a manifest names, 0 for none: blocks that did not change since then come as SAME. */
  base: number;
  /** Every block comes whole: after a start, of a savepoint, and after a DAMAGED abort. */
  full: boolean;
  partition: number;
  partitions: number;
  planHash: string;
}

/** A part that is on the medium. */
export interface KeptPart extends WrittenPart {
  partition: number;
  /** Older checkpoints whose parts hold bytes of this one, ascending. */
  refers: number[];
}

export type AbortCode =
  /** The disk is full: nothing of the checkpoint is left on it, those before are whole, events go on. */
  | 'NO_SPACE'
  /** An older part that was to be carried over is damaged: the next checkpoint must be a full one. */
  | 'DAMAGED'
  /** Control said so. */
  | 'ASKED';

/** Keeper → control. */
export type KeeperReport =
  | { type: 'partKept'; checkpoint: number; part: KeptPart }
  /** Said once, when nothing of it is on the disk any more; what partitions still send of it is taken and dropped. */
  | { type: 'checkpointAborted'; checkpoint: number; code: AbortCode; reason: string };

/** Control → keeper. */
export type KeeperOrder = { type: 'abort'; checkpoint: number; reason: string } | { type: 'stop' };
