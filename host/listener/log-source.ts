// host/listener/log-source.ts — one stream's frames out of the log itself: after a restart, and for a stream that has
// fallen behind. Decoded in the order of the log, for whoever sent them (entry-senders.ts).
//
//   segment files ──read──▶ whole groups in the listener's memory ──▶ frames of this stream ──▶ the same decoder
//
// Groups are read when those before are used up; `wake` tells the thread that they are here.

import { readU64 } from '../log/fields.ts';
import { groupBytes } from '../log/group.ts';
import { entryBytes } from '../log/inbox-place.ts';
import {
  ENTRY_BYTES,
  ENTRY_CONNECTION,
  ENTRY_HEADER_BYTES,
  ENTRY_INGEST_MS,
  ENTRY_KIND,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  GROUP_BODY_BYTES,
  GROUP_BOOTED,
  GROUP_DATA,
  GROUP_HEADER_BYTES,
  GROUP_KIND,
  GROUP_NUMBER,
  RUN_BYTES,
  RUN_HEADER_BYTES,
  RUN_LISTENER,
  RUN_STREAM,
} from '../log/layout.ts';
import type { LogReader } from '../log/reader.ts';
import type { EntrySenders } from './entry-senders.ts';
import { EMPTY_FRAME, type InboxFrame } from './inbox.ts';
import type { StreamIngress } from './stream-ingress.ts';

export interface LogSourceOptions {
  reader: LogReader;
  stream: StreamIngress;
  /** Where groups go: in the memory that the stream's decoders read. */
  buffer: ArrayBufferLike;
  address: number;
  bytes: number;
  /** Take only what this listener took in; null: what every listener did. */
  listener: number | null;
  senders: EntrySenders;
  /** Every group up to this one has been decoded and named. */
  after: number;
  /** So many frames of the first group have been decoded, too. */
  skip: number;
  /** The last group that is to be read; it may grow, and all of them must lie in the log. */
  through: () => number;
  wake: () => void;
  failed: (error: unknown) => void;
}

export class LogSource {
  private readonly options: LogSourceOptions;
  private readonly view: DataView;
  private readonly space: Uint8Array;
  private readonly head: InboxFrame = { ...EMPTY_FRAME };
  private headIsRead = false;
  private reading = false;
  /** Of the groups that were read: the one at hand, and where they end. */
  private groupAt = 0;
  private groupsEnd = 0;
  private number = 0;
  private lastNamed: number;
  private toSkip: number;
  // Where the walk through the group at hand stands.
  private at = 0;
  private runEnd = 0;
  private bodyEnd = 0;
  /** Of the frames taken last in this group; −1: none yet. */
  private listener = -1;
  /** The next frames are another listener's: the batch at hand must leave first, as it did then. */
  private turnIsOver = false;

  constructor(options: LogSourceOptions) {
    this.options = options;
    this.lastNamed = options.after;
    this.toSkip = options.skip;
    this.view = new DataView(options.buffer);
    this.space = new Uint8Array(options.buffer, options.address, options.bytes);
  }

  /** The last group that it is to read. */
  get last(): number {
    return this.options.through();
  }

  /** Every group has been decoded and named. */
  get isDone(): boolean {
    return this.lastNamed >= this.last;
  }

  get group(): number {
    return this.number;
  }

  /** Groups that are to be read and are not yet decoded. */
  get groupsLeft(): number {
    return Math.max(0, this.last - this.lastNamed);
  }

  get isReading(): boolean {
    return this.number === 0;
  }

  peek(): InboxFrame | undefined {
    if (this.turnIsOver) return undefined;
    if (this.number === 0) this.read();
    else if (this.headIsRead || this.findFrame()) return this.head;
    return undefined;
  }

  shift(): void {
    this.at += entryBytes(this.head.bytes);
    this.headIsRead = false;
    this.options.senders.decoded(this.head.connection);
  }

  nextTurn(): boolean {
    const wasOver = this.turnIsOver;
    this.turnIsOver = false;
    return wasOver;
  }

  endedGroup(): number {
    if (this.turnIsOver) return 0;
    return this.number !== 0 && this.peek() === undefined ? this.number : 0;
  }

  nextGroup(): void {
    this.lastNamed = this.number;
    this.groupAt = this.groupAt + groupBytes(this.view.getUint32(this.groupAt + GROUP_BODY_BYTES, true));
    this.openGroup();
  }

  private read(): void {
    if (this.reading || this.isDone) return;
    this.reading = true;
    const { reader, wake, failed, address } = this.options;
    reader
      .read(this.space, this.last)
      .then(({ bytes, neededBytes }) => {
        this.reading = false;
        if (bytes === 0)
          throw new Error(`nothing behind group ${this.lastNamed} of the log (${neededBytes} bytes needed)`);
        this.groupAt = address;
        this.groupsEnd = address + bytes;
        this.openGroup();
        wake();
      })
      .catch(failed);
  }

  private openGroup(): void {
    this.number = 0;
    this.listener = -1;
    if (this.groupAt >= this.groupsEnd) return this.isDone ? this.close() : this.read();
    const { view, groupAt } = this;
    this.number = readU64(view, groupAt + GROUP_NUMBER);
    this.at = groupAt + GROUP_HEADER_BYTES;
    this.runEnd = this.at;
    const kind = view.getUint32(groupAt + GROUP_KIND, true);
    this.bodyEnd = kind === GROUP_DATA ? this.at + view.getUint32(groupAt + GROUP_BODY_BYTES, true) : this.at;
    if (kind === GROUP_BOOTED) this.options.stream.producers.dropAnonymous();
  }

  private close(): void {
    void this.options.reader.close().catch(this.options.failed);
  }

  /** Steps to the next entry of this stream and reads it; false at the group's end. */
  private findFrame(): boolean {
    for (;;) {
      while (this.at === this.runEnd) {
        if (this.at >= this.bodyEnd) return false;
        this.openRun();
      }
      if (this.toSkip === 0) break;
      this.toSkip--;
      this.at += entryBytes(this.view.getUint32(this.at + ENTRY_BYTES, true));
    }
    this.readHead();
    return !this.turnIsOver;
  }

  private openRun(): void {
    const { view, options } = this;
    const stream = view.getUint32(this.at + RUN_STREAM, true);
    const listener = view.getUint32(this.at + RUN_LISTENER, true);
    this.runEnd = this.at + RUN_HEADER_BYTES + view.getUint32(this.at + RUN_BYTES, true);
    const isOurs = stream === options.stream.plan.index && (options.listener === null || options.listener === listener);
    this.at = isOurs ? this.at + RUN_HEADER_BYTES : this.runEnd;
    if (!isOurs) return;
    this.head.listener = listener;
    this.turnIsOver = this.listener >= 0 && this.listener !== listener;
    this.listener = listener;
  }

  private readHead(): void {
    const { head, view, at } = this;
    const { senders } = this.options;
    head.kind = view.getUint16(at + ENTRY_KIND, true);
    head.address = at + ENTRY_HEADER_BYTES;
    head.bytes = view.getUint32(at + ENTRY_BYTES, true);
    head.sequence = readU64(view, at + ENTRY_SEQUENCE);
    head.receivedMs = view.getFloat64(at + ENTRY_INGEST_MS, true) + senders.clockOffsetMs;
    head.value = view.getFloat64(at + ENTRY_VALUE, true);
    head.producer = view.getUint32(at + ENTRY_PRODUCER, true);
    head.group = this.group;
    head.connection = senders.senderOf(view.getUint32(at + ENTRY_CONNECTION, true), head.producer, head.listener);
    this.headIsRead = true;
  }
}
