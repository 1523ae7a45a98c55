// host/engine/memory.ts — how much memory the partitions share when nobody says: half of what this process may use.

import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Where a cgroup states its limit: version 2, then version 1. */
const CGROUP_LIMITS = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'];

/** Half of the smaller of RAM and cgroup limit, bytes. Pages are committed when they are first touched. */
export function memoryDefaultBytes(): number {
  let least = totalmem();
  for (const file of CGROUP_LIMITS) {
    try {
      const limit = Number(readFileSync(file, 'utf8'));
      if (limit > 0) least = Math.min(least, limit);
    } catch {
      // This machine has no such cgroup file.
    }
  }
  return Math.floor(least / 2);
}
