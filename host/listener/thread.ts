// host/listener/thread.ts — a listener's worker: sockets, body and event loop, and its talk with control.

import { parentPort, workerData } from 'node:worker_threads';
import { type Doorbell, ring } from '../../ring/doorbell.ts';
import { openConsumer, pendingBytes } from '../../ring/spsc.ts';
import { monotonicMs, wallClockMs } from '../clock.ts';
import { Counters } from '../counters.ts';
import { realDisk } from '../disk/real-disk.ts';
import { Subscriptions } from '../egress/subscriptions.ts';
import { LISTENER_STEPS_PER_TURN, STATE_CREDIT_SHARE } from '../limits.ts';
import { REPLAYING_LISTENER } from '../log/open-log.ts';
import { LogReader } from '../log/reader.ts';
import type { Plan } from '../plan/plan.ts';
import { loadPlan } from '../thread/plan-of-job.ts';
import { tell, tellFailure } from '../thread/report.ts';
import { AsyncShell } from '../thread/shell-async.ts';
import { type ListenerOrder, openDoorbells, type ThreadStart } from '../thread/start.ts';
import { egressThread, logThread, partitionRings, threadName } from '../thread/topology.ts';
import { ListenerBody } from './body.ts';
import { Claims } from './claims.ts';
import { creditOf } from './credit.ts';
import type { CheckpointAnswer } from './http-checkpoint.ts';
import type { ListenerLog } from './logged-streams.ts';
import { metricsText, type RingMetrics } from './metrics.ts';
import { Server } from './server.ts';
import { SocketIngest } from './socket-ingest.ts';
import { Subscribers } from './subscribers.ts';

const TICK_MS = 100;

/** Everything of one listener, wired; `obey` is what control may ask of it. */
class ListenerThread {
  private readonly start: ThreadStart;
  private readonly plan: Plan;
  private readonly rows: Counters[];
  private readonly body: ListenerBody;
  private readonly subscribers: Subscribers;
  private readonly ingest: SocketIngest;
  private readonly shell: AsyncShell;
  private readonly server: Server;
  private readonly claims = new Claims();
  private readonly checkpoints = new Map<number, (answer: CheckpointAnswer) => void>();
  private nextCheckpoint = 0;
  private ticking: NodeJS.Timeout | undefined;
  private stopping = false;
  private closed = false;

  constructor(start: ThreadStart, plan: Plan) {
    const { topology, thread: listener, limits, memories } = start;
    this.start = start;
    this.plan = plan;
    this.rows = Array.from({ length: topology.threads }, (_, thread) => new Counters(start.counters, thread));
    const counters = this.rows[listener]!;
    const doorbells = openDoorbells(start);
    const sinkCount = plan.outputs.reduce((sum, { sinks }) => sum + sinks.length, 0);
    const subscriptions = new Subscriptions(start.subscriptions, sinkCount);
    this.subscribers = new Subscribers(listener, sinkCount, subscriptions, counters, limits.subscriberBytesMax);
    this.body = new ListenerBody({
      plan,
      topology,
      listener,
      limits,
      memories,
      doorbells,
      results: start.results[listener]!,
      counters,
      ...this.logOptions(doorbells),
      deliver: (bytes) => this.subscribers.deliver(bytes),
      egressDoorbellRing: () => void ring(doorbells[egressThread(topology)]!),
    });
    const wake = () => this.shell.wake();
    const shared = { body: this.body, limits, counters, nowMs: monotonicMs, wake, stopping: () => this.stopping };
    this.ingest = new SocketIngest({
      ...shared,
      turns: () => this.shell.turns,
      claim: (socket, done) => this.claims.ask(socket, done),
      credit: (stream) => this.credit(stream),
    });
    this.server = new Server({
      ...shared,
      plan,
      partitions: topology.partitions,
      subscribers: this.subscribers,
      ingest: this.ingest,
      checkpoint: start.log === null ? null : (name, done) => this.askCheckpoint(name, done),
      metrics: () => this.metrics(),
      health: () => ({ status: this.stopping ? 'stopping' : 'ok' }),
      failed: tellFailure,
    });
    this.shell = new AsyncShell({
      body: this.body,
      doorbell: doorbells[listener]!,
      stepsPerTurn: LISTENER_STEPS_PER_TURN,
      counters,
      whenDone: () => {
        this.subscribers.closeAll();
        this.ingest.closeAll();
        tell({ type: 'done', openRows: 0 });
      },
      whenFailed: tellFailure,
    });
  }

  async open(): Promise<void> {
    const { host, port, thread } = this.start;
    if (!(await this.server.listen(host, port))) throw new Error(`cannot listen on ${host}:${port}`);
    let tickedMs = monotonicMs();
    this.ticking = setInterval(() => {
      const nowMs = monotonicMs();
      this.body.tick(nowMs);
      this.ingest.tick(nowMs - tickedMs);
      this.rows[thread]!.add('beats', 1);
      tickedMs = nowMs;
      this.rows[thread]!.set('inboxBytes', this.body.inboxBytes);
      this.rows[thread]!.set('groupsBehind', this.body.groupsBehind);
      this.ingest.count();
    }, TICK_MS);
    this.shell.wake(); // A body that has never run is not asleep: its doorbell would be rung in vain.
    tell({ type: 'ready' });
  }

