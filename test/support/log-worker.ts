// test/support/log-worker.ts — the log's worker on a real directory, and the other side of it: control, and listener 0 with one inbox.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Counters, counterBytes } from '../../host/counters.ts';
import { type LogLimits, logLimits } from '../../host/limits.ts';
import type { AckMode } from '../../host/log/body.ts';
import { InboxWriter } from '../../host/log/inbox-writer.ts';
import { SAYS_RELEASED } from '../../host/log/layout.ts';
import type { LogMessage, LogOrder, LogStart } from '../../host/log/start.ts';
import { cancelSleep, doorbellBytes, openDoorbell, prepareSleep, ring, sleepAsync } from '../../ring/doorbell.ts';
import { openConsumer, peek, release, ringBytes } from '../../ring/spsc.ts';
import { type EntryRead, type EntryToPush, entryAt, inboxPlace, pushEntry } from './log-entries.ts';

const LISTENER = 0;
const LOG = 1;
const RING_BYTES = 4096;

export interface LogWorkerOptions {
  data: string;
  store: string;
  durableElsewhere?: number;
  ackMode?: AckMode;
  limits?: Partial<LogLimits>;
  inboxBytes?: number;
}

export class LogWorker {
  readonly released: EntryRead[] = [];
  readonly counters: Counters;
  /** The last group heard of. */
  group = 0;
  private readonly worker: Worker;
  private readonly place;
  private readonly writer: InboxWriter;
  private readonly consumer;
  private readonly view: DataView;
  private readonly mine;
  private readonly log;
  private readAt = 0;
  private readonly heard: LogMessage[] = [];
  failure: unknown = null;

  constructor({
    data,
    store,
    durableElsewhere = 0,
    ackMode = 'durable',
    limits = {},
    inboxBytes = 65_536,
  }: LogWorkerOptions) {
    const doorbells = new SharedArrayBuffer(doorbellBytes(2));
    const counters = new SharedArrayBuffer(counterBytes(2));
    const says = {
      buffer: new SharedArrayBuffer(ringBytes(RING_BYTES)),
      place: { baseBytes: 0, capacityBytes: RING_BYTES },
    };
    this.place = inboxPlace(inboxBytes);
    this.writer = new InboxWriter(this.place);
    this.consumer = openConsumer(says.buffer, 0, RING_BYTES);
    this.view = new DataView(says.buffer);
    this.mine = openDoorbell(doorbells, LISTENER);
    this.log = openDoorbell(doorbells, LOG);
    this.counters = new Counters(counters, LOG);
    const workerData: LogStart = {
      thread: LOG,
      data,
      store,
      durableElsewhere,
      ackMode,
      limits: logLimits(limits),
      inboxes: [this.place],
      says: [says],
      doorbells,
      counters,
      seed: [durableElsewhere + 7, process.pid],
    };
    this.worker = new Worker(new URL('../../host/log/thread.ts', import.meta.url), { workerData });
    this.worker.on('message', (message: LogMessage | { type: 'failed' }) => {
      if (message.type === 'failed') this.failure = message;
      else this.heard.push(message);
    });
    this.worker.on('error', (error) => {
      this.failure = error;
    });
  }

  order(order: LogOrder): void {
    this.worker.postMessage(order);
  }

  async hear<Type extends LogMessage['type']>(type: Type): Promise<LogMessage & { type: Type }> {
    for (;;) {
      const found = this.heard.find((message) => message.type === type);
      if (found !== undefined) return found as LogMessage & { type: Type };
      if (this.failure !== null) throw new Error(`the log failed: ${JSON.stringify(this.failure)}`);
      await once(this.worker, 'message');
    }
  }

  /** Recovered, and told to serve. */
  async begun(): Promise<{ lastGroup: number; firstGroup: number; producers: number; done: string[] }> {
    const recovered = await this.hear('logRecovered');
    this.order({ type: 'serve' });
    await this.hear('logReady');
    return recovered;
  }

  /** False when the inbox is full. */
  push(entry: EntryToPush): boolean {
    if (!pushEntry(this.writer, this.place, entry)) return false;
    ring(this.log);
    return true;
  }

  /** Reads what the log said until `isEnough`. */
  async until(isEnough: () => boolean): Promise<void> {
    const alive = setInterval(() => undefined, 1000);
    try {
      for (;;) {
        this.listen();
        if (isEnough()) return;
        if (this.failure !== null) throw new Error(`the log failed: ${JSON.stringify(this.failure)}`);
        prepareSleep(this.mine);
        if (peek(this.consumer)) cancelSleep(this.mine);
        else await sleepAsync(this.mine);
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** As a crash of the process would end it: nothing is drained. */
  async kill(): Promise<void> {
    await this.worker.terminate();
  }

  async stop(): Promise<LogMessage & { type: 'logDone' }> {
    this.order({ type: 'stop' });
    const done = await this.hear('logDone');
    this.listen();
    return done;
  }

  private listen(): void {
    while (peek(this.consumer)) {
      const at = this.consumer.payloadOffset;
      if (this.view.getUint32(at, true) === SAYS_RELEASED) {
        this.group = this.view.getFloat64(at + 8, true);
        this.readTo(this.view.getInt32(at + 16, true));
      }
      release(this.consumer);
      ring(this.log);
    }
  }

  private readTo(position: number): void {
    while (this.readAt !== position) {
      const { entry, next } = entryAt(this.place, this.readAt);
      if (((position - next) | 0) < 0) break; // Behind it was nothing but a pad.
      this.released.push(entry);
      this.readAt = next;
    }
    this.readAt = position;
    this.writer.free(position);
  }
}
