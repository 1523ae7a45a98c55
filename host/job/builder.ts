// host/job/builder.ts — how a job is written: stream → steps → sinks → job.
//
//   job('delays',
//     flights.filter(col('delay').ge(15)).keyBy('origin').window(tumbling('1h')).aggregate({ n: count() }).to(stdout()));
//
// Promises
//   - every step returns a new pipeline, so a common beginning may be used twice.
//   - a wrong definition throws a JobError where it is written: what was seen, what is expected, what to do.
//   - the result is plain frozen data (description.ts); streams and pipelines on the way to it are frozen too.
//   - TypeScript infers the fields of every step; the same mistakes are compile errors (pipeline.ts, shape.ts).
// Not here  running it.

import { JobError } from '../errors.ts';
import { isExpression } from '../expression/expression.ts';
import { fieldTypeOf, typeOfExpression } from '../expression/typing.ts';
import { type Aggregate, aggregateField } from './aggregate.ts';
import * as check from './check.ts';
import type {
  FieldDescription,
  JobDescription,
  KeyByStep,
  NullKey,
  PipelineDescription,
  StepDescription,
  StreamDescription,
  WindowDescription,
} from './description.ts';
import { JOB_VERSION } from './description.ts';
import { type Duration, durationMs } from './duration.ts';
import type { EndedPipeline, EventTimeOptions, StreamSource } from './pipeline.ts';
import type { FieldDefinition, FieldDefinitions, SchemaOf } from './schema.ts';
import { checkedSink } from './sink.ts';

export interface StreamOptions {
  /** Time starts when this many producers have said hello; default 1. */
  producers?: number;
}

export interface TumblingOptions {
  /** Moves the windows' starts; less than the size either way. */
  offset?: Duration;
}

const PRODUCERS_MAX = 65_536;

/** A stream of rows with these fields, in this order. @throws JobError */
export function stream<const D extends FieldDefinitions>(
  name: string,
  fields: D,
  options: StreamOptions = {},
): StreamSource<SchemaOf<D>> {
  check.checkName('stream', name);
  const described = describeFields(`stream "${name}"`, fields);
  const { producers = 1 } = options;
  if (!Number.isInteger(producers) || producers < 1 || producers > PRODUCERS_MAX) {
    throw new JobError(`stream "${name}": producers is ${producers}, expected 1 … ${PRODUCERS_MAX}`);
  }
  const state = { stream: Object.freeze({ name, fields: described, producers }), steps: [], fields: described };
  return pipelineOf(state) as unknown as StreamSource<SchemaOf<D>>;
}

/** Windows of one size, end to end, aligned to the epoch. @throws JobError */
export function tumbling(size: Duration, { offset = 0 }: TumblingOptions = {}): WindowDescription {
  const sizeMs = durationMs(size, 'tumbling(): size');
  const offsetMs = durationMs(offset, 'tumbling(): offset');
  check.checkTumbling(sizeMs, offsetMs);
  return Object.freeze({ kind: 'tumbling', sizeMs, offsetMs });
}

/** The job: one or more pipelines, each ended with to(). @throws JobError */
export function job(name: string, ...pipelines: readonly EndedPipeline<unknown>[]): JobDescription {
  check.checkName('job', name);
  if (pipelines.length === 0 || pipelines.length > check.PIPELINES_MAX) {
    throw new JobError(`job "${name}" has ${pipelines.length} pipelines, expected 1 … ${check.PIPELINES_MAX}`);
  }
  for (const [index, pipeline] of pipelines.entries()) {
    if ((pipeline as { kind?: unknown } | null)?.kind !== 'pelton.pipeline') {
      throw new JobError(
        `job "${name}": pipeline ${index + 1} is not ended; end it with .to(stdout()) or another sink`,
      );
    }
  }
  check.checkJob(pipelines);
  return Object.freeze({ kind: 'pelton.job', version: JOB_VERSION, name, pipelines: Object.freeze([...pipelines]) });
}

/** A pipeline being written. */
interface State {
  readonly stream: StreamDescription;
  readonly steps: readonly StepDescription[];
  /** Of the rows after the last step. */
  readonly fields: readonly FieldDescription[];
}

