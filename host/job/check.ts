// host/job/check.ts — the rules of a job definition that the types cannot hold, each with its message.

import { JobError } from '../errors.ts';
import { unknownField } from '../expression/typing.ts';
import type { FieldDescription, FieldType, PipelineDescription, StreamDescription } from './description.ts';
import { durationText } from './duration.ts';

export const FIELDS_MAX = 512;
export const FIELD_NAME_BYTES_MAX = 128;
export const KEY_FIELDS_MAX = 16;
export const AGGREGATES_MAX = 64;
export const PIPELINES_MAX = 64;

const FIELD_TYPES: readonly FieldType[] = ['bool', 'i32', 'i64', 'f64', 'utf8', 'timestamp'];

/** Names of streams and jobs stand in paths and URLs. */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
    throw new JobError(
      `the ${what} name ${JSON.stringify(name)} must be 1 … 128 letters, digits, . _ -, and begin with a letter or digit`,
    );
  }
}

/** Count, names and types of the fields of a row. */
export function checkFields(where: string, fields: readonly FieldDescription[]): void {
  if (fields.length === 0 || fields.length > FIELDS_MAX) {
    throw new JobError(`${where} has ${fields.length} fields, expected 1 … ${FIELDS_MAX}`);
  }
  const names = new Set<string>();
  for (const { name, type } of fields) {
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > FIELD_NAME_BYTES_MAX || !name.isWellFormed()) {
      throw new JobError(
        `${where}: the field name ${JSON.stringify(name)} has ${bytes} bytes, expected 1 … ${FIELD_NAME_BYTES_MAX} bytes of whole characters`,
      );
    }
    if (name === '__proto__')
      throw new JobError(`${where}: "__proto__" is reserved by JavaScript; name the field otherwise`);
    if (names.has(name)) throw new JobError(`${where}: the field "${name}" stands there twice`);
    names.add(name);
    if (!FIELD_TYPES.includes(type)) {
      throw new JobError(`${where}: the field "${name}" needs a type: t.${FIELD_TYPES.join('(), t.')}()`);
    }
  }
}

export function checkKey(fields: readonly FieldDescription[], names: readonly string[]): void {
  if (names.length === 0 || names.length > KEY_FIELDS_MAX) {
    throw new JobError(`keyBy() with ${names.length} fields, expected 1 … ${KEY_FIELDS_MAX}`);
  }
  for (const name of names) if (!fields.some((field) => field.name === name)) throw unknownField(name, fields);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new JobError(`keyBy(): the field "${twice}" stands there twice`);
}

export function checkTumbling(sizeMs: number, offsetMs: number): void {
  if (sizeMs <= 0) throw new JobError(`tumbling(): size is ${sizeMs} ms, expected more than 0`);
  if (Math.abs(offsetMs) >= sizeMs) {
    const equal = offsetMs % sizeMs;
    throw new JobError(
      `tumbling(): offset is ${durationText(offsetMs)}, expected less than the size (${durationText(sizeMs)}) either way; ${durationText(equal + 0)} gives the same windows`,
    );
  }
}

export function checkEventTime(name: string, fields: readonly FieldDescription[], field: string): void {
  const time = fields.find((candidate) => candidate.name === field);
  if (time === undefined) throw unknownField(field, fields);
  if (time.type !== 'timestamp' || time.nullable) {
    throw new JobError(
      `eventTime('${field}'): the field of stream "${name}" is ${time.nullable ? 'a nullable ' : ''}${time.type}, expected t.timestamp(), never null`,
    );
  }
}

/** What holds between the pipelines of one job: stream and sink names. */
export function checkJob(pipelines: readonly PipelineDescription[]): void {
  const streams = new Map<string, StreamDescription>();
  const sinks = new Set<string>();
  for (const { stream, sinks: own } of pipelines) {
    const known = streams.get(stream.name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(stream)) {
      throw new JobError(
        `two streams are called "${stream.name}", with different fields or options; define it once and use it twice`,
      );
    }
    streams.set(stream.name, stream);
    for (const { name } of own) {
      if (sinks.has(name))
        throw new JobError(`two sinks are called "${name}"; offsets and subscriptions go by the name`);
      sinks.add(name);
    }
  }
}
