// host/index.ts — the package's entry: what a job file imports.

export { JobError } from './errors.ts';
export { coalesce, col, type Expression, lit, when } from './expression/expression.ts';
export { type Aggregate, avg, count, first, last, max, min, sum } from './job/aggregate.ts';
export { job, type StreamOptions, stream, type TumblingOptions, tumbling } from './job/builder.ts';
export type {
  AggregateDescription,
  AggregateFunction,
  AggregateStep,
  ArithmeticOperator,
  CallNode,
  CastOperator,
  ColumnNode,
  CompareOperator,
  EventTimeDescription,
  ExpressionNode,
  FieldDescription,
  FieldType,
  FilterFunction,
  FilterFunctionStep,
  FilterStep,
  JobDescription,
  KeyByStep,
  LiteralNode,
  MapFunction,
  MapFunctionStep,
  NdjsonFileSink,
  NullKey,
  Operator,
  PipelineDescription,
  PlainRow,
  RowValue,
  SelectStep,
  SinkDescription,
  StdoutSink,
  StepDescription,
  StreamDescription,
  WebsocketSink,
  WindowDescription,
  WindowStep,
} from './job/description.ts';
export { JOB_VERSION } from './job/description.ts';
export type { Duration } from './job/duration.ts';
export type {
  EndedPipeline,
  EventTimeOptions,
  KeyByOptions,
  Keyed,
  Pipeline,
  RowOf,
  StreamSource,
  Windowed,
} from './job/pipeline.ts';
export { type FieldDefinition, type FieldDefinitions, type Row, type Schema, t } from './job/schema.ts';
export { ndjsonFile, stdout, websocket } from './job/sink.ts';
