// host/thread/flow.ts — takes one batch through its flow: programs and functions, then scatter, then the rings.
//
// Used by listeners (batches of decoded rows) and by partitions (batches of results). A flow is a cursor: `begin`
// runs the steps over a whole batch, `advance` moves as many rows as one frame per ring can hold and says whether
// that was all. A function whose output does not fit its memory stops early; the flow comes back to it.
// The caller sees to it that every ring has room before each `advance`.
// Not here  where the batch comes from, and when to stop.

import { BATCH_ROW_COUNT, REASON_KEY_NULL, REASON_KEY_SIZE, REASON_ROW_SIZE } from '../../assembly/layout.ts';
import type { Counters } from '../counters.ts';
import { createRowFunction, type RowFunction, type RowFunctionResult } from '../job/row-function.ts';
import { putBytes } from '../kernel/bytes.ts';
import type { Kernel } from '../kernel/load.ts';
import { MiB } from '../limits.ts';
import { scatterPlanBytes } from '../plan/kernel-plans.ts';
import { type FlowPlan, type FlowStep, HIDDEN_TIME } from '../plan/plan.ts';
import type { ImagePieces } from './channel.ts';
import type { ControlFrame } from './control-frame.ts';

/** Where a flow's images go: the partitions of the next stage, or the ring out. */
export interface FlowTarget {
  readonly partitions: number;
  hasRoom(): boolean;
  /** The pieces lie in the memory of the flow's kernel. */
  push(partition: number, pieces: ImagePieces, imageBytes: number, rows: number): void;
  control(kind: number, frame: ControlFrame): void;
  /** Of an output: the offset that its next row gets. */
  offset?: number;
}

/** A row that the flow could not take: its index in the batch that `begin` got. */
export type FlowReject = (row: number, reason: number, detail?: string) => void;

export interface FlowBounds {
  rowsMax: number;
  imageBytesMax: number;
  groups: number;
}

/** What a function may write in one call; rows behind it are written in the next. */
const FUNCTION_BYTES = 2 * MiB;

/** `overflows`: integer results that did not fit, as far as they have been counted. */
interface ProgramStep {
  kind: 'program';
  handle: number;
  overflows: number;
}

type RunningStep = ProgramStep | { kind: 'filterFunction' | 'mapFunction'; function: RowFunction };

/** A batch on its way through the steps. `origin[i]` is where row i stood in the batch of `begin`; null: at i. */
interface Passage {
  batch: number;
  selection: number;
  count: number;
  origin: Uint16Array | null;
}

/** A function that stopped before the end of its input. */
interface Unfinished {
  step: number;
  input: Passage;
  next: number;
}

export class Flow {
  readonly target: FlowTarget;
  private readonly kernel: Kernel;
  private readonly steps: RunningStep[];
  private readonly scatter: number;
  private readonly counters: Counters;
  private readonly reject: FlowReject;
  private readonly dropNullKeys: boolean;
  private readonly unfinished: Unfinished[] = [];
  private now: Passage = { batch: 0, selection: 0, count: 0, origin: null };
  private from = 0;
  private rotation = 0;
  /** An image that lies in one piece. */
  private readonly whole: ImagePieces = new Uint32Array(3);

  constructor(
    kernel: Kernel,
    plan: FlowPlan,
    target: FlowTarget,
    bounds: FlowBounds,
    counters: Counters,
    reject: FlowReject,
  ) {
    this.kernel = kernel;
    this.target = target;
    this.counters = counters;
    this.reject = reject;
    this.dropNullKeys = plan.route.nullKey === 'drop';
    this.steps = plan.steps.map((step, index) => {
      const input = index === 0 ? plan.input : plan.steps[index - 1]!.columns;
      return runningStep(kernel, step, input, plan.timed);
    });
    const scatterPlan = scatterPlanBytes(plan, target.partitions, bounds);
    this.scatter = need(kernel.exports.scatterCreate(putBytes(kernel, scatterPlan)), 'a scatter');
  }

  /** Runs the steps over a batch; its rows are then handed on by `advance`. */
  begin(batch: number): void {
    const count = this.kernel.u32[(batch + BATCH_ROW_COUNT) >>> 2]!;
    this.rotation = (this.rotation + 1) % this.target.partitions;
    this.unfinished.length = 0;
    this.run(0, { batch, selection: 0, count, origin: null }, 0);
  }

  hasRoom(): boolean {
    return this.target.hasRoom();
  }

  /** Hands on what one image per partition can hold; true when the whole batch is through. */
  advance(): boolean {
    const { exports } = this.kernel;
    const { batch, selection, count } = this.now;
    if (this.from === 0 && this.pushInPieces()) this.from = count;
    if (this.from < count) {
      const consumed = exports.scatterRun(this.scatter, batch, selection, count, this.from, this.rotation);
      this.rejectKeys();
      if (consumed === 0) {
        this.reject(this.originOf(this.rowAt(this.from)), REASON_ROW_SIZE);
        this.from++;
      }
      this.from += consumed;
      for (let partition = 0; consumed > 0 && partition < this.target.partitions; partition++) {
        const imageBytes = exports.scatterImageBytes(this.scatter, partition);
        if (imageBytes === 0) continue;
        const rows = exports.scatterImageRows(this.scatter, partition);
        this.whole[0] = exports.scatterImage(this.scatter, partition);
        this.whole[2] = imageBytes;
        this.target.push(partition, this.whole, imageBytes, rows);
        this.counters.add('rowsRouted', rows);
      }
    }
    if (this.from < count) return false;
    const left = this.unfinished.pop();
    if (left === undefined) return true;
    this.run(left.step, left.input, left.next);
    return false;
  }

