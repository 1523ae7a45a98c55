// host/engine/engine.ts — composes the threads of one job, watches over them, stops them. The control thread's work.
//
//   start   plan → memories, rings, doorbells → workers → all ready
//   stop    listeners close the port and hand on what they have → LAST travels through every ring →
//           egress flushes its sinks → listeners close their sockets → threads end
//   fail    the first thread that fails or ends unasked ends the run: the others are closed, `ended` rejects

import { EventEmitter } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { doorbellBytes, ring } from '../../ring/doorbell.ts';
import { ringBytes } from '../../ring/spsc.ts';
import { chanceU32 } from '../chance.ts';
import type { KeeperReport } from '../checkpoint/keeper-message.ts';
import { monotonicMs } from '../clock.ts';
import { Counters, counterBytes } from '../counters.ts';
import { subscriptionBytes } from '../egress/subscriptions.ts';
import { EngineError } from '../errors.ts';
import { reserveMemory } from '../kernel/load.ts';
import { type EngineLimits, engineLimits, LISTENERS_MAX, MiB, PARTITIONS_MAX, STOP_MS_MAX } from '../limits.ts';
import type { ProducerHandover } from '../listener/producers.ts';
import type { AckMode } from '../log/body.ts';
import type { LogMessage } from '../log/start.ts';
import { compilePlan } from '../plan/compile.ts';
import type { Plan } from '../plan/plan.ts';
import { loadJob } from '../thread/plan-of-job.ts';
import { type ListenerOrder, openDoorbells, type ThreadMessage, type ThreadStart } from '../thread/start.ts';
import {
  egressThread,
  keeperThread,
  logThread,
  partitionRings,
  type Topology,
  threadName,
  topology,
} from '../thread/topology.ts';
import { KeptLog, type KeptLogOptions } from './kept-log.ts';
import { memoryDefaultBytes, memoryMostBytes } from './memory.ts';
import { freePort } from './port.ts';
import { ProducerRegistry } from './producer-registry.ts';
import { Silence } from './silence.ts';

// Emitted JavaScript keeps the names and changes the extension.
const LISTENER = new URL(`../listener/thread${extname(import.meta.url)}`, import.meta.url);
const PARTITION = new URL(`../partition/thread${extname(import.meta.url)}`, import.meta.url);
const EGRESS = new URL(`../egress/thread${extname(import.meta.url)}`, import.meta.url);

export interface EngineOptions {
  /** file: URL of the job module. */
  jobUrl: string;
  host?: string;
  /** 0: any free port. */
  port?: number;
  partitions?: number;
  listeners?: number;
  /** Shared out among the partitions. */
  memoryBytes?: number;
  /** Where the log is kept; without it nothing survives the end of the process. */
  data?: string;
  /** When a frame is acknowledged; with `data` only. Default: durable. */
  ack?: AckMode;
  limits?: Parameters<typeof engineLimits>[2];
  logLimits?: KeptLogOptions['limits'];
  /** With `data`: how often a checkpoint is made while rows come in, in milliseconds; 0: only when asked for. Default: 10 s. */
  checkpointMs?: number;
  /** One line at a time: what an operator should see. */
  log?: (line: string) => void;
}

export interface StopOptions {
  /** Emit windows that are still open. */
  drain?: boolean;
}

export interface StopReport {
  /** Rows in windows that were open when the engine stopped and were not emitted. */
  openRows: number;
}

/** Room for the largest encoded message eight times over: an Arrow stream is an image and its metadata. */
const RESULT_RING_BYTES = 4 * MiB;
/** How much of the log a restart decodes again, at most: what comes in within about this time. */
const CHECKPOINT_MS = 10_000;
/** How long listeners may take to close their sockets. */
const CLOSE_MS_MAX = 2000;
/** How long threads may take to load their job, and each more of them. */
const START_MS_MAX = 30_000;
const START_THREAD_MS_MAX = 1000;

