// host/engine/kept-log.ts — control's side of what is kept: the data directory, the log's and the keeper's threads.
//
//   open (lock) ─▶ log recovers ─logRecovered─▶ which checkpoint? ─serve─▶ BOOTED is durable ─logReady─▶ …
//   … ─stop─▶ logDone ─▶ note how far it is sealed ─stop─▶ keeper done ─▶ release

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { chanceU32 } from '../chance.ts';
import type { KeeperOrder, KeeperReport } from '../checkpoint/keeper-message.ts';
import { emptyManifest, type FoundManifests, type Manifest, readManifests } from '../checkpoint/manifest.ts';
import { operatorsOf } from '../checkpoint/operators.ts';
import { durableGroup, recoverCheckpoint } from '../checkpoint/recover.ts';
import type { KeeperStart } from '../checkpoint/thread.ts';
import { wallClockMs } from '../clock.ts';
import { realDisk } from '../disk/real-disk.ts';
import { reserveMemory } from '../kernel/load.ts';
import { type EngineLimits, logLimits } from '../limits.ts';
import type { AckMode } from '../log/body.ts';
import type { LogMessage, LogOrder, LogStart } from '../log/start.ts';
import type { Plan } from '../plan/plan.ts';
import { openStore, type Store } from '../store/store.ts';
import type { LogShare, ThreadMessage, ThreadStart } from '../thread/start.ts';
import {
  keeperThread,
  listenerRings,
  logThread,
  partitionRings,
  partitionThread,
  type Topology,
  threadName,
} from '../thread/topology.ts';
import { Checkpoints } from './checkpoints.ts';

// Emitted JavaScript keeps the names and changes the extension.
const LOG = new URL(`../log/thread${extname(import.meta.url)}`, import.meta.url);
const KEEPER = new URL(`../checkpoint/thread${extname(import.meta.url)}`, import.meta.url);

export interface KeptLogOptions {
  directory: string;
  ack: AckMode;
  limits: Parameters<typeof logLimits>[0];
  /** A line for the operator. */
  report: (line: string) => void;
}

/** What its threads mean for the engine, beside 'failed'. */
type Meant = ThreadMessage | null;

export class KeptLog {
  readonly share: LogShare;
  /** Null until the log serves. */
  checkpoints: Checkpoints | null = null;
  private readonly options: KeptLogOptions;
  private readonly store: Store;
  private readonly disk = realDisk();
  private readonly plan: Plan;
  private readonly topology: Topology;
  private manifest: Manifest;
  private worker: Worker | null = null;
  private keeper: Worker | null = null;
  private durableElsewhere: number;
  private released: Promise<void> | null = null;

  private constructor(
    options: KeptLogOptions,
    store: Store,
    plan: Plan,
    topology: Topology,
    memories: WebAssembly.Memory[],
    manifests: FoundManifests,
  ) {
    this.options = options;
    this.store = store;
    this.plan = plan;
    this.topology = topology;
    this.manifest = manifests.whole[0] ?? emptyManifest(store.id);
    this.durableElsewhere = Math.max(store.stoppedAt, durableGroup(manifests));
    this.share = {
      directory: store.directory,
      memories,
      base: new SharedArrayBuffer(4),
      replay: { after: 0, through: 0 },
      restore: null,
      store: store.id,
    };
  }

  /** @throws StoreError when the directory cannot be this engine's */
  static async open(options: KeptLogOptions, plan: Plan, topology: Topology, limits: EngineLimits): Promise<KeptLog> {
    const newId = () => Array.from({ length: 4 }, () => chanceU32().toString(16).padStart(8, '0')).join('');
    const store = await openStore({ disk: realDisk(), directory: options.directory, newId, nowMs: wallClockMs() });
    const bytes = listenerRings(plan, limits).endBytes + limits.listenerMemoryBytes;
    const memories = Array.from({ length: topology.listeners }, () => reserveMemory(bytes, true));
    return new KeptLog(options, store, plan, topology, memories, await readManifests(realDisk(), store.directory));
  }

  /** Starts the log's thread; `hear` gets its messages. */
  spawn(start: ThreadStart): Worker {
    const { topology, limits, doorbells, counters, seed } = start;
    const rings = listenerRings(this.plan, limits);
    const places = this.share.memories.flatMap(({ buffer }, listener) =>
      rings.inboxes.map((place, stream) => ({ listener, stream, buffer: shared(buffer), ...place })),
    );
    const workerData: LogStart = {
      thread: logThread(topology),
      data: this.store.directory,
      store: this.store.id,
      durableElsewhere: this.durableElsewhere,
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

  /** Starts the keeper's thread, once the partitions' memories are there. */
  spawnKeeper({ topology, limits, memories, doorbells, counters }: ThreadStart): Worker {
    const place = partitionRings(this.plan, topology, limits.ringBytes).keeper!;
    const workerData: KeeperStart = {
      thread: keeperThread(topology),
      doorbells,
      counters,
      data: this.store.directory,
      store: this.store.id,
      rings: memories.map(({ buffer }, partition) => ({
        buffer: shared(buffer),
        place,
        sender: partitionThread(topology, partition),
      })),
    };
    this.keeper = new Worker(KEEPER, { workerData, name: threadName(topology, keeperThread(topology)) });
    return this.keeper;
  }

  /** @returns what the engine should hear of it: that the thread is ready, or done */
  async hear(message: LogMessage | KeeperReport): Promise<Meant> {
    switch (message.type) {
      case 'logRecovered':
        await this.chooseCheckpoint(message);
        await this.store.begin();
        this.order({ type: 'serve' });
        return null;
      case 'logReady':
        this.share.replay.through = message.booted;
        this.checkpoints = this.coordinator(message.boot);
        return { type: 'ready' };
      case 'barrierDurable':
        this.checkpoints!.durable(message.checkpoint, message.group);
        return null;
      case 'partKept':
      case 'checkpointAborted':
        this.checkpoints!.hear(message);
        return null;
      case 'logDone':
        if (message.isSealed) await this.store.stop(message.lastGroup);
        return { type: 'done', openRows: 0 };
    }
  }

  /** Nothing more comes through the partitions' rings. */
  stopKeeper(): void {
    this.keeper?.postMessage({ type: 'stop' } satisfies KeeperOrder);
  }

  /** @throws CheckpointError when the state that is there must not be used, or not passed over */
  private async chooseCheckpoint({ firstGroup, lastGroup }: { firstGroup: number; lastGroup: number }): Promise<void> {
    const { disk, store, options, plan } = this;
    const chosen = await recoverCheckpoint({
      disk,
      data: store.directory,
      store: store.id,
      log: { firstGroup: Math.max(1, firstGroup), lastGroup },
      operators: operatorsOf(plan),
      report: options.report,
    });
    this.manifest = chosen.manifest;
    this.share.restore = chosen.from ?? null;
    this.share.replay.after = chosen.replayFrom - 1;
    if (chosen.from !== undefined) {
      const { id, group } = chosen.from;
      options.report(
        `state begins with checkpoint ${id}; the log is decoded again from group ${group + 1} to ${lastGroup}`,
      );
    }
  }

  private coordinator(boot: number): Checkpoints {
    const { disk, store, plan, topology, manifest, options } = this;
    return new Checkpoints({
      disk,
      data: store.directory,
      store: store.id,
      boot,
      plan,
      topology,
      manifest,
      base: new Int32Array(this.share.base),
      barrier: (checkpoint) => this.order({ type: 'barrier', checkpoint }),
      retain: (group) => this.order({ type: 'retain', group }),
      report: options.report,
    });
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
