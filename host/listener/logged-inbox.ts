// host/listener/logged-inbox.ts — one stream's inbox at one listener when there is a log: taken in, released, decoded.
//
//   freed ≤ decoded ≤ answered ≤ tail
//   ├ free ┼ decoded, its bytes not yet written ┼ released: verdicts are there ┼ with the log ┤
//
// The log reads the entries where they lie and says, group by group, up to where they are released. Then each is answered
// (acknowledged, or refused by name) and, in the same order, decoded; a group's end is told behind its last entry.
// Bytes of an entry are free once it is decoded and the log has written it.

import { EntryCursor } from '../log/entry-cursor.ts';
import { InboxWriter } from '../log/inbox-writer.ts';
import {
  ENTRY_ACCEPTED,
  ENTRY_ARROW,
  ENTRY_CONNECTION,
  ENTRY_DUPLICATE,
  ENTRY_IDLE,
  ENTRY_INGEST_MS,
  ENTRY_JSON,
  ENTRY_KIND,
  ENTRY_OPEN,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  ENTRY_VERDICT,
} from '../log/layout.ts';
import type { RingPlace } from '../thread/topology.ts';
import type { IngestConnection } from './connection.ts';
import { ConnectionTags } from './connection-tags.ts';
import { creditBytesOf, EMPTY_FRAME, type FrameInbox, type InboxFrame } from './inbox.ts';

interface ReleasedGroup {
  group: number;
  /** Behind its last entry of this inbox. */
  position: number;
  /** The checkpoint whose barrier stands at its end; 0: none. */
  barrier: number;
}

export class LoggedInbox implements FrameInbox {
  readonly capacityBytes: number;
  private readonly writer: InboxWriter;
  private tags!: ConnectionTags;
  private clock!: IngestConnection;
  private readonly wallMs: () => number;
  private readonly answers: EntryCursor;
  private readonly entries: EntryCursor;
  private readonly groups: ReleasedGroup[] = [];
  private readonly head: InboxFrame;
  private headIsRead = false;
  /** Of this process's clock, in which latencies are counted, to the wall clock of the entries. */
  private clockOffsetMs = 0;

  constructor(buffer: SharedArrayBuffer, place: RingPlace, listener: number, stream: number, wallMs: () => number) {
    this.wallMs = wallMs;
    this.capacityBytes = place.capacityBytes;
    this.writer = new InboxWriter({ listener, stream, buffer, ...place });
    this.answers = new EntryCursor(buffer, place);
    this.entries = new EntryCursor(buffer, place);
    this.head = { ...EMPTY_FRAME, listener };
  }

  get heldBytes(): number {
    return this.writer.heldBytes;
  }

  /** Everything taken in has been decoded, and every group named. */
  get isDone(): boolean {
    return this.entries.position === this.writer.position && this.groups.length === 0;
  }

  /** The group whose entries are due; 0 while nothing is released. */
  get group(): number {
    return this.groups[0]?.group ?? 0;
  }

  /** @param clock  in whose name the listener itself says something: that a producer is silent */
  open(clock: IngestConnection): void {
    this.clock = clock;
    this.tags = new ConnectionTags(clock);
  }

  register(connection: IngestConnection): void {
    this.tags.add(connection);
  }

  forget(connection: IngestConnection): void {
    this.tags.close(connection);
  }

  tryPlace(bytes: number): number {
    return this.writer.tryPlace(bytes);
  }

  push(connection: IngestConnection, kind: number, _bytes: number, value: number, receivedMs: number): void {
    const ingestMs = this.wallMs();
    const { number, epoch, sequence } = connection;
    this.clockOffsetMs = receivedMs - ingestMs;
    connection.entries++;
    this.writer.push(kind, number, epoch, sequence, ingestMs, value, connection.tag);
  }

  /** An entry that no connection sent: that a producer has been silent for too long. False when there is no room now. */
  tryPushIdle(producer: number): boolean {
    if (this.writer.tryPlace(0) < 0) return false;
    this.clock.entries++;
    this.writer.push(ENTRY_IDLE, producer, 0, 0, this.wallMs(), 0, this.clock.tag);
    return true;
  }

