// host/client/stream-producer.ts — sends records to one stream, and goes on when the connection or the engine does not.
//
//   append ──▶ Batching ──size, linger──▶ Outbox ──▶ ProducerLink ──▶ engine        told(acked | rejected | unknown)
//   send ───────────────────────────────────▶
//
// Promises
//   - the outcome of everything given is told once, and the three outcomes are told apart.
//   - what is sent again keeps its number, so that the engine takes it once.
//   - what is not settled is bounded: at the bound `append` and `send` return a promise, beyond twice of it they refuse.
// Not here  the connection (producer-link.ts), when to try again (retry.ts).

import { uniqueName } from '../chance.ts';
import { Batching, type BatchingOptions } from './batching.ts';
import { ClientError } from './client-error.ts';
import { PENDING_BYTES_MAX, PENDING_OVERRUN, RETRY_MS_MAX, SILENT_MS_MAX } from './limits.ts';
import { Delivery, type Told } from './outcome.ts';
import { type LinkEvent, ProducerLink } from './producer-link.ts';
import type { RecordOf, RecordValue } from './record-batch.ts';
import { REAL_TIMING, type Timing } from './retry.ts';
import { streamInfo } from './stream-info.ts';

export interface OpenProducerOptions extends BatchingOptions {
  url: string;
  stream: string;
  /**
   * Who sends: a name that comes back after a restart, with a watermark of its own. Default: a random one, which makes
   * sending again safe and says idle when it closes; none when `retryForMs` is 0.
   */
  producer?: string;
  /** Which life of the producer: a greater one shuts the older out. */
  epoch?: number;
  /** How long a lost connection is tried again before what is unsettled is unknown; 0: not at all. */
  retryForMs?: number;
  /** The same for the very first connection; default 0: an engine that is not there is an error at once. */
  firstRetryForMs?: number;
  /** Given and not settled. */
  pendingBytesMax?: number;
  /** A connection without a sign of life for so long is lost. */
  silentMsMax?: number;
  onEvent?: (event: LinkEvent) => void;
  /** Clock, sleep and chance; for tests. */
  timing?: Timing;
}

export interface SendOptions {
  /** The bytes are JSON rows in UTF-8, not Arrow. */
  asText?: boolean;
  /** How many rows the frame holds: counts of frames whose acknowledgement was lost come from here. */
  rows?: number;
  told?: Told;
}

/** @throws ClientError when there is no engine, no such stream, or the producer id is fenced */
export async function openProducer(options: OpenProducerOptions): Promise<StreamProducer> {
  const { retryForMs = RETRY_MS_MAX, firstRetryForMs = 0, timing = REAL_TIMING } = options;
  const hasOwnName = options.producer === undefined && retryForMs > 0;
  let settled = () => {};
  const link = new ProducerLink({
    url: options.url,
    stream: options.stream,
    producer: hasOwnName ? uniqueName() : options.producer,
    epoch: options.epoch,
    silentMsMax: options.silentMsMax ?? SILENT_MS_MAX,
    firstRetry: { forMs: firstRetryForMs, timing },
    retry: { forMs: retryForMs, timing },
    onSettled: () => settled(),
    onReject: options.onReject,
    onEvent: options.onEvent,
  });
  await link.open();
  const { fields } = await streamInfo(options.url, options.stream).catch((error: ClientError) => {
    link.fail(error);
    throw error;
  });
  const batching = new Batching(link, fields, options);
  const producer = new StreamProducer(link, batching, options.pendingBytesMax ?? PENDING_BYTES_MAX, hasOwnName);
  settled = () => producer.settled();
  return producer;
}

export class StreamProducer {
  private readonly link: ProducerLink;
  private readonly batching: Batching;
  private readonly pendingBytesMax: number;
  private readonly saysIdle: boolean;
  private hasEnded = false;
  private isClosing = false;
  private roomWaiters: (() => void)[] = [];
  private flushes: { upTo: number; resolve: () => void; reject: (error: ClientError) => void }[] = [];

  constructor(link: ProducerLink, batching: Batching, pendingBytesMax: number, saysIdle: boolean) {
    this.link = link;
    this.batching = batching;
    this.pendingBytesMax = pendingBytesMax;
    this.saysIdle = saysIdle;
  }

