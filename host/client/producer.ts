// host/client/producer.ts — one connection: sends frames of rows to one stream and hears what became of them.
//
//   send ──▶ queue ──credit──▶ socket            ack, reject, error ──▶ counts, onReject, flush
//
// Promises
//   - frames leave in the order of `send`; control messages keep their place among them.
//   - unacknowledged bytes never exceed the credit of the last acknowledgement, but for one frame alone.
//   - `flush` resolves only when every frame sent is acknowledged and its rows are counted.
//   - a lost connection rejects all that waits, and every later call, with one ClientError that names the last
//     acknowledged frame. A frame that the engine refuses for now ends the connection too: what follows it cannot be
//     stored either.
// Not here  connecting again (stream-producer.ts): what was sent and not acknowledged may or may not have arrived.

import type { RawData, WebSocket } from 'ws';
import { engineAddress } from './address.ts';
import { ClientError } from './client-error.ts';
import { ANSWER_MS_MAX, CLOSE_MS_MAX } from './limits.ts';
import type { Reject } from './outcome.ts';
import { endWhenSilent, openSocket } from './socket.ts';

export interface ProducerOptions {
  url: string;
  stream: string;
  /** An id makes the connection a producer of its own for time; default: anonymous. */
  producer?: string;
  epoch?: number;
  /** Give the connection up when the engine shows no sign of life for so long; default: as the system sees fit. */
  silentMsMax?: number;
  onReject?: (reject: Reject) => void;
  onAck?: (ack: Ack) => void;
  /** Errors after which the connection stays open. */
  onMistake?: (error: ClientError) => void;
}

/** Everything up to frame `sequence` is safe; up to `placed` its rows are counted: `rows` kept, `rejected` refused since the last one. */
export interface Ack {
  sequence: number;
  placed: number;
  rows: number;
  rejected: number;
  credit: number;
}

interface Queued {
  data: string | Uint8Array;
  binary: boolean;
  /** 0: a control message, which takes no credit and no number. */
  bytes: number;
  sent: () => void;
  failed: (error: ClientError) => void;
}

/** What an error may say besides its code and message. */
interface Complaint {
  code: string;
  message: string;
  /** The frame that is refused, or the one that should have come; or the last one that was taken. */
  sequence?: number;
  expected?: number;
  accepted?: number;
  afterMs?: number;
}

/** The connection goes on behind them. */
const MISTAKES = new Set(['LATE_HELLO', 'BAD_CONTROL']);
/** The engine keeps the connection behind them, and would refuse every frame that follows. */
const REFUSALS = new Set(['OUT_OF_SEQUENCE', 'UNKNOWN_PRODUCER', 'DUP_MISMATCH', 'RETRY_LATER', 'READ_ONLY']);

