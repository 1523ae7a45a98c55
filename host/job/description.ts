// host/job/description.ts — what a job is once it is built: plain frozen data.
//
// Promises
//   - nothing but data, so a description may be logged, hashed, or passed to a worker. The one exception: the
//     functions of `filterFunction` and `mapFunction`, which every thread gets by importing the job file itself.
//   - told apart by tags (`kind`), never by instanceof: two copies of the package may meet in one process.
//   - complete and checked: names are unique, expressions are well typed, every step says which fields it puts out.
// Not here  how it is written (builder.ts), how it is checked (check.ts, expression/typing.ts), how it runs.

/** Raised when a description changes its meaning: an engine refuses a job of another version. */
export const JOB_VERSION = 1;

/** `timestamp` is epoch milliseconds and travels as i64. */
export type FieldType = 'bool' | 'i32' | 'i64' | 'f64' | 'utf8' | 'timestamp';

export interface FieldDescription {
  readonly name: string;
  readonly type: FieldType;
  readonly nullable: boolean;
}

export interface JobDescription {
  readonly kind: 'pelton.job';
  readonly version: number;
  readonly name: string;
  readonly pipelines: readonly PipelineDescription[];
}

export interface PipelineDescription {
  readonly kind: 'pelton.pipeline';
  readonly stream: StreamDescription;
  readonly steps: readonly StepDescription[];
  /** At least one; every name is unique in the job. */
  readonly sinks: readonly SinkDescription[];
  /** The fields of the rows that reach the sinks. */
  readonly output: readonly FieldDescription[];
}

export interface StreamDescription {
  readonly name: string;
  readonly fields: readonly FieldDescription[];
  readonly eventTime?: EventTimeDescription;
  /** Time starts when this many producers have said hello. */
  readonly producers: number;
}

export interface EventTimeDescription {
  /** A timestamp field that is never null. */
  readonly field: string;
  /** How far a producer's rows may be out of order. */
  readonly delayMs: number;
  /** After this long without a row a producer no longer holds time back; null: never. */
  readonly idleTimeoutMs: number | null;
}

/** Every step says which fields its rows have (`output`); the hidden event time travels beside them. */
export type StepDescription =
  | FilterStep
  | FilterFunctionStep
  | SelectStep
  | MapFunctionStep
  | KeyByStep
  | WindowStep
  | AggregateStep;

export interface FilterStep {
  readonly kind: 'filter';
  readonly expression: ExpressionNode;
  readonly output: readonly FieldDescription[];
}

export interface FilterFunctionStep {
  readonly kind: 'filterFunction';
  readonly function: FilterFunction;
  readonly output: readonly FieldDescription[];
}

export interface SelectStep {
  readonly kind: 'select';
  /** One per field of `output`, in its order. */
  readonly columns: readonly { readonly name: string; readonly expression: ExpressionNode }[];
  readonly output: readonly FieldDescription[];
}

export interface MapFunctionStep {
  readonly kind: 'mapFunction';
  readonly function: MapFunction;
  readonly output: readonly FieldDescription[];
}

/** `output` is that of the step before: keyBy changes where rows go, not what they hold. */
export interface KeyByStep {
  readonly kind: 'keyBy';
  readonly fields: readonly string[];
  readonly nullKey: NullKey;
  readonly output: readonly FieldDescription[];
}

/** What becomes of a row with a null in its key: rejected by name, dropped and counted, or a key of its own. */
export type NullKey = 'error' | 'drop' | 'group';

export interface WindowStep {
  readonly kind: 'window';
  readonly window: WindowDescription;
  readonly output: readonly FieldDescription[];
}

/** Windows [start, start + sizeMs) with start = n × sizeMs + offsetMs; |offsetMs| < sizeMs. */
export interface WindowDescription {
  readonly kind: 'tumbling';
  readonly sizeMs: number;
  readonly offsetMs: number;
}

/** Output: windowStart, windowEnd (timestamps), the key fields, the aggregates. A result's event time is windowEnd − 1. */
export interface AggregateStep {
  readonly kind: 'aggregate';
  readonly aggregates: readonly AggregateDescription[];
  readonly output: readonly FieldDescription[];
}

export type AggregateFunction = 'count' | 'sum' | 'min' | 'max' | 'avg' | 'first' | 'last';

export interface AggregateDescription {
  readonly name: string;
  readonly function: AggregateFunction;
  /** null: count() of rows. */
  readonly field: string | null;
}

export type SinkDescription = WebsocketSink | NdjsonFileSink | StdoutSink;

export interface WebsocketSink {
  readonly kind: 'websocket';
  readonly name: string;
}

export interface NdjsonFileSink {
  readonly kind: 'ndjsonFile';
  readonly name: string;
  readonly path: string;
}

export interface StdoutSink {
  readonly kind: 'stdout';
  readonly name: string;
}

/** A row as a job's functions see it: i64 is a bigint; i32, f64 and timestamp are numbers; null where nullable. */
export type RowValue = boolean | number | bigint | string | null;
export type PlainRow = { readonly [field: string]: RowValue };
export type FilterFunction = (row: PlainRow) => boolean;
export type MapFunction = (row: PlainRow) => PlainRow;

/** An expression is a tree of columns, literals and calls. Its type depends on the fields it is used over. */
export type ExpressionNode = ColumnNode | LiteralNode | CallNode;

export interface ColumnNode {
  readonly kind: 'column';
  readonly name: string;
}

/** A number takes the numeric type of what stands beside it, alone it is f64; a bigint is i64. */
export interface LiteralNode {
  readonly kind: 'literal';
  readonly value: RowValue;
}

export interface CallNode {
  readonly kind: 'call';
  readonly operator: Operator;
  readonly operands: readonly ExpressionNode[];
}

export type CompareOperator = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
export type ArithmeticOperator = 'add' | 'sub' | 'mul' | 'div' | 'idiv' | 'mod';
export type CastOperator = 'toI32' | 'toI64' | 'toF64' | 'toTimestamp';

/** Operands: two, but one for neg … toTimestamp, three for when, one and more for coalesce, `in` and its literals. */
export type Operator =
  | CompareOperator
  | ArithmeticOperator
  | 'and'
  | 'or'
  | 'startsWith'
  | 'neg'
  | 'abs'
  | 'not'
  | 'isNull'
  | 'isNotNull'
  | CastOperator
  | 'when'
  | 'coalesce'
  | 'in';
