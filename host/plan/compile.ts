// host/plan/compile.ts — a checked job description becomes a plan. Pure: the same job gives the same plan everywhere.
//
// A pipeline is cut into segments at every aggregation: the steps before the cut run as a flow on the thread that
// has the batch, the rows cross to the partition that owns their key, the aggregation is a stage there.
// Only fields that are read later are decoded and carried: liveness is computed backwards through each segment.
// Not here  whether the job is well formed (host/job checked that when it was built).

import { createHash } from 'node:crypto';
import { compileProgram } from '../expression/compile.ts';
import { jobText } from '../job/canonical.ts';
import type {
  AggregateStep,
  ExpressionNode,
  FieldDescription,
  FilterFunctionStep,
  FilterStep,
  JobDescription,
  KeyByStep,
  MapFunctionStep,
  PipelineDescription,
  SelectStep,
  StreamDescription,
  WindowStep,
} from '../job/description.ts';
import { type FlowPlan, type FlowStep, HIDDEN_TIME, type Plan, type RoutePlan, type StreamPlan } from './plan.ts';

export function compilePlan(job: JobDescription): Plan {
  const plan: Plan = { job: job.name, hash: '', streams: [], stages: [], outputs: [] };
  for (const pipeline of job.pipelines) declareStream(plan, job, pipeline.stream);
  for (const pipeline of job.pipelines) addPipeline(plan, pipeline);
  return { ...plan, hash: createHash('sha256').update(jobText(job)).digest('hex') };
}

type RowStep = FilterStep | FilterFunctionStep | SelectStep | MapFunctionStep;

/** What runs between two aggregations, and the aggregation that ends it (none: the pipeline's end). */
interface Segment {
  steps: RowStep[];
  keyed: { keyBy: KeyByStep; window: WindowStep; aggregate: AggregateStep } | null;
  /** Fields that whatever follows the steps reads. */
  reads: string[];
}

function segmentsOf(pipeline: PipelineDescription): Segment[] {
  const segments: Segment[] = [];
  let steps: RowStep[] = [];
  let keyBy: KeyByStep | undefined;
  let window: WindowStep | undefined;
  for (const step of pipeline.steps) {
    if (step.kind === 'keyBy') keyBy = step;
    else if (step.kind === 'window') window = step;
    else if (step.kind === 'aggregate') {
      const fields = step.aggregates.flatMap(({ field }) => (field === null ? [] : [field]));
      segments.push({
        steps,
        keyed: { keyBy: keyBy!, window: window!, aggregate: step },
        reads: [...new Set([...keyBy!.fields, ...fields])],
      });
      steps = [];
      keyBy = undefined;
    } else steps.push(step);
  }
  // A keyBy that no window follows leaves rows as they are: nothing later needs them by key.
  segments.push({ steps, keyed: null, reads: pipeline.output.map(({ name }) => name) });
  return segments;
}

/** The fields that a segment reads of the rows that enter it. */
function liveAtEntry({ steps, reads }: Segment, entering: readonly FieldDescription[]): Set<string> {
  let live = new Set(reads);
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]!;
    const before = index === 0 ? entering : steps[index - 1]!.output;
    if (step.kind === 'filter') for (const name of columnsRead(step.expression)) live.add(name);
    else if (step.kind === 'select') live = new Set(step.columns.flatMap(({ expression }) => columnsRead(expression)));
    else live = new Set(before.map(({ name }) => name)); // A function sees whole rows.
  }
  return live;
}

function columnsRead(node: ExpressionNode): string[] {
  if (node.kind === 'column') return [node.name];
  return node.kind === 'call' ? node.operands.flatMap(columnsRead) : [];
}

/** Streams are decoded once, whatever reads them: the union of what the pipelines need, event time first. */
function declareStream(plan: Plan, job: JobDescription, description: StreamDescription): void {
  if (plan.streams.some((stream) => stream.description.name === description.name)) return;
  const live = new Set<string>();
  for (const pipeline of job.pipelines) {
    if (pipeline.stream.name !== description.name) continue;
    for (const name of liveAtEntry(segmentsOf(pipeline)[0]!, description.fields)) live.add(name);
  }
  const time = description.eventTime?.field;
  const decoded = description.fields.filter(({ name }) => name !== time && live.has(name));
  const timeField = description.fields.find(({ name }) => name === time);
  plan.streams.push({
    index: plan.streams.length,
    description,
    decoded: timeField ? [timeField, ...decoded] : decoded,
    timed: timeField !== undefined,
    flows: [],
  });
}

