// host/client/subscriber.ts — the results of one sink, as an async iterator of messages.
//
// Promises
//   - messages come in the order of the wire; rows stay as the bytes that came until someone asks for them.
//   - a reader that is slower than the sink stops the socket at QUEUE_BYTES_MAX: the engine then counts what waits
//     on its side, and cuts the subscriber off at its bound with the offsets to go on from.
//   - the iterator ends when `close` was called, and throws a ClientError when the connection ended in another way.

import type { RawData, WebSocket } from 'ws';
import { engineAddress } from './address.ts';
import { ClientError } from './client-error.ts';
import { ANSWER_MS_MAX, CLOSE_MS_MAX, QUEUE_BYTES_MAX } from './limits.ts';
import { JsonRows, type RowsHead, type SinkFormat, type SinkMessage, type SinkTime } from './sink-message.ts';
import { endWhenSilent, openSocket } from './socket.ts';

export interface SubscribeOptions {
  url: string;
  sink: string;
  format?: SinkFormat;
  /** Next offset by partition: results from there on, as far as the engine keeps them; default: from now on. */
  from?: Readonly<Record<string, number>>;
  /** Give the connection up when the engine shows no sign of life for so long; default: as the system sees fit. */
  silentMsMax?: number;
}

interface WireMessage {
  type?: string;
  format?: string;
  code?: string;
  message?: string;
  resume?: Record<string, number>;
  earliest?: Record<string, number>;
  afterMs?: number;
  partitions?: number;
  from?: Record<string, number>;
  store?: string;
}

const NEWLINE = 0x0a;

/** @throws ClientError when there is no engine, no such sink, or the sink is none to subscribe to */
export async function subscribe(options: SubscribeOptions): Promise<Subscription> {
  const address = engineAddress(options.url);
  const from = options.from === undefined ? '' : `&from=${encodeURIComponent(JSON.stringify(options.from))}`;
  const path = `/v1/sinks/${encodeURIComponent(options.sink)}?format=${options.format ?? 'json'}${from}`;
  const { socket, opened } = openSocket(address, path);
  const subscription = new Subscription(socket);
  await opened;
  if (options.silentMsMax !== undefined) endWhenSilent(socket, options.silentMsMax);
  const late = setTimeout(() => socket.terminate(), ANSWER_MS_MAX);
  try {
    await subscription.subscribed;
  } finally {
    clearTimeout(late);
  }
  return subscription;
}

export class Subscription implements AsyncIterable<SinkMessage> {
  readonly subscribed: Promise<void>;
  /** How many partitions the results come from, when the engine says so. */
  partitions: number | undefined;
  /** First offset by partition that this subscription may bring; undefined: the engine keeps no results. */
  from: Readonly<Record<string, number>> | undefined;
  /** Whose offsets these are: those of another store are others. */
  store: string | undefined;
  /** Next offset by partition, of what the reader has taken. */
  readonly resume: Record<string, number> = {};
  private readonly socket: WebSocket;
  private readonly queue: { message: SinkMessage; bytes: number }[] = [];
  private queuedBytes = 0;
  private arrowHead: RowsHead | null = null;
  private error: ClientError | null = null;
  private refused: WireMessage | null = null;
  private isClosed = false;
  private closing = false;
  private wake: (() => void) | null = null;
  private greeted!: { resolve: () => void; reject: (error: ClientError) => void };

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.subscribed = new Promise((resolve, reject) => {
      this.greeted = { resolve, reject };
    });
    this.subscribed.catch(() => undefined); // Heard by subscribe, or nobody is left to tell.
    socket.on('message', (data, isBinary) => this.hear(data, isBinary));
    socket.on('close', (code) => this.lost(code));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SinkMessage, void, undefined> {
    try {
      for (;;) {
        const next = this.queue.shift();
        if (next !== undefined) {
          this.taken(next);
          yield next.message;
          continue;
        }
        if (this.error !== null) throw this.error;
        if (this.isClosed) return;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.closing = true;
    const done = new Promise<void>((resolve) => this.socket.once('close', () => resolve()));
    if (this.socket.isPaused) this.socket.resume();
    this.socket.close(1000);
    const late = setTimeout(() => this.socket.terminate(), CLOSE_MS_MAX);
    await done;
    clearTimeout(late);
  }

  private taken({ message, bytes }: { message: SinkMessage; bytes: number }): void {
    this.queuedBytes -= bytes;
    if (message.type === 'rows') this.resume[message.partition] = message.offset + message.count;
    if (this.socket.isPaused && this.queuedBytes < QUEUE_BYTES_MAX / 2) this.socket.resume();
  }

  private hear(data: RawData, isBinary: boolean): void {
    if (this.closing) return;
    const bytes = data as Buffer; // ws hands out Buffers: binaryType is nodebuffer.
    if (isBinary) {
      const head = this.arrowHead;
      this.arrowHead = null;
      if (head === null) {
        this.misunderstood('a binary message without its head');
        return;
      }
      this.push({ type: 'rows', format: 'arrow', ...placeOf(head), bytes }, bytes.byteLength);
      return;
    }
    const newline = bytes.indexOf(NEWLINE);
    const first = newline < 0 ? bytes.toString() : bytes.toString('utf8', 0, newline);
    let message: WireMessage;
    try {
      message = JSON.parse(first) as WireMessage;
    } catch {
      this.misunderstood(first.slice(0, 80));
      return;
    }
    this.understood(message, newline < 0 ? bytes.subarray(bytes.length) : bytes.subarray(newline + 1));
  }

  private understood(message: WireMessage, rest: Buffer): void {
    switch (message.type) {
      case 'subscribed':
        this.partitions = message.partitions;
        this.from = message.from;
        this.store = message.store;
        this.greeted.resolve();
        return;
      case 'rows':
        if (message.format === 'arrow') this.arrowHead = message as unknown as RowsHead;
        else this.push(new JsonRows(message as unknown as RowsHead, rest), rest.byteLength);
        return;
      case 'watermark':
      case 'idle':
      case 'end':
        this.push(message as unknown as SinkTime, 0);
        return;
      case 'error':
        this.refused = message;
        return;
      default: // A later version of the protocol may say more.
    }
  }

  private push(message: SinkMessage, bytes: number): void {
    this.queue.push({ message, bytes });
    this.queuedBytes += bytes;
    if (this.queuedBytes > QUEUE_BYTES_MAX) this.socket.pause();
    this.wakeReader();
  }

  private misunderstood(seen: string): void {
    this.refused = {
      code: 'UNEXPECTED_ANSWER',
      message: `the engine said ${JSON.stringify(seen)}, which is no message of a sink`,
    };
    this.socket.terminate();
  }

  private lost(closeCode: number): void {
    this.isClosed = true;
    if (!this.closing || this.refused !== null) {
      const { code, message, resume, earliest, afterMs } = this.refused ?? {};
      const stopped = closeCode === 1012;
      this.error = new ClientError(
        code ?? (stopped ? 'SHUTTING_DOWN' : 'CONNECTION_LOST'),
        message ?? (stopped ? 'the engine has stopped' : `the connection to the engine was lost (close ${closeCode})`),
        { resume: resume ?? this.resume, earliest: earliest ?? {}, afterMs },
      );
      this.greeted.reject(this.error);
    }
    this.wakeReader();
  }

  private wakeReader(): void {
    this.wake?.();
    this.wake = null;
  }
}

const placeOf = ({ partition, offset, count }: RowsHead): RowsHead => ({ partition, offset, count });
