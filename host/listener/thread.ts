// host/listener/thread.ts — a listener's worker: sockets, body and event loop, and its talk with control.

import { parentPort, workerData } from 'node:worker_threads';
import { ring } from '../../ring/doorbell.ts';
import { openConsumer, pendingBytes } from '../../ring/spsc.ts';
import { monotonicMs } from '../clock.ts';
import { Counters } from '../counters.ts';
import { Subscriptions } from '../egress/subscriptions.ts';
import { LISTENER_STEPS_PER_TURN, STATE_CREDIT_SHARE } from '../limits.ts';
import type { Plan } from '../plan/plan.ts';
import { loadPlan } from '../thread/plan-of-job.ts';
import { tell, tellFailure } from '../thread/report.ts';
import { AsyncShell } from '../thread/shell-async.ts';
import { type ListenerOrder, openDoorbells, type ThreadStart } from '../thread/start.ts';
import { egressThread, partitionRings, threadName } from '../thread/topology.ts';
import { ListenerBody } from './body.ts';
import { Claims } from './claims.ts';
import { creditOf } from './credit.ts';
import { metricsText, type RingMetrics } from './metrics.ts';
import { Server } from './server.ts';
import { SocketIngest } from './socket-ingest.ts';
import { Subscribers } from './subscribers.ts';

const TICK_MS = 100;

async function run(start: ThreadStart): Promise<void> {
  const { topology, thread: listener, limits, memories } = start;
  const plan = await loadPlan(start.jobUrl, start.planHash);
  const rows = Array.from({ length: topology.threads }, (_, thread) => new Counters(start.counters, thread));
  const counters = rows[listener]!;
  const doorbells = openDoorbells(start);
  const sinkCount = plan.outputs.reduce((sum, { sinks }) => sum + sinks.length, 0);
  const subscribers = new Subscribers(listener, sinkCount, new Subscriptions(start.subscriptions, sinkCount), counters);
  const body = new ListenerBody({
    plan,
    topology,
    listener,
    limits,
    memories,
    doorbells,
    results: start.results[listener]!,
    counters,
    deliver: (bytes) => subscribers.deliver(bytes),
    egressDoorbellRing: () => void ring(doorbells[egressThread(topology)]!),
  });
  let stopping = false;
  const claims = new Claims();
  const wake = () => shell.wake();
  const ingest: SocketIngest = new SocketIngest({
    body,
    limits,
    counters,
    nowMs: monotonicMs,
    wake,
    claim: (socket, done) => claims.ask(socket, done),
    credit: () =>
      creditOf(
        limits,
        ingest.openCount,
        body.inbox.heldBytes,
        stateIsTight(rows, topology.listeners, topology.partitions),
      ),
    stopping: () => stopping,
  });
  const close = () => {
    server.close();
    clearInterval(ticking);
    tell({ type: 'closed' });
    parentPort!.close();
  };
  const shell = new AsyncShell({
    body,
    doorbell: doorbells[listener]!,
    stepsPerTurn: LISTENER_STEPS_PER_TURN,
    counters,
    whenDone: () => {
      subscribers.closeAll();
      ingest.closeAll();
      tell({ type: 'done', openRows: 0 });
    },
    whenFailed: tellFailure,
  });
  const server = new Server({
    plan,
    limits,
    counters,
    subscribers,
    ingest,
    body,
    nowMs: monotonicMs,
    wake,
    stopping: () => stopping,
    metrics: () =>
      metricsText(
        rows.map((row, thread) => ({ thread: threadName(topology, thread), counters: row })),
        ringMetrics(plan, start),
      ),
    health: () => ({ status: stopping ? 'stopping' : 'ok' }),
    failed: tellFailure,
  });
  if (!(await server.listen(start.host, start.port))) {
    throw new Error(`cannot listen on ${start.host}:${start.port}`);
  }
  const ticking = setInterval(() => {
    body.tick(monotonicMs());
    counters.set('inboxBytes', body.inbox.heldBytes);
  }, TICK_MS);
  parentPort!.on('message', (order: ListenerOrder) => {
    if (order.type === 'granted')
      claims.answer(order.id, { granted: true, ...(order.handover ? { handover: order.handover } : {}) });
    if (order.type === 'fenced') claims.answer(order.id, { granted: false, epoch: order.epoch });
    if (order.type === 'release') {
      tell({ type: 'released', id: order.id, handover: ingest.release(order.stream, order.producer) ?? null });
    }
    if (order.type === 'stop') {
      stopping = true;
      server.closePort();
      ingest.refuseMore();
      body.stop(order.drain);
      wake();
    }
    if (order.type === 'close') close();
  });
  tell({ type: 'ready' });
}

/** Some partition's memory is so full that no more credit than one frame's worth should be out. */
function stateIsTight(rows: readonly Counters[], firstPartition: number, partitions: number): boolean {
  for (let partition = 0; partition < partitions; partition++) {
    const row = rows[firstPartition + partition]!;
    if (row.get('stateBytes') > STATE_CREDIT_SHARE * row.get('stateBytesMax')) return true;
  }
  return false;
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
  await run(workerData as ThreadStart);
} catch (error) {
  tellFailure(error);
}