export class Engine {
  readonly plan: Plan;
  readonly host: string;
  readonly port: number;
  readonly topology: Topology;
  readonly limits: EngineLimits;
  readonly counters: readonly Counters[];
  /** Resolves when the engine has stopped, rejects when it failed. */
  readonly ended: Promise<StopReport>;
  private readonly start: ThreadStart;
  private readonly kept: KeptLog | null;
  private readonly log: (line: string) => void;
  private readonly workers: Worker[] = [];
  private readonly events = new EventEmitter();
  private readonly done = new Set<number>();
  private readonly gone = new Set<number>();
  private readonly endedOutputs = new Set<number>();
  private readonly registry: ProducerRegistry;
  private readonly releases = new Map<number, (handover: ProducerHandover | null) => void>();
  private nextRelease = 0;
  private openRows = 0;
  private state: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';
  private settle!: { resolve: (report: StopReport) => void; reject: (error: unknown) => void };

  private constructor(plan: Plan, start: ThreadStart, kept: KeptLog | null, log: (line: string) => void) {
    this.plan = plan;
    this.kept = kept;
    this.start = start;
    this.log = log;
    this.host = start.host;
    this.port = start.port;
    this.topology = start.topology;
    this.limits = start.limits;
    this.counters = Array.from({ length: start.topology.threads }, (_, thread) => new Counters(start.counters, thread));
    this.registry = new ProducerRegistry((listener, stream, producer) => this.release(listener, stream, producer));
    this.ended = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.ended.catch(() => undefined); // Whoever awaits it sees the failure; nobody awaiting is no crash.
  }

  /**
   * @throws JobError when the job is wrong, EngineError when the machine cannot run it (port in use, memory, threads)
   */
  static async start(options: EngineOptions): Promise<Engine> {
    const plan = compilePlan(await loadJob(options.jobUrl));
    const topo = topology(
      bounded(options.listeners ?? 1, 'listeners', LISTENERS_MAX),
      bounded(options.partitions ?? 1, 'partitions', PARTITIONS_MAX),
      options.data !== undefined,
    );
    const limits = engineLimits(memoryBytesOf(options), topo.partitions, options.limits);
    const least = partitionRings(plan, topo, limits.ringBytes).endBytes + 16 * MiB;
    if (limits.partitionMemoryBytes < least) {
      throw new EngineError(
        'MEMORY',
        `${topo.partitions} partitions need at least ${Math.ceil((least * topo.partitions) / MiB)} MiB for rings and state; give more --memory or fewer --partitions`,
      );
    }
    const host = options.host ?? '127.0.0.1';
    const port = await freePort(host, bounded(options.port ?? 0, 'port', 65_535, 0));
    const { data: directory, ack = 'durable', log: report = () => undefined } = options;
    const kept =
      directory === undefined
        ? null
        : await KeptLog.open({ directory, ack, limits: options.logLimits, report }, plan, topo, limits);
    const start = sharedState(plan, topo, limits, options.jobUrl, host, port, kept);
    const engine = new Engine(plan, start, kept, report);
    await engine.spawn();
    if (kept !== null) engine.keepCheckpoints(options.checkpointMs ?? CHECKPOINT_MS);
    return engine;
  }

  /** Resolves when every partition of every output has seen the end of its input at least once. */
  async whenOutputsEnded(): Promise<void> {
    while (this.endedOutputs.size < this.plan.outputs.length) {
      await new Promise((resolve) => this.events.once('outputEnded', resolve));
    }
  }

  /** Hands on what has been taken in, flushes the sinks, closes the connections. Safe to call twice. */
  stop({ drain = false }: StopOptions = {}): Promise<StopReport> {
    if (this.state !== 'running') return this.ended;
    this.state = 'stopping';
    for (let listener = 0; listener < this.topology.listeners; listener++)
      this.order(listener, { type: 'stop', drain });
    const late = setTimeout(() => {
      const waiting = this.workers.flatMap((_, thread) =>
        this.done.has(thread) ? [] : [threadName(this.topology, thread)],
      );
      void this.fail(
        new EngineError(
          'STOP',
          `still waiting for ${waiting.join(', ')} after ${STOP_MS_MAX / 1000} s; ended the hard way`,
        ),
      );
    }, STOP_MS_MAX);
    void this.ended.finally(() => clearTimeout(late)).catch(() => undefined);
    return this.ended;
  }

