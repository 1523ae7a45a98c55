// host/log/replace.ts — files that are there whole or not at all: written aside, synced, renamed, the directory synced.

import type { Disk } from '../disk/disk.ts';
import { quarantineDirectory, unfinishedPath } from './place.ts';

/** @param path  of a file that may be there already: then it is replaced */
export async function replaceFile(disk: Disk, path: string, views: readonly Uint8Array[]): Promise<void> {
  const aside = unfinishedPath(path);
  if (await disk.exists(aside)) await disk.remove(aside);
  const file = await disk.open(aside, 'create');
  try {
    await file.write(views, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(aside, path);
  await disk.syncDirectory(directoryOf(path));
}

/** Keeps a copy of what is about to be given up. The name says what it is, so that doing it twice makes one file. */
export async function quarantineBytes(disk: Disk, data: string, name: string, bytes: Uint8Array): Promise<string> {
  await ensureQuarantine(disk, data);
  const path = `${quarantineDirectory(data)}/${name}`;
  await replaceFile(disk, path, [bytes]);
  return path;
}

/** Moves a file out of the log. */
export async function quarantineFile(disk: Disk, data: string, from: string, name: string): Promise<string> {
  await ensureQuarantine(disk, data);
  const path = `${quarantineDirectory(data)}/${name}`;
  await disk.rename(from, path);
  // The new name first: between the two a crash may leave both names, never none.
  await disk.syncDirectory(quarantineDirectory(data));
  await disk.syncDirectory(directoryOf(from));
  return path;
}

async function ensureQuarantine(disk: Disk, data: string): Promise<void> {
  if (await disk.exists(quarantineDirectory(data))) return;
  await disk.makeDirectory(quarantineDirectory(data));
  await disk.syncDirectory(data);
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
