// host/thread/targets.ts — the two places a flow's images go: the next stage's rings, or the ring that leads out.

import type { Doorbell } from '../../ring/doorbell.ts';
import { FRAME_GROUP } from '../../ring/layout.ts';
import { type CopyBytes, copyBetween } from '../kernel/copy-between.ts';
import type { EngineLimits } from '../limits.ts';
import type { Plan } from '../plan/plan.ts';
import { Channel } from './channel.ts';
import type { ControlFrame } from './control-frame.ts';
import type { FlowTarget } from './flow.ts';
import { partitionRings, partitionThread, type Topology } from './topology.ts';

export interface StageTargetOptions {
  plan: Plan;
  topology: Topology;
  limits: EngineLimits;
  memories: readonly WebAssembly.Memory[];
  doorbells: readonly Doorbell[];
  stage: number;
  /** Which of the stage's senders writes here, and the memory that its images lie in. */
  sender: number;
  memory: WebAssembly.Memory;
}

/** One ring per partition, all in the receivers' memories. Control frames go to every partition. */
export function stageTarget(options: StageTargetOptions): FlowTarget {
  const { plan, topology, limits, memories, doorbells, stage, sender, memory } = options;
  const place = partitionRings(plan, topology, limits.ringBytes).inputs[stage]![sender]!;
  const channels = memories.map(
    ({ buffer }, partition) =>
      new Channel(buffer as unknown as SharedArrayBuffer, place, doorbells[partitionThread(topology, partition)]!),
  );
  const copies = memories.map((receiver) => copyBetween(memory, receiver));
  return {
    partitions: channels.length,
    hasRoom: () => channels.every((channel) => channel.hasRoom(limits.imageBytesMax)),
    push: (partition, pieces, imageBytes) => channels[partition]!.pushImage(copies[partition]!, pieces, imageBytes),
    control: (kind, frame) => {
      for (const channel of channels) channel.pushControl(kind, frame);
    },
  };
}

/** The partition's own ring out, in `memory` as its images. Rows get the partition's next offsets: its n-th row is always the same row. */
export function outputTarget(
  out: Channel,
  memory: WebAssembly.Memory,
  output: number,
  imageBytesMax: number,
): FlowTarget {
  const copy: CopyBytes = copyBetween(memory, memory);
  const target = {
    partitions: 1,
    offset: 0,
    hasRoom: () => out.hasRoom(imageBytesMax),
    push: (_partition: number, pieces: Uint32Array, imageBytes: number, rows: number) => {
      out.pushResult(copy, pieces, imageBytes, { output, rows, offset: target.offset });
      target.offset += rows;
    },
    control: (kind: number, frame: ControlFrame) => {
      if (kind !== FRAME_GROUP) out.pushResultControl(kind, output, frame); // Results have offsets; groups end here.
    },
  };
  return target;
}
