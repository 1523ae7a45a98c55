// host/partition/pass-stage.ts — rows that need no state: an image that arrives is a result, under the next offsets.

import { BATCH_ROW_COUNT } from '../../assembly/layout.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END, FRAME_GROUP, FRAME_IDLE, FRAME_WATERMARK } from '../../ring/layout.ts';
import type { StageHead } from '../checkpoint/part-reader.ts';
import type { Counters } from '../counters.ts';
import type { Kernel } from '../kernel/load.ts';
import type { StepResult } from '../thread/body.ts';
import { FLAG_LAST, groupFrame } from '../thread/control-frame.ts';
import type { FlowTarget } from '../thread/flow.ts';
import type { Combined, Inputs } from './inputs.ts';
import type { SweptStage } from './part-sender.ts';
import type { RestoredStage } from './restore.ts';

export interface PassStageOptions {
  kernel: Kernel;
  inputs: Inputs;
  target: FlowTarget;
  counters: Counters;
  freed: (sender: number) => void;
  /** The stage's id in the plan. */
  id: string;
  /** A checkpoint's barrier is here. */
  atBarrier: (checkpoint: number) => void;
}

export class PassStage implements SweptStage, RestoredStage {
  done = false;
  private readonly options: PassStageOptions;
  private watermark = Number.NEGATIVE_INFINITY;
  private lastBarrier = 0;
  private frozenHead: StageHead | null = null;
  private timeState: Combined['state'] = 'hold';

  constructor(options: PassStageOptions) {
    this.options = options;
  }

  step(): StepResult {
    if (this.done) return 'done';
    const { inputs, target, kernel, counters, freed } = this.options;
    if (!target.hasRoom()) return inputs.peek() === null ? 'idle' : 'blocked';
    const group = inputs.takeCompletedGroup();
    if (group > 0) {
      target.control(FRAME_GROUP, groupFrame(group));
      return 'progressed';
    }
    const frame = inputs.peek();
    if (frame === null) return 'idle';
    if (frame.kind === FRAME_DATA) {
      const rows = kernel.u32[(frame.payloadOffset + BATCH_ROW_COUNT) >>> 2]!;
      counters.add('resultRows', rows);
      target.push(0, Uint32Array.of(frame.payloadOffset, 0, frame.payloadBytes), frame.payloadBytes, rows);
    } else if (frame.kind === FRAME_BARRIER) this.passBarrier(inputs.barrier(frame));
    else if (inputs.control(frame)) this.handOnTime();
    const waiting = inputs.release();
    if (waiting >= 0) freed(waiting);
    return 'progressed';
  }

  readonly handle = 0;

  get id(): string {
    return this.options.id;
  }

  goOnFrom({ watermark, timeState, offset }: StageHead): void {
    this.watermark = (watermark as number | null) ?? Number.NEGATIVE_INFINITY;
    this.timeState = timeState as Combined['state'];
    if (offset !== null) this.options.target.offset = offset as number;
  }

  /** Nothing but time and the next offset is kept here. */
  head(): StageHead {
    return this.frozenHead!;
  }

  freeze(): void {
    const watermark = Number.isFinite(this.watermark) ? this.watermark : null;
    const { id, target } = this.options;
    this.frozenHead = { stage: id, watermark, timeState: this.timeState, offset: target.offset ?? null };
  }

  sweep(): number {
    return 0;
  }

  private passBarrier(checkpoint: number): void {
    if (checkpoint <= this.lastBarrier) return;
    this.lastBarrier = checkpoint;
    this.options.atBarrier(checkpoint);
    this.options.target.control(FRAME_BARRIER, groupFrame(checkpoint));
  }

  private handOnTime(): void {
    const { inputs, target } = this.options;
    if (inputs.gone) {
      target.control(FRAME_END, { watermark: this.watermark, seen: 1, moved: 0, flags: FLAG_LAST });
      this.done = true;
      return;
    }
    const combined = inputs.combine();
    if (combined.state === 'active' && combined.watermark > this.watermark) {
      this.watermark = combined.watermark;
      target.control(FRAME_WATERMARK, { watermark: this.watermark, seen: 1, moved: 0, flags: 0 });
    }
    const isNews = combined.state !== this.timeState;
    this.timeState = combined.state;
    if (combined.state === 'idle' && isNews)
      target.control(FRAME_IDLE, { watermark: this.watermark, seen: 1, moved: 0, flags: 0 });
    if (combined.state === 'finished' && isNews)
      target.control(FRAME_END, { watermark: this.watermark, seen: 1, moved: 0, flags: 0 });
  }
}
