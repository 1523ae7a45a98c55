// host/job/aggregate.ts — count, sum, min, max, avg, first, last: what a window computes per key.
//
// Nulls are skipped, as in SQL. sum of integers is an i64 (wider inside: a final sum that does not fit is a named
// error, never a wrap). In min and max −0 is 0 and NaN is greatest. first and last go by event time, ties by arrival.

import { JobError } from '../errors.ts';
import type { Ill } from '../expression/shape.ts';
import { unknownField } from '../expression/typing.ts';
import type { AggregateFunction, FieldDescription } from './description.ts';
import type { FieldShape, Schema } from './schema.ts';

/** What `sum('delay')` returns; it gets its name where it is used: `aggregate({ total: sum('delay') })`. */
export interface Aggregate<
  F extends AggregateFunction = AggregateFunction,
  Field extends string | null = string | null,
> {
  readonly kind: 'pelton.aggregate';
  readonly function: F;
  readonly field: Field;
}

export type Aggregates = { readonly [name: string]: Aggregate };

/** The field an aggregate adds to the result, or an Ill. */
export type AggregateField<S extends Schema, A extends Aggregate> = A['field'] extends null
  ? FieldShape<'i64', false>
  : A['field'] extends keyof S & string
    ? A['function'] extends 'count'
      ? FieldShape<'i64', false>
      : S[A['field']]['type'] extends 'bool' | 'utf8'
        ? Ill<`${A['function']} does not take ${S[A['field']]['type']} "${A['field']}"`>
        : A['function'] extends 'min' | 'max' | 'first' | 'last'
          ? FieldShape<S[A['field']]['type'], S[A['field']]['nullable']>
          : S[A['field']]['type'] extends 'timestamp'
            ? Ill<`${A['function']} does not take timestamp "${A['field']}"`>
            : A['function'] extends 'avg'
              ? FieldShape<'f64', S[A['field']]['nullable']>
              : FieldShape<S[A['field']]['type'] extends 'f64' ? 'f64' : 'i64', S[A['field']]['nullable']>
    : Ill<`unknown field "${A['field']}"`, keyof S>;

/** Rows, or with a field: its values that are not null. */
export function count(): Aggregate<'count', null>;
export function count<const Field extends string>(field: Field): Aggregate<'count', Field>;
export function count(field: string | null = null): Aggregate<'count'> {
  return aggregate('count', field);
}
export const sum = <const Field extends string>(field: Field) => aggregate('sum', field);
export const min = <const Field extends string>(field: Field) => aggregate('min', field);
export const max = <const Field extends string>(field: Field) => aggregate('max', field);
/** The mean, an f64. */
export const avg = <const Field extends string>(field: Field) => aggregate('avg', field);
/** The value with the least event time. */
export const first = <const Field extends string>(field: Field) => aggregate('first', field);
/** The value with the greatest event time. */
export const last = <const Field extends string>(field: Field) => aggregate('last', field);

function aggregate<F extends AggregateFunction, Field extends string | null>(
  name: F,
  field: Field,
): Aggregate<F, Field> {
  if (field !== null && typeof field !== 'string') {
    throw new JobError(`${name}() takes a field's name: ${name}('delay'); compute it before with select()`);
  }
  return Object.freeze({ kind: 'pelton.aggregate', function: name, field });
}

/** The result field of an aggregate over these fields. @throws JobError when the field is unknown or of a wrong type */
export function aggregateField(
  name: string,
  { function: called, field }: Aggregate,
  fields: readonly FieldDescription[],
): FieldDescription {
  if (field === null) return { name, type: 'i64', nullable: false };
  const of = fields.find((candidate) => candidate.name === field);
  if (of === undefined) throw unknownField(field, fields);
  const { type, nullable } = of;
  if (called === 'count') return { name, type: 'i64', nullable: false };
  if (type === 'utf8' || type === 'bool') {
    throw new JobError(
      `${called} does not take ${type} "${field}", expected a number or timestamp${type === 'bool' ? '; select toI32() of it before' : '; count() takes any field'}`,
    );
  }
  if (called === 'min' || called === 'max' || called === 'first' || called === 'last') return { name, type, nullable };
  if (type === 'timestamp') {
    throw new JobError(`${called} does not take timestamp "${field}", expected a number; select toI64() of it before`);
  }
  return { name, type: called === 'avg' || type === 'f64' ? 'f64' : 'i64', nullable };
}
