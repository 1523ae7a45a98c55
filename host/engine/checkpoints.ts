// host/engine/checkpoints.ts — the coordinator: when a checkpoint is made, what it is made of, and when it counts.
//
//   begin ─▶ log: a barrier at a group's end ─▶ the group is durable ┐
//            listeners have passed it: whose time stands where       ├─▶ publish ─▶ the log may forget what lies before
//            every partition's part is on the medium                 ┘
//
// Promises
//   - one at a time; the next begins when the last is published or given up.
//   - nothing is published before all of it is on the medium, and its group with it.
//   - a checkpoint that is given up (no room) costs nothing but itself.
// Not here  the order of files (checkpoint/publish.ts), which checkpoints are kept (checkpoint/retain.ts).

import type { KeeperReport, KeptPart } from '../checkpoint/keeper-message.ts';
import type { Manifest } from '../checkpoint/manifest.ts';
import type { CheckpointMeta } from '../checkpoint/meta.ts';
import { operatorsOf } from '../checkpoint/operators.ts';
import { publishCheckpoint } from '../checkpoint/publish.ts';
import { logFloor, removeUnneeded } from '../checkpoint/retain.ts';
import type { Disk } from '../disk/disk.ts';
import { troubleOf } from '../disk/trouble.ts';
import type { KeptProducer } from '../listener/producers.ts';
import type { Plan } from '../plan/plan.ts';
import type { Topology } from '../thread/topology.ts';

export interface CheckpointsOptions {
  disk: Disk;
  data: string;
  store: string;
  boot: number;
  plan: Plan;
  topology: Topology;
  manifest: Manifest;
  /** Shared with partitions: see PartSender. */
  base: Int32Array;
  /** Asks the log for a barrier. */
  barrier: (checkpoint: number) => void;
  /** Groups before this one are needed no more. */
  retain: (group: number) => void;
  report: (line: string) => void;
}

interface UnderWay {
  id: number;
  name: string | null;
  group: number;
  parts: KeptPart[];
  /** By stream: what the listeners that have passed the barrier said. */
  producers: KeptProducer[][];
  passed: number;
  settle: { resolve: (id: number) => void; reject: (error: unknown) => void };
}

export class Checkpoints {
  private readonly options: CheckpointsOptions;
  private manifest: Manifest;
  private lastId: number;
  private underWay: UnderWay | null = null;

  constructor(options: CheckpointsOptions) {
    this.options = options;
    this.manifest = options.manifest;
    this.lastId = options.manifest.lastId;
  }

  get isBusy(): boolean {
    return this.underWay !== null;
  }

  /**
   * @param name  of a savepoint; null: one among others
   * @returns its id, when it counts
   */
  begin(name: string | null = null): Promise<number> {
    if (this.underWay !== null) throw new Error('a checkpoint is under way');
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const producers = this.options.plan.streams.map(() => []);
      this.underWay = { id, name, group: 0, parts: [], producers, passed: 0, settle: { resolve, reject } };
      this.options.barrier(id);
    });
  }

  durable(checkpoint: number, group: number): void {
    const { underWay } = this;
    if (underWay?.id !== checkpoint) return;
    underWay.group = group;
    this.publishWhole(underWay);
  }

  passed(checkpoint: number, stream: number, producers: readonly KeptProducer[]): void {
    const { underWay } = this;
    if (underWay?.id !== checkpoint) return;
    underWay.passed++;
    underWay.producers[stream]!.push(...producers);
    this.publishWhole(underWay);
  }

  hear(report: KeeperReport): void {
    const { underWay } = this;
    if (underWay?.id !== report.checkpoint) return;
    if (report.type === 'checkpointAborted')
      return this.giveUp(underWay, new Error(report.reason), report.code === 'DAMAGED');
    underWay.parts.push(report.part);
    this.publishWhole(underWay);
  }

  private publishWhole(underWay: UnderWay): void {
    const { plan, topology } = this.options;
    const { group, parts, passed } = underWay;
    const isWhole = group > 0 && parts.length === topology.partitions;
    if (isWhole && passed === plan.streams.length * topology.listeners) void this.publish(underWay);
  }

  private async publish(underWay: UnderWay): Promise<void> {
    const { disk, data, base, retain } = this.options;
    try {
      const before = this.manifest;
      this.manifest = await publishCheckpoint(disk, data, before, this.metaOf(underWay));
      await removeUnneeded(disk, data, before, this.manifest);
    } catch (error) {
      if (troubleOf(error) !== 'no-room') {
        this.underWay = null;
        return underWay.settle.reject(error);
      }
      return this.giveUp(underWay, error, false);
    }
    // store: partitions load it at the next barrier, which is asked for after this.
    Atomics.store(base, 0, underWay.id);
    this.underWay = null;
    retain(logFloor(this.manifest));
    underWay.settle.resolve(underWay.id);
  }

  private giveUp(underWay: UnderWay, error: unknown, full: boolean): void {
    if (full) Atomics.store(this.options.base, 0, 0);
    this.underWay = null;
    this.options.report(
      `checkpoint ${underWay.id} was given up: ${error instanceof Error ? error.message : String(error)}`,
    );
    underWay.settle.resolve(0);
  }

  private metaOf({ id, name, group, parts, producers }: UnderWay): CheckpointMeta {
    const { store, boot, plan } = this.options;
    return {
      id,
      store,
      name,
      group,
      boot,
      planHash: plan.hash,
      operators: operatorsOf(plan),
      parts: parts.toSorted((one, two) => one.partition - two.partition),
      producers,
      prepared: null,
      resultOffsets: [],
    };
  }
}