  /** The log has answered everything up to `position`, which is where group `group` ends here. */
  release(group: number, position: number, barrier: number): void {
    this.groups.push({ group, position, barrier });
    const { answers } = this;
    while (answers.look(position)) {
      this.answer(answers);
      answers.next();
    }
  }

  peek(): InboxFrame | undefined {
    const limit = this.groups[0]?.position;
    if (limit === undefined) return undefined;
    while (!this.headIsRead) {
      if (!this.entries.look(limit)) return undefined;
      if (this.entries.u16(ENTRY_VERDICT) === ENTRY_ACCEPTED) this.readHead();
      else this.skip();
    }
    return this.head;
  }

  shift(): void {
    this.headIsRead = false;
    this.leaveEntry(this.head.connection);
  }

  get barrier(): number {
    return this.groups[0]?.barrier ?? 0;
  }

  /** All frames here are this listener's. */
  nextTurn(): boolean {
    return false;
  }

  /** The group that has been used up and is to be named behind its rows; 0 when entries of it are left, or none is due. */
  endedGroup(): number {
    return this.groups.length > 0 && this.peek() === undefined ? this.group : 0;
  }

  /**
   * Goes on to the next group. Of groups that brought nothing here only the last is worth naming; it must be: what
   * follows would else be taken for a part of the groups before it.
   */
  nextGroup(stop: number): void {
    const { groups } = this;
    groups.shift();
    const isEmpty = (index: number) => groups[index]!.position === this.entries.position;
    const mayGo = () => groups.length > 1 && groups[0]!.barrier === 0 && groups[1]!.group < stop;
    while (mayGo() && isEmpty(0) && isEmpty(1)) groups.shift();
  }

  /** Groups up to this one are named already, and had no entries here. */
  forgetThrough(group: number): void {
    while (this.groups.length > 0 && this.groups[0]!.group <= group) this.groups.shift();
  }

  private answer(entry: EntryCursor): void {
    const connection = this.tags.get(entry.u32(ENTRY_CONNECTION));
    const verdict = entry.u16(ENTRY_VERDICT);
    const kind = entry.u16(ENTRY_KIND);
    if (kind === ENTRY_OPEN) {
      connection.replies.opened(connection, verdict, entry.u32(ENTRY_PRODUCER), entry.f64(ENTRY_VALUE));
      return;
    }
    connection.inFlightBytes -= creditBytesOf(kind, entry.bytes);
    if (verdict === ENTRY_ACCEPTED || verdict === ENTRY_DUPLICATE) {
      if (isFrame(kind)) connection.ackedSequence = Math.max(connection.ackedSequence, entry.u64(ENTRY_SEQUENCE));
      connection.stream.touch(connection);
    } else connection.replies.refused(connection, verdict, entry.u64(ENTRY_SEQUENCE), entry.f64(ENTRY_VALUE));
  }

  private readHead(): void {
    const { head, entries } = this;
    head.connection = this.tags.get(entries.u32(ENTRY_CONNECTION));
    head.kind = entries.u16(ENTRY_KIND);
    head.address = entries.payloadAddress;
    head.bytes = entries.bytes;
    head.sequence = entries.u64(ENTRY_SEQUENCE);
    head.receivedMs = entries.f64(ENTRY_INGEST_MS) + this.clockOffsetMs;
    head.value = entries.f64(ENTRY_VALUE);
    head.producer = entries.u32(ENTRY_PRODUCER);
    head.group = this.group;
    this.headIsRead = true;
  }

  /** An entry that is not decoded: refused, or a duplicate, whose rows were placed when it came first. */
  private skip(): void {
    const connection = this.tags.get(this.entries.u32(ENTRY_CONNECTION));
    if (this.entries.u16(ENTRY_VERDICT) === ENTRY_DUPLICATE) {
      connection.decodedSequence = Math.max(connection.decodedSequence, this.entries.u64(ENTRY_SEQUENCE));
    }
    this.leaveEntry(connection);
  }

  private leaveEntry(connection: IngestConnection): void {
    this.entries.next();
    this.writer.free(this.entries.position);
    connection.entries--;
    this.tags.settle(connection);
  }
}

const isFrame = (kind: number): boolean => kind === ENTRY_JSON || kind === ENTRY_ARROW;
