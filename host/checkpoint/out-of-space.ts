// host/checkpoint/out-of-space.ts — the one error of the disk that costs a checkpoint and not the run.

import { DiskError } from '../disk/disk.ts';

/** A sync that failed does not count, whatever it says: what was written before it may be lost. */
export function isOutOfSpace(error: unknown): boolean {
  if (!(error instanceof DiskError) || !['ENOSPC', 'EDQUOT'].includes(error.code)) return false;
  return error.operation !== 'sync' && error.operation !== 'syncDirectory';
}