/** Each verb of pipeline.ts: from the state before to the step it adds. */
const STEPS = {
  filter({ fields }: State, [condition]: readonly unknown[]): StepDescription {
    if (typeof condition === 'function') {
      return { kind: 'filterFunction', function: condition as never, output: fields };
    }
    if (!isExpression(condition)) throw new JobError(`takes an expression or a function, seen ${typeof condition}`);
    const { type } = typeOfExpression(condition.node, fields);
    if (type !== 'bool') throw new JobError(`the condition is ${type}, expected bool; compare it: .gt(0)`);
    return { kind: 'filter', expression: condition.node, output: fields };
  },

  select({ fields }: State, columns: readonly unknown[]): StepDescription {
    const [only] = columns;
    const entries = typeof only === 'object' && only !== null ? Object.entries(only) : columns.map(fieldByName);
    const output = entries.map(([name, expression]): FieldDescription => {
      if (!isExpression(expression)) {
        throw new JobError(`"${name}" is ${typeof expression}, expected an expression: col('${name}') or lit(…)`);
      }
      return { name, ...atField(name, () => fieldTypeOf(expression.node, fields)) };
    });
    check.checkFields('select()', output);
    const named = entries.map(([name, expression]) => ({ name, expression: (expression as { node: never }).node }));
    return { kind: 'select', columns: named, output };
  },

  map(_state: State, [fields, mapped]: readonly unknown[]): StepDescription {
    if (typeof mapped !== 'function') {
      throw new JobError('takes the fields of its result and a function: map({ n: t.i32() }, (row) => ({ n: 1 }))');
    }
    const output = describeFields('map()', fields as FieldDefinitions);
    return { kind: 'mapFunction', function: mapped as never, output };
  },

  keyBy({ stream, fields }: State, args: readonly unknown[]): StepDescription {
    if (stream.eventTime === undefined) {
      throw new JobError(
        `the stream has no event time, which windows need: stream(…).eventTime('field', { delay: '10s' })`,
      );
    }
    const last = args.at(-1);
    const hasOptions = typeof last === 'object' && last !== null;
    const names = (hasOptions ? args.slice(0, -1) : args) as string[];
    const { nullKey = 'error' } = (hasOptions ? last : {}) as { nullKey?: NullKey };
    check.checkKey(fields, names);
    if (!['error', 'drop', 'group'].includes(nullKey)) {
      throw new JobError(`nullKey is ${JSON.stringify(nullKey)}, expected 'error', 'drop' or 'group'`);
    }
    return { kind: 'keyBy', fields: [...names], nullKey, output: fields };
  },

  window({ fields }: State, [window]: readonly unknown[]): StepDescription {
    const { kind, sizeMs, offsetMs } = (window ?? {}) as Partial<WindowDescription>;
    if (kind !== 'tumbling') throw new JobError("takes a window: window(tumbling('1h'))");
    check.checkTumbling(sizeMs!, offsetMs!);
    return { kind: 'window', window: { kind, sizeMs: sizeMs!, offsetMs: offsetMs! }, output: fields };
  },

  aggregate({ fields, steps }: State, [aggregates]: readonly unknown[]): StepDescription {
    const entries = Object.entries((aggregates ?? {}) as Record<string, Aggregate>);
    if (entries.length === 0 || entries.length > check.AGGREGATES_MAX) {
      throw new JobError(
        `${entries.length} aggregates, expected 1 … ${check.AGGREGATES_MAX}: aggregate({ n: count() })`,
      );
    }
    const results = entries.map(([name, aggregate]) => {
      if (aggregate?.kind !== 'pelton.aggregate') {
        throw new JobError(`"${name}" is no aggregate; write count(), sum('field'), min, max, avg, first or last`);
      }
      return atField(name, () => aggregateField(name, aggregate, fields));
    });
    const output = [...WINDOW_FIELDS, ...keyFields(steps.at(-2) as KeyByStep, fields), ...results];
    checkResultNames(output);
    return {
      kind: 'aggregate',
      aggregates: entries.map(([name, aggregate]) => ({ name, function: aggregate.function, field: aggregate.field })),
      output,
    };
  },
};

type Verb = keyof typeof STEPS;

/** Which verbs may follow a step: between keyBy and its aggregate there is only the window. */
const ROW_VERBS: readonly (Verb | 'to')[] = ['filter', 'select', 'map', 'keyBy', 'to'];
const FOLLOWERS: { readonly [kind in StepDescription['kind']]?: readonly Verb[] } = {
  keyBy: ['window'],
  window: ['aggregate'],
};

const WINDOW_FIELDS: readonly FieldDescription[] = [
  { name: 'windowStart', type: 'timestamp', nullable: false },
  { name: 'windowEnd', type: 'timestamp', nullable: false },
];

