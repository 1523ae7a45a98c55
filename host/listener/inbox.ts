// host/listener/inbox.ts — raw frames between the socket and the decoder, in the listener's own memory.
//
//   address                                            address + capacityBytes
//   ├ … free … │ frame │ frame │ frame │ … free … ─────┤ + OVER_READ_BYTES
//                ^head            ^tail                   a frame never wraps
//
// A frame is copied once, out of the socket library's buffer, and decoded where it lies. First in, first out.
// What is not bytes but must keep its place among them (a watermark, an end) is a frame of no bytes.
// Promises
//   - a frame without bytes holds some all the same: the count of frames is bounded with their bytes.
//   - a frame that does not fit is refused: nothing is written, the caller tells its sender.
//   - frame records are reused; nothing is allocated per frame once the inbox has seen its fullest moment.

import { FRAME_HELD_BYTES_MIN } from '../limits.ts';
import type { IngestConnection } from './connection.ts';

export const FRAME_JSON = 1;
export const FRAME_ARROW = 2;
/** The producer says: nothing before `value` will follow. */
export const FRAME_SAYS_WATERMARK = 3;
export const FRAME_SAYS_IDLE = 4;
export const FRAME_SAYS_END = 5;

export interface InboxFrame {
  connection: IngestConnection;
  kind: number;
  address: number;
  bytes: number;
  /** Bytes of the inbox this frame holds, padding included. */
  heldBytes: number;
  /** Its number on its connection; 0 for frames that are not numbered. */
  sequence: number;
  receivedMs: number;
  value: number;
}

/** What a frame counts of its sender's credit; control messages are not free. */
export const creditBytesOf = ({ kind, bytes }: InboxFrame): number =>
  kind >= FRAME_SAYS_WATERMARK ? FRAME_HELD_BYTES_MIN : bytes;

export class Inbox {
  readonly capacityBytes: number;
  private readonly baseAddress: number;
  private readonly frames: InboxFrame[] = [];
  private first = 0;
  private count = 0;
  private tail = 0;
  private held = 0;

  constructor(baseAddress: number, capacityBytes: number) {
    this.baseAddress = baseAddress;
    this.capacityBytes = capacityBytes;
  }

  get heldBytes(): number {
    return this.held;
  }

  get length(): number {
    return this.count;
  }

  /** The oldest frame; undefined when there is none. */
  peek(): InboxFrame | undefined {
    return this.count === 0 ? undefined : this.frames[this.first];
  }

  /**
   * Makes room for a frame and returns its record for the caller to fill (address is set), or null when it does
   * not fit now.
   */
  tryPush(bytes: number): InboxFrame | null {
    const aligned = Math.max(FRAME_HELD_BYTES_MIN, (bytes + 7) & -8);
    let padding = 0;
    if (this.tail + aligned > this.capacityBytes) padding = this.capacityBytes - this.tail;
    if (this.held + padding + aligned > this.capacityBytes) return null;
    const at = padding > 0 ? 0 : this.tail;
    this.tail = at + aligned;
    this.held += padding + aligned;
    const frame = this.recordBehindLast();
    frame.address = this.baseAddress + at;
    frame.bytes = bytes;
    frame.heldBytes = padding + aligned;
    this.count++;
    return frame;
  }

  /** Frees the oldest frame. */
  shift(): void {
    const frame = this.frames[this.first]!;
    this.held -= frame.heldBytes;
    this.first = (this.first + 1) % this.frames.length;
    this.count--;
    if (this.count === 0) {
      this.tail = 0;
      this.held = 0;
    }
  }

  private recordBehindLast(): InboxFrame {
    if (this.count === this.frames.length) this.growRecords();
    return this.frames[(this.first + this.count) % this.frames.length]!;
  }

  private growRecords(): void {
    const rotated = [...this.frames.slice(this.first), ...this.frames.slice(0, this.first)];
    const more = Math.max(64, rotated.length);
    for (let index = 0; index < more; index++) rotated.push({ ...EMPTY_FRAME });
    this.frames.splice(0, this.frames.length, ...rotated);
    this.first = 0;
  }
}

const EMPTY_FRAME: InboxFrame = {
  connection: undefined as unknown as IngestConnection,
  kind: 0,
  address: 0,
  bytes: 0,
  heldBytes: 0,
  sequence: 0,
  receivedMs: 0,
  value: 0,
};
