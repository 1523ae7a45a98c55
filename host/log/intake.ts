// host/log/intake.ts — the log's side of one inbox: walks its entries, judges each, adds the accepted ones to a group as runs.
//
//   ├ … written │ judged, in groups under way │ published … ┤        positions: INBOX_WRITTEN ≤ position ≤ INBOX_TAIL
//                                             ^position
//
// Promises
//   - every entry gets its verdict, once, in the order of the inbox; an accepted one its group and a time that is never
//     less than the one before, in place, before its run's checksum is taken.
//   - a run is one piece of the inbox and all of it is accepted: a refused entry, a duplicate and a pad end the run.
//   - an OPEN is taken only into an empty group.
//   - nothing read from the shared memory is trusted: what no listener can have written ends the run by name.
// Not here  which inbox comes next and how much it may give (group-former.ts), who may send what (producer-table.ts).

import { crc32 } from 'node:zlib';
import { PRODUCER_ID_BYTES_MAX } from '../limits.ts';
import { joinChecksums } from './checksum.ts';
import type { FormingGroup, GroupRoom } from './forming-group.ts';
import { checkInboxPlace, entryBytes, type InboxPlace } from './inbox-place.ts';
import {
  ENTRY_ACCEPTED,
  ENTRY_BYTES,
  ENTRY_CONNECTION,
  ENTRY_EPOCH,
  ENTRY_FENCED,
  ENTRY_GROUP,
  ENTRY_HEADER_BYTES,
  ENTRY_IDLE,
  ENTRY_INGEST_MS,
  ENTRY_KIND,
  ENTRY_OPEN,
  ENTRY_PAD,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  ENTRY_VERDICT,
  ENTRY_WATERMARK,
  INBOX_HEADER_BYTES,
  INBOX_TAIL,
  INBOX_WRITTEN,
  RUN_HEADER_BYTES,
} from './layout.ts';
import { NOBODY, type ProducerTable } from './producer-table.ts';

/** The greatest ingest time in the log; one for all inboxes. */
export interface LogTime {
  ms: number;
}

/** EMPTY: nothing is left. FULL: the next entry does not fit the room. OPEN: the next entry wants a group of its own. */
export type Taken = 'empty' | 'full' | 'open';

/** Beyond it an ingest time is no time (the range of ECMAScript dates). */
const TIME_MS_MAX = 8.64e15;

/** A payload of at least this many bytes is read once: joining its checksum costs about as much as reading so many again. */
const JOINED_BYTES_MIN = 8192;

export class Intake {
  readonly place: InboxPlace;
  /** Everything before it has its verdict. */
  position: number;
  private readonly table: ProducerTable;
  private readonly time: LogTime;
  private readonly words: Int32Array;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  /** The listener's tail when last looked at. */
  private tail: number;
  /** The run under way: where it begins, its bytes and its entries. */
  private runAt = 0;
  private runBytes = 0;
  private runEntries = 0;
  /** Of the run's bytes so far, and where they end: what follows is read at the run's end, or before the next large payload. */
  private runChecksum = 0;
  private summedTo = 0;
  /** CRC-32 of the payload judged last, when the producer table asked for it. */
  private payloadChecksum: number | null = null;

  constructor(place: InboxPlace, table: ProducerTable, time: LogTime) {
    checkInboxPlace(place);
    this.place = place;
    this.table = table;
    this.time = time;
    const dataAddress = place.baseBytes + INBOX_HEADER_BYTES;
    this.words = new Int32Array(place.buffer, place.baseBytes, INBOX_HEADER_BYTES / 4);
    this.view = new DataView(place.buffer, dataAddress, place.capacityBytes);
    this.bytes = new Uint8Array(place.buffer, dataAddress, place.capacityBytes);
    // load: only this side ever stores it.
    this.position = Atomics.load(this.words, INBOX_WRITTEN / 4);
    this.tail = this.position;
  }

  /** Whether entries wait here. */
  look(): boolean {
    // load: pairs with the store in InboxWriter.push(); the entries before this tail are whole.
    const tail = Atomics.load(this.words, INBOX_TAIL / 4);
    const published = (tail - this.position) | 0;
    if (published < 0 || published > this.place.capacityBytes) {
      this.fail(`${published} bytes published behind it, expected 0..${this.place.capacityBytes}`);
    }
    this.tail = tail;
    return published > 0;
  }

