// host/checkpoint/retain.ts — which checkpoints are kept, and how the others go: from the manifest first, then from the disk.
//
//   kept          the newest CHECKPOINTS_KEPT, and savepoints until they are removed by name
//   needed        those, and the older ones whose files hold bytes of theirs (SAME)
//   removed       what the manifest before needed and the one of now does not: renamed to <id>.tmp, then file by file, so
//                 that no half checkpoint ever has a whole one's name
//   quarantined   what no manifest names and we are not writing: moved, never deleted
// Not here  the log's retention: logFloor says from where on it is needed.

import type { Disk } from '../disk/disk.ts';
import { CHECKPOINTS_KEPT } from '../limits.ts';
import { quarantineDirectory } from '../log/place.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { emptyManifest, type FoundManifests, type Manifest, neededBy, writeManifest } from './manifest.ts';
import { type CheckpointMeta, refersOf } from './meta.ts';
import { checkpointDirectory, checkpointNames, checkpointsDirectory, unfinishedDirectory } from './place.ts';
import { removeTree } from './remove-tree.ts';

/** The manifest that names a new checkpoint, and no longer those that it makes superfluous. */
export function withCheckpoint(manifest: Manifest, meta: CheckpointMeta): Manifest {
  const { id, name, group } = meta;
  if (name !== null && manifest.checkpoints.some((other) => other.name === name)) {
    throw new CheckpointError(
      'NAME_TAKEN',
      name,
      'there is a savepoint of this name',
      'remove it, or choose another name',
    );
  }
  const checkpoints = [{ id, name, group, refers: refersOf(meta) }, ...manifest.checkpoints];
  return successor({ ...manifest, checkpoints });
}

/** The savepoint's name is free, and it is kept no longer than any checkpoint. */
export function withoutName(manifest: Manifest, name: string): Manifest {
  if (!manifest.checkpoints.some((checkpoint) => checkpoint.name === name)) {
    const known = manifest.checkpoints.flatMap((checkpoint) => checkpoint.name ?? []).join(', ');
    throw new CheckpointError('UNKNOWN', name, 'there is no savepoint of this name', `there are: ${known || 'none'}`);
  }
  const checkpoints = manifest.checkpoints.map((one) => (one.name === name ? { ...one, name: null } : one));
  return successor({ ...manifest, checkpoints });
}

/** Without checkpoints that turned out to be damaged: they do not count among those kept. */
export function withoutDamaged(manifest: Manifest, ids: readonly number[]): Manifest {
  return successor({ ...manifest, checkpoints: manifest.checkpoints.filter(({ id }) => !ids.includes(id)) });
}

function successor(manifest: Manifest): Manifest {
  return {
    ...manifest,
    generation: manifest.generation + 1,
    lastId: Math.max(manifest.lastId, ...manifest.checkpoints.map(({ id }) => id)),
    checkpoints: manifest.checkpoints.filter(({ name }, age) => age < CHECKPOINTS_KEPT || name !== null),
  };
}

/**
 * The first group that the log must still have: the oldest of the newest CHECKPOINTS_KEPT can then be gone back to. A
 * savepoint that is older does not hold the log, or one that was forgotten would fill the disk.
 */
export function logFloor({ checkpoints }: Manifest): number {
  if (checkpoints.length === 0) return 1;
  return Math.min(...checkpoints.slice(0, CHECKPOINTS_KEPT).map(({ group }) => group)) + 1;
}

/** To be called when `after` is durable. */
export async function removeUnneeded(disk: Disk, data: string, before: Manifest, after: Manifest): Promise<void> {
  const needed = neededBy(after);
  for (const id of neededBy(before)) if (!needed.has(id)) await removeCheckpoint(disk, data, id);
}

/** @returns the names that savepoints have, newest first */
export const savepointsOf = ({ checkpoints }: Manifest): { name: string; id: number; group: number }[] =>
  checkpoints.flatMap(({ name, id, group }) => (name === null ? [] : [{ name, id, group }]));

/** Under the directory's lock, by whoever keeps the manifest. @returns the manifest that counts from now on */
export async function removeSavepoint(disk: Disk, data: string, manifest: Manifest, name: string): Promise<Manifest> {
  const next = withoutName(manifest, name);
  await writeManifest(disk, data, next);
  await removeUnneeded(disk, data, manifest, next);
  return next;
}

/**
 * At start, when nobody writes: what a crash left is removed when it is ours, and set aside when it is not known to be.
 *
 * @param damaged  checkpoints that the manifest names and recovery passed over
 * @returns the manifest to go on with; lastId covers every id that lies about
 */
export async function clearLeftovers(
  disk: Disk,
  data: string,
  store: string,
  found: FoundManifests,
  damaged: readonly number[],
  report: (what: string) => void,
): Promise<Manifest> {
  const [newest = emptyManifest(store), before = newest] = found.whole;
  const { finished, unfinished } = checkpointNames(await disk.list(checkpointsDirectory(data)));
  const lastId = Math.max(newest.lastId, before.lastId, 0, ...finished, ...unfinished);
  const current: Manifest = { ...newest, generation: found.lastGeneration, lastId };
  const manifest = damaged.length > 0 ? withoutDamaged(current, damaged) : current;
  const needed = neededBy(manifest);
  const neededBefore = neededBy(before);
  const isDropped = (id: number) => neededBefore.has(id) && !damaged.includes(id);
  const idle = finished.filter((id) => !needed.has(id));
  // Aside first: once the manifest no longer names a damaged one, a start after a crash takes it for one that was dropped.
  for (const path of found.damaged) await setAside(disk, data, path, path.slice(data.length + 1), report);
  for (const id of idle) {
    if (!isDropped(id)) await setAside(disk, data, checkpointDirectory(data, id), `ckpt-${id}`, report);
  }
  if (manifest !== current) await writeManifest(disk, data, manifest);
  for (const id of unfinished) await removeTree(disk, unfinishedDirectory(data, id));
  for (const id of idle) if (isDropped(id)) await removeCheckpoint(disk, data, id);
  return manifest;
}

async function removeCheckpoint(disk: Disk, data: string, id: number): Promise<void> {
  const directory = checkpointDirectory(data, id);
  if (!(await disk.exists(directory))) return;
  await removeTree(disk, unfinishedDirectory(data, id));
  await disk.rename(directory, unfinishedDirectory(data, id));
  await disk.syncDirectory(checkpointsDirectory(data));
  await removeTree(disk, unfinishedDirectory(data, id));
}

async function setAside(
  disk: Disk,
  data: string,
  path: string,
  name: string,
  report: (what: string) => void,
): Promise<void> {
  const there = await disk.list(quarantineDirectory(data));
  let free = name;
  for (let count = 2; there.includes(free); count++) free = `${name}.${count}`;
  const target = `${quarantineDirectory(data)}/${free}`;
  await disk.rename(path, target);
  await disk.syncDirectory(quarantineDirectory(data));
  await disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
  report(`${path}: no manifest vouches for it; it was moved to ${target}`);
}
