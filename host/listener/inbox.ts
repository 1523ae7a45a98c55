// host/listener/inbox.ts — raw frames between the socket and the decoder, in the listener's own memory.
//
//   address                                            address + capacityBytes
//   ├ … free … │ frame │ frame │ frame │ … free … ─────┤ + OVER_READ_BYTES
//                ^head            ^tail                   a frame never wraps
//
// A frame is copied once, out of the socket library's buffer, and decoded where it lies. First in, first out.
// What is not bytes but must keep its place among them (a watermark, an end) is a frame of no bytes.
// Promises
//   - a frame that does not fit is refused: nothing is written, the caller tells its sender.
//   - every frame holds some bytes, so the capacity bounds the number of records, too.
//   - records are numbers in one array: nothing is allocated per frame once the inbox has seen its fullest moment.

import { FRAME_HELD_BYTES_MIN } from '../limits.ts';
import { ENTRY_ARROW, ENTRY_END, ENTRY_IDLE, ENTRY_JSON, ENTRY_OPEN, ENTRY_WATERMARK } from '../log/layout.ts';
import type { IngestConnection } from './connection.ts';

// Kinds are those of the log's entries: with a log, a frame is one.
export const FRAME_JSON = ENTRY_JSON;
export const FRAME_ARROW = ENTRY_ARROW;
/** The producer says: nothing before `value` will follow. */
export const FRAME_SAYS_WATERMARK = ENTRY_WATERMARK;
export const FRAME_SAYS_IDLE = ENTRY_IDLE;
export const FRAME_SAYS_END = ENTRY_END;
/** With a log: the producer says hello; what follows from this connection is its. */
export const FRAME_SAYS_HELLO = ENTRY_OPEN;

export interface InboxFrame {
  connection: IngestConnection;
  kind: number;
  address: number;
  bytes: number;
  /** Its number on its connection; 0 for frames that are not numbered. */
  sequence: number;
  receivedMs: number;
  value: number;
  /** With a log: the number of its producer there, the listener that took it in, and its group. */
  producer: number;
  listener: number;
  group: number;
}

/** What a frame counts of its sender's credit; control messages are not free. */
export const creditBytesOf = (kind: number, bytes: number): number =>
  kind >= FRAME_SAYS_WATERMARK ? FRAME_HELD_BYTES_MIN : bytes;

// A record: what InboxFrame says, and the bytes that it holds of the inbox, padding included.
const KIND = 0;
const ADDRESS = 1;
const BYTES = 2;
const HELD_BYTES = 3;
const SEQUENCE = 4;
const RECEIVED_MS = 5;
const VALUE = 6;
const RECORD_CELLS = 7;
const RECORDS_AT_FIRST = 64;

/** What a stream takes its frames from. */
export interface FrameSource {
  /** The frame that is due, good until it is shifted; undefined when there is none, or a group of the log has ended. */
  peek(): InboxFrame | undefined;
  shift(): void;
}

/** What connections put frames into. */
export interface FrameInbox extends FrameSource {
  readonly capacityBytes: number;
  readonly heldBytes: number;
  /** A sender's first word, and its last: `register` comes before its first frame. */
  register(connection: IngestConnection): void;
  forget(connection: IngestConnection): void;
  /** Where the bytes of the next frame go, or −1 when it does not fit now. `push` follows at once. */
  tryPlace(bytes: number): number;
  /** Takes the frame in whose bytes lie where tryPlace said. */
  push(connection: IngestConnection, kind: number, bytes: number, value: number, receivedMs: number): void;
}

export class Inbox implements FrameInbox {
  readonly capacityBytes: number;
  private readonly baseAddress: number;
  /** Power-of-two rings, grown together. */
  private records = new Float64Array(RECORDS_AT_FIRST * RECORD_CELLS);
  private connections: (IngestConnection | null)[] = new Array(RECORDS_AT_FIRST).fill(null);
  /** The oldest frame, read out of its record once. */
  private readonly head: InboxFrame = { ...EMPTY_FRAME };
  private headIsRead = false;
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

