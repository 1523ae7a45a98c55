// host/listener/credit.ts — how many unacknowledged bytes one producer may have under way.
//
// The credits of all connections together stay within what the inbox can hold; when a partition's memory is nearly
// full of state, credit shrinks to the least: rows still trickle, since only they can move the watermark that frees it.

import type { EngineLimits } from '../limits.ts';

/** The least a producer is granted: one frame of a usual size at a time. */
export const CREDIT_BYTES_MIN = 65536;

export function creditOf(limits: EngineLimits, connections: number, heldBytes: number, stateIsTight: boolean): number {
  if (stateIsTight) return CREDIT_BYTES_MIN;
  const free = Math.max(0, limits.inboxBytes - heldBytes);
  const share = Math.floor(free / 2 / Math.max(1, connections));
  return Math.max(CREDIT_BYTES_MIN, Math.min(limits.creditBytesMax, share));
}
