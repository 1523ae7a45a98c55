// host/job/steps.ts — what each verb of a pipeline makes of its arguments: a step, or a JobError that says why not.
//
// Not here  the types that refuse the same at compile time (pipeline.ts); how steps are strung together (builder.ts).

import { JobError } from '../errors.ts';
import { compileProgram } from '../expression/compile.ts';
import { type Expression, isExpression } from '../expression/expression.ts';
import { fieldTypeOf, typeOfExpression } from '../expression/typing.ts';
import { type Aggregate, aggregateField } from './aggregate.ts';
import * as check from './check.ts';
import type {
  FieldDescription,
  KeyByStep,
  NullKey,
  StepDescription,
  StreamDescription,
  WindowDescription,
} from './description.ts';
import type { FieldDefinition, FieldDefinitions } from './schema.ts';

/** A pipeline being written. */
export interface State {
  readonly stream: StreamDescription;
  readonly steps: readonly StepDescription[];
  /** Of the rows after the last step. */
  readonly fields: readonly FieldDescription[];
}

/** Each verb of pipeline.ts: from the state before to the step it adds. */
export const STEPS = {
  filter({ fields }: State, [condition]: readonly unknown[]): StepDescription {
    if (typeof condition === 'function') {
      return { kind: 'filterFunction', function: condition as never, output: fields };
    }
    if (!isExpression(condition)) throw new JobError(`takes an expression or a function, seen ${typeof condition}`);
    const { type } = typeOfExpression(condition.node, fields);
    if (type !== 'bool') throw new JobError(`the condition is ${type}, expected bool; compare it: .gt(0)`);
    const step = { kind: 'filter', expression: condition.node, output: fields } as const;
    compileProgram(fields, [step]); // its literals are checked against the types they meet
    return step;
  },

  select({ fields }: State, columns: readonly unknown[]): StepDescription {
    const [only] = columns;
    if (isExpression(only)) throw new JobError('takes named expressions: select({ name: expression })');
    const entries = typeof only === 'object' && only !== null ? Object.entries(only) : columns.map(fieldByName);
    const output = entries.map(([name, expression]): FieldDescription => {
      if (!isExpression(expression)) {
        throw new JobError(`"${name}" is ${typeof expression}, expected an expression: col('${name}') or lit(…)`);
      }
      return { name, ...atField(name, () => fieldTypeOf(expression.node, fields)) };
    });
    check.checkFields('select()', output);
    for (const [index, [name, expression]] of entries.entries()) {
      const columns = [{ name, expression: (expression as Expression<unknown>).node }];
      atField(name, () => compileProgram(fields, [{ kind: 'select', columns, output: [output[index]!] }]));
    }
    const named = entries.map(([name, expression]) => ({ name, expression: (expression as Expression<unknown>).node }));
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

export type Verb = keyof typeof STEPS;

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

/** @throws JobError when the verb cannot follow the last step */
export function checkOrder({ steps }: State, verb: Verb | 'to'): void {
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

/** Field definitions as data. @throws JobError */
export function describeFields(where: string, definitions: FieldDefinitions): readonly FieldDescription[] {
  const entries = Object.entries((definitions ?? {}) as { readonly [name: string]: Partial<FieldDefinition> });
  const fields = entries.map(([name, field]) => ({
    name,
    type: field?.type as never,
    nullable: field?.isNullable === true,
  }));
  check.checkFields(where, fields);
  return deepFreeze(fields);
}

function atField<R>(name: string, make: () => R): R {
  return prefixed(`"${name}"`, make);
}

/** Errors of what `make` does begin with where it stands. */
export function prefixed<R>(prefix: string, make: () => R): R {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error && error.name === 'JobError') throw new JobError(`${prefix}: ${error.message}`);
    throw error;
  }
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
