// host/engine/kept-log.ts — control's side of the log: the data directory, the log's thread, and how both are begun and ended.
//
//   open (lock) ─▶ thread recovers ─logRecovered─▶ begin ─serve─▶ BOOTED is durable ─logReady─▶ … ─stop─▶ logDone ─▶ note, release

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { chanceU32 } from '../chance.ts';
import { wallClockMs } from '../clock.ts';
import { realDisk } from '../disk/real-disk.ts';
import { reserveMemory } from '../kernel/load.ts';
import { type EngineLimits, logLimits } from '../limits.ts';
import type { AckMode } from '../log/body.ts';
import type { LogMessage, LogOrder, LogStart } from '../log/start.ts';
import type { Plan } from '../plan/plan.ts';
import { openStore, type Store } from '../store/store.ts';
import type { LogShare, ThreadMessage, ThreadStart } from '../thread/start.ts';
import { listenerRings, logThread, threadName } from '../thread/topology.ts';

// Emitted JavaScript keeps the names and changes the extension.
const LOG = new URL(`../log/thread${extname(import.meta.url)}`, import.meta.url);

export interface KeptLogOptions {
  directory: string;
  ack: AckMode;
  limits: Parameters<typeof logLimits>[0];
}

export class KeptLog {
  readonly share: LogShare;
  private readonly options: KeptLogOptions;
  private readonly store: Store;
  private worker: Worker | null = null;
  private released: Promise<void> | null = null;

  private constructor(options: KeptLogOptions, store: Store, memories: WebAssembly.Memory[]) {
    this.options = options;
    this.store = store;
    this.share = { directory: store.directory, memories, replay: { after: 0, through: 0 } };
  }

  /** @throws StoreError when the directory cannot be this engine's */
  static async open(options: KeptLogOptions, plan: Plan, listeners: number, limits: EngineLimits): Promise<KeptLog> {
    const newId = () => Array.from({ length: 4 }, () => chanceU32().toString(16).padStart(8, '0')).join('');
    const store = await openStore({ disk: realDisk(), directory: options.directory, newId, nowMs: wallClockMs() });
    const bytes = listenerRings(plan, limits).endBytes + limits.listenerMemoryBytes;
    return new KeptLog(
      options,
      store,
      Array.from({ length: listeners }, () => reserveMemory(bytes, true)),
    );
  }

  /** Starts the thread; `hear` gets its messages. */
  spawn(start: ThreadStart, plan: Plan): Worker {
    const { topology, limits, doorbells, counters, seed } = start;
    const rings = listenerRings(plan, limits);
    const places = this.share.memories.flatMap(({ buffer }, listener) =>
      rings.inboxes.map((place, stream) => ({ listener, stream, buffer: shared(buffer), ...place })),
    );
    const workerData: LogStart = {
      thread: logThread(topology),
      data: this.store.directory,
      store: this.store.id,
      durableElsewhere: this.store.stoppedAt,
      ackMode: this.options.ack,
      limits: logLimits(this.options.limits),
      inboxes: places,
      says: this.share.memories.map(({ buffer }) => ({ buffer: shared(buffer), place: rings.log })),
      doorbells,
      counters,
      seed,
    };
    this.worker = new Worker(LOG, { workerData, name: threadName(topology, logThread(topology)) });
    return this.worker;
  }

  /** @returns what the engine should hear of it: that the thread is ready, or done */
  async hear(message: LogMessage): Promise<ThreadMessage | null> {
    switch (message.type) {
      case 'logRecovered':
        await this.store.begin();
        this.order({ type: 'serve' });
        return null;
      case 'logReady':
        this.share.replay.through = message.booted;
        return { type: 'ready' };
      case 'logDone':
        if (message.isSealed) await this.store.stop(message.lastGroup);
        return { type: 'done', openRows: 0 };
    }
  }

  /** Listeners have published their last entry. */
  stop(): void {
    this.order({ type: 'stop' });
  }

  /** Its thread is gone. Safe to call twice. */
  release(): Promise<void> {
    this.released ??= this.store.release();
    return this.released;
  }

  private order(order: LogOrder): void {
    this.worker?.postMessage(order);
  }
}

const shared = (buffer: ArrayBufferLike): SharedArrayBuffer => buffer as unknown as SharedArrayBuffer;
