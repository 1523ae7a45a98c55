// host/log/gap.ts — the record of groups that an operator gave up: the JSON body of a GROUP_GAP group.
//
// The group has the first lost number; the next group has the one behind the last lost, and the chain that the record says:
// so every group that was kept keeps its number and its bytes.

export interface Gap {
  /** The group's own number, and the first that is lost. */
  from: number;
  to: number;
  /** headerCrc of the group `to`, as the group or segment behind it remembers it; null when nothing was behind. */
  chain: number | null;
  reason: string;
  /** Epoch milliseconds of the repair. */
  timeMs: number;
}

/** Filled with spaces up to a multiple of 8, which JSON allows. */
export function encodeGap(gap: Gap): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(gap));
  return Buffer.concat([bytes, Buffer.alloc(-bytes.byteLength & 7, ' ')]);
}

export function gapOf(body: Uint8Array): Gap | undefined {
  try {
    const gap = JSON.parse(Buffer.from(body).toString()) as Gap;
    const isGap = Number.isSafeInteger(gap.from) && Number.isSafeInteger(gap.to) && gap.from <= gap.to;
    return isGap && (gap.chain === null || Number.isSafeInteger(gap.chain)) ? gap : undefined;
  } catch {
    return undefined;
  }
}
