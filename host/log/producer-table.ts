// host/log/producer-table.ts — who may add what to the log: one state per producer, one verdict per frame. Pure.
//
//   unknown ──open──▶ known ──silent for the horizon, by log time──▶ expired ──open──▶ known
//                      └─ frame: sequence = last + 1 ▶ accepted; ≤ last ▶ duplicate; beyond ▶ out of sequence
//
//   open and frame   an epoch below the known one is FENCED; one above it goes on behind the last sequence, or begins
//                    again at 1 when the producer says that its first sequence will be 1
//   frame            only of the connection that opened last; any other is FENCED
//
// Promises
//   - per producer and epoch, accepted sequences are 1, 2, 3 …: none twice, none left out.
//   - a sequence that was accepted once is a duplicate for ever, also after its producer expired: an expired producer keeps
//     (id, epoch, last sequence), and is forgotten only when more than `expiredMax` are kept.
//   - the same calls give the same state: expiry goes by the time in the log, never by a clock.
// A verdict is one of the ENTRY_ constants; what else there is to say is left in `value`, `number` and `movedFrom`,
// so that a frame costs no object.
// Not here  the table's bytes (producer-table-bytes.ts), where frames come from (intake.ts).

import type { ProducerLimits } from '../limits.ts';
import {
  ENTRY_ACCEPTED,
  ENTRY_DUPLICATE,
  ENTRY_DUPLICATE_MISMATCH,
  ENTRY_FENCED,
  ENTRY_OUT_OF_SEQUENCE,
  ENTRY_TOO_MANY_PRODUCERS,
  ENTRY_UNKNOWN_PRODUCER,
} from './layout.ts';

/** Sequences are u64 on disk and numbers here. */
export const SEQUENCE_MAX = Number.MAX_SAFE_INTEGER;

/** No listener, no connection: of a producer that has not been heard since the engine started. */
export const NOBODY = 0xffff_ffff;

/** An OPEN that does not say at which sequence its producer goes on. */
export const BEHIND_THE_LAST = 0;

export interface Producer {
  readonly number: number;
  readonly stream: number;
  readonly id: string;
  epoch: number;
  lastSequence: number;
  /** Log time of its last entry. */
  lastMs: number;
  /** The listener that decodes it; stays over a restart, unlike the connection. */
  listener: number;
  connection: number;
  /** Of its last sequences; null before the first frame, and once it has expired. */
  remembered: Remembered | null;
  expired: boolean;
}

/** Of sequence s, at s mod `groups.length`: the group that it is in, and the CRC-32 of its payload. */
export interface Remembered {
  groups: Float64Array;
  checksums: Uint32Array;
  /** How many of the last sequences are there. */
  count: number;
}

export class ProducerTable {
  /** Of the last verdict: ENTRY_VALUE of its entry. */
  value = 0;
  /** Of the last accepted open: the producer's number, and the listener that decoded it until now, or NOBODY. */
  number = 0;
  movedFrom = NOBODY;
  private readonly limits: ProducerLimits;
  private readonly byNumber = new Map<number, Producer>();
  private readonly byId = new Map<string, Producer>();
  private expiredCount = 0;
  private nextNumber = 1;

  constructor(limits: ProducerLimits) {
    this.limits = limits;
  }

  /** In the order of their numbers. */
  get producers(): IterableIterator<Producer> {
    return this.byNumber.values();
  }

  get count(): number {
    return this.byNumber.size;
  }

  /** What the next new producer will be called. */
  get numbered(): number {
    return this.nextNumber;
  }

  get(number: number): Producer | undefined {
    return this.byNumber.get(number);
  }

  find(stream: number, id: string): Producer | undefined {
    return this.byId.get(keyOf(stream, id));
  }

  /**
   * A producer says hello. Accepted: `number`, `movedFrom`, and its last sequence in `value`.
   *
   * @param firstSequence  at which it will go on, or BEHIND_THE_LAST
   */
  open(
    stream: number,
    id: string,
    epoch: number,
    firstSequence: number,
    listener: number,
    connection: number,
    logMs: number,
  ): number {
    const producer = this.byId.get(keyOf(stream, id));
    const verdict =
      producer === undefined
        ? this.judgeNew(firstSequence)
        : this.judgeOpen(producer, epoch, firstSequence, this.isExpired(producer, logMs));
    if (verdict !== ENTRY_ACCEPTED) return verdict;
    const opened = producer ?? this.add(this.nextNumber++, stream, id);
    if (epoch > opened.epoch && firstSequence !== BEHIND_THE_LAST) restart(opened);
    this.movedFrom = opened.listener === listener ? NOBODY : opened.listener;
    this.settle(opened, epoch, listener, connection, logMs);
    this.number = opened.number;
    this.value = opened.lastSequence;
    return ENTRY_ACCEPTED;
  }