  /**
   * Makes a checkpoint now.
   *
   * @returns its id; 0 when there was no room for it
   */
  checkpoint(): Promise<number> {
    if (!this.kept?.checkpoints) throw new EngineError('OPTION', 'without a data directory there are no checkpoints');
    return this.kept.checkpoints.begin();
  }

  /** Ends the run at once; what is in flight is lost. Whoever wants to end the process must come through here or `stop`. */
  abandon(): Promise<void> {
    return this.fail(new EngineError('ABANDONED', 'the run was ended at once; what was in flight is lost'));
  }

  private async spawn(): Promise<void> {
    const { topology: topo, start } = this;
    const tooLate = setTimeout(
      () => void this.fail(new EngineError('START', 'threads did not start in time')),
      START_MS_MAX + START_THREAD_MS_MAX * topo.threads,
    );
    const failed = this.ended.then(() => undefined);
    // The log comes first: what it holds says where the others begin.
    if (this.kept !== null) {
      const ready = this.watch(this.kept.spawn(start), logThread(topo));
      await Promise.race([ready, failed]);
    }
    const others = Array.from({ length: egressThread(topo) + 1 }, (_, thread) =>
      this.spawnThread(thread, thread < topo.listeners ? LISTENER : thread < egressThread(topo) ? PARTITION : EGRESS),
    );
    if (this.kept !== null) others.push(this.watch(this.kept.spawnKeeper(start), keeperThread(topo)));
    await Promise.race([Promise.all(others), failed]);
    clearTimeout(tooLate);
    this.watchSilence();
    this.state = 'running';
  }

  private spawnThread(thread: number, file: URL): Promise<void> {
    const workerData: ThreadStart = { ...this.start, thread };
    const worker = new Worker(file, { workerData, name: threadName(this.topology, thread) });
    return this.watch(worker, thread);
  }

  private watch(worker: Worker, thread: number): Promise<void> {
    this.workers[thread] = worker;
    const name = threadName(this.topology, thread);
    worker.on('error', (error) => void this.fail(new EngineError('THREAD', `${name} failed: ${error.message}`, error)));
    worker.on('exit', (code) => {
      this.gone.add(thread);
      this.events.emit('closed', thread);
      if (!this.done.has(thread) && this.state !== 'ended') {
        void this.fail(
          new EngineError(
            'THREAD',
            `${name} ended unasked (exit ${code}); results after this moment would be incomplete`,
          ),
        );
      }
    });
    return new Promise((resolve) => {
      const hear = (message: ThreadMessage) => {
        if (message.type === 'ready') resolve();
        else this.hear(thread, message);
      };
      worker.on('message', (message: ThreadMessage | LogMessage | KeeperReport) => {
        if (!isOfKept(message)) return hear(message);
        if (message.type === 'logDone') this.done.add(thread); // It ends by itself while its end is noted.
        this.kept!.hear(message).then(
          (meant) => meant === null || hear(meant),
          (error) => void this.fail(error),
        );
      });
    });
  }

  private keepCheckpoints(everyMs: number): void {
    const { checkpoints } = this.kept!;
    if (everyMs === 0 || checkpoints === null || this.hasFiles()) return;
    let received = this.received();
    const making = setInterval(() => {
      if (this.state !== 'running' || checkpoints.isBusy || this.received() === received) return;
      received = this.received();
      checkpoints.begin().catch((error: Error) => void this.fail(error));
    }, everyMs);
    void this.ended.finally(() => clearInterval(making)).catch(() => undefined);
  }

  /** A file sink is written anew from the log's beginning, which a checkpoint would cut off. */
  private hasFiles(): boolean {
    return this.plan.outputs.some(({ sinks }) => sinks.some(({ kind }) => kind === 'ndjsonFile'));
  }

