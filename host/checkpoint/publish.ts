// host/checkpoint/publish.ts — makes a checkpoint of parts that are on the medium. The order is the promise:
//
//   META written, synced ─▶ its directory synced ─▶ renamed from <id>.tmp to <id> ─▶ ckpt/ synced ─▶ MANIFEST
//
// Only when the manifest is durable is it a checkpoint. Before that a crash leaves the checkpoints that there were; a full
// disk too, and nothing of the new one stays. What is no longer needed is removed after it (retain.ts).

import type { Disk } from '../disk/disk.ts';
import { troubleOf } from '../disk/trouble.ts';
import { unfinishedPath } from '../log/place.ts';
import { stopped } from './checkpoint-stopped.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import { type CheckpointMeta, encodeMeta } from './meta.ts';
import { checkpointDirectory, checkpointsDirectory, META_NAME, manifestPath, unfinishedDirectory } from './place.ts';
import { removeTree } from './remove-tree.ts';
import { withCheckpoint } from './retain.ts';

/**
 * @param manifest  the one that counts now
 * @returns the one that counts from now on
 * @throws DiskError for want of room: the checkpoint is given up and gone, `manifest` still counts. CheckpointStopped for
 *         anything else: the run must end
 */
export async function publishCheckpoint(
  disk: Disk,
  data: string,
  manifest: Manifest,
  meta: CheckpointMeta,
): Promise<Manifest> {
  const next = withCheckpoint(manifest, meta);
  const aside = unfinishedDirectory(data, meta.id);
  try {
    await writeMeta(disk, `${aside}/${META_NAME}`, meta);
    await disk.syncDirectory(aside);
    await disk.rename(aside, checkpointDirectory(data, meta.id));
    await disk.syncDirectory(checkpointsDirectory(data));
    await writeManifest(disk, data, next);
    return next;
  } catch (error) {
    if (troubleOf(error) !== 'no-room') throw stopped(error);
    await giveUp(disk, data, meta.id, next.generation);
    throw error;
  }
}

async function writeMeta(disk: Disk, path: string, meta: CheckpointMeta): Promise<void> {
  const file = await disk.open(path, 'create');
  try {
    await file.write([encodeMeta(meta)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function giveUp(disk: Disk, data: string, id: number, generation: number): Promise<void> {
  const manifest = unfinishedPath(manifestPath(data, generation));
  if (await disk.exists(manifest)) await disk.remove(manifest);
  const finished = checkpointDirectory(data, id);
  if (await disk.exists(finished)) await disk.rename(finished, unfinishedDirectory(data, id));
  await removeTree(disk, unfinishedDirectory(data, id));
}