  /** Everything before `position` is on its way to the disk or refused: the log does not look at it any more. */
  written(position: number): void {
    // store: the write has read the bytes; pairs with the load in InboxWriter.lookAtLog().
    Atomics.store(this.words, INBOX_WRITTEN / 4, position);
  }

  /**
   * Judges entries, and adds the accepted ones to the group.
   *
   * @param room        bounds of what is added
   * @param aloneBytes  what the first entry of an empty group may take all the same
   */
  take(group: FormingGroup, room: GroupRoom, aloneBytes: number): Taken {
    const start = { bytes: group.bodyBytes, entries: group.entries, runs: group.runs };
    while (this.look()) {
      const at = this.skipGap();
      if (at < 0) continue;
      const payloadBytes = this.view.getUint32(at + ENTRY_BYTES, true);
      const kind = this.view.getUint16(at + ENTRY_KIND, true);
      const bytes = this.checkEntry(at, payloadBytes, kind);
      if (kind === ENTRY_PAD) {
        this.position = (this.position + bytes) | 0;
        continue;
      }
      // Behind the end of the data, and behind an entry that was not accepted.
      if (at !== this.runAt + this.runBytes) this.endRun(group);
      const isFirst = group.isEmpty && this.runEntries === 0;
      if (kind === ENTRY_OPEN && !isFirst) return this.end(group, 'open');
      const usedBytes = group.bodyBytes - start.bytes + this.runBytes + (this.runEntries > 0 ? RUN_HEADER_BYTES : 0);
      const startsRun = this.runEntries === 0;
      const neededBytes = bytes + (startsRun ? RUN_HEADER_BYTES : 0);
      const fits =
        usedBytes + neededBytes <= room.bytes &&
        group.entries - start.entries + this.runEntries < room.entries &&
        (!startsRun || group.runs - start.runs < room.runs);
      if (!fits && !(isFirst && neededBytes <= aloneBytes)) return this.end(group, 'full');
      this.admit(group, at, kind, payloadBytes, bytes);
    }
    return this.end(group, 'empty');
  }

  /** Gives the entry its verdict, and counts it to the run when it is accepted. */
  private admit(group: FormingGroup, at: number, kind: number, payloadBytes: number, bytes: number): void {
    const { view, time } = this;
    const saidMs = view.getFloat64(at + ENTRY_INGEST_MS, true);
    const ingestMs = saidMs > time.ms && saidMs <= TIME_MS_MAX ? saidMs : time.ms;
    this.payloadChecksum = null;
    const verdict = this.judge(group, at, kind, payloadBytes, ingestMs);
    view.setUint16(at + ENTRY_VERDICT, verdict, true);
    if (verdict === ENTRY_ACCEPTED) {
      time.ms = ingestMs;
      view.setFloat64(at + ENTRY_INGEST_MS, ingestMs, true);
      view.setUint32(at + ENTRY_GROUP, group.number % 2 ** 32, true);
      if (this.runEntries === 0) this.beginRun(at);
      if (payloadBytes >= JOINED_BYTES_MIN && this.payloadChecksum !== null) {
        this.sumTo(at + ENTRY_HEADER_BYTES);
        this.runChecksum = joinChecksums(this.runChecksum, this.payloadChecksum, payloadBytes);
        this.summedTo += payloadBytes;
      }
      this.runEntries++;
      this.runBytes += bytes;
    }
    this.position = (this.position + bytes) | 0;
  }

  private judge(group: FormingGroup, at: number, kind: number, payloadBytes: number, ingestMs: number): number {
    const { view, table, place } = this;
    const number = view.getUint32(at + ENTRY_PRODUCER, true);
    if (number === 0 && kind !== ENTRY_OPEN) return ENTRY_ACCEPTED;
    const epoch = view.getUint32(at + ENTRY_EPOCH, true);
    const connection = view.getUint32(at + ENTRY_CONNECTION, true);
    // Exact up to 2^53; beyond it the table refuses every sequence.
    const sequence =
      view.getUint32(at + ENTRY_SEQUENCE, true) + view.getUint32(at + ENTRY_SEQUENCE + 4, true) * 2 ** 32;
    const { stream, listener } = place;
    if (kind === ENTRY_OPEN) return this.open(group, at, payloadBytes, epoch, sequence, connection, ingestMs);
    // Said by the listener itself, of a producer that it decodes.
    if (kind === ENTRY_IDLE && connection === NOBODY) {
      return table.isDecodedBy(number, listener) ? ENTRY_ACCEPTED : ENTRY_FENCED;
    }
    if (kind >= ENTRY_WATERMARK) {
      const verdict = table.word(stream, number, epoch, listener, connection, ingestMs);
      if (verdict !== ENTRY_ACCEPTED) view.setFloat64(at + ENTRY_VALUE, table.value, true);
      return verdict;
    }
    const checksum = crc32(this.payload(at, payloadBytes));
    this.payloadChecksum = checksum;
    const verdict = table.frame(
      stream,
      number,
      epoch,
      sequence,
      listener,
      connection,
      checksum,
      group.number,
      ingestMs,
    );
    if (verdict !== ENTRY_ACCEPTED) view.setFloat64(at + ENTRY_VALUE, table.value, true);
    return verdict;
  }