  private received(): number {
    return this.counters.reduce((sum, thread) => sum + thread.get('framesReceived'), 0);
  }

  /** A thread that never ends a step would hold everything up without a word. */
  private watchSilence(): void {
    const { threadSilentMsMax } = this.limits;
    const silence = new Silence(this.counters, threadSilentMsMax);
    let lookedMs = monotonicMs();
    const looking = setInterval(
      () => {
        const nowMs = monotonicMs();
        const thread = silence.look(nowMs - lookedMs);
        lookedMs = nowMs;
        if (thread < 0 || this.done.has(thread)) return;
        const what = `${threadName(this.topology, thread)} has not finished a step for ${threadSilentMsMax / 1000} s`;
        void this.fail(new EngineError('STUCK', `${what}; does a function of the job wait or loop without end?`));
      },
      Math.min(1000, threadSilentMsMax / 8),
    );
    void this.ended.finally(() => clearInterval(looking)).catch(() => undefined);
  }

  private hear(thread: number, message: Exclude<ThreadMessage, { type: 'ready' }>): void {
    switch (message.type) {
      case 'failed':
        return void this.fail(failureOf(threadName(this.topology, thread), message));
      case 'done':
        return this.threadDone(thread, message.openRows);
      case 'closed':
        return void this.events.emit('closed', thread);
      case 'outputEnded':
        this.endedOutputs.add(message.output);
        return void this.events.emit('outputEnded');
      case 'refused':
        return this.log(`stage ${message.stage}: a row was refused (reason ${message.reason}) ${message.detail}`);
      case 'claim':
        return void this.claim(thread, message);
      case 'barrierPassed':
        return this.kept!.checkpoints!.passed(message.checkpoint, message.stream, message.producers);
      case 'handOver':
        return this.order(message.move.to, { type: 'arrives', move: message.move, time: message.time });
      case 'released':
        return this.released(message.id, message.handover);
    }
  }

  private threadDone(thread: number, openRows: number): void {
    this.done.add(thread);
    this.openRows += openRows;
    if (this.done.size === this.topology.threads - 2) this.kept?.stop();
    if (this.done.size === this.topology.threads - 1) this.kept?.stopKeeper();
    if (this.done.size === this.topology.threads) void this.finish();
  }

  private async finish(): Promise<void> {
    const open = await this.closeListeners();
    this.state = 'ended';
    await this.endWorkers(open);
    this.settle.resolve({ openRows: this.openRows });
  }

  private async fail(error: Error): Promise<void> {
    if (this.state === 'ended') return;
    this.state = 'ended';
    const open = await this.closeListeners();
    void this.endWorkers(open);
    this.settle.reject(error);
  }

  /** What does not let go of its sockets (a function that never returns) ends with the process, not before it. */
  private async endWorkers(open: ReadonlySet<number>): Promise<void> {
    const ending = this.workers.map((worker, thread) => {
      if (open.has(thread)) return worker.unref();
      ring(openDoorbells(this.start)[thread]!);
      return worker.terminate();
    });
    await Promise.all(ending);
    await this.kept?.release();
  }

  /**
   * A listener that ends with an open socket library aborts the process: each closes its own first.
   *
   * @returns those that did not
   */
  private async closeListeners(): Promise<ReadonlySet<number>> {
    const listeners = Array.from({ length: this.topology.listeners }, (_, listener) => listener);
    const closing = new Set(listeners.filter((listener) => this.workers[listener] && !this.gone.has(listener)));
    if (closing.size === 0) return closing;
    const closed = new Promise<void>((resolve) => {
      this.events.on('closed', (thread: number) => {
        closing.delete(thread);
        if (closing.size === 0) resolve();
      });
    });
    for (const listener of closing) this.order(listener, { type: 'close' });
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise((resolve) => {
      late = setTimeout(resolve, CLOSE_MS_MAX);
    });
    await Promise.race([closed, tooLate]).finally(() => clearTimeout(late));
    return closing;
  }

