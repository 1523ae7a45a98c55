// host/partition/body.ts — a partition thread's work: its share of every stage, the one nearest the sink first.
//
// Results leave before new rows are taken, so what is full drains before more is put in.

import { COUNTER_ENTRIES, COUNTER_OPEN_ROWS, COUNTER_OPEN_WINDOWS } from '../../assembly/layout.ts';
import { type Doorbell, ring } from '../../ring/doorbell.ts';
import type { CheckpointMeta } from '../checkpoint/meta.ts';
import { restoreRecords } from '../checkpoint/restore-source.ts';
import type { Counters } from '../counters.ts';
import type { Disk } from '../disk/disk.ts';
import { type Kernel, loadKernel } from '../kernel/load.ts';
import { type EngineLimits, KEY_GROUPS, rowsMaxOf } from '../limits.ts';
import type { KeyedStagePlan, Plan, StagePlan } from '../plan/plan.ts';
import type { Body, StepResult } from '../thread/body.ts';
import { Channel } from '../thread/channel.ts';
import { Flow, type FlowTarget } from '../thread/flow.ts';
import { rowBytesOf } from '../thread/row-bytes.ts';
import { outputTarget, stageTarget } from '../thread/targets.ts';
import {
  egressThread,
  keeperThread,
  partitionRings,
  type RingPlace,
  senderCount,
  type Topology,
} from '../thread/topology.ts';
import { Inputs } from './inputs.ts';
import { KeyedStage } from './keyed-stage.ts';
import { LogOrder } from './log-order.ts';
import { PartSender } from './part-sender.ts';
import { PassStage } from './pass-stage.ts';
import { PartitionRestore } from './restore.ts';

export interface PartitionOptions {
  plan: Plan;
  topology: Topology;
  partition: number;
  limits: EngineLimits;
  /** All partitions' memories, by partition: the exchange writes into the others'. */
  memories: readonly WebAssembly.Memory[];
  /** All threads' doorbells. */
  doorbells: readonly Doorbell[];
  counters: Counters;
  seed: readonly [number, number];
  /** Null: no log. `after`: its groups up to this one are in the state; `base`: see PartSender. */
  log: { after: number; base: Int32Array } | null;
  /** Told about rows that a function or a key of a later stage refuses. */
  reject: (stage: string, reason: number, detail?: string) => void;
}

export class PartitionBody implements Body {
  readonly kernel: Kernel;
  private readonly options: PartitionOptions;
  private readonly stages: (KeyedStage | PassStage)[];
  private readonly keyed: KeyedStage[];
  private readonly parts: PartSender | null;
  /** Rows and a checkpoint's records take turns. */
  private isPartsTurn = false;

  constructor(options: PartitionOptions) {
    const { plan, topology, partition, limits, memories } = options;
    this.options = options;
    const rings = partitionRings(plan, topology, limits.ringBytes);
    const memory = memories[partition]!;
    this.kernel = loadKernel({ memory, arenaBase: rings.endBytes });
    const buffer = memory.buffer as unknown as SharedArrayBuffer;
    const egress = options.doorbells[egressThread(topology)]!;
    const out = new Channel(buffer, rings.out, egress);
    this.stages = plan.stages.map((stage) => this.makeStage(stage, out, rings.inputs[stage.index]!));
    this.parts = this.makeParts(rings.keeper);
    this.keyed = this.stages.filter((stage) => stage instanceof KeyedStage);
    options.counters.set('stateBytesMax', limits.partitionMemoryBytes);
  }

  step(): StepResult {
    this.isPartsTurn = !this.isPartsTurn;
    if (this.isPartsTurn && this.parts?.step()) return 'progressed';
    let blocked = false;
    for (let index = this.stages.length - 1; index >= 0; index--) {
      const result = this.stages[index]!.step();
      if (result === 'progressed') return result;
      blocked ||= result === 'blocked';
    }
    if (this.parts?.step()) return 'progressed';
    if (this.stages.every(({ done }) => done)) return 'done';
    return blocked ? 'blocked' : 'idle';
  }