  /** Frames up to this one were acknowledged before, in earlier lives of this producer. */
  get resumedAt(): number {
    return this.link.resumedAt;
  }

  /** Number of the last frame that the engine has, and of the last one given. */
  get acknowledgedSequence(): number {
    return this.link.acknowledgedSequence;
  }

  get sequence(): number {
    return this.link.outbox.sequence;
  }

  /** Rows that the engine has kept. */
  get ackedRows(): number {
    return this.link.ackedRows;
  }

  /** Rows refused by name, here or by the engine. */
  get rejectedRows(): number {
    return this.link.rejectedRows + this.batching.rejectedRows;
  }

  /** Frames that an engine had acknowledged and did not know any more when it came back. */
  get forgottenFrames(): number {
    return this.link.forgottenFrames;
  }

  get frameBytesMax(): number {
    return this.link.frameBytesMax;
  }

  /** Why it has given up; null: it goes on. */
  get failure(): ClientError | null {
    return this.link.failure;
  }

  /** Resolves when nothing more will happen: it is closed, or has given up. */
  get over(): Promise<void> {
    return this.link.over;
  }

  /** Given and not settled. */
  get pendingBytes(): number {
    return this.link.outbox.heldBytes + this.batching.bytes;
  }

  /**
   * @param record  values by field; missing is null. It is copied
   * @param told    hears the outcome, once
   * @returns nothing while there is room, else a promise of room: await it to keep memory bounded
   * @throws ClientError  the record is wrong (TYPE, RANGE, MISSING …) and neither `told` nor `onReject` would hear it
   */
  append(record: RecordOf, told?: Told): Promise<void> | void {
    const delivery = told && new Delivery(told, 1);
    const refusal = this.refusal();
    if (refusal !== null) return refuseRows(refusal, delivery, 0, 1);
    this.batching.add(record, 0, delivery);
    delivery?.endPart();
    return this.room();
  }

  /** Many records, one outcome: see Outcome for when some were refused. */
  async appendMany(records: Iterable<RecordOf>, told?: Told): Promise<void> {
    const rows = Array.isArray(records) ? (records as readonly RecordOf[]) : [...records];
    await this.appendRows(rows.length, (row) => rows[row]!, told);
  }

  /** Columns of one length, by field name. */
  async appendColumns(columns: Readonly<Record<string, ArrayLike<RecordValue>>>, told?: Told): Promise<void> {
    const entries = Object.entries(columns);
    const count = entries[0]?.[1].length ?? 0;
    for (const [name, { length }] of entries) {
      if (length !== count) throw new RangeError(`column «${name}» has ${length} values, expected ${count}`);
    }
    const record: Record<string, RecordValue> = {};
    const rowAt = (row: number) => {
      for (const [name, values] of entries) record[name] = values[row];
      return record;
    };
    await this.appendRows(count, rowAt, told);
  }

  /**
   * A frame as it is: text is JSON rows, bytes are one Arrow IPC stream. Not to be changed afterwards.
   *
   * @returns as append
   * @throws RangeError  the frame is empty, larger than `frameBytesMax`, or would be taken for a control message
   */
  send(
    frame: string | Uint8Array,
    { asText = typeof frame === 'string', rows, told }: SendOptions = {},
  ): Promise<void> | void {
    const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
    if (bytes === 0 || bytes > this.frameBytesMax) {
      throw new RangeError(`a frame of ${bytes} bytes; expected 1 to ${this.frameBytesMax}`);
    }
    if (asText && (frame[0] === '!' || frame[0] === CONTROL_PREFIX)) {
      throw new RangeError('a frame that begins with ! is a control message; say watermark(), idle() or end()');
    }
    const delivery = told && new Delivery(told, null);
    const refusal = this.refusal();
    if (refusal !== null) return refuseRows(refusal, delivery, 0, 1);
    this.batching.close();
    const parts = delivery === undefined ? [] : [{ delivery, from: 0, count: Number.POSITIVE_INFINITY, first: 0 }];
    this.link.outbox.add({ data: frame, binary: !asText, bytes, rows: rows ?? null, parts });
    this.link.pump();
    return this.room();
  }

