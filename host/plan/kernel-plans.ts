// host/plan/kernel-plans.ts — the little binary plans that kernels are created from; their layouts stand at the
// kernels' create functions in assembly/.

import {
  AGGREGATE_AVG,
  AGGREGATE_COUNT,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  BUILDER_EVENT_TIME,
  BUILDER_NULLABLE,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import type { AggregateFunction, FieldDescription, FieldType } from '../job/description.ts';
import type { FlowPlan, KeyedStagePlan, StreamPlan } from './plan.ts';

export const PHYSICAL_TYPE: Record<FieldType, number> = {
  bool: TYPE_BOOL,
  i32: TYPE_I32,
  i64: TYPE_I64,
  f64: TYPE_F64,
  utf8: TYPE_UTF8,
  timestamp: TYPE_I64,
};

const AGGREGATE_CODE: Record<AggregateFunction, number> = {
  count: AGGREGATE_COUNT,
  sum: AGGREGATE_SUM,
  min: AGGREGATE_MIN,
  max: AGGREGATE_MAX,
  avg: AGGREGATE_AVG,
  first: AGGREGATE_FIRST,
  last: AGGREGATE_LAST,
};

const NULL_KEY_CODE = { error: 0, drop: 1, group: 2 } as const;

/** The builder of a stream, with one more i64 slot last: each row's own producer watermark. */
export function builderPlanBytes(stream: StreamPlan, rowsMax: number, bytesMax: number): Uint8Array {
  const slots = stream.decoded.flatMap((field, index) => [
    PHYSICAL_TYPE[field.type],
    (field.nullable ? BUILDER_NULLABLE : 0) | (stream.timed && index === 0 ? BUILDER_EVENT_TIME : 0),
  ]);
  return words([stream.decoded.length + 1, rowsMax, bytesMax, ...slots, TYPE_I64, 0]);
}

/** For the JSON and the Arrow decoder alike: which builder, and the columns' names. */
export function decoderPlanBytes(builder: number, fields: readonly FieldDescription[]): Uint8Array {
  const names = fields.map(({ name }) => encoder.encode(name));
  const namesBytes = names.reduce((sum, name) => sum + name.byteLength, 0);
  const head = [builder, fields.length, namesBytes];
  let offset = (head.length + fields.length * 2) * 4;
  for (const name of names) {
    head.push(offset, name.byteLength);
    offset += name.byteLength;
  }
  return concat([words(head), ...names]);
}

/** Key groups are dealt to partitions in runs, so a partition owns a range of groups. */
export const partitionOfGroup = (group: number, groups: number, partitions: number): number =>
  Math.floor((group * partitions) / groups);

export function scatterPlanBytes(
  flow: FlowPlan,
  partitions: number,
  bounds: { rowsMax: number; imageBytesMax: number; groups: number },
): Uint8Array {
  const { route, output } = flow;
  const head = [
    partitions,
    bounds.groups,
    route.keys.length,
    route.columns.length,
    bounds.rowsMax,
    bounds.imageBytesMax,
  ];
  const columns = [...route.keys, ...route.columns].flatMap((at) => [at, PHYSICAL_TYPE[output[at]!.type]]);
  const tableOffset = (head.length + 2 + columns.length) * 4;
  const table = new Uint16Array(bounds.groups);
  for (let group = 0; group < bounds.groups; group++) table[group] = partitionOfGroup(group, bounds.groups, partitions);
  return concat([
    words([...head, NULL_KEY_CODE[route.nullKey], tableOffset, ...columns]),
    new Uint8Array(table.buffer),
  ]);
}

/** @param seed  two u32 words, random per process: tables must not be attackable by chosen keys */
export function keyedPlanBytes(stage: KeyedStagePlan, seed: readonly [number, number], outRowsMax: number): Uint8Array {
  const bytes = new Uint8Array(40 + (stage.keys.length * 2 + stage.aggregates.length * 4) * 4);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number) => view.setUint32(at, value, true);
  put(0, stage.keys.length);
  put(4, stage.aggregates.length);
  put(8, seed[0]);
  put(12, seed[1]);
  view.setBigInt64(16, BigInt(stage.windowSizeMs), true);
  view.setBigInt64(24, BigInt(stage.windowOffsetMs), true);
  put(32, outRowsMax);
  let at = 40;
  for (const column of stage.keys) {
    put(at, column);
    put(at + 4, PHYSICAL_TYPE[stage.input[column]!.type]);
    at += 8;
  }
  for (const { function: fn, column } of stage.aggregates) {
    const field = column === null ? null : stage.input[column]!;
    put(at, AGGREGATE_CODE[fn]);
    put(at + 4, column ?? 0xffffffff);
    put(at + 8, field === null ? 0 : PHYSICAL_TYPE[field.type]);
    put(at + 12, field?.nullable ? 1 : 0);
    at += 16;
  }
  return bytes;
}

const encoder = new TextEncoder();

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
