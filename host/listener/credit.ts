// host/listener/credit.ts — how many unacknowledged bytes one producer may have under way.
//
// The credits of a stream's connections together stay within what its inbox can hold; when a partition's memory is nearly
// full of state, credit shrinks to the least: rows still trickle, since only they can move the watermark that frees it.

/** The least a producer is granted: one frame of a usual size at a time. */
export const CREDIT_BYTES_MIN = 65536;

export function creditOf(
  creditBytesMax: number,
  inbox: { capacityBytes: number; heldBytes: number },
  connections: number,
  stateIsTight: boolean,
): number {
  if (stateIsTight) return CREDIT_BYTES_MIN;
  const free = Math.max(0, inbox.capacityBytes - inbox.heldBytes);
  const share = Math.floor(free / 2 / Math.max(1, connections));
  return Math.max(CREDIT_BYTES_MIN, Math.min(creditBytesMax, share));
}