  /** Nothing before this event time (epoch milliseconds) will follow. */
  watermark(timeMs: number): void {
    this.say(`!watermark ${timeMs}`);
  }

  /** This producer does not hold time back until its next row. */
  idle(): void {
    this.say('!idle');
  }

  /** Nothing more will follow: when all producers have said so, open windows come out. Certain when `close` has resolved. */
  end(): void {
    this.hasEnded = true;
    this.say('!end');
  }

  /**
   * Resolves when everything given before is settled.
   *
   * @throws ClientError when the producer has given up: outcomes say what is not stored and what is unknown
   */
  flush(): Promise<void> {
    this.batching.close();
    const { outbox, failure } = this.link;
    if (failure !== null) return Promise.reject(failure);
    if (outbox.isEmpty) return Promise.resolve();
    return new Promise((resolve, reject) => this.flushes.push({ upTo: outbox.sequence, resolve, reject }));
  }

  /**
   * Settles everything, says what is to be said, and closes the connection.
   *
   * @param forMs  give up after so long; default: when the time to retry is over
   * @throws ClientError as flush
   */
  async close({ forMs }: { forMs?: number } = {}): Promise<void> {
    this.batching.close();
    this.isClosing = true;
    if (this.saysIdle && !this.hasEnded) this.link.outbox.say('!idle', true);
    const late = forMs === undefined ? undefined : setTimeout(() => this.giveUp(forMs), forMs);
    this.link.finish();
    await this.link.over;
    clearTimeout(late);
    if (this.link.failure !== null && this.link.failure.code !== 'CLOSED') throw this.link.failure;
  }

  /** For the link: frames have left the outbox. */
  settled(): void {
    const { outbox, failure } = this.link;
    const oldest = outbox.sequence - outbox.frameCount + 1;
    if (failure !== null) {
      this.batching.fail(failure);
      for (const { reject } of this.flushes.splice(0)) reject(failure);
    }
    const done = this.flushes.filter(({ upTo }) => upTo < oldest);
    this.flushes = this.flushes.filter(({ upTo }) => upTo >= oldest);
    for (const { resolve } of done) resolve();
    if (this.pendingBytes < this.pendingBytesMax) for (const wake of this.roomWaiters.splice(0)) wake();
  }

  private async appendRows(count: number, rowAt: (row: number) => RecordOf, told: Told | undefined): Promise<void> {
    const delivery = told && new Delivery(told, count);
    for (let row = 0; row < count; row++) {
      const refusal = this.refusal();
      if (refusal !== null) return refuseRows(refusal, delivery, row, count - row);
      this.batching.add(rowAt(row), row, delivery);
      const room = this.room();
      if (room !== undefined) await room;
    }
    delivery?.endPart();
  }

  private say(control: string): void {
    this.batching.close();
    this.link.outbox.say(control);
    this.link.pump();
  }

  /** Why nothing can be taken now. */
  private refusal(): ClientError | null {
    if (this.link.failure !== null) return this.link.failure;
    if (this.isClosing) return new ClientError('CLOSED', 'the producer is closed');
    const { pendingBytes, pendingBytesMax } = this;
    if (pendingBytes < pendingBytesMax * PENDING_OVERRUN) return null;
    const seen = `${pendingBytes} bytes are not settled yet, more than ${PENDING_OVERRUN} times ${pendingBytesMax}`;
    return new ClientError('PENDING_FULL', `${seen}; await what append and send return`);
  }

  private room(): Promise<void> | undefined {
    if (this.pendingBytes < this.pendingBytesMax) return undefined;
    return new Promise((resolve) => this.roomWaiters.push(resolve));
  }

  private giveUp(forMs: number): void {
    this.link.fail(new ClientError('CLOSED', `closed after ${forMs} ms, before everything was acknowledged`));
  }
}

function refuseRows(error: ClientError, delivery: Delivery | undefined, first: number, count: number): Promise<void> {
  delivery?.notStored(error, first, count);
  return Promise.reject(error);
}

const CONTROL_PREFIX = 0x21; // "!"
