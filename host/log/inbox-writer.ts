// host/log/inbox-writer.ts — the listener's side of an inbox: an entry header and a frame behind the last one.
//
//   tryPlace(bytes) ▶ the caller copies the frame to the address ▶ push(…): the log may see it
//
// Promises
//   - a frame that does not fit is refused (−1): nothing was written, the caller tells its sender.
//   - no byte is overwritten that the log has not written (INBOX_WRITTEN) or the listener has not freed.
//   - an entry never wraps; the gap before the end is a pad, or shorter than a header.
//   - what is pinned stays as it is when the entries around it are freed and written over.
// Threads   belongs to the listener's thread; one atomic store per entry.
// Not here  decoding what the log released (the listener), ringing the log's doorbell.

import { checkInboxPlace, entryBytes, type InboxPlace } from './inbox-place.ts';
import {
  ENTRY_BYTES,
  ENTRY_CONNECTION,
  ENTRY_EPOCH,
  ENTRY_GROUP,
  ENTRY_HEADER_BYTES,
  ENTRY_INGEST_MS,
  ENTRY_KIND,
  ENTRY_PAD,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  ENTRY_VERDICT,
  INBOX_HEADER_BYTES,
  INBOX_TAIL,
  INBOX_WRITTEN,
} from './layout.ts';

/** What tryPlace answers when the frame does not fit now. */
export const NO_PLACE = -1;

export class InboxWriter {
  readonly capacityBytes: number;
  private readonly words: Int32Array;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly dataAddress: number;
  /** Everything before it is decoded and answered. */
  private freed: number;
  /** Where the log was when last looked at; can only be too small. */
  private writtenSeen: number;
  private tail: number;
  private placedBytes = NO_PLACE;
  private placedAt = 0;
  /** By their offset: no entry is placed over these bytes. */
  private pinAt = 0;
  private pinBytes = 0;

  constructor(place: InboxPlace) {
    checkInboxPlace(place);
    this.capacityBytes = place.capacityBytes;
    this.words = new Int32Array(place.buffer, place.baseBytes, INBOX_HEADER_BYTES / 4);
    this.dataAddress = place.baseBytes + INBOX_HEADER_BYTES;
    this.view = new DataView(place.buffer, this.dataAddress, place.capacityBytes);
    this.bytes = new Uint8Array(place.buffer, this.dataAddress, place.capacityBytes);
    // load: only this side ever stores the tail.
    this.tail = Atomics.load(this.words, INBOX_TAIL / 4);
    this.freed = this.tail;
    this.writtenSeen = this.tail;
  }

  /** Behind the last entry. */
  get position(): number {
    return this.tail;
  }

  /** Bytes that wait here for the log or for the listener, headers and pads included. */
  get heldBytes(): number {
    this.lookAtLog();
    return this.held();
  }

  /** The log does not need what is before this position: it is on its way to the disk, or refused. */
  isWritten(position: number): boolean {
    this.lookAtLog();
    return ((this.writtenSeen - position) | 0) >= 0;
  }

  /** Everything before this position is decoded and answered. */
  free(position: number): void {
    this.freed = position;
  }

  /**
   * Keeps the payload of the entry at `position` where it is, also when everything up to behind it is freed. Whoever comes
   * round writes a pad from before the entry to its end: that header takes the place of the entry's own, at most, so it
   * always fits and no byte of the payload is touched.
   */
  pin(position: number, entryBytes: number): void {
    this.pinAt = this.offsetOf(position);
    this.pinBytes = entryBytes;
  }

  unpin(): void {
    this.pinBytes = 0;
  }

  /** Where the payload of the next entry goes in the place's buffer, or NO_PLACE. `push` follows at once. */
  tryPlace(payloadBytes: number): number {
    const neededBytes = entryBytes(payloadBytes);
    const position = this.nextPlace(neededBytes);
    const takenBytes = ((position - this.tail) | 0) + neededBytes;
    if (this.held() + takenBytes > this.capacityBytes) {
      this.lookAtLog();
      if (this.held() + takenBytes > this.capacityBytes) return NO_PLACE;
    }
    this.placedBytes = payloadBytes;
    this.placedAt = position;
    return this.dataAddress + this.offsetOf(position) + ENTRY_HEADER_BYTES;
  }

