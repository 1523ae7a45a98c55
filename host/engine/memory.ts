// host/engine/memory.ts — how much memory this process may use, and what the partitions share of it when nobody says.

import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Where a cgroup states its limit: version 2, then version 1. */
const CGROUP_LIMITS = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'];

/** Half of it. Pages are committed when they are first touched. */
export const memoryDefaultBytes = (): number => Math.floor(memoryMostBytes() / 2);

/** The smaller of RAM and cgroup limit, bytes. */
export function memoryMostBytes(): number {
  let least = totalmem();
  for (const file of CGROUP_LIMITS) {
    try {
      const limit = Number(readFileSync(file, 'utf8'));
      if (limit > 0) least = Math.min(least, limit);
    } catch {
      // This machine has no such cgroup file.
    }
  }
  return least;
}
