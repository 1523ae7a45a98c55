// host/partition/part-sender.ts — one partition's part of a checkpoint on its way to the keeper, stage by stage.
//
//   barrier at stage 0 ─▶ head, STAGE, its records …   barrier at stage 1 ─▶ STAGE, its records …   ─▶ END
//
// A stage's state is frozen when its barrier comes, and swept when the stages before it have been: what changes meanwhile
// is copied first (assembly/barrier.ts). A step sends one record, so rows go on in between.

import { RECORD_BYTES_MAX, RECORD_HEADER_BYTES, RECORD_STAGE } from '../../assembly/layout.ts';
import { type Doorbell, ring } from '../../ring/doorbell.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END } from '../../ring/layout.ts';
import { hasRoom, openProducer, publish, type RingProducer, tryPush } from '../../ring/spsc.ts';
import type { PartHead } from '../checkpoint/keeper-message.ts';
import type { StageHead } from '../checkpoint/part-reader.ts';
import type { Kernel } from '../kernel/load.ts';
import { need } from '../thread/flow.ts';
import type { RingPlace } from '../thread/topology.ts';

/** A stage whose state belongs to checkpoints. */
export interface SweptStage {
  /** As it was at the barrier. */
  head(): StageHead;
  /** Freezes the state. @param base  the last checkpoint whose blocks need not come again */
  freeze(checkpoint: number, base: number): void;
  /** Writes the next record of the frozen state to `out`; its bytes, 0 when that was all. */
  sweep(out: number, bytesMax: number): number;
}

export interface PartSenderOptions {
  kernel: Kernel;
  place: RingPlace;
  keeper: Doorbell;
  partition: number;
  partitions: number;
  planHash: string;
  stages: number;
  /** Shared with control: the id of the last complete checkpoint of this run, 0 when there is none. */
  base: Int32Array;
}

export class PartSender {
  private readonly options: PartSenderOptions;
  private readonly producer: RingProducer;
  private readonly bytes: Uint8Array;
  private readonly record: number;
  /** Bytes of the record that waits for room. */
  private recordBytes = 0;
  private checkpoint = 0;
  private base = 0;
  /** Frozen, and not swept yet, by place in the plan. */
  private readonly frozen: (SweptStage | undefined)[] = [];
  private next = 0;
  private records = 0;
  private sweeping = false;

  constructor(options: PartSenderOptions) {
    const { kernel, place } = options;
    this.options = options;
    const buffer = kernel.memory.buffer as unknown as SharedArrayBuffer;
    this.producer = openProducer(buffer, place.baseBytes, place.capacityBytes);
    this.bytes = new Uint8Array(buffer);
    this.record = need(kernel.exports.reserve(RECORD_BYTES_MAX), 'a record of a checkpoint');
  }

  /** The barrier has come to a stage: what is in it now belongs to the checkpoint. */
  begin(stage: number, swept: SweptStage, checkpoint: number): void {
    if (this.checkpoint !== checkpoint) {
      if (this.checkpoint !== 0)
        throw new Error(`the barrier of ${checkpoint} came before the part of ${this.checkpoint} was sent`);
      this.checkpoint = checkpoint;
      // load: control stores it before it asks for the barrier.
      this.base = Atomics.load(this.options.base, 0);
      this.next = 0;
      this.records = 0;
      this.pushText(FRAME_BARRIER, this.head());
    }
    swept.freeze(checkpoint, this.base);
    this.frozen[stage] = swept;
  }

  /** Sends one record further; false when there is nothing to send now, or no room. */
  step(): boolean {
    if (this.checkpoint === 0) return false;
    if (this.recordBytes > 0) return this.sendRecord();
    const stage = this.frozen[this.next];
    if (stage === undefined) return this.next === this.options.stages ? this.end() : false;
    if (!hasRoom(this.producer, RECORD_BYTES_MAX)) return false;
    if (!this.sweeping) {
      this.sweeping = true;
      this.pushStage(stage.head());
      return true;
    }
    this.recordBytes = stage.sweep(this.record, RECORD_BYTES_MAX);
    if (this.recordBytes > 0) return this.sendRecord();
    this.sweeping = false;
    this.frozen[this.next++] = undefined;
    return true;
  }

  private sendRecord(): boolean {
    if (!tryPush(this.producer, FRAME_DATA, this.bytes, this.record, this.recordBytes)) return false;
    this.recordBytes = 0;
    this.sent();
    return true;
  }

  private end(): boolean {
    if (!hasRoom(this.producer, 4)) return false;
    this.push(FRAME_END, new Uint8Array(Uint32Array.of(this.records).buffer));
    this.checkpoint = 0;
    return true;
  }

  private head(): PartHead {
    const { partition, partitions, planHash } = this.options;
    return { checkpoint: this.checkpoint, base: this.base, full: this.base === 0, partition, partitions, planHash };
  }

  private pushStage(head: StageHead): void {
    const text = Buffer.from(JSON.stringify(head));
    const record = new Uint8Array((RECORD_HEADER_BYTES + text.byteLength + 7) & -8);
    new Uint32Array(record.buffer, 0, 2).set([RECORD_STAGE, text.byteLength]);
    record.set(text, RECORD_HEADER_BYTES);
    this.push(FRAME_DATA, record);
    this.records++;
  }

  private pushText(kind: number, value: object): void {
    this.push(kind, Buffer.from(JSON.stringify(value)));
  }

  private push(kind: number, bytes: Uint8Array): void {
    if (!tryPush(this.producer, kind, bytes, 0, bytes.byteLength))
      throw new Error('no room for the frame that begins a part');
    publish(this.producer);
    ring(this.options.keeper);
  }

  private sent(): void {
    this.records++;
    publish(this.producer);
    ring(this.options.keeper);
  }
}