  /** Lets the log see the entry whose payload lies where tryPlace said. */
  push(
    kind: number,
    producer: number,
    epoch: number,
    sequence: number,
    ingestMs: number,
    value: number,
    connection: number,
  ): void {
    const payloadBytes = this.placedBytes;
    if (payloadBytes === NO_PLACE) throw new Error('push without a place: tryPlace comes first, once for every push');
    this.placedBytes = NO_PLACE;
    const neededBytes = entryBytes(payloadBytes);
    const position = this.placedAt;
    for (let from = this.tail; from !== position; ) from = this.pad(from, neededBytes);
    const at = this.offsetOf(position);
    const { view } = this;
    view.setUint32(at + ENTRY_BYTES, payloadBytes, true);
    view.setUint16(at + ENTRY_KIND, kind, true);
    view.setUint16(at + ENTRY_VERDICT, 0, true);
    view.setUint32(at + ENTRY_PRODUCER, producer, true);
    view.setUint32(at + ENTRY_EPOCH, epoch, true);
    view.setUint32(at + ENTRY_SEQUENCE, sequence >>> 0, true);
    view.setUint32(at + ENTRY_SEQUENCE + 4, Math.floor(sequence / 2 ** 32), true);
    view.setFloat64(at + ENTRY_INGEST_MS, ingestMs, true);
    view.setFloat64(at + ENTRY_VALUE, value, true);
    view.setUint32(at + ENTRY_CONNECTION, connection, true);
    view.setUint32(at + ENTRY_GROUP, 0, true);
    // What was here before must not get to the disk with this entry.
    this.bytes.fill(0, at + ENTRY_HEADER_BYTES + payloadBytes, at + neededBytes);
    this.tail = (position + neededBytes) | 0;
    // store: the entry, and the pad before it, come first; pairs with the load in Intake.look().
    Atomics.store(this.words, INBOX_TAIL / 4, this.tail);
  }

  private held(): number {
    return Math.max((this.tail - this.freed) | 0, (this.tail - this.writtenSeen) | 0);
  }

  private lookAtLog(): void {
    // load: pairs with the store in Intake.written(); the bytes before it are read by nobody else any more.
    this.writtenSeen = Atomics.load(this.words, INBOX_WRITTEN / 4);
  }

  /** Where the next entry of this size would begin; farther than the capacity from the tail when it does not fit at all. */
  private nextPlace(neededBytes: number): number {
    let position = this.tail;
    for (;;) {
      const gapBytes = this.gapAt(position, neededBytes);
      position = (position + gapBytes) | 0;
      if (gapBytes === 0 || ((position - this.tail) | 0) > this.capacityBytes) return position;
    }
  }

  /** Bytes to pass over: to the end of what is pinned, to the end of the data when an entry of this size would wrap, or none. */
  private gapAt(position: number, neededBytes: number): number {
    const at = this.offsetOf(position);
    const pinEnd = this.pinAt + this.pinBytes;
    if (this.pinBytes > 0 && at < pinEnd && at + neededBytes > this.pinAt) return pinEnd - at;
    const toEndBytes = this.capacityBytes - at;
    return neededBytes > toEndBytes ? toEndBytes : 0;
  }

  /** Over the gap that begins at `position`; returns where it ends. */
  private pad(position: number, neededBytes: number): number {
    const gapBytes = this.gapAt(position, neededBytes);
    if (gapBytes >= ENTRY_HEADER_BYTES) {
      const at = this.offsetOf(position);
      this.view.setUint32(at + ENTRY_BYTES, gapBytes - ENTRY_HEADER_BYTES, true);
      this.view.setUint16(at + ENTRY_KIND, ENTRY_PAD, true);
    }
    return (position + gapBytes) | 0;
  }

  private offsetOf(position: number): number {
    return position & (this.capacityBytes - 1);
  }
}