function pipelineOf(state: State): object {
  const { stream, steps, fields } = state;
  const verbs = Object.keys(STEPS) as Verb[];
  const follow = (verb: Verb, args: readonly unknown[]) => {
    const step = inStep(state, verb, () => {
      checkOrder(state, verb);
      return STEPS[verb](state, args);
    });
    return pipelineOf({ stream, steps: [...steps, deepFreeze(step)], fields: step.output });
  };
  return Object.freeze({
    kind: 'pelton.rows',
    fields,
    ...Object.fromEntries(verbs.map((verb) => [verb, (...args: unknown[]) => follow(verb, args)])),
    to: (...sinks: unknown[]) => inStep(state, 'to', () => endedPipeline(state, sinks)),
    eventTime: (field: string, options: EventTimeOptions) =>
      inStep(state, 'eventTime', () => pipelineOf(withEventTime(state, field, options))),
  });
}

function withEventTime(state: State, field: string, options: EventTimeOptions = {}): State {
  const { stream, steps, fields } = state;
  if (steps.length > 0) throw new JobError('belongs to the stream: stream(…).eventTime(…) and then the steps');
  check.checkEventTime(stream.name, fields, field);
  const delayMs = durationMs(options.delay ?? 0, 'delay');
  const idleTimeoutMs = options.idleTimeout === undefined ? null : durationMs(options.idleTimeout, 'idleTimeout');
  if (delayMs < 0) throw new JobError(`delay is ${delayMs} ms, expected 0 or more`);
  if (idleTimeoutMs !== null && idleTimeoutMs <= 0) {
    throw new JobError(`idleTimeout is ${idleTimeoutMs} ms, expected more than 0; leave it out for never`);
  }
  return { stream: deepFreeze({ ...stream, eventTime: { field, delayMs, idleTimeoutMs } }), steps, fields };
}

function endedPipeline(state: State, sinks: readonly unknown[]): PipelineDescription {
  checkOrder(state, 'to');
  if (sinks.length === 0)
    throw new JobError('no sink: to(stdout()), to(websocket(name)) or to(ndjsonFile(name, path))');
  const { stream, steps, fields } = state;
  return deepFreeze({ kind: 'pelton.pipeline', stream, steps, sinks: sinks.map(checkedSink), output: fields });
}

function checkOrder({ steps }: State, verb: Verb | 'to'): void {
  const before = steps.at(-1)?.kind;
  const allowed = (before === undefined ? undefined : FOLLOWERS[before]) ?? ROW_VERBS;
  if (allowed.includes(verb)) return;
  if (verb === 'window') throw new JobError(`a window needs keys before it: keyBy('field').window(…)`);
  if (verb === 'aggregate')
    throw new JobError(`an aggregate needs a window before it: keyBy(…).window(tumbling('1h'))`);
  throw new JobError(`${before} must be followed by ${allowed.join(' or ')}()`);
}

/** With nullKey 'error' and 'drop' no row with a null key reaches a window. */
function keyFields({ fields: names, nullKey }: KeyByStep, fields: readonly FieldDescription[]): FieldDescription[] {
  return names.map((name) => {
    const { type, nullable } = fields.find((field) => field.name === name)!;
    return { name, type, nullable: nullable && nullKey === 'group' };
  });
}

function checkResultNames(output: readonly FieldDescription[]): void {
  const names = output.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === 'windowStart' || twice === 'windowEnd') {
    throw new JobError(
      `"${twice}" is the window's own field; give the key or aggregate another name (select() renames)`,
    );
  }
  if (twice !== undefined)
    throw new JobError(`"${twice}" is a key field and an aggregate; give the aggregate another name`);
  check.checkFields('the result', output);
}

function fieldByName(name: unknown): [string, unknown] {
  if (typeof name !== 'string') throw new JobError(`takes { name: expression } or field names, seen ${typeof name}`);
  return [name, { kind: 'pelton.expression', node: Object.freeze({ kind: 'column', name }) }];
}

function describeFields(where: string, definitions: FieldDefinitions): readonly FieldDescription[] {
  const entries = Object.entries((definitions ?? {}) as { readonly [name: string]: Partial<FieldDefinition> });
  const fields = entries.map(([name, field]) => ({
    name,
    type: field?.type as never,
    nullable: field?.isNullable === true,
  }));
  check.checkFields(where, fields);
  return deepFreeze(fields);
}

/** Says where: errors of a step name the stream, the step's number and its verb. */
function inStep<R>({ stream, steps }: State, verb: string, make: () => R): R {
  return prefixed(
    `stream "${stream.name}", ${verb === 'eventTime' ? '' : `step ${steps.length + 1}, `}${verb}()`,
    make,
  );
}

function atField<R>(name: string, make: () => R): R {
  return prefixed(`"${name}"`, make);
}

function prefixed<R>(prefix: string, make: () => R): R {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error && error.name === 'JobError') throw new JobError(`${prefix}: ${error.message}`);
    throw error;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