  private open(
    group: FormingGroup,
    at: number,
    payloadBytes: number,
    epoch: number,
    firstSequence: number,
    connection: number,
    ingestMs: number,
  ): number {
    if (payloadBytes === 0 || payloadBytes > PRODUCER_ID_BYTES_MAX) {
      this.fail(`a producer id of ${payloadBytes} bytes, expected 1..${PRODUCER_ID_BYTES_MAX}`);
    }
    const { view, table, place } = this;
    const id = Buffer.from(this.payload(at, payloadBytes)).toString();
    const verdict = table.open(place.stream, id, epoch, firstSequence, place.listener, connection, ingestMs);
    view.setFloat64(at + ENTRY_VALUE, table.value, true);
    if (verdict !== ENTRY_ACCEPTED) return verdict;
    view.setUint32(at + ENTRY_PRODUCER, table.number, true);
    if (table.movedFrom !== NOBODY) {
      const { stream, listener } = place;
      group.moves.push({ from: table.movedFrom, to: listener, stream, producer: table.number });
    }
    return verdict;
  }

  private payload(at: number, payloadBytes: number): Uint8Array {
    return this.bytes.subarray(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + payloadBytes);
  }

  /** Where the next entry stands; −1 when what was left before the end of the data was too short for a header. */
  private skipGap(): number {
    const { capacityBytes } = this.place;
    const at = this.position & (capacityBytes - 1);
    const toEndBytes = capacityBytes - at;
    if (toEndBytes >= ENTRY_HEADER_BYTES) return at;
    if (((this.tail - this.position) | 0) < toEndBytes) this.fail('a tail in the gap before the end');
    this.position = (this.position + toEndBytes) | 0;
    return -1;
  }

  /** @returns the entry's bytes with its header, up to the next entry */
  private checkEntry(at: number, payloadBytes: number, kind: number): number {
    const { capacityBytes } = this.place;
    if (payloadBytes > capacityBytes - ENTRY_HEADER_BYTES) this.fail(`an entry of ${payloadBytes} bytes`);
    const bytes = entryBytes(payloadBytes);
    const published = (this.tail - this.position) | 0;
    if (bytes > published) this.fail(`an entry of ${bytes} bytes, published are ${published}`);
    if (bytes > capacityBytes - at) this.fail(`an entry of ${bytes} bytes that wraps at ${capacityBytes - at}`);
    if (kind > ENTRY_OPEN) this.fail(`an entry of kind ${kind}, expected ${ENTRY_PAD}..${ENTRY_OPEN}`);
    return bytes;
  }

  private end(group: FormingGroup, taken: Taken): Taken {
    this.endRun(group);
    return taken;
  }

  private beginRun(at: number): void {
    this.runAt = at;
    this.runChecksum = 0;
    this.summedTo = at;
  }

  private sumTo(end: number): void {
    this.runChecksum = crc32(this.bytes.subarray(this.summedTo, end), this.runChecksum);
    this.summedTo = end;
  }

  private endRun(group: FormingGroup): void {
    if (this.runEntries === 0) return;
    const run = this.bytes.subarray(this.runAt, this.runAt + this.runBytes);
    this.sumTo(this.runAt + this.runBytes);
    group.addRun(this.place.stream, this.place.listener, run, this.runEntries, this.runChecksum);
    this.runEntries = 0;
    this.runBytes = 0;
  }

  private fail(seen: string): never {
    const { listener, stream } = this.place;
    throw new Error(
      `inbox of listener ${listener} for stream ${stream} at position ${this.position}: ${seen}; the listener's memory was overwritten, the run must stop`,
    );
  }
}