/** @throws ClientError when there is no engine, no such stream, or the producer id is fenced */
export async function connectProducer(options: ProducerOptions): Promise<Producer> {
  const address = engineAddress(options.url);
  const { socket, opened } = openSocket(address, `/v1/streams/${encodeURIComponent(options.stream)}`);
  const producer = new Producer(socket, options);
  await opened;
  if (options.silentMsMax !== undefined) endWhenSilent(socket, options.silentMsMax);
  const late = setTimeout(() => socket.terminate(), ANSWER_MS_MAX);
  try {
    await producer.ready;
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return producer;
}

export class Producer {
  /** Resolves when the engine has said how much may be sent. */
  readonly ready: Promise<void>;
  /** Resolves when `close` has closed the connection; rejects when it ended in another way. */
  readonly closed: Promise<void>;
  /** The engine answered our close: it has heard everything that was sent. */
  closedCleanly = false;
  /** From the welcome. */
  frameBytesMax = 0;
  /** Frames up to this one were acknowledged before this connection (named producers). */
  resumedAt = 0;
  sentSequence = 0;
  acknowledgedSequence = 0;
  /** Behind `acknowledgedSequence` when frames are safe before their rows are counted. */
  placedSequence = 0;
  acknowledgedRows = 0;
  rejectedRows = 0;
  private readonly socket: WebSocket;
  private readonly options: ProducerOptions;
  private readonly queue: Queued[] = [];
  /** Bytes of each frame that is not acknowledged, the oldest first. */
  private readonly unacknowledged: number[] = [];
  private creditBytes = 0;
  private unacknowledgedBytes = 0;
  private failure: ClientError | null = null;
  private refused: Complaint | null = null;
  private closing = false;
  private flushes: { resolve: () => void; reject: (error: ClientError) => void }[] = [];
  private greeted!: { resolve: () => void; reject: (error: ClientError) => void };
  private ended!: { resolve: () => void; reject: (error: ClientError) => void };

  constructor(socket: WebSocket, options: ProducerOptions) {
    this.socket = socket;
    this.options = options;
    this.ready = new Promise((resolve, reject) => {
      this.greeted = { resolve, reject };
    });
    this.closed = new Promise((resolve, reject) => {
      this.ended = { resolve, reject };
    });
    this.ready.catch(() => undefined); // Heard by connectProducer, or nobody is left to tell.
    this.closed.catch(() => undefined);
    socket.on('message', (data, isBinary) => this.hear(data, isBinary));
    socket.on('close', (code, reason) => this.lost(code, reason.toString()));
  }

  get unacknowledgedFrames(): number {
    return this.unacknowledged.length;
  }

  /** Bytes that may be sent now without waiting. */
  get roomBytes(): number {
    return Math.max(0, this.creditBytes - this.unacknowledgedBytes);
  }

  /**
   * @param frame   text: JSON rows; bytes: one Arrow IPC stream. At most `frameBytesMax` bytes; not to be changed afterwards
   * @param binary  false: the bytes are JSON rows in UTF-8
   * @returns nothing when it left at once, else a promise of its leaving: await it to keep memory bounded
   */
  send(frame: string | Uint8Array, binary = typeof frame !== 'string'): Promise<void> | void {
    const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
    return this.enqueue(frame, binary, bytes);
  }

  /** A control message: `!watermark T`, `!idle`, `!end` (PROTOCOL.md). It keeps its place among the frames. */
  say(control: string): Promise<void> | void {
    return this.enqueue(control, false, 0);
  }

  /** Resolves when every frame is acknowledged, and every row of it counted. */
  flush(): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    if (this.isDone) return Promise.resolve();
    return new Promise((resolve, reject) => this.flushes.push({ resolve, reject }));
  }

  /** Closes the connection, acknowledged or not: flush first. */
  async close(): Promise<void> {
    if (this.failure !== null || this.closing) return;
    this.closing = true;
    this.socket.close(1000);
    const late = setTimeout(() => this.socket.terminate(), CLOSE_MS_MAX);
    await this.closed.finally(() => clearTimeout(late)).catch(() => undefined);
  }

  /** Ends the connection without a word. */
  terminate(): void {
    this.socket.terminate();
  }

  private get isDone(): boolean {
    return this.queue.length === 0 && this.unacknowledged.length === 0 && this.placedSequence >= this.sentSequence;
  }

  private enqueue(data: string | Uint8Array, binary: boolean, bytes: number): Promise<void> | void {
    if (this.failure !== null) return Promise.reject(this.failure);
    if (bytes > this.frameBytesMax) {
      throw new RangeError(`a frame of ${bytes} bytes; the engine takes at most ${this.frameBytesMax}`);
    }
    if (this.queue.length === 0 && this.mayLeave(bytes)) return this.leave(data, binary, bytes);
    return new Promise((sent, failed) => this.queue.push({ data, binary, bytes, sent, failed }));
  }

  /** One frame alone always goes: a credit smaller than a frame must not stop it for ever. */
  private mayLeave(bytes: number): boolean {
    return bytes === 0 || this.unacknowledged.length === 0 || this.unacknowledgedBytes + bytes <= this.creditBytes;
  }

  private leave(data: string | Uint8Array, binary: boolean, bytes: number): void {
    if (bytes > 0) {
      this.sentSequence++;
      this.unacknowledged.push(bytes);
      this.unacknowledgedBytes += bytes;
    }
    this.socket.send(data, { binary });
  }

  private pump(): void {
    let left = 0;
    while (left < this.queue.length && this.mayLeave(this.queue[left]!.bytes)) {
      const { data, binary, bytes, sent } = this.queue[left++]!;
      this.leave(data, binary, bytes);
      sent();
    }
    this.queue.splice(0, left);
  }

  private hear(data: RawData, isBinary: boolean): void {
    if (isBinary) {
      this.misunderstood('a binary message');
      return;
    }
    const text = data.toString();
    let message: { type?: unknown };
    try {
      message = JSON.parse(text) as { type?: unknown };
    } catch {
      this.misunderstood(text.slice(0, 80));
      return;
    }
    switch (message.type) {
      case 'welcome':
        this.welcomed(message as { credit: number; frameBytesMax: number });
        return;
      case 'hello':
        this.answered(message as { resume: number; credit: number });
        return;
      case 'ack':
        this.acknowledged(message as unknown as Omit<Ack, 'placed'> & { placed?: number });
        return;
      case 'reject':
        this.options.onReject?.(message as unknown as Reject);
        return;
      case 'error':
        this.complained(message as unknown as Complaint);
        return;
      default: // A later version of the protocol may say more.
    }
  }

  private welcomed({ credit, frameBytesMax }: { credit: number; frameBytesMax: number }): void {
    this.creditBytes = credit;
    this.frameBytesMax = frameBytesMax;
    const { producer, epoch } = this.options;
    if (producer === undefined) {
      this.greeted.resolve();
      return;
    }
    this.socket.send(`!hello ${JSON.stringify({ producer, ...(epoch === undefined ? {} : { epoch }) })}`);
  }

  private answered({ resume, credit }: { resume: number; credit: number }): void {
    this.creditBytes = credit;
    this.resumedAt = resume;
    this.sentSequence = resume;
    this.acknowledgedSequence = resume;
    this.placedSequence = resume;
    this.greeted.resolve();
  }

  private acknowledged({ placed, ...said }: Omit<Ack, 'placed'> & { placed?: number }): void {
    const ack = { ...said, placed: placed ?? said.sequence };
    const frames = Math.min(ack.sequence - this.acknowledgedSequence, this.unacknowledged.length);
    for (const bytes of this.unacknowledged.splice(0, Math.max(0, frames))) this.unacknowledgedBytes -= bytes;
    this.acknowledgedSequence = Math.max(this.acknowledgedSequence, ack.sequence);
    this.placedSequence = Math.max(this.placedSequence, ack.placed);
    this.acknowledgedRows += ack.rows;
    this.rejectedRows += ack.rejected;
    this.creditBytes = ack.credit;
    this.options.onAck?.(ack);
    this.pump();
    if (!this.isDone) return;
    for (const { resolve } of this.flushes.splice(0)) resolve();
  }

  /** Most errors are followed by a close, which ends the connection under this name; the others are only told. */
  private complained(complaint: Complaint): void {
    const { code, message } = complaint;
    if (MISTAKES.has(code)) {
      const mistake = this.clientError(code, message);
      if (this.sentSequence === 0) this.greeted.reject(mistake); // It is the hello that was not understood.
      this.options.onMistake?.(mistake);
      return;
    }
    this.refused ??= complaint;
    if (REFUSALS.has(code)) this.socket.terminate();
  }

  private misunderstood(seen: string): void {
    this.refused = {
      code: 'UNEXPECTED_ANSWER',
      message: `the engine said ${JSON.stringify(seen)}, expected a JSON object with a type`,
    };
    this.socket.terminate();
  }

  private lost(closeCode: number, reason: string): void {
    if (this.closing && this.refused === null) {
      this.closedCleanly = closeCode !== CLOSE_ABNORMAL;
      this.fail(this.clientError('CLOSED', 'the connection is closed'));
      this.ended.resolve();
      return;
    }
    const why = reason === '' || reason === this.refused?.code ? '' : `, ${reason}`;
    const complaint: Complaint = this.refused ?? {
      code: closeCode === 1012 ? 'SHUTTING_DOWN' : 'CONNECTION_LOST',
      message:
        closeCode === 1012
          ? 'the engine has stopped'
          : `the connection to the engine was lost (close ${closeCode}${why})`,
    };
    this.fail(this.clientError(complaint.code, complaint.message, complaint));
    this.ended.reject(this.failure!);
  }

  private fail(error: ClientError): void {
    this.failure = error;
    this.greeted.reject(error);
    for (const { failed } of this.queue.splice(0)) failed(error);
    for (const { reject } of this.flushes.splice(0)) reject(error);
  }

  private clientError(code: string, message: string, complaint?: Complaint): ClientError {
    const { acknowledgedSequence, sentSequence } = this;
    const known =
      sentSequence > acknowledgedSequence
        ? `${message}; frames up to ${acknowledgedSequence} of ${sentSequence} sent are acknowledged`
        : message;
    const facts = { afterMs: complaint?.afterMs, notStoredFrom: notStoredFrom(complaint) };
    return new ClientError(code, known, { acknowledgedSequence, sentSequence, ...facts });
  }
}

/** No close frame came. */
const CLOSE_ABNORMAL = 1006;

/** Frames are stored in order: behind one that was refused none is. */
function notStoredFrom(complaint: Complaint | undefined): number | undefined {
  switch (complaint?.code) {
    case 'OUT_OF_SEQUENCE':
      return complaint.expected;
    case 'RETRY_LATER':
    case 'READ_ONLY':
    case 'DUP_MISMATCH':
      return complaint.sequence;
    case 'CREDIT_EXCEEDED':
      return complaint.accepted === undefined ? undefined : complaint.accepted + 1;
    default:
      return undefined;
  }
}
