// host/partition/keyed-stage.ts — one partition's share of a keyed aggregation: frames in, windows, results on.
//
// One step does one thing, nearest the sink first: hand on rows of a result batch that is under way; fill the next
// result batch while windows are ready; take the next frame. No step begins without room for a largest frame ahead.
// Everything that a watermark causes is handed on before the watermark itself (SEMANTICS 1.8).

import {
  BARRIER_OK,
  COUNTER_CLOSED_ROWS,
  COUNTER_LATE_ROWS,
  COUNTER_SUM_OVERFLOWS,
  PUSH_OK,
  PUSH_PAUSED,
} from '../../assembly/layout.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END, FRAME_GROUP, FRAME_IDLE, FRAME_WATERMARK } from '../../ring/layout.ts';
import type { StageHead } from '../checkpoint/part-reader.ts';
import type { Counters } from '../counters.ts';
import { StateFullError } from '../errors.ts';
import { putBytes } from '../kernel/bytes.ts';
import type { Kernel } from '../kernel/load.ts';
import { keyedPlanBytes } from '../plan/kernel-plans.ts';
import type { KeyedStagePlan } from '../plan/plan.ts';
import type { StepResult } from '../thread/body.ts';
import { FLAG_DRAIN, FLAG_LAST, groupFrame } from '../thread/control-frame.ts';
import { type Flow, need } from '../thread/flow.ts';
import type { Combined, Inputs } from './inputs.ts';
import type { SweptStage } from './part-sender.ts';
import type { RestoredStage } from './restore.ts';

export interface KeyedStageOptions {
  kernel: Kernel;
  plan: KeyedStagePlan;
  inputs: Inputs;
  flow: Flow;
  counters: Counters;
  seed: readonly [number, number];
  partitions: number;
  rowsMax: number;
  imageBytesMax: number;
  /** Called when this sender's ring has room again: it may be waiting for it. */
  freed: (sender: number) => void;
  /** A checkpoint's barrier is here. */
  atBarrier: (checkpoint: number) => void;
}

/** A stage behind this one learns of the time after so many batches at the latest, results or not. */
const UNSAID_MOVES_MAX = 64;

/** What stands behind the results that are being fired. */
type Behind = 'nothing' | 'watermark' | 'finished' | 'last';

export class KeyedStage implements SweptStage, RestoredStage {
  done = false;
  private readonly options: KeyedStageOptions;
  private readonly stage: number;
  private readonly results: number;
  private emitting = false;
  private behind: Behind = 'nothing';
  private watermark = Number.NEGATIVE_INFINITY;
  /** How often the watermark has moved since it was last handed on. */
  private unsaidMoves = 0;
  private firedSinceSaid = false;
  private lastBarrier = 0;
  /** Row of the batch at hand before which a push stopped for a snapshot. */
  private pausedAt = 0;
  private frozenHead: StageHead | null = null;
  /** A group of the log that is complete and is to be named; 0: none. */
  private completedGroup = 0;
  private timeState: Combined['state'] = 'hold';
  private lateSeen = 0;
  private closedSeen = 0;
  private overflowsSeen = 0;

  constructor(options: KeyedStageOptions) {
    const { kernel, plan, seed, rowsMax, imageBytesMax } = options;
    this.options = options;
    this.stage = need(kernel.exports.keyedCreate(putBytes(kernel, keyedPlanBytes(plan, seed, rowsMax))), 'a window');
    this.results = need(kernel.exports.reserve(imageBytesMax), 'a result batch');
  }

  step(): StepResult {
    if (this.done) return 'done';
    if (this.emitting || this.behind !== 'nothing') return this.fire();
    if (this.completedGroup === 0) this.completedGroup = this.options.inputs.takeCompletedGroup();
    if (this.completedGroup > 0) return this.completeGroup();
    const frame = this.options.inputs.peek();
    if (frame === null && (this.unsaidMoves === 0 || this.options.inputs.isOrdered)) return 'idle';
    if (!this.options.flow.hasRoom()) return 'blocked';
    if (frame === null) {
      this.sayWatermark();
      return 'progressed';
    }
    const { kind, payloadOffset } = frame;
    if (kind === FRAME_DATA) {
      if (!this.push(payloadOffset)) return 'blocked';
    } else if (kind === FRAME_BARRIER) this.passBarrier(this.options.inputs.barrier(frame));
    else if (this.options.inputs.control(frame)) this.moveTime();
    const waiting = this.options.inputs.release();
    if (waiting >= 0) this.options.freed(waiting);
    return 'progressed';
  }

  counter(which: number): number {
    return this.options.kernel.exports.keyedCounter(this.stage, which);
  }

  /** False: a snapshot is in the way; what is left of the batch is pushed when it has been swept further. */
  private push(batch: number): boolean {
    const { kernel, counters, plan, partitions } = this.options;
    const pushed = kernel.exports.keyedPush(this.stage, batch, this.pausedAt);
    if (pushed === PUSH_PAUSED) {
      this.pausedAt = kernel.exports.keyedPausedAt(this.stage);
      return false;
    }
    this.pausedAt = 0;
    if (pushed !== PUSH_OK) throw new StateFullError(plan.id, kernel.memory.buffer.byteLength, partitions);
    const late = this.counter(COUNTER_LATE_ROWS);
    const closed = this.counter(COUNTER_CLOSED_ROWS);
    const rows = kernel.u32[batch >>> 2]!;
    counters.add('rowsAggregated', rows - (late - this.lateSeen) - (closed - this.closedSeen));
    counters.add('rowsLate', late - this.lateSeen);
    counters.add('rowsClosed', closed - this.closedSeen);
    this.lateSeen = late;
    this.closedSeen = closed;
    return true;
  }

