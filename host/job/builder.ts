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
import * as check from './check.ts';
import type { JobDescription, PipelineDescription, WindowDescription } from './description.ts';
import { JOB_VERSION } from './description.ts';
import { type Duration, durationMs } from './duration.ts';
import type { EndedPipeline, EventTimeOptions, StreamSource } from './pipeline.ts';
import type { FieldDefinitions, SchemaOf } from './schema.ts';
import { checkedSink } from './sink.ts';
import { checkOrder, deepFreeze, describeFields, prefixed, STEPS, type State, type Verb } from './steps.ts';

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

/** Says where: errors of a step name the stream, the step's number and its verb. */
function inStep<R>({ stream, steps }: State, verb: string, make: () => R): R {
  return prefixed(
    `stream "${stream.name}", ${verb === 'eventTime' ? '' : `step ${steps.length + 1}, `}${verb}()`,
    make,
  );
}
