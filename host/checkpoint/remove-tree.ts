// host/checkpoint/remove-tree.ts — removes a directory of ours that no name counts on any more.

import type { Disk } from '../disk/disk.ts';

/** Nothing when it is not there. No sync: what a crash brings back is found, and removed, again. */
export async function removeTree(disk: Disk, directory: string): Promise<void> {
  if (!(await disk.exists(directory))) return;
  for (const name of await disk.list(directory)) await disk.remove(`${directory}/${name}`);
  await disk.removeDirectory(directory);
}
