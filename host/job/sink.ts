// host/job/sink.ts — where results go. Every sink has a name, unique in its job: offsets and subscriptions go by it.

import { JobError } from '../errors.ts';
import type { NdjsonFileSink, SinkDescription, StdoutSink, WebsocketSink } from './description.ts';

const SINK_KINDS: readonly SinkDescription['kind'][] = ['websocket', 'ndjsonFile', 'stdout'];
const SINK_NAME_BYTES_MAX = 128;

/** Subscribers connect to it by its name. */
export function websocket(name: string): WebsocketSink {
  return Object.freeze({ kind: 'websocket', name });
}

/** One JSON object per line, appended. */
export function ndjsonFile(name: string, path: string): NdjsonFileSink {
  if (typeof path !== 'string' || path === '') {
    throw new JobError(`the sink "${name}" has no path: ndjsonFile('${name}', 'results.ndjson')`);
  }
  return Object.freeze({ kind: 'ndjsonFile', name, path });
}

/** One JSON object per line on standard output. */
export function stdout(name = 'stdout'): StdoutSink {
  return Object.freeze({ kind: 'stdout', name });
}

/** @throws JobError when it is no sink or has no usable name */
export function checkedSink(sink: unknown): SinkDescription {
  const { kind, name } = (typeof sink === 'object' && sink !== null ? sink : {}) as { kind?: unknown; name?: unknown };
  if (!SINK_KINDS.includes(kind as SinkDescription['kind'])) {
    throw new JobError(
      `to() takes sinks: websocket('name'), ndjsonFile('name', 'path'), stdout(); seen ${typeof sink}`,
    );
  }
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) || name.length > SINK_NAME_BYTES_MAX) {
    throw new JobError(
      `the sink name ${JSON.stringify(name)} must be 1 … ${SINK_NAME_BYTES_MAX} letters, digits, . _ -, and begin with a letter or digit`,
    );
  }
  return sink as SinkDescription;
}