  /** Before the first step: state as the checkpoint has it. @throws CheckpointError when it cannot be this job's */
  async restore(disk: Disk, data: string, meta: CheckpointMeta): Promise<void> {
    const { partition, topology } = this.options;
    const restoring = new PartitionRestore(this.kernel, this.stages);
    const share = { partition, partitions: topology.partitions };
    await restoring.run(restoreRecords(disk, data, meta, share, restoring.room));
    for (const stage of this.keyed) stage.forgetCounted();
  }

  /** Brings the gauges up to date; the shell calls it now and then, never per batch. */
  gauge(): void {
    const { counters, limits } = this.options;
    counters.set('openWindows', this.sum(COUNTER_OPEN_WINDOWS));
    counters.set('openRows', this.sum(COUNTER_OPEN_ROWS));
    counters.set('stateEntries', this.sum(COUNTER_ENTRIES));
    counters.set('stateBytes', limits.partitionMemoryBytes - (this.kernel.exports.arenaFreeBytes() >>> 0));
  }

  private sum(counter: number): number {
    return this.keyed.reduce((total, stage) => total + stage.counter(counter), 0);
  }

  private makeParts(place: RingPlace | null): PartSender | null {
    const { log, plan, topology, partition, doorbells } = this.options;
    if (log === null) return null;
    return new PartSender({
      kernel: this.kernel,
      place: place!,
      keeper: doorbells[keeperThread(topology)]!,
      partition,
      partitions: topology.partitions,
      planHash: plan.hash,
      stages: plan.stages.length,
      base: log.base,
    });
  }

  private makeStage(stage: StagePlan, out: Channel, places: readonly RingPlace[]): KeyedStage | PassStage {
    const { plan, topology, counters, doorbells, limits, seed, reject } = this.options;
    const { log } = this.options;
    const order = log === null ? null : new LogOrder(places.length, log.after);
    const buffer = this.kernel.memory.buffer as unknown as SharedArrayBuffer;
    const inputs = new Inputs(buffer, places, producersNeeded(plan, stage, topology), order);
    const firstSender = stage.upstream.kind === 'stream' ? 0 : topology.listeners;
    const freed = (sender: number) => void ring(doorbells[firstSender + sender]!);
    const atBarrier = (checkpoint: number) => this.parts?.begin(stage.index, this.stages[stage.index]!, checkpoint);
    if (stage.kind === 'pass') {
      const target = outputTarget(out, this.kernel.memory, stage.output, limits.imageBytesMax);
      return new PassStage({ kernel: this.kernel, inputs, target, counters, freed, id: stage.id, atBarrier });
    }
    const rowsMax = resultRowsMax(stage, limits.imageBytesMax);
    const bounds = { rowsMax, imageBytesMax: limits.imageBytesMax, groups: KEY_GROUPS };
    const flow = new Flow(this.kernel, stage.flow, this.target(stage, out), bounds, counters, (_row, reason, detail) =>
      reject(stage.id, reason, detail),
    );
    return new KeyedStage({
      kernel: this.kernel,
      plan: stage,
      inputs,
      flow,
      counters,
      seed,
      partitions: topology.partitions,
      rowsMax,
      imageBytesMax: limits.imageBytesMax,
      freed,
      atBarrier,
    });
  }

  private target(stage: KeyedStagePlan, out: Channel): FlowTarget {
    const { plan, topology, limits, memories, doorbells, partition } = this.options;
    const { memory } = this.kernel;
    const { target } = stage.flow.route;
    if (target.kind === 'output') return outputTarget(out, memory, target.output, limits.imageBytesMax);
    return stageTarget({ plan, topology, limits, memories, doorbells, stage: target.stage, sender: partition, memory });
  }
}

/** A stream's time starts when its producers have said hello; a stage's when every partition ahead has spoken. */
function producersNeeded(plan: Plan, stage: StagePlan, topo: Topology): number {
  return stage.upstream.kind === 'stream'
    ? plan.streams[stage.upstream.stream]!.description.producers
    : senderCount(stage, topo);
}

function resultRowsMax(stage: KeyedStagePlan, imageBytes: number): number {
  const fields = stage.flow.input;
  const hasUtf8 = fields.some(({ type }) => type === 'utf8');
  return rowsMaxOf(rowBytesOf(fields), fields.length, hasUtf8, imageBytes);
}