  /**
   * A numbered frame of `connection`. Accepted: it is in `group` from now on. A duplicate's group is in `value`, 0 when
   * it is too long ago; of the other verdicts, see ENTRY_VALUE at their constants.
   *
   * @param checksum  CRC-32 of its payload
   */
  frame(
    stream: number,
    number: number,
    epoch: number,
    sequence: number,
    listener: number,
    connection: number,
    checksum: number,
    group: number,
    logMs: number,
  ): number {
    const verdict = this.word(stream, number, epoch, listener, connection, logMs);
    if (verdict !== ENTRY_ACCEPTED) return verdict;
    const producer = this.byNumber.get(number)!;
    if (epoch > producer.epoch) {
      if (sequence !== 1) return this.outOfSequence(1);
      restart(producer);
      producer.epoch = epoch;
    }
    if (sequence >= 1 && sequence <= producer.lastSequence) return this.duplicate(producer, sequence, checksum);
    const expected = producer.lastSequence + 1;
    if (sequence !== expected || sequence > SEQUENCE_MAX) return this.outOfSequence(expected);
    this.take(producer, sequence, checksum, group, logMs);
    return ENTRY_ACCEPTED;
  }

  /** Anything without a sequence that a connection says for its producer: a watermark, idle, an end. */
  word(stream: number, number: number, epoch: number, listener: number, connection: number, logMs: number): number {
    this.value = 0;
    const producer = this.byNumber.get(number);
    if (producer === undefined || producer.stream !== stream || this.isExpired(producer, logMs)) {
      return ENTRY_UNKNOWN_PRODUCER;
    }
    if (epoch < producer.epoch || producer.listener !== listener || producer.connection !== connection) {
      this.value = producer.epoch;
      return ENTRY_FENCED;
    }
    return ENTRY_ACCEPTED;
  }

  /** Whether this listener has the producer's time. */
  isDecodedBy(number: number, listener: number): boolean {
    return this.byNumber.get(number)?.listener === listener;
  }

  /** After a start one listener decodes what the log holds, for all producers, whoever their listeners were. */
  gatherAt(listener: number): void {
    for (const producer of this.byNumber.values()) {
      if (producer.listener !== NOBODY) producer.listener = listener;
    }
  }

  /** Recovery: an accepted OPEN as it stands in the log; false when the log contradicts itself. */
  replayOpen(
    number: number,
    stream: number,
    id: string,
    epoch: number,
    lastSequence: number,
    listener: number,
    logMs: number,
  ): boolean {
    let producer = this.byNumber.get(number);
    if (producer === undefined) {
      if (this.byId.has(keyOf(stream, id)) || number !== this.nextNumber) return false;
      producer = this.add(this.nextNumber++, stream, id);
    }
    if (producer.stream !== stream || producer.id !== id || epoch < producer.epoch) return false;
    if (lastSequence !== producer.lastSequence) {
      if (lastSequence !== 0) return false;
      restart(producer);
    }
    this.settle(producer, epoch, listener, NOBODY, logMs);
    return true;
  }

  /** Recovery: an accepted numbered frame as it stands in the log; false when the log contradicts itself. */
  replayFrame(
    number: number,
    epoch: number,
    sequence: number,
    checksum: number,
    group: number,
    logMs: number,
  ): boolean {
    const producer = this.byNumber.get(number);
    if (producer === undefined || epoch < producer.epoch) return false;
    if (epoch > producer.epoch) {
      restart(producer);
      producer.epoch = epoch;
    }
    if (sequence !== producer.lastSequence + 1) return false;
    this.take(producer, sequence, checksum, group, logMs);
    return true;
  }

  /** Puts a producer back as its bytes say it was; false when its number or id is there already. */
  restore(producer: Producer): boolean {
    const key = keyOf(producer.stream, producer.id);
    if (this.byNumber.has(producer.number) || this.byId.has(key) || producer.number >= this.nextNumber) return false;
    this.byNumber.set(producer.number, producer);
    this.byId.set(key, producer);
    if (producer.expired) this.expiredCount++;
    return true;
  }

