// host/job/pipeline.ts — the verbs of a pipeline, as TypeScript sees them: which may follow which, over which fields.
//
// Where an argument is wrong its parameter turns into Ill<"why">, which is what the compiler then prints.
// The bodies of the verbs are in builder.ts.

import type { Expression } from '../expression/expression.ts';
import type { FieldOf, Ill, TypeOf } from '../expression/shape.ts';
import type { Aggregate, AggregateField, Aggregates } from './aggregate.ts';
import type {
  FieldDescription,
  NullKey,
  PipelineDescription,
  SinkDescription,
  WindowDescription,
} from './description.ts';
import type { Duration } from './duration.ts';
import type { FieldDefinitions, FieldShape, Row, Schema, SchemaOf } from './schema.ts';

declare const schema: unique symbol;

/** Rows with the fields S. */
export interface Pipeline<S extends Schema> {
  readonly kind: 'pelton.rows';
  readonly fields: readonly FieldDescription[];
  readonly [schema]?: S;

  /** Keeps the rows for which the condition is true. An expression runs in the kernels, a function in JavaScript (slower). */
  filter<X>(condition: ((row: Row<S>) => boolean) | Condition<S, X>): Pipeline<S>;

  /** Keeps these fields, in this order. */
  select<K extends keyof S & string>(...names: K[]): Pipeline<Pick<S, K>>;
  /** Replaces the fields, by expressions that run in the kernels. */
  select<const C extends Columns>(columns: C & CheckedColumns<S, C>): Pipeline<Selected<S, C>>;

  /** Replaces the rows, by a function that runs in JavaScript (slower); it must be pure. `fields` says what it returns. */
  map<const D extends FieldDefinitions>(fields: D, mapped: (row: Row<S>) => Row<SchemaOf<D>>): Pipeline<SchemaOf<D>>;

  /** Rows with equal values in these fields meet in one window. 1 … 16 fields of any type. */
  keyBy<K extends keyof S & string, const N extends NullKey = 'error'>(
    ...fieldsAndOptions: [...fields: K[], options: KeyByOptions<N>]
  ): Keyed<S, K, N>;
  keyBy<K extends keyof S & string>(...fields: K[]): Keyed<S, K, 'error'>;

  /** Ends the pipeline: its rows go to every sink named. */
  to(...sinks: [SinkDescription, ...SinkDescription[]]): EndedPipeline<S>;
}

export interface KeyByOptions<N extends NullKey = NullKey> {
  /** A row with a null in its key is rejected by name ('error', the default), dropped and counted, or a key of its own. */
  nullKey?: N;
}

export interface EventTimeOptions {
  /** How far a producer's rows may be out of order; default 0. */
  delay?: Duration;
  /** After this long without a row a producer no longer holds time back; default: never. */
  idleTimeout?: Duration;
}

/** A stream as it was defined. */
export interface StreamSource<S extends Schema> extends Pipeline<S> {
  /** The field that says when a row happened: a timestamp, never null. Windows need it. */
  eventTime(field: TimestampFields<S>, options?: EventTimeOptions): Pipeline<S>;
}

export interface Keyed<S extends Schema, K extends keyof S, N extends NullKey> {
  readonly kind: 'pelton.rows';
  window(window: WindowDescription): Windowed<S, K, N>;
}

export interface Windowed<S extends Schema, K extends keyof S, N extends NullKey> {
  readonly kind: 'pelton.rows';
  /** One row per key and window: windowStart, windowEnd, the key fields, the aggregates. Its event time is windowEnd − 1. */
  aggregate<const A extends Aggregates>(aggregates: A & CheckedAggregates<S, A>): Pipeline<Result<S, K, N, A>>;
}

/** What to() returns: plain data, with the type of its rows. */
export interface EndedPipeline<S> extends PipelineDescription {
  readonly [schema]?: S;
}

/** The rows of a pipeline: `type Delay = RowOf<typeof delays>`. */
export type RowOf<P extends { readonly [schema]?: unknown }> =
  NonNullable<P[typeof schema]> extends infer S extends Schema ? Row<S> : never;

type Columns = { readonly [name: string]: Expression<unknown> };
type TreeOf<E> = E extends Expression<infer X> ? X : never;

type Condition<S extends Schema, X> =
  TypeOf<S, X> extends Ill<string>
    ? TypeOf<S, X>
    : TypeOf<S, X> extends { type: 'bool' }
      ? Expression<X>
      : TypeOf<S, X> extends { type: infer T extends string }
        ? Ill<`a filter takes a bool, not ${T}`>
        : Expression<X>;

type CheckedColumns<S extends Schema, C extends Columns> = {
  readonly [K in keyof C]: FieldOf<S, TreeOf<C[K]>> extends FieldShape ? Expression<unknown> : FieldOf<S, TreeOf<C[K]>>;
};
type Selected<S extends Schema, C extends Columns> = {
  readonly [K in keyof C]: FieldOf<S, TreeOf<C[K]>> extends infer F extends FieldShape ? F : never;
};

type TimestampFields<S extends Schema> = {
  [K in keyof S & string]: S[K] extends FieldShape<'timestamp', false> ? K : never;
}[keyof S & string];

type CheckedAggregates<S extends Schema, A extends Aggregates> = {
  readonly [K in keyof A]: AggregateField<S, A[K]> extends FieldShape ? Aggregate : AggregateField<S, A[K]>;
};

type Result<S extends Schema, K extends keyof S, N extends NullKey, A extends Aggregates> = Flat<
  WindowFields & { readonly [F in K]: FieldShape<S[F]['type'], N extends 'group' ? S[F]['nullable'] : false> } & {
    readonly [F in keyof A]: AggregateField<S, A[F]> extends infer R extends FieldShape ? R : never;
  }
>;

interface WindowFields {
  readonly windowStart: FieldShape<'timestamp', false>;
  readonly windowEnd: FieldShape<'timestamp', false>;
}

type Flat<T> = { readonly [K in keyof T]: T[K] };