  private async claim(listener: number, message: Extract<ThreadMessage, { type: 'claim' }>): Promise<void> {
    const { id, stream, producer, epoch } = message;
    const answer = await this.registry.claim(listener, stream, producer, epoch);
    this.order(
      listener,
      answer.granted ? { type: 'granted', id, handover: answer.handover } : { type: 'fenced', id, epoch: answer.epoch },
    );
  }

  private release(listener: number, stream: number, producer: string): Promise<ProducerHandover | null> {
    const id = this.nextRelease++;
    return new Promise((resolve) => {
      this.releases.set(id, resolve);
      this.order(listener, { type: 'release', id, stream, producer });
    });
  }

  private released(id: number, handover: ProducerHandover | null): void {
    this.releases.get(id)?.(handover);
    this.releases.delete(id);
  }

  private order(listener: number, order: ListenerOrder): void {
    this.workers[listener]?.postMessage(order);
  }
}

const KEPT_MESSAGES = ['logRecovered', 'logReady', 'barrierDurable', 'partKept', 'checkpointAborted', 'logDone'];
const isOfKept = (message: ThreadMessage | LogMessage | KeeperReport): message is LogMessage | KeeperReport =>
  KEPT_MESSAGES.includes(message.type);

function failureOf(thread: string, failed: Extract<ThreadMessage, { type: 'failed' }>): Error {
  const { name, message, stack, code } = failed;
  // What the log, the data directory or the disk said is the operator's to mend: it keeps its name and code.
  if (code !== undefined) return Object.assign(new Error(message), { name, code });
  const known = name === 'JobError' || name === 'StateFullError';
  return new EngineError(known ? name : 'THREAD', known ? message : `${thread} failed: ${message}`, { stack });
}

function sharedState(
  plan: Plan,
  topo: Topology,
  limits: EngineLimits,
  jobUrl: string,
  host: string,
  port: number,
  kept: KeptLog | null,
): ThreadStart {
  const sinkCount = plan.outputs.reduce((sum, { sinks }) => sum + sinks.length, 0);
  return {
    thread: -1,
    jobUrl,
    planHash: plan.hash,
    topology: topo,
    limits,
    memories: Array.from({ length: topo.partitions }, () => partitionMemory(limits.partitionMemoryBytes)),
    doorbells: new SharedArrayBuffer(doorbellBytes(topo.threads)),
    counters: new SharedArrayBuffer(counterBytes(topo.threads)),
    subscriptions: new SharedArrayBuffer(Math.max(4, subscriptionBytes(topo.listeners, sinkCount))),
    results: Array.from({ length: topo.listeners }, () => ({
      buffer: new SharedArrayBuffer(ringBytes(RESULT_RING_BYTES)),
      place: { baseBytes: 0, capacityBytes: RESULT_RING_BYTES },
    })),
    seed: [chanceU32(), chanceU32()],
    host,
    port,
    log: kept?.share ?? null,
  };
}

function bounded(value: number, what: string, most: number, least = 1): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new EngineError('OPTION', `${what} = ${value}; expected an integer from ${least} to ${most}`);
}

/** More than there is would start, and be killed by the system without a word when state fills it. */
function memoryBytesOf({ memoryBytes = memoryDefaultBytes() }: EngineOptions): number {
  const most = memoryMostBytes();
  if (memoryBytes > 0 && memoryBytes <= most) return memoryBytes;
  const mib = (bytes: number) => Math.round(bytes / MiB);
  throw new EngineError('MEMORY', `${mib(memoryBytes)} MiB; this process may use ${mib(most)} MiB, give less --memory`);
}

function partitionMemory(bytes: number): WebAssembly.Memory {
  try {
    return reserveMemory(bytes, true);
  } catch (error) {
    const mib = Math.round(bytes / MiB);
    throw new EngineError('MEMORY', `a partition's ${mib} MiB cannot be reserved; give less --memory`, error);
  }
}