/** Walks a pipeline's segments; `put` says where the next flow belongs: its stream, then each stage in turn. */
function addPipeline(plan: Plan, pipeline: PipelineDescription): void {
  const stream = plan.streams.find(({ description }) => description.name === pipeline.stream.name)!;
  const segments = segmentsOf(pipeline);
  let input: FieldDescription[] = stream.decoded;
  let { timed } = stream;
  let upstream: { kind: 'stream'; stream: number } | { kind: 'stage'; stage: number } = {
    kind: 'stream',
    stream: stream.index,
  };
  let put: (flow: FlowPlan) => void = (flow) => void stream.flows.push(flow);
  for (const [depth, segment] of segments.entries()) {
    const { steps, output } = compileSteps(segment, input, timed);
    const index = plan.stages.length;
    const id = `${pipeline.sinks[0]!.name}/${depth}`;
    if (segment.keyed === null) {
      const columns = pipeline.output.map(({ name }) => columnOf(output, name, timed));
      const stage = upstream.kind === 'stage' ? upstream.stage : index;
      const outputIndex = plan.outputs.length;
      plan.outputs.push({ index: outputIndex, stage, fields: [...pipeline.output], sinks: [...pipeline.sinks] });
      const target: RoutePlan['target'] =
        upstream.kind === 'stage' ? { kind: 'output', output: outputIndex } : { kind: 'stage', stage: index };
      put({ input, steps, output, timed, route: { target, columns, keys: [], nullKey: 'group' } });
      if (upstream.kind === 'stream') {
        plan.stages.push({ kind: 'pass', index, id, upstream, input: [...pipeline.output], output: outputIndex });
      }
      return;
    }
    const { keyBy, window, aggregate } = segment.keyed;
    const keys = keyBy.fields.map((name) => columnOf(output, name, timed));
    const columns = [
      0,
      ...new Set(segment.reads.map((name) => columnOf(output, name, timed)).filter((at) => at !== 0)),
    ];
    put({
      input,
      steps,
      output,
      timed,
      route: { target: { kind: 'stage', stage: index }, columns, keys, nullKey: keyBy.nullKey },
    });
    const inImage = (name: string) => columns.indexOf(columnOf(output, name, timed));
    input = [HIDDEN_TIME, ...aggregate.output];
    timed = true;
    plan.stages.push({
      kind: 'keyed',
      index,
      id,
      upstream,
      input: columns.map((at) => output[at]!),
      keys: keyBy.fields.map(inImage),
      windowSizeMs: window.window.sizeMs,
      windowOffsetMs: window.window.offsetMs,
      aggregates: aggregate.aggregates.map(({ name, function: fn, field }) => ({
        name,
        function: fn,
        column: field === null ? null : inImage(field),
      })),
      flow: NO_FLOW_YET,
    });
    const stage = plan.stages[index]!;
    put = (flow) => void (stage.kind === 'keyed' && Object.assign(stage, { flow }));
    upstream = { kind: 'stage', stage: index };
  }
}

/** Replaced by the segment that follows: every pipeline ends in a segment without an aggregation. */
const NO_FLOW_YET: FlowPlan = {
  input: [],
  steps: [],
  output: [],
  timed: true,
  route: { target: { kind: 'output', output: -1 }, columns: [], keys: [], nullKey: 'group' },
};

/** Position of a field among columns. The event time of a stream is a field itself; elsewhere column 0 is hidden. */
function columnOf(columns: readonly FieldDescription[], name: string, timed: boolean): number {
  const hidden = timed && columns[0] === HIDDEN_TIME ? 1 : 0;
  const at = columns.findIndex((column, index) => index >= hidden && column.name === name);
  if (at < 0) throw new Error(`field ${name} is not among ${columns.map((column) => column.name).join(', ')}`);
  return at;
}

/** Runs of filter and select become one program; functions stand between programs. */
function compileSteps(
  segment: Segment,
  input: FieldDescription[],
  timed: boolean,
): { steps: FlowStep[]; output: FieldDescription[] } {
  const steps: FlowStep[] = [];
  let columns = input;
  let run: (FilterStep | SelectStep)[] = [];
  const closeRun = () => {
    if (run.length === 0) return;
    const fields = columns.flatMap((column, index) => (column === HIDDEN_TIME ? [] : [index]));
    const { bytes, output } = compileProgram(columns, run, { passThrough: timed ? [0] : [], fields });
    columns = timed ? [HIDDEN_TIME, ...output.slice(1)] : [...output];
    steps.push({ kind: 'program', program: bytes, columns });
    run = [];
  };
  for (const step of segment.steps) {
    if (step.kind === 'filter' || step.kind === 'select') {
      run.push(step);
      continue;
    }
    closeRun();
    if (step.kind === 'mapFunction') columns = timed ? [HIDDEN_TIME, ...step.output] : [...step.output];
    steps.push({ ...step, columns });
  }
  closeRun();
  return { steps, output: columns };
}

/** The stream of a plan by its name. */
export const streamNamed = (plan: Plan, name: string): StreamPlan | undefined =>
  plan.streams.find(({ description }) => description.name === name);