  /** A whole batch for one partition goes straight from its columns into the ring; false: it is for the scatter. */
  private pushInPieces(): boolean {
    const { exports, u32 } = this.kernel;
    const { batch, selection, count: rows } = this.now;
    const partition = this.target.partitions === 1 ? 0 : this.rotation;
    const count = exports.scatterPieces(this.scatter, batch, selection, rows, partition);
    if (count === 0) return false;
    const list = exports.scatterPieceList(this.scatter) >>> 2;
    const imageBytes = exports.scatterImageBytes(this.scatter, partition);
    this.target.push(partition, u32.subarray(list, list + count * 3), imageBytes, rows);
    this.counters.add('rowsRouted', rows);
    return true;
  }

  /** Runs the steps from `first` on; `from` is where the first of them goes on in its input's selection. */
  private run(first: number, input: Passage, from: number): void {
    let passage = input;
    for (let index = first; index < this.steps.length; index++) {
      const step = this.steps[index]!;
      const before = passage.count;
      if (step.kind === 'program') passage = this.runProgram(step, passage);
      else {
        const begin = index === first ? from : 0;
        const result = step.function.run(passage.batch, passage.selection, passage.count, begin);
        this.rejectRows(result, passage);
        if (result.next < passage.count) this.unfinished.push({ step: index, input: passage, next: result.next });
        passage = this.afterFunction(step.kind, passage, begin, result);
      }
      if (step.kind !== 'mapFunction') this.counters.add('rowsFiltered', before - passage.count);
    }
    this.now = passage;
    this.from = 0;
  }

  private runProgram(step: ProgramStep, { batch, selection, count, origin }: Passage): Passage {
    const { exports, u32 } = this.kernel;
    const result = exports.programRun(step.handle, batch, selection, count) >>> 2;
    if (result === 0) throw new Error('a batch is larger than its program was made for');
    const overflows = exports.programOverflows(step.handle);
    if (overflows !== step.overflows) this.counters.add('expressionOverflows', overflows - step.overflows);
    step.overflows = overflows;
    return { batch: u32[result]!, selection: u32[result + 1]!, count: u32[result + 2]!, origin };
  }

  /** A filter keeps its input's rows; a map writes new ones, and only their origin still names the old. */
  private afterFunction(kind: RunningStep['kind'], input: Passage, begin: number, result: RowFunctionResult): Passage {
    const { batch, selection, count } = result;
    if (kind === 'filterFunction') return { batch, selection, count, origin: input.origin };
    const refused = new Set(result.rejects.map(({ row }) => row));
    const origin = new Uint16Array(count);
    const rows = selectedRows(this.kernel, input.selection);
    for (let index = begin, to = 0; index < result.next && to < count; index++) {
      const row = rows === null ? index : rows[index]!;
      if (!refused.has(row)) origin[to++] = input.origin?.[row] ?? row;
    }
    return { batch, selection, count, origin };
  }

  private rejectRows({ rejects }: RowFunctionResult, input: Passage): void {
    for (const { row, reason, message } of rejects) this.reject(input.origin?.[row] ?? row, reason, message);
  }

  private rejectKeys(): void {
    const { exports } = this.kernel;
    const nullKeys = exports.scatterNullKeyCount(this.scatter);
    if (nullKeys > 0 && this.dropNullKeys) this.counters.add('rowsNullKey', nullKeys);
    else this.rejectListed(exports.scatterNullKeys(this.scatter), nullKeys, REASON_KEY_NULL);
    this.rejectListed(
      exports.scatterLongKeys(this.scatter),
      exports.scatterLongKeyCount(this.scatter),
      REASON_KEY_SIZE,
    );
  }

  private rejectListed(address: number, count: number, reason: number): void {
    if (count === 0) return;
    const rows = new Uint16Array(this.kernel.memory.buffer, address >>> 0, count);
    for (const row of rows) this.reject(this.originOf(row), reason);
  }

  private rowAt(index: number): number {
    return selectedRows(this.kernel, this.now.selection)?.[index] ?? index;
  }

  private originOf(row: number): number {
    return this.now.origin?.[row] ?? row;
  }
}

function runningStep(
  kernel: Kernel,
  step: FlowStep,
  input: readonly FlowPlan['input'][number][],
  timed: boolean,
): RunningStep {
  if (step.kind === 'program') {
    const handle = need(kernel.exports.programCreate(putBytes(kernel, step.program)), 'a program');
    return { kind: 'program', handle, overflows: 0 };
  }
  const address = need(kernel.exports.reserve(FUNCTION_BYTES), 'a function');
  const fields = input.flatMap((field, index) => (field === HIDDEN_TIME ? [] : [index]));
  const passThrough = timed ? [0] : [];
  return {
    kind: step.kind,
    function: createRowFunction({ kernel, step, input, passThrough, fields, address, bytes: FUNCTION_BYTES }),
  };
}

function selectedRows(kernel: Kernel, selection: number): Uint16Array | null {
  return selection === 0 ? null : new Uint16Array(kernel.memory.buffer, selection);
}

/** Handles are addresses, and 0 says that the arena is full: the plan is larger than the memory it was given. */
export function need(handle: number, what: string): number {
  if (handle === 0) throw new Error(`the memory given is too small for ${what} of this job; give more with --memory`);
  return handle >>> 0;
}
