// host/thread/topology.ts — which threads there are, and where their rings lie: a pure function of plan and counts.
//
//   partition memory   [static 64 KiB | input rings: stage × sender | ring out | arena …]
//   threads            listeners 0 … I−1, partitions I … I+P−1, egress I+P; one doorbell word each
//
// One ring per (stage, sender): were two stages to share a ring, a frame of one could stand before a frame of the
// other, and two partitions waiting for each other's second stage would lock. With a ring of its own each
// stage's edge can drain whenever the stages behind it can, and the graph has no cycles.

import { ringBytes } from '../../ring/spsc.ts';
import { ARENA_BASE_MIN } from '../kernel/load.ts';
import type { Plan, StagePlan } from '../plan/plan.ts';

export interface Topology {
  listeners: number;
  partitions: number;
  /** All threads with a doorbell: listeners, partitions, egress. */
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
  /** Where the arena begins. */
  endBytes: number;
}

export const topology = (listeners: number, partitions: number): Topology => ({
  listeners,
  partitions,
  threads: listeners + partitions + 1,
});

export const partitionThread = (topo: Topology, partition: number): number => topo.listeners + partition;
export const egressThread = (topo: Topology): number => topo.listeners + topo.partitions;

export const threadName = (topo: Topology, thread: number): string =>
  thread < topo.listeners
    ? `listener-${thread}`
    : thread < topo.listeners + topo.partitions
      ? `partition-${thread - topo.listeners}`
      : 'egress';

/** How many threads feed a stage. */
export const senderCount = (stage: StagePlan, topo: Topology): number =>
  stage.upstream.kind === 'stream' ? topo.listeners : topo.partitions;

/** The rings inside one partition's memory; the same places in every partition. */
export function partitionRings(plan: Plan, topo: Topology, capacityBytes: number): PartitionRings {
  let next = ARENA_BASE_MIN;
  const place = (): RingPlace => {
    const baseBytes = next;
    next = align(next + ringBytes(capacityBytes), 128);
    return { baseBytes, capacityBytes };
  };
  const inputs = plan.stages.map((stage) => Array.from({ length: senderCount(stage, topo) }, place));
  return { inputs, out: place(), endBytes: align(next, 65536) };
}

const align = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;
