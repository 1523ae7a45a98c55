// host/thread/topology.ts — which threads there are, and where their rings lie: a pure function of plan and counts.
//
//   partition memory   [static 64 KiB | input rings: stage × sender | ring out | with a log, ring to the keeper | arena …]
//   listener memory    [static 64 KiB | inboxes: by stream | with the log on, the ring in which it speaks | arena …]
//   threads            listeners 0 … I−1, partitions I … I+P−1, egress I+P, log I+P+1, keeper I+P+2; one doorbell word each
//
// One ring per (stage, sender): were two stages to share a ring, a frame of one could stand before a frame of the
// other, and two partitions waiting for each other's second stage would lock. With a ring of its own each
// stage's edge can drain whenever the stages behind it can, and the graph has no cycles.

import { RECORD_BYTES_MAX } from '../../assembly/layout.ts';
import { capacityBytesFor, ringBytes } from '../../ring/spsc.ts';
import { ARENA_BASE_MIN } from '../kernel/load.ts';
import { type EngineLimits, OVER_READ_BYTES } from '../limits.ts';
import { entryBytes } from '../log/inbox-place.ts';
import type { Plan, StagePlan } from '../plan/plan.ts';

export interface Topology {
  listeners: number;
  partitions: number;
  /** There is a log, a thread that appends to it, and one that keeps checkpoints. */
  hasLog: boolean;
  /** All threads with a doorbell: listeners, partitions, egress, log, keeper. */
  threads: number;
}

export interface RingPlace {
  baseBytes: number;
  capacityBytes: number;
}

export interface PartitionRings {
  /** [stage][sender]: senders are listeners for a stage that a stream feeds, else partitions. */
  inputs: RingPlace[][];
  out: RingPlace;
  /** To the keeper; null without a log. */
  keeper: RingPlace | null;
  /** Where the arena begins. */
  endBytes: number;
}

export const topology = (listeners: number, partitions: number, hasLog = false): Topology => ({
  listeners,
  partitions,
  hasLog,
  threads: listeners + partitions + (hasLog ? 3 : 1),
});

export const partitionThread = (topo: Topology, partition: number): number => topo.listeners + partition;
export const egressThread = (topo: Topology): number => topo.listeners + topo.partitions;
export const logThread = (topo: Topology): number => egressThread(topo) + 1;
export const keeperThread = (topo: Topology): number => logThread(topo) + 1;

export function threadName(topo: Topology, thread: number): string {
  if (thread < topo.listeners) return `listener-${thread}`;
  if (thread < egressThread(topo)) return `partition-${thread - topo.listeners}`;
  if (thread === egressThread(topo)) return 'egress';
  return thread === logThread(topo) ? 'log' : 'keeper';
}

/** How many threads feed a stage. */
export const senderCount = (stage: StagePlan, topo: Topology): number =>
  stage.upstream.kind === 'stream' ? topo.listeners : topo.partitions;

/** Fifteen blocks of state under way. */
const KEEPER_RING_BYTES = capacityBytesFor(RECORD_BYTES_MAX);

/** The rings inside one partition's memory; the same places in every partition. */
export function partitionRings(plan: Plan, topo: Topology, capacityBytes: number): PartitionRings {
  let next = ARENA_BASE_MIN;
  const place = (bytes: number): RingPlace => {
    const baseBytes = next;
    next = align(next + ringBytes(bytes), 128);
    return { baseBytes, capacityBytes: bytes };
  };
  const inputs = plan.stages.map((stage) =>
    Array.from({ length: senderCount(stage, topo) }, () => place(capacityBytes)),
  );
  const out = place(capacityBytes);
  const keeper = topo.hasLog ? place(KEEPER_RING_BYTES) : null;
  return { inputs, out, keeper, endBytes: align(next, 65536) };
}

export interface ListenerRings {
  /** By stream: the data of an inbox; with a log its cursors stand before it (log/layout.ts). */
  inboxes: RingPlace[];
  /** Log → listener: what is released. */
  log: RingPlace;
  /** Where the arena begins. */
  endBytes: number;
}

/** What the log may have said and a listener not yet heard: some hundred groups. */
const LOG_RING_BYTES = 64 * 1024;

/** The inboxes inside one listener's memory; the same places in every listener. */
export function listenerRings(plan: Plan, limits: EngineLimits): ListenerRings {
  // Streams do not share an inbox: one that waits for its partitions would keep its neighbours' frames behind its own.
  // A frame of the largest size must fit an empty inbox wherever its tail stands, behind a gap nearly as long as itself: so
  // two of them with their headers, also where the share of a stream is less. A power of two, as positions want it.
  const twoFrames = 2 * entryBytes(limits.frameBytesMax);
  const leastBytes = Math.min(limits.inboxBytes, 2 ** Math.ceil(Math.log2(twoFrames)));
  const capacityBytes = 2 ** Math.floor(Math.log2(Math.max(limits.inboxBytes / plan.streams.length, leastBytes)));
  let next = ARENA_BASE_MIN;
  const place = (bytes: number): RingPlace => {
    const baseBytes = next;
    next = align(next + ringBytes(bytes), 128);
    return { baseBytes, capacityBytes: bytes };
  };
  const inboxes = plan.streams.map(() => place(capacityBytes));
  return { inboxes, log: place(LOG_RING_BYTES), endBytes: align(next + OVER_READ_BYTES, 65536) };
}

const align = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;
