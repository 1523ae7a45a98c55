// host/checkpoint/restore-source.ts — hands the records of a checkpoint to whoever restores a partition.
//
//   as many partitions as then   its own part: blocks go back whole
//   another number               all parts, one after the other: the restorer keeps the entries whose key group is its own
//
// Not here  which checkpoint (recover.ts), and what a record's entries become.

import type { Disk } from '../disk/disk.ts';
import type { CheckpointMeta } from './meta.ts';
import { type PartRecord, type RoomForBlock, readPart } from './part-reader.ts';

export interface RestoreShare {
  partition: number;
  partitions: number;
}

/** Whether blocks are of the same partition: only then may they go back as they are. */
export const isOwnPart = ({ parts }: CheckpointMeta, { partitions }: RestoreShare): boolean =>
  parts.length === partitions;

/**
 * Every part begins with a stage record, and panes and blocks belong to the stage and the pane before them.
 *
 * @param room  where a block's entries are to lie; when the share is not its own part, memory that is used again
 * @throws CheckpointError for bytes that changed since recovery read them: the restored state must be thrown away
 */
export async function* restoreRecords(
  disk: Disk,
  data: string,
  meta: CheckpointMeta,
  share: RestoreShare,
  room: RoomForBlock,
): AsyncGenerator<PartRecord, void> {
  const parts = isOwnPart(meta, share) ? [meta.parts[share.partition]!] : meta.parts;
  for (const part of parts) yield* readPart({ disk, data, store: meta.store, checkpoint: meta.id, ...part }, room);
}