  /** What a checkpoint brought was counted in the life that it is of. */
  forgetCounted(): void {
    this.lateSeen = this.counter(COUNTER_LATE_ROWS);
    this.closedSeen = this.counter(COUNTER_CLOSED_ROWS);
    this.overflowsSeen = this.counter(COUNTER_SUM_OVERFLOWS);
  }

  /** Every sender says it; the first time is the barrier, for the group before it is complete from all of them. */
  private passBarrier(checkpoint: number): void {
    if (checkpoint <= this.lastBarrier) return;
    this.lastBarrier = checkpoint;
    this.options.atBarrier(checkpoint);
    this.options.flow.target.control(FRAME_BARRIER, groupFrame(checkpoint));
  }

  get id(): string {
    return this.options.plan.id;
  }

  get handle(): number {
    return this.stage;
  }

  goOnFrom({ watermark, timeState, offset }: StageHead): void {
    this.watermark = (watermark as number | null) ?? Number.NEGATIVE_INFINITY;
    this.timeState = timeState as Combined['state'];
    if (offset !== null) this.options.flow.target.offset = offset as number;
  }

  head(): StageHead {
    return this.frozenHead!;
  }

  freeze(checkpoint: number, base: number): void {
    const { plan, flow } = this.options;
    const watermark = Number.isFinite(this.watermark) ? this.watermark : null;
    this.frozenHead = { stage: plan.id, watermark, timeState: this.timeState, offset: flow.target.offset ?? null };
    const answer = this.options.kernel.exports.keyedBarrier(this.stage, checkpoint, base);
    if (answer !== BARRIER_OK) throw new Error(`stage ${plan.id} cannot begin checkpoint ${checkpoint} (${answer})`);
  }

  sweep(out: number, bytesMax: number): number {
    return this.options.kernel.exports.keyedSweep(this.stage, out, bytesMax);
  }

  /** A stage behind this one hears what time it is, then that it has everything of the group. */
  private completeGroup(): StepResult {
    if (!this.options.flow.hasRoom()) return 'blocked';
    this.sayWatermark();
    this.options.flow.target.control(FRAME_GROUP, groupFrame(this.completedGroup));
    this.completedGroup = 0;
    return 'progressed';
  }

  private moveTime(): void {
    const { inputs, kernel, flow } = this.options;
    const combined = inputs.gone ? null : inputs.combine();
    if (combined?.state !== 'active') this.sayWatermark();
    const isNews = combined?.state !== this.timeState;
    this.timeState = combined?.state ?? 'hold';
    if (combined === null) {
      if (inputs.drain) kernel.exports.keyedFlush(this.stage);
      this.behind = 'last';
      return;
    }
    switch (combined.state) {
      case 'active':
        if (combined.watermark > this.watermark) {
          this.watermark = combined.watermark;
          kernel.exports.keyedAdvance(this.stage, this.watermark);
          this.options.counters.watermarkMs = this.watermark;
          this.behind = 'watermark';
        }
        return;
      case 'finished': {
        // With the log on a group may bring rows and the end of its producers at once: windows opened since the last end.
        const before = this.watermark;
        this.watermark = Math.max(before, kernel.exports.keyedFlush(this.stage));
        if (isNews || this.watermark > before) this.behind = 'finished';
        return;
      }
      case 'idle':
        if (!isNews) return;
        flow.target.control(FRAME_IDLE, { watermark: this.watermark, seen: 1, moved: 0, flags: 0 });
        return;
      case 'hold':
        return;
    }
  }

  /** Results first, then what stands behind them. */
  private fire(): StepResult {
    const { flow, kernel, imageBytesMax, counters } = this.options;
    if (!flow.hasRoom()) return 'blocked';
    if (this.emitting) {
      this.emitting = !flow.advance();
      return 'progressed';
    }
    if (kernel.exports.keyedFire(this.stage, this.results, imageBytesMax) > 0) {
      counters.add('resultRows', kernel.u32[this.results >>> 2]!);
      flow.begin(this.results);
      this.emitting = true;
      this.firedSinceSaid = true;
      return 'progressed';
    }
    const overflows = this.counter(COUNTER_SUM_OVERFLOWS);
    counters.add('sumOverflows', overflows - this.overflowsSeen);
    this.overflowsSeen = overflows;
    this.handOnBehind();
    return 'progressed';
  }

  private handOnBehind(): void {
    const { flow, inputs } = this.options;
    const { behind, watermark } = this;
    this.behind = 'nothing';
    if (behind === 'watermark') this.watermarkMoved();
    if (behind === 'finished') flow.target.control(FRAME_END, { watermark, seen: 1, moved: 0, flags: 0 });
    if (behind === 'last') {
      const flags = FLAG_LAST | (inputs.drain ? FLAG_DRAIN : 0);
      flow.target.control(FRAME_END, { watermark, seen: 1, moved: 0, flags });
      this.done = true;
    }
  }

  /**
   * Results call for their watermark at once; one that closed nothing may wait for the next while frames wait, or, with a
   * log, for the end of its group: when it is said must not depend on what happens to wait.
   */
  private watermarkMoved(): void {
    this.unsaidMoves++;
    const { inputs } = this.options;
    const mayWait = !this.firedSinceSaid && this.unsaidMoves < UNSAID_MOVES_MAX;
    if (!mayWait || !(inputs.isOrdered || inputs.peek() !== null)) this.sayWatermark();
  }

  private sayWatermark(): void {
    if (this.unsaidMoves === 0) return;
    this.unsaidMoves = 0;
    this.firedSinceSaid = false;
    this.options.flow.target.control(FRAME_WATERMARK, { watermark: this.watermark, seen: 1, moved: 0, flags: 0 });
  }
}
