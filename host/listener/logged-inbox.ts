// host/listener/logged-inbox.ts — one stream's inbox at one listener when there is a log: taken in, released, decoded.
//
//   freed ≤ decoded ≤ answered ≤ tail
//   ├ free ┼ decoded, its bytes not yet written ┼ released: verdicts are there ┼ with the log ┤
//                     behind: decoded from the log ▲
//
// The log reads the entries where they lie and says, group by group, up to where they are released. Then each is answered
// (acknowledged, or refused by name) and, in the same order, decoded; a group's end is told behind its last entry.
// Bytes of an entry are free once it is decoded and the log has written it.
//
// When the partitions do not take what is decoded, released groups are let go: their bytes are free, and they are decoded
// later out of the log (`behind`), for the same connections. Only whole groups remain, so when the log has been read up to
// the first of them the inbox goes on from there. A frame that is partly decoded is pinned until it is used up.

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
import type { EntrySenders } from './entry-senders.ts';
import { creditBytesOf, EMPTY_FRAME, type FrameInbox, type InboxFrame } from './inbox.ts';

interface ReleasedGroup {
  group: number;
  /** Behind its last entry of this inbox. */
  position: number;
}

/** What is to be decoded from the log before the inbox's own groups are due. */
export interface Behind {
  /** Every group up to this one has been decoded and named. */
  after: number;
  /** So many entries of the first group have been decoded, too. */
  skip: number;
  /** The last group that was let go. */
  through: number;
}

export class LoggedInbox implements FrameInbox, EntrySenders {
  /** What is released lies here. */
  readonly isReading = false;
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
  private headIsPinned = false;
  /** Accepted entries of the group at hand that were decoded here. */
  private taken = 0;
  private lastNamed = 0;
  /** Null: nothing that is released was let go. */
  private letGoOf: Behind | null = null;
  /** From the wall clock of the entries to this process's clock, in which latencies are counted. */
  clockOffsetMs = 0;

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
    return this.letGoOf === null && this.entries.position === this.writer.position && this.groups.length === 0;
  }

  /** The group whose entries are due; 0 while nothing is released. */
  get group(): number {
    return this.headIsPinned ? this.head.group : (this.groups[0]?.group ?? 0);
  }

  /** Null: what is due is here. Not while a frame of before is still being decoded. */
  get behind(): Behind | null {
    return this.headIsPinned ? null : this.letGoOf;
  }

  /** Before any of them has been decoded again. */
  get groupsLetGo(): number {
    return this.letGoOf === null ? 0 : this.letGoOf.through - this.letGoOf.after;
  }

  /** Bytes of released groups, as far as their frames have not been decoded. */
  get releasedBytes(): number {
    const released = this.groups.at(-1)?.position ?? this.entries.position;
    return (released - this.entries.position) | 0;
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
  release(group: number, position: number): void {
    const { answers } = this;
    if (((position - answers.position) | 0) < 0) {
      throw new Error(
        `the log released group ${group} up to ${position}, behind ${answers.position}: the run must stop`,
      );
    }
    this.groups.push({ group, position });
    while (answers.look(position)) {
      this.answer(answers);
      answers.next();
    }
  }

  peek(): InboxFrame | undefined {
    if (this.letGoOf !== null) return this.headIsPinned ? this.head : undefined;
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
    if (this.headIsPinned) {
      this.headIsPinned = false;
      this.writer.unpin();
      return this.decoded(this.head.connection);
    }
    this.taken++;
    this.leaveEntry(this.head.connection);
  }

  /**
   * Lets go of the released groups that the log can be read for: their bytes are free.
   *
   * @param headIsBegun  the frame that `peek` showed is partly decoded
   * @returns false when there is none
   */
  letGo(headIsBegun: boolean): boolean {
    const { entries, groups } = this;
    const begunBytes = headIsBegun && !this.headIsPinned ? entries.entryBytes : 0;
    const count = this.countReadable((entries.position + begunBytes) | 0);
    if (count === 0) return false;
    const { group, position } = groups[count - 1]!;
    if (this.letGoOf !== null) this.letGoOf.through = group;
    else {
      const after = Math.max(this.lastNamed, groups[0]!.group - 1);
      this.letGoOf = { after, skip: this.taken + (headIsBegun ? 1 : 0), through: group };
    }
    this.taken = 0;
    if (begunBytes > 0) {
      this.headIsPinned = true;
      this.writer.pin(entries.position, begunBytes);
      entries.next();
    } else if (!this.headIsPinned) this.headIsRead = false;
    while (entries.look(position)) {
      // What is not in the log is done with.
      if (entries.u16(ENTRY_VERDICT) !== ENTRY_ACCEPTED) this.decoded(this.tags.get(entries.u32(ENTRY_CONNECTION)));
      entries.next();
    }
    this.writer.free(position);
    groups.splice(0, count);
    return true;
  }

  senderOf(tag: number): IngestConnection {
    return this.tags.get(tag);
  }

  decoded(connection: IngestConnection): void {
    connection.entries--;
    this.tags.settle(connection);
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
    this.lastNamed = this.group;
    this.taken = 0;
    groups.shift();
    const isEmpty = (index: number) => groups[index]!.position === this.entries.position;
    while (groups.length > 1 && groups[1]!.group < stop && isEmpty(0) && isEmpty(1)) groups.shift();
  }

  /** Groups up to this one have been decoded from the log and named; what is here of them was refused, or is nothing. */
  namedThrough(group: number): void {
    const { groups, entries } = this;
    this.lastNamed = group;
    if (this.letGoOf !== null && this.letGoOf.through <= group) this.letGoOf = null;
    else if (this.letGoOf !== null) this.letGoOf.after = Math.max(this.letGoOf.after, group);
    while (groups.length > 0 && groups[0]!.group <= group && groups[0]!.position === entries.position) groups.shift();
  }

  private answer(entry: EntryCursor): void {
    const connection = this.tags.get(entry.u32(ENTRY_CONNECTION));
    const verdict = entry.u16(ENTRY_VERDICT);
    const kind = entry.u16(ENTRY_KIND);
    connection.inFlightBytes -= creditBytesOf(kind, entry.bytes);
    if (kind === ENTRY_OPEN) {
      connection.replies.opened(connection, verdict, entry.u32(ENTRY_PRODUCER), entry.f64(ENTRY_VALUE));
      return;
    }
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
    this.decoded(connection);
  }

  /** How many groups can be let go, of which the last has bytes from `from` on: being written is known of those alone. */
  private countReadable(from: number): number {
    let count = 0;
    let before = from;
    for (const [index, { position }] of this.groups.entries()) {
      if (!this.writer.isWritten(position)) break;
      if (((position - before) | 0) > 0) count = index + 1;
      before = position;
    }
    return count;
  }
}

const isFrame = (kind: number): boolean => kind === ENTRY_JSON || kind === ENTRY_ARROW;