  /** Frames hold their connections here: nothing is to be known of them. */
  register(): void {}
  forget(): void {}

  /** The oldest frame, good until it is shifted; undefined when there is none. */
  peek(): InboxFrame | undefined {
    if (this.count === 0) return undefined;
    if (!this.headIsRead) this.readHead();
    return this.head;
  }

  /** Where the bytes of the next frame go, or −1 when it does not fit now. `push` follows at once. */
  tryPlace(bytes: number): number {
    const heldBytes = Math.max(FRAME_HELD_BYTES_MIN, (bytes + 7) & -8);
    const toEnd = this.capacityBytes - this.tail;
    const wraps = heldBytes > toEnd;
    if (this.held + heldBytes + (wraps ? toEnd : 0) > this.capacityBytes) return -1;
    return this.baseAddress + (wraps ? 0 : this.tail);
  }

  /** Takes the frame in whose bytes lie where tryPlace said. */
  push(connection: IngestConnection, kind: number, bytes: number, value: number, receivedMs: number): void {
    let heldBytes = Math.max(FRAME_HELD_BYTES_MIN, (bytes + 7) & -8);
    const toEnd = this.capacityBytes - this.tail;
    const wraps = heldBytes > toEnd;
    const at = wraps ? 0 : this.tail;
    this.tail = at + heldBytes;
    if (wraps) heldBytes += toEnd; // The unused end is freed with this frame.
    this.held += heldBytes;
    if (this.count === this.connections.length) this.growRecords();
    const slot = (this.first + this.count) & (this.connections.length - 1);
    const { records } = this;
    const cell = slot * RECORD_CELLS;
    records[cell + KIND] = kind;
    records[cell + ADDRESS] = this.baseAddress + at;
    records[cell + BYTES] = bytes;
    records[cell + HELD_BYTES] = heldBytes;
    records[cell + SEQUENCE] = connection.sequence;
    records[cell + RECEIVED_MS] = receivedMs;
    records[cell + VALUE] = value;
    this.connections[slot] = connection;
    this.count++;
  }

  /** Frees the oldest frame. */
  shift(): void {
    this.held -= this.records[this.first * RECORD_CELLS + HELD_BYTES]!;
    this.connections[this.first] = null;
    this.first = (this.first + 1) & (this.connections.length - 1);
    this.count--;
    this.headIsRead = false;
    if (this.count === 0) {
      this.tail = 0;
      this.held = 0;
    }
  }

  private readHead(): void {
    const { head, records } = this;
    const cell = this.first * RECORD_CELLS;
    head.connection = this.connections[this.first]!;
    head.kind = records[cell + KIND]!;
    head.address = records[cell + ADDRESS]!;
    head.bytes = records[cell + BYTES]!;
    head.sequence = records[cell + SEQUENCE]!;
    head.receivedMs = records[cell + RECEIVED_MS]!;
    head.value = records[cell + VALUE]!;
    this.headIsRead = true;
  }

  /** Twice as many records, the oldest first. */
  private growRecords(): void {
    const { records, connections, first } = this;
    this.records = new Float64Array(records.length * 2);
    this.records.set(records.subarray(first * RECORD_CELLS));
    this.records.set(records.subarray(0, first * RECORD_CELLS), records.length - first * RECORD_CELLS);
    this.connections = connections
      .slice(first)
      .concat(connections.slice(0, first), new Array(connections.length).fill(null));
    this.first = 0;
  }
}

export const EMPTY_FRAME: InboxFrame = {
  connection: undefined as unknown as IngestConnection,
  kind: 0,
  address: 0,
  bytes: 0,
  sequence: 0,
  receivedMs: 0.5,
  value: 0.5,
  producer: 0,
  listener: 0,
  group: 0,
};
