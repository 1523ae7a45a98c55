// host/listener/log-source.ts — one stream's frames out of the log itself: after a restart, and for a stream that has
// fallen behind. Decoded in the order of the log, answered to nobody.
//
//   segment files ──read──▶ one group's body in the listener's memory ──▶ frames of this stream ──▶ the same decoder
//
// A group is read while the one before is decoded no more; `wake` tells the thread that it is here.

import {
  ENTRY_BYTES,
  ENTRY_HEADER_BYTES,
  ENTRY_INGEST_MS,
  ENTRY_KIND,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  GROUP_BOOTED,
  GROUP_DATA,
  RUN_BYTES,
  RUN_HEADER_BYTES,
  RUN_LISTENER,
  RUN_STREAM,
} from '../log/layout.ts';
import { entryBytes } from '../log/inbox-place.ts';
import type { GroupReader, GroupRead } from '../log/reader.ts';
import { type IngestConnection, newConnection, type Replies } from './connection.ts';
import { EMPTY_FRAME, type InboxFrame } from './inbox.ts';
import type { StreamIngress } from './stream-ingress.ts';

export interface LogSourceOptions {
  reader: GroupReader;
  stream: StreamIngress;
  /** Where a group's body goes: in the memory that the stream's decoders read. */
  buffer: ArrayBufferLike;
  address: number;
  bytes: number;
  /** Take only what this listener took in; null: what every listener did. */
  listener: number | null;
  /** The last group that is to be read. */
  through: number;
  wake: () => void;
  failed: (error: unknown) => void;
}

export class LogSource {
  private readonly options: LogSourceOptions;
  private readonly view: DataView;
  private readonly body: Uint8Array;
  private readonly senders = new Map<string, IngestConnection>();
  private readonly head: InboxFrame = { ...EMPTY_FRAME };
  private headIsRead = false;
  private reading = false;
  /** The group at hand; null while it is being read, and at the end. */
  private current: GroupRead | null = null;
  private through: number;
  private lastGroup: number;
  // Where the walk through the body stands.
  private at = 0;
  private runEnd = 0;

  /** @param after  every group up to this one has been decoded */
  constructor(options: LogSourceOptions, after: number) {
    this.options = options;
    this.through = options.through;
    this.lastGroup = after;
    this.view = new DataView(options.buffer);
    this.body = new Uint8Array(options.buffer, options.address, options.bytes);
  }

  /** Every group has been decoded and named. */
  get isDone(): boolean {
    return this.current === null && !this.reading && this.lastGroup >= this.through;
  }

  get group(): number {
    return this.current?.number ?? 0;
  }

  /** More of the log has become durable, and is wanted. */
  extend(through: number): void {
    this.through = through;
  }

  peek(): InboxFrame | undefined {
    if (this.current === null) {
      this.read();
      return undefined;
    }
    if (!this.headIsRead && !this.findFrame(this.current)) return undefined;
    return this.head;
  }

  shift(): void {
    this.at += entryBytes(this.head.bytes);
    this.headIsRead = false;
  }

  endedGroup(): number {
    return this.current !== null && this.peek() === undefined ? this.current.number : 0;
  }

  nextGroup(): void {
    this.lastGroup = this.current!.number;
    this.current = null;
    this.read();
  }

  private read(): void {
    if (this.reading || this.lastGroup >= this.through) return;
    this.reading = true;
    const { reader, wake, failed } = this.options;
    reader
      .next(this.body)
      .then((group) => {
        this.reading = false;
        if (group === null) throw new Error(`group ${this.lastGroup + 1} of the log is not there; up to ${this.through} are expected`);
        this.current = group;
        this.at = this.options.address;
        this.runEnd = this.at;
        if (group.kind === GROUP_BOOTED) this.options.stream.producers.dropAnonymous();
        wake();
      })
      .catch(failed);
  }

  /** Steps to the next entry of this stream and reads it; false at the group's end. */
  private findFrame({ kind, bytes }: GroupRead): boolean {
    if (kind !== GROUP_DATA) return false;
    const end = this.options.address + bytes;
    while (this.at === this.runEnd) {
      if (this.at >= end) return false;
      this.openRun();
    }
    this.readHead();
    return true;
  }

  private openRun(): void {
    const { view, options } = this;
    const stream = view.getUint32(this.at + RUN_STREAM, true);
    const listener = view.getUint32(this.at + RUN_LISTENER, true);
    this.runEnd = this.at + RUN_HEADER_BYTES + view.getUint32(this.at + RUN_BYTES, true);
    this.head.listener = listener;
    const isOurs = stream === options.stream.plan.index && (options.listener === null || options.listener === listener);
    this.at = isOurs ? this.at + RUN_HEADER_BYTES : this.runEnd;
  }

  private readHead(): void {
    const { head, view, at } = this;
    head.kind = view.getUint16(at + ENTRY_KIND, true);
    head.address = at + ENTRY_HEADER_BYTES;
    head.bytes = view.getUint32(at + ENTRY_BYTES, true);
    head.sequence = view.getUint32(at + ENTRY_SEQUENCE, true);
    head.receivedMs = view.getFloat64(at + ENTRY_INGEST_MS, true);
    head.value = view.getFloat64(at + ENTRY_VALUE, true);
    head.producer = view.getUint32(at + ENTRY_PRODUCER, true);
    head.group = this.group;
    head.connection = this.sender(head.producer, head.listener);
    this.headIsRead = true;
  }

  /** Stands for whoever sent it: nobody is there to be answered. */
  private sender(producer: number, listener: number): IngestConnection {
    const key = producer === 0 ? `@${listener}` : `#${producer}`;
    let connection = this.senders.get(key);
    if (connection === undefined) {
      connection = newConnection(this.options.stream, null, SILENT);
      this.senders.set(key, connection);
    }
    return connection;
  }
}

/** Of whoever is not there to be answered. */
export const SILENT: Replies = {
  acknowledge: () => undefined,
  rejected: () => undefined,
  durable: () => undefined,
  opened: () => undefined,
  refused: () => undefined,
};
