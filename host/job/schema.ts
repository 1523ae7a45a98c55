// host/job/schema.ts — field types, as values (`t.i32().nullable()`) and as TypeScript types.
//
// A schema is known twice: as data (FieldDescription[], checked when the job is built) and as a type (Schema, from
// which rows and results are inferred). Both are made from the same `t.…()` calls.

import type { FieldType } from './description.ts';

/** The type of one field: what the inference below works on. */
export interface FieldShape<T extends FieldType = FieldType, N extends boolean = boolean> {
  readonly type: T;
  readonly nullable: N;
}

export type Schema = { readonly [field: string]: FieldShape };

/** What `t.i32()` returns. */
export interface FieldDefinition<T extends FieldType = FieldType, N extends boolean = boolean> {
  readonly kind: 'pelton.field';
  readonly type: T;
  readonly isNullable: N;
  /** The same type, where null is a value too. */
  nullable(): FieldDefinition<T, true>;
}

export type FieldDefinitions = { readonly [field: string]: FieldDefinition };

export type SchemaOf<D extends FieldDefinitions> = {
  readonly [K in keyof D]: FieldShape<D[K]['type'], D[K]['isNullable']>;
};

/** What a value of a field type is in JavaScript. */
export type ValueOf<T extends FieldType> = T extends 'bool'
  ? boolean
  : T extends 'i64'
    ? bigint
    : T extends 'utf8'
      ? string
      : number;

/** A row as JavaScript functions and readers of results see it. */
export type Row<S extends Schema> = {
  readonly [K in keyof S]: ValueOf<S[K]['type']> | (S[K]['nullable'] extends true ? null : never);
};

function field<T extends FieldType>(type: T): FieldDefinition<T, false> {
  return Object.freeze({
    kind: 'pelton.field',
    type,
    isNullable: false,
    nullable: () => Object.freeze({ kind: 'pelton.field', type, isNullable: true, nullable: nullableTwice }),
  });
}

/** Saying it twice changes nothing. */
function nullableTwice<F>(this: F): F {
  return this;
}

/** The field types. In JavaScript: i64 is a bigint; i32, f64 and timestamp (epoch milliseconds) are numbers. */
export const t = Object.freeze({
  bool: () => field('bool'),
  i32: () => field('i32'),
  i64: () => field('i64'),
  f64: () => field('f64'),
  utf8: () => field('utf8'),
  timestamp: () => field('timestamp'),
});
