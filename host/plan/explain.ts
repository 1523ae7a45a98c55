// host/plan/explain.ts — a plan as text: what is decoded, what runs where, what crosses from thread to thread.

import type { FieldDescription } from '../job/description.ts';
import { KEY_GROUPS } from '../limits.ts';
import type { FlowPlan, FlowStep, KeyedStagePlan, OutputPlan, Plan, StagePlan, StreamPlan } from './plan.ts';

/** Lines for people; the order of the data's way. */
export function explainPlan(plan: Plan): string {
  const lines = [`job ${plan.job}   plan ${plan.hash.slice(0, 12)}`];
  for (const stream of plan.streams) lines.push('', ...explainStream(plan, stream));
  for (const stage of plan.stages) lines.push('', ...explainStage(plan, stage));
  for (const output of plan.outputs) lines.push('', ...explainOutput(output));
  return `${lines.join('\n')}\n`;
}

function explainStream(plan: Plan, stream: StreamPlan): string[] {
  const { description, decoded } = stream;
  const unread = description.fields.filter(({ name }) => !decoded.some((field) => field.name === name));
  return [
    `stream ${description.name}   on the listeners`,
    `  decodes     ${fieldList(decoded)}`,
    ...(unread.length > 0 ? [`  checks only ${unread.map(({ name }) => name).join(', ')}`] : []),
    `  event time  ${eventTimeText(stream)}`,
    ...stream.flows.flatMap((flow) => explainFlow(plan, flow)),
  ];
}

function eventTimeText({ description }: StreamPlan): string {
  const { eventTime, producers } = description;
  if (eventTime === undefined) return 'none';
  const { field, delayMs, idleTimeoutMs } = eventTime;
  const idle = idleTimeoutMs === null ? 'never idle' : `idle after ${duration(idleTimeoutMs)}`;
  return `${field}, watermark = greatest − ${duration(delayMs)}; a producer is ${idle}; producers needed: ${producers}`;
}

function explainFlow(plan: Plan, flow: FlowPlan): string[] {
  const { route } = flow;
  const names = (columns: number[]) => columns.map((column) => flow.output[column]!.name).join(', ');
  const where =
    route.target.kind === 'output'
      ? `output ${route.target.output}`
      : `stage ${route.target.stage} (${plan.stages[route.target.stage]!.id})`;
  const how =
    route.keys.length === 0
      ? 'batch by batch in turn'
      : `by murmur2(${names(route.keys)}) in ${KEY_GROUPS} key groups, null key: ${route.nullKey}`;
  return [
    ...flow.steps.map(explainStep),
    route.target.kind === 'output' ? `  → ${where}` : `  → ${where}   ${how}: ${names(route.columns)}`,
  ];
}

function explainStep(step: FlowStep): string {
  const after = fieldList(step.columns);
  if (step.kind === 'program') return `  program     ${step.program.byteLength} bytes, in WebAssembly → ${after}`;
  const what = step.kind === 'mapFunction' ? 'map   ' : 'filter';
  return `  ${what}      a JavaScript function, row by row (the slower path) → ${after}`;
}

function explainStage(plan: Plan, stage: StagePlan): string[] {
  const title = `stage ${stage.index} (${stage.id})   on every partition`;
  if (stage.kind === 'pass') return [title, '  passes rows on, under offsets of its own', `  → output ${stage.output}`];
  const named = (column: number | null) => (column === null ? '' : stage.input[column]!.name);
  const aggregates = stage.aggregates.map(({ name, function: fn, column }) => `${name} = ${fn}(${named(column)})`);
  const offset = stage.windowOffsetMs === 0 ? '' : `, offset ${duration(stage.windowOffsetMs)}`;
  return [
    `${title}, its share of the keys`,
    `  key         ${stage.keys.map(named).join(', ')}`,
    `  window      tumbling ${duration(stage.windowSizeMs)}${offset}`,
    `  aggregates  ${aggregates.join(', ')}`,
    `  state       about ${entryBytes(stage)} bytes per live key and open window, text of keys aside`,
    ...explainFlow(plan, stage.flow),
  ];
}

function explainOutput(output: OutputPlan): string[] {
  return [
    `output ${output.index}   ${fieldList(output.fields)}`,
    ...output.sinks.map(
      (sink) => `  sink ${sink.name}   ${sink.kind}${sink.kind === 'ndjsonFile' ? ` ${sink.path}` : ''}`,
    ),
  ];
}

/** Key, state and index slot of one entry: the kernels keep 8 bytes a key part and 8 to 24 an aggregate. */
function entryBytes(stage: KeyedStagePlan): number {
  const aggregates = stage.aggregates.reduce((sum, { function: fn }) => sum + (fn === 'count' ? 8 : 16), 0);
  return 16 + stage.keys.length * 8 + aggregates;
}

const fieldList = (fields: readonly FieldDescription[]): string =>
  fields.map(({ name, type, nullable }) => `${name} ${type}${nullable ? '?' : ''}`).join(', ');

const UNITS: [number, string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
];

function duration(ms: number): string {
  for (const [unitMs, name] of UNITS) if (ms !== 0 && ms % unitMs === 0) return `${ms / unitMs} ${name}`;
  return `${ms} ms`;
}
