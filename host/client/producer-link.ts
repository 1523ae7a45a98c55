// host/client/producer-link.ts — the way from an outbox to the engine, over as many connections as it takes.
//
//   connect ──hello──▶ resume ──▶ frames ≤ resume are acked, the rest sent again ──▶ acknowledgements … lost ──wait──▶ connect
//
// Promises
//   - one way back for every trouble: a lost connection, a frame refused for now, an engine that restarts. The next
//     hello says where to go on.
//   - when it gives up, every frame is settled: never stored, or unknown.
//   - an engine that has forgotten frames which it had acknowledged is told by name; what follows is sent all the same.
// Not here  batches, bounds, what callers wait for (stream-producer.ts).

import { ClientError, isClientError } from './client-error.ts';
import { type Frame, isFrame, Outbox, settleAcked, settleFailed } from './outbox.ts';
import type { Reject } from './outcome.ts';
import { type Ack, connectProducer, type Producer } from './producer.ts';
import { Retry, type RetryOptions } from './retry.ts';

export type LinkEvent =
  | { type: 'lost'; error: ClientError }
  | { type: 'connected'; resume: number }
  /** The engine does not know so many frames any more that it had acknowledged: it has no log, or lost it. */
  | { type: 'forgotten'; frames: number };

export interface LinkOptions {
  url: string;
  stream: string;
  producer: string | undefined;
  epoch: number | undefined;
  silentMsMax: number;
  firstRetry: RetryOptions;
  retry: RetryOptions;
  /** Frames have been settled. */
  onSettled: () => void;
  onReject: ((reject: Reject) => void) | undefined;
  onEvent: ((event: LinkEvent) => void) | undefined;
}

export class ProducerLink {
  readonly outbox = new Outbox();
  frameBytesMax = 0;
  /** Frames up to this one were acknowledged before the first connection. */
  resumedAt = 0;
  acknowledgedSequence = 0;
  sentSequence = 0;
  ackedRows = 0;
  rejectedRows = 0;
  forgottenFrames = 0;
  failure: ClientError | null = null;
  /** When nothing more will happen: closed as asked, or failed. */
  readonly over: Promise<void>;
  private readonly options: LinkOptions;
  private readonly retry: Retry;
  private readonly ending = new AbortController();
  private connection: Producer | null = null;
  private waitsForCredit: Producer | null = null;
  /** Our numbers less those of the engine: it counts anew when it has forgotten. */
  private shift = 0;
  private namedRejects = 0;
  private closing = false;
  private isOver!: () => void;

  constructor(options: LinkOptions) {
    this.options = options;
    this.retry = new Retry(options.retry);
    this.over = new Promise((resolve) => {
      this.isOver = resolve;
    });
  }

  /** @throws ClientError when there is no engine (after the first budget), no such stream, or the producer is fenced */
  async open(): Promise<void> {
    const retry = new Retry(this.options.firstRetry);
    const connection = await this.connect(retry, null);
    void this.live(connection);
  }

  /** Sends what may be sent. To be called when something was added to the outbox. */
  pump(): void {
    const { connection, outbox } = this;
    if (connection === null || this.waitsForCredit === connection) return;
    for (let item = outbox.next(connection); item !== null; item = outbox.next(connection)) {
      const waits = this.leave(connection, item);
      const sent = item;
      if (waits === undefined) {
        this.sent(connection, sent);
        continue;
      }
      this.waitsForCredit = connection;
      waits.then(
        () => {
          this.sent(connection, sent);
          this.waitsForCredit = null;
          this.pump();
        },
        () => undefined, // Lost while it waited: it has not left, and `live` acts.
      );
      return;
    }
    if (this.closing && outbox.isEmpty) void connection.close();
  }

  /** Closes the connection when all is settled and said. */
  finish(): void {
    this.closing = true;
    if (this.failure !== null) return;
    if (this.connection !== null || !this.outbox.isDone) return this.pump();
    this.ending.abort();
    this.isOver();
  }

  /** Gives up at once. */
  fail(error: ClientError): void {
    if (this.failure !== null) return;
    this.failure = error;
    this.ending.abort();
    this.connection?.terminate();
    this.connection = null;
    for (const frame of this.outbox.takeUpTo(Number.POSITIVE_INFINITY)) settleFailed(frame, error);
    this.options.onSettled();
    this.isOver();
  }

  private leave(connection: Producer, item: ReturnType<Outbox['next']> & object): Promise<void> | undefined {
    const waits = isFrame(item) ? connection.send(item.data, item.binary) : connection.say(item.text);
    return waits === undefined ? undefined : (waits as Promise<void>);
  }