  restoreNumbered(next: number): void {
    this.nextNumber = next;
  }

  /**
   * Lets producers expire that have been silent for the horizon, and forgets the oldest of too many expired ones. Called
   * before the table is written: a table that is read back has expired the same producers.
   */
  expire(logMs: number): void {
    for (const producer of this.byNumber.values()) {
      if (!producer.expired && this.isExpired(producer, logMs)) {
        producer.expired = true;
        producer.remembered = null;
        this.expiredCount++;
      }
    }
    const tooMany = this.expiredCount - this.limits.expiredMax;
    if (tooMany <= 0) return;
    const expired = [...this.byNumber.values()].filter((producer) => producer.expired);
    expired.sort((a, b) => a.lastMs - b.lastMs || a.number - b.number);
    for (const producer of expired.slice(0, tooMany)) {
      this.byNumber.delete(producer.number);
      this.byId.delete(keyOf(producer.stream, producer.id));
      this.expiredCount--;
    }
  }

  private judgeNew(firstSequence: number): number {
    this.value = 0;
    if (firstSequence !== BEHIND_THE_LAST && firstSequence !== 1) return ENTRY_UNKNOWN_PRODUCER;
    if (this.byNumber.size - this.expiredCount >= this.limits.producersMax) return ENTRY_TOO_MANY_PRODUCERS;
    return ENTRY_ACCEPTED;
  }

  private judgeOpen(producer: Producer, epoch: number, firstSequence: number, expired: boolean): number {
    if (epoch < producer.epoch) {
      this.value = producer.epoch;
      return ENTRY_FENCED;
    }
    if (firstSequence === BEHIND_THE_LAST || firstSequence === 1) return ENTRY_ACCEPTED;
    if (expired) {
      this.value = 0;
      return ENTRY_UNKNOWN_PRODUCER;
    }
    if (epoch > producer.epoch) return this.outOfSequence(1);
    return firstSequence <= producer.lastSequence + 1 ? ENTRY_ACCEPTED : this.outOfSequence(producer.lastSequence + 1);
  }

  private outOfSequence(expected: number): number {
    this.value = expected;
    return ENTRY_OUT_OF_SEQUENCE;
  }

  private duplicate({ remembered, lastSequence }: Producer, sequence: number, checksum: number): number {
    this.value = 0;
    if (remembered === null || sequence <= lastSequence - remembered.count) return ENTRY_DUPLICATE;
    const slot = sequence % remembered.groups.length;
    this.value = remembered.groups[slot]!;
    return remembered.checksums[slot] === checksum ? ENTRY_DUPLICATE : ENTRY_DUPLICATE_MISMATCH;
  }

  private take(producer: Producer, sequence: number, checksum: number, group: number, logMs: number): void {
    producer.remembered ??= remembering(this.limits.rememberedMax);
    const { remembered } = producer;
    const slot = sequence % remembered.groups.length;
    remembered.groups[slot] = group;
    remembered.checksums[slot] = checksum;
    remembered.count = Math.min(remembered.count + 1, remembered.groups.length);
    producer.lastSequence = sequence;
    producer.lastMs = logMs;
  }

  private settle(producer: Producer, epoch: number, listener: number, connection: number, logMs: number): void {
    if (producer.expired || this.isExpired(producer, logMs)) {
      if (producer.expired) this.expiredCount--;
      producer.expired = false;
      producer.remembered = null;
    }
    producer.epoch = epoch;
    producer.listener = listener;
    producer.connection = connection;
    producer.lastMs = logMs;
  }

  private isExpired(producer: Producer, logMs: number): boolean {
    return producer.expired || logMs - producer.lastMs > this.limits.horizonMs;
  }

  private add(number: number, stream: number, id: string): Producer {
    const producer: Producer = {
      number,
      stream,
      id,
      epoch: 0,
      lastSequence: 0,
      lastMs: Number.POSITIVE_INFINITY,
      listener: NOBODY,
      connection: NOBODY,
      remembered: null,
      expired: false,
    };
    this.byNumber.set(number, producer);
    this.byId.set(keyOf(stream, id), producer);
    return producer;
  }
}

export const remembering = (rememberedMax: number): Remembered => ({
  groups: new Float64Array(rememberedMax),
  checksums: new Uint32Array(rememberedMax),
  count: 0,
});

function restart(producer: Producer): void {
  producer.lastSequence = 0;
  producer.remembered = null;
}

const keyOf = (stream: number, id: string): string => `${stream}/${id}`;
