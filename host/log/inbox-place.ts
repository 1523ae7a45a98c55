// host/log/inbox-place.ts — where the inbox of one listener for one stream lies, and what both of its sides compute alike.

import { ENTRY_ALIGN_BYTES, ENTRY_HEADER_BYTES, INBOX_HEADER_BYTES } from './layout.ts';

export interface InboxPlace {
  listener: number;
  stream: number;
  buffer: SharedArrayBuffer;
  /** Of the cursors; the data begin INBOX_HEADER_BYTES behind. A multiple of 8. */
  baseBytes: number;
  /** A power of two. */
  capacityBytes: number;
}

/** What an inbox takes of its memory. */
export const inboxBytes = (capacityBytes: number): number => INBOX_HEADER_BYTES + capacityBytes;

/** An entry with its header, up to where the next may begin. */
export const entryBytes = (payloadBytes: number): number =>
  (ENTRY_HEADER_BYTES + payloadBytes + ENTRY_ALIGN_BYTES - 1) & -ENTRY_ALIGN_BYTES;

/** @throws RangeError when the inbox does not lie in its buffer: the caller is wrong */
export function checkInboxPlace({ buffer, baseBytes, capacityBytes }: InboxPlace): void {
  const isPowerOfTwo = Number.isInteger(capacityBytes) && (capacityBytes & (capacityBytes - 1)) === 0;
  const end = baseBytes + inboxBytes(capacityBytes);
  if (
    isPowerOfTwo &&
    capacityBytes >= 1024 &&
    capacityBytes <= 2 ** 30 &&
    baseBytes % 8 === 0 &&
    end <= buffer.byteLength
  ) {
    return;
  }
  throw new RangeError(
    `an inbox of ${capacityBytes} bytes at ${baseBytes}..${end} of ${buffer.byteLength}; its capacity must be a power of two in 1024..2^30, its base a multiple of 8`,
  );
}