  private sent(connection: Producer, item: ReturnType<Outbox['next']> & object): void {
    // An acknowledgement that overtook us has settled it already.
    if (isFrame(item)) this.sentSequence = Math.max(this.sentSequence, item.sequence);
    this.outbox.sent(item, connection);
  }

  private async live(first: Producer): Promise<void> {
    let connection = first;
    for (;;) {
      const lost = await connection.closed.then(
        () =>
          connection.closedCleanly ? null : new ClientError('CONNECTION_LOST', 'the engine did not answer the close'),
        (error: ClientError) => error,
      );
      this.connection = null;
      if (this.failure !== null) return;
      const { outbox } = this;
      if (lost === null || (this.closing && outbox.isDone)) return this.isOver();
      if (lost.notStoredFrom !== undefined) outbox.notStoredFrom(lost.notStoredFrom + this.shift);
      try {
        connection = await this.connect(this.retry, lost);
      } catch (error) {
        if (this.ending.signal.aborted) return;
        if (!isClientError(error)) throw error;
        return this.fail(error);
      }
    }
  }

  /** @param lost  why there is no connection any more; null: there has been none */
  private async connect(retry: Retry, lost: ClientError | null): Promise<Producer> {
    for (let why = lost; ; ) {
      if (why !== null) {
        this.options.onEvent?.({ type: 'lost', error: why });
        await retry.afterFailure(why, this.ending.signal);
      }
      try {
        return await this.connectOnce(lost === null);
      } catch (error) {
        if (!isClientError(error)) throw error;
        why = error;
      }
    }
  }

  private async connectOnce(isFirst: boolean): Promise<Producer> {
    const { url, stream, producer, epoch, silentMsMax } = this.options;
    const connection = await connectProducer({
      url,
      stream,
      silentMsMax,
      ...(producer === undefined ? {} : { producer }),
      ...(epoch === undefined ? {} : { epoch }),
      onReject: (reject) => this.rejected(reject),
      onAck: (ack) => this.acknowledged(ack),
    });
    if (this.ending.signal.aborted) connection.terminate();
    this.frameBytesMax = connection.frameBytesMax;
    if (isFirst) this.begin(connection.resumedAt);
    else this.goOn(connection);
    this.connection = connection;
    this.options.onEvent?.({ type: 'connected', resume: connection.resumedAt });
    this.pump();
    return connection;
  }

  private begin(resume: number): void {
    this.resumedAt = resume;
    this.acknowledgedSequence = resume;
    this.sentSequence = resume;
    this.outbox.sequence = resume;
  }

  private goOn(connection: Producer): void {
    const { outbox } = this;
    const known = connection.resumedAt + this.shift;
    if (known > this.sentSequence) {
      connection.terminate();
      throw new ClientError(
        'FENCED',
        `the engine has ${connection.resumedAt} frames of producer ${this.options.producer}, and only ` +
          `${this.sentSequence - this.shift} were sent here: somebody else sends under this id`,
      );
    }
    const forgotten = this.acknowledgedSequence - known;
    if (forgotten > 0) {
      this.shift += forgotten;
      this.forgottenFrames += forgotten;
      this.options.onEvent?.({ type: 'forgotten', frames: forgotten });
    }
    this.acknowledgedSequence = Math.max(this.acknowledgedSequence, known);
    this.namedRejects = 0;
    const found = outbox.takeUpTo(this.acknowledgedSequence);
    for (const frame of found) {
      this.ackedRows += frame.rows ?? 0; // Counted on a connection that did not live to tell.
      settleAcked(frame, null);
    }
    outbox.rewind();
    if (found.length > 0 || outbox.isEmpty) this.retry.progress();
    if (found.length > 0) this.options.onSettled();
  }

  private acknowledged({ sequence, placed, rows, rejected }: Ack): void {
    this.retry.progress();
    this.acknowledgedSequence = Math.max(this.acknowledgedSequence, sequence + this.shift);
    this.ackedRows += rows;
    this.rejectedRows += rejected;
    const unnamed = Math.max(0, rejected - this.namedRejects);
    this.namedRejects = 0;
    const frames: Frame[] = this.outbox.takeUpTo(placed + this.shift);
    for (const frame of frames) settleAcked(frame, unnamed);
    this.options.onSettled();
    if (this.closing) this.pump();
  }

  private rejected(reject: Reject): void {
    this.namedRejects++;
    const sequence = reject.sequence + this.shift;
    this.outbox.reject(reject, sequence);
    this.options.onReject?.({ ...reject, sequence });
  }
}