  obey(order: ListenerOrder): void {
    switch (order.type) {
      case 'granted':
        return this.claims.answer(order.id, {
          granted: true,
          ...(order.handover ? { handover: order.handover } : {}),
        });
      case 'fenced':
        return this.claims.answer(order.id, { granted: false, epoch: order.epoch });
      case 'release':
        return this.ingest.release(order.stream, order.producer, (handover) => {
          tell({ type: 'released', id: order.id, handover: handover ?? null });
        });
      case 'checkpointed':
        this.checkpoints.get(order.id)?.(order.answer);
        return void this.checkpoints.delete(order.id);
      case 'arrives':
        this.body.logged!.arrive(order.move, order.time);
        return this.shell.wake();
      case 'stop':
        this.stopping = true;
        this.server.closePort();
        this.ingest.refuseMore();
        this.body.stop(order.drain);
        return this.shell.wake();
      case 'close':
        return this.close();
    }
  }

  private askCheckpoint(name: string | null, done: (answer: CheckpointAnswer) => void): void {
    const id = this.nextCheckpoint++;
    this.checkpoints.set(id, done);
    tell({ type: 'checkpoint', id, name });
  }

  private logOptions(doorbells: readonly Doorbell[]): { log?: ListenerLog } {
    const { log, topology, thread: listener } = this.start;
    if (log === null) return {};
    return {
      log: {
        memory: log.memories[listener]!,
        doorbell: doorbells[logThread(topology)]!,
        wallMs: wallClockMs,
        passed: (checkpoint, stream, producers) => tell({ type: 'barrierPassed', checkpoint, stream, producers }),
        handOver: (move, time) => tell({ type: 'handOver', move, time }),
        movedAway: ({ stream, producer }) => this.ingest.movedAway(stream, producer),
        // One listener reads what the log holds; whom it concerns is told to the others as producers come back.
        replay: listener === REPLAYING_LISTENER ? { ...log.replay, producers: log.restore?.producers ?? [] } : null,
        openReader: (from) => new LogReader(realDisk(), log.directory, from),
        wake: () => this.shell.wake(),
        failed: tellFailure,
      },
    };
  }

  /** Also on the way out of a thread that something has ended: an open socket would take the process along. */
  closeSockets(): void {
    if (this.closed) return;
    this.closed = true;
    this.server.close();
  }

  private close(): void {
    this.closeSockets();
    clearInterval(this.ticking);
    tell({ type: 'closed' });
    parentPort!.close();
  }

  private credit(stream: number): number {
    const { inbox } = this.body.streams[stream]!;
    return creditOf(this.start.limits.creditBytesMax, inbox, this.ingest.openCount(stream), this.stateIsTight());
  }

  /** Some partition's memory is so full that no more credit than one frame's worth should be out. */
  private stateIsTight(): boolean {
    const { listeners, partitions } = this.start.topology;
    return this.rows
      .slice(listeners, listeners + partitions)
      .some((row) => row.get('stateBytes') > STATE_CREDIT_SHARE * row.get('stateBytesMax'));
  }

  private metrics(): string {
    this.ingest.count();
    const threads = this.rows.map((counters, thread) => ({
      thread: threadName(this.start.topology, thread),
      counters,
    }));
    return metricsText(threads, ringMetrics(this.plan, this.start));
  }
}

function ringMetrics(plan: Plan, start: ThreadStart): RingMetrics[] {
  const { topology, limits, memories } = start;
  const rings = partitionRings(plan, topology, limits.ringBytes);
  return memories.flatMap(({ buffer }, partition) => {
    const places = [
      ...rings.inputs.flatMap((places, stage) =>
        places.map((place, sender) => ({ place, ring: `p${partition}.s${stage}.from${sender}` })),
      ),
      { place: rings.out, ring: `p${partition}.out` },
    ];
    return places.map(({ place, ring: name }) => ({
      ring: name,
      pendingBytes: pendingBytes(
        openConsumer(buffer as unknown as SharedArrayBuffer, place.baseBytes, place.capacityBytes),
      ),
      capacityBytes: place.capacityBytes,
    }));
  });
}

try {
  const start = workerData as ThreadStart;
  const thread = new ListenerThread(start, await loadPlan(start.jobUrl, start.planHash));
  process.on('exit', () => thread.closeSockets());
  process.on('uncaughtException', tellFailure);
  parentPort!.on('message', (order: ListenerOrder) => thread.obey(order));
  await thread.open();
} catch (error) {
  tellFailure(error);
}
