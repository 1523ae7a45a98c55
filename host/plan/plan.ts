// host/plan/plan.ts — what a job becomes: streams, stages split where the key changes, outputs. Data only.
//
//   stream ─flow─▶ stage ─flow─▶ stage ─flow─▶ output ─▶ sinks
//
//   stream   where rows enter: which columns are decoded, how time moves
//   flow     what happens to a batch on the thread that has it (programs, functions), and where its rows go
//   stage    a partition thread's share of one keyed aggregation, or of plain passing on
//   output   rows that leave; one or more sinks take the same rows under the same offsets
//
// Every thread compiles the same plan from the same job module and they compare hashes. Plans refer to each other
// by index. Batch columns are positions; column 0 is the event time wherever `timed` says so.

import type {
  AggregateDescription,
  FieldDescription,
  FilterFunctionStep,
  MapFunctionStep,
  SinkDescription,
  StreamDescription,
} from '../job/description.ts';

export interface Plan {
  job: string;
  /** SHA-256 of the job as text; JavaScript functions count by their source. */
  hash: string;
  streams: StreamPlan[];
  stages: StagePlan[];
  outputs: OutputPlan[];
}

export interface StreamPlan {
  index: number;
  description: StreamDescription;
  /** The fields that some flow reads, event time first: slot i of the builder decodes decoded[i]. */
  decoded: FieldDescription[];
  timed: boolean;
  flows: FlowPlan[];
}

/** `columns`: of the batch behind the step. */
export type FlowStep =
  | { kind: 'program'; program: Uint8Array; columns: FieldDescription[] }
  | (FilterFunctionStep & { columns: FieldDescription[] })
  | (MapFunctionStep & { columns: FieldDescription[] });

export interface FlowPlan {
  /** Columns of the batch that enters, and of the batch that leaves. */
  input: FieldDescription[];
  steps: FlowStep[];
  output: FieldDescription[];
  /** Column 0 is the event time, in and out. */
  timed: boolean;
  route: RoutePlan;
}

export interface RoutePlan {
  target: { kind: 'stage'; stage: number } | { kind: 'output'; output: number };
  /** Columns of the flow's output that go into images, in this order. */
  columns: number[];
  /** Columns of the flow's output that make the key; empty: no key. */
  keys: number[];
  nullKey: 'error' | 'drop' | 'group';
}

export type StagePlan = KeyedStagePlan | PassStagePlan;

/** Stands for the event time where it travels beside a row's own fields. */
export const HIDDEN_TIME: FieldDescription = { name: '@time', type: 'timestamp', nullable: false };

interface StageCommon {
  index: number;
  /**
   * What state is found again by: the name of the pipeline's first sink, and which of its aggregations this is. Other
   * pipelines, filters, functions and further sinks leave it as it is.
   */
  id: string;
  upstream: { kind: 'stream'; stream: number } | { kind: 'stage'; stage: number };
  /** Columns of the images that arrive. */
  input: FieldDescription[];
}

export interface KeyedStagePlan extends StageCommon {
  kind: 'keyed';
  flow: FlowPlan;
  /** Columns of `input`. */
  keys: number[];
  windowSizeMs: number;
  windowOffsetMs: number;
  aggregates: { name: string; function: AggregateDescription['function']; column: number | null }[];
}

/** Rows that need no state but leave with an offset of their partition like all results. */
export interface PassStagePlan extends StageCommon {
  kind: 'pass';
  output: number;
}

export interface OutputPlan {
  index: number;
  /** The stage whose partitions own the offsets. */
  stage: number;
  fields: FieldDescription[];
  sinks: SinkDescription[];
}
