// host/expression/shape.ts — the type of an expression, as TypeScript computes it over a schema.
//
// `col('delay').ge(15)` has the type Expression<Call<'ge', [Column<'delay'>, Literal<15>]>>: the tree itself. Where
// it is used, TypeOf<S, tree> gives the type and nullability of its value, or an Ill with the reason, which is what
// the compiler then prints. typing.ts says the same over data when the job is built; the two are tested together.

import type { CompareOperator, FieldType, Operator } from '../job/description.ts';
import type { FieldShape, Schema } from '../job/schema.ts';

export interface Column<Name extends string> {
  readonly column: Name;
}
export interface Literal<V> {
  readonly literal: V;
}
export interface Call<O extends Operator, A extends readonly unknown[]> {
  readonly operator: O;
  readonly operands: A;
}

/** Stands where a good type would: its first argument is the compiler's message. */
export interface Ill<Message extends string, Known = unknown> {
  readonly refused: Message;
  readonly known?: Known;
}

/** `number` is a number literal that has not met a column yet; `null` is lit(null). */
type ValueType = FieldType | 'number' | 'null';
interface Typed<T extends ValueType = ValueType, N extends boolean = boolean> {
  readonly type: T;
  readonly nullable: N;
}

type Integer = 'i32' | 'i64';
type Numeric = Integer | 'f64' | 'number';
type Ordered = Numeric | 'timestamp';

/** Type and nullability of an expression over S, or an Ill. */
export type TypeOf<S extends Schema, X> =
  X extends Column<infer Name>
    ? Name extends keyof S
      ? Typed<S[Name]['type'], S[Name]['nullable']>
      : Ill<`unknown field "${Name}"`, keyof S>
    : X extends Literal<infer V>
      ? LiteralType<V>
      : X extends Call<infer O, infer A>
        ? CallType<O, { [I in keyof A]: TypeOf<S, A[I]> }, A>
        : Ill<'not an expression'>;

/** As a field of a schema: a number literal alone is f64. */
export type FieldOf<S extends Schema, X> =
  TypeOf<S, X> extends infer R
    ? R extends Ill<string>
      ? R
      : R extends Typed<infer T, infer N>
        ? T extends FieldType
          ? FieldShape<T, N>
          : T extends 'number'
            ? FieldShape<'f64', N>
            : Ill<'a null alone has no type'>
        : never
    : never;

type LiteralType<V> = [V] extends [null]
  ? Typed<'null', true>
  : [V] extends [number]
    ? Typed<'number', false>
    : [V] extends [bigint]
      ? Typed<'i64', false>
      : [V] extends [string]
        ? Typed<'utf8', false>
        : [V] extends [boolean]
          ? Typed<'bool', false>
          : Ill<'literals of different types'>;

type FirstIll<R> = R extends readonly [infer H, ...infer Rest]
  ? H extends Ill<string, unknown>
    ? H
    : FirstIll<Rest>
  : never;

type CallType<O extends Operator, R, A> = [FirstIll<R>] extends [never]
  ? R extends readonly [infer X extends Typed, ...infer Rest]
    ? Rest extends readonly []
      ? Unary<O, X>
      : Rest extends readonly [infer Y extends Typed]
        ? Binary<O, X, Y, A>
        : Rest extends readonly [infer Y extends Typed, infer Z extends Typed]
          ? Ternary<O, X, Y, Z>
          : O extends 'coalesce'
            ? Coalesce<X, Rest>
            : never
    : never
  : FirstIll<R>;

type Unary<O extends Operator, X extends Typed> = O extends 'coalesce'
  ? X
  : O extends 'isNull' | 'isNotNull'
    ? Typed<'bool', false>
    : O extends 'not'
      ? X['type'] extends 'bool'
        ? X
        : Mismatch<O, X>
      : O extends 'neg' | 'abs'
        ? X['type'] extends 'i32'
          ? Typed<'i64', X['nullable']>
          : X['type'] extends 'i64'
            ? Typed<'i64', true>
            : X['type'] extends 'f64' | 'number'
              ? Typed<'f64', X['nullable']>
              : Mismatch<O, X>
        : Cast<O, X>;

type Cast<O extends Operator, X extends Typed> = X['type'] extends 'utf8' | 'null'
  ? Mismatch<O, X>
  : O extends 'toF64'
    ? Typed<'f64', X['nullable']>
    : O extends 'toI64'
      ? X['type'] extends 'f64' | 'number'
        ? Typed<'i64', true>
        : Typed<'i64', X['nullable']>
      : O extends 'toI32'
        ? X['type'] extends 'i32' | 'bool'
          ? Typed<'i32', X['nullable']>
          : Typed<'i32', true>
        : O extends 'toTimestamp'
          ? X['type'] extends Integer | 'timestamp'
            ? Typed<'timestamp', X['nullable']>
            : Mismatch<O, X>
          : never;

type Binary<O extends Operator, X extends Typed, Y extends Typed, A> = O extends CompareOperator
  ? Compare<O, X, Y>
  : O extends 'in'
    ? Compare<O, X, Y>
    : O extends 'and' | 'or'
      ? [X['type'], Y['type']] extends ['bool', 'bool']
        ? Typed<'bool', Either<X, Y>>
        : Mismatch<O, X, Y>
      : O extends 'startsWith'
        ? [X['type'], Y['type']] extends ['utf8', 'utf8']
          ? Typed<'bool', Either<X, Y>>
          : Mismatch<O, X, Y>
        : O extends 'coalesce'
          ? Coalesce<X, [Y]>
          : Arithmetic<O, X, Y, A>;

type Compare<O extends Operator, X extends Typed, Y extends Typed> = [X['type'], Y['type']] extends [Ordered, Ordered]
  ? Typed<'bool', Either<X, Y>>
  : [X['type'], Y['type']] extends ['utf8', 'utf8']
    ? Typed<'bool', Either<X, Y>>
    : [O, X['type'], Y['type']] extends ['eq' | 'ne' | 'in', 'bool', 'bool']
      ? Typed<'bool', Either<X, Y>>
      : Mismatch<O, X, Y>;

type Arithmetic<O extends Operator, X extends Typed, Y extends Typed, A> = [X['type'], Y['type']] extends [
  Numeric,
  Numeric,
]
  ? O extends 'div'
    ? Typed<'f64', DivisorIsNonZero<A> extends true ? Either<X, Y> : true>
    : 'f64' extends X['type'] | Y['type']
      ? FloatArithmetic<O, X, Y, A>
      : [X['type'], Y['type']] extends ['number', 'number']
        ? FloatArithmetic<O, X, Y, A>
        : WholeLiterals<A, IntegerArithmetic<O, X, Y, A>>
  : O extends 'sub'
    ? [X['type'], Y['type']] extends ['timestamp', 'timestamp']
      ? Typed<'i64', true>
      : WholeLiterals<A, Shift<O, X, Y>>
    : WholeLiterals<A, Shift<O, X, Y>>;

type IntegerArithmetic<O extends Operator, X extends Typed, Y extends Typed, A> = O extends 'mod' | 'idiv'
  ? Typed<'i64', DivisorIsNonZero<A> extends true ? Either<X, Y> : true>
  : 'i64' extends X['type'] | Y['type']
    ? Typed<'i64', true>
    : Typed<'i64', Either<X, Y>>;

/** R, unless a literal that meets an integer has a fraction. */
type WholeLiterals<A, R> = A extends readonly [infer X, infer Y]
  ? [Fraction<X> | Fraction<Y>] extends [never]
    ? R
    : Ill<`the literal ${Fraction<X> | Fraction<Y>} is no whole number; write toF64() of the integer`>
  : R;
type Fraction<X> =
  X extends Literal<infer V extends number>
    ? number extends V
      ? never
      : `${V}` extends `${bigint}`
        ? never
        : V
    : never;

/** A time moved by milliseconds. */
type Shift<O extends Operator, X extends Typed, Y extends Typed> = [O, X['type'], Y['type']] extends [
  'add' | 'sub',
  'timestamp',
  Integer | 'number',
]
  ? Typed<'timestamp', true>
  : Mismatch<O, X, Y>;

type FloatArithmetic<O extends Operator, X extends Typed, Y extends Typed, A> = O extends 'idiv'
  ? Mismatch<O, X, Y>
  : O extends 'mod'
    ? Typed<'f64', DivisorIsNonZero<A> extends true ? Either<X, Y> : true>
    : Typed<'f64', Either<X, Y>>;

/** A literal divisor other than 0 cannot make a null, whatever is divided; −1 alone overflows the least i64. */
type DivisorIsNonZero<A> = A extends readonly [unknown, Literal<infer V>]
  ? V extends 0 | 0n | -1 | -1n
    ? false
    : number extends V
      ? false
      : bigint extends V
        ? false
        : true
  : false;

type Ternary<O extends Operator, X extends Typed, Y extends Typed, Z extends Typed> = O extends 'when'
  ? X['type'] extends 'bool'
    ? WithNullable<Unify<O, Y, Z>, Either<Y, Z>>
    : Mismatch<O, X>
  : O extends 'coalesce'
    ? Coalesce<X, [Y, Z]>
    : never;

type Coalesce<X extends Typed, Rest> = Rest extends readonly [infer Y extends Typed, ...infer More]
  ? Unify<'coalesce', X, Y> extends infer U
    ? U extends Typed
      ? Coalesce<Typed<U['type'], X['nullable'] extends true ? Y['nullable'] : false>, More>
      : U
    : never
  : X;

/** One type for two branches. */
type Unify<O extends Operator, X extends Typed, Y extends Typed> = X['type'] extends Y['type']
  ? X
  : X['type'] extends 'null'
    ? Y
    : Y['type'] extends 'null'
      ? X
      : [X['type'], Y['type']] extends ['number', Ordered]
        ? Y
        : [X['type'], Y['type']] extends [Ordered, 'number']
          ? X
          : [X['type'], Y['type']] extends [Integer, Integer]
            ? Typed<'i64'>
            : [X['type'], Y['type']] extends [Numeric, Numeric]
              ? Typed<'f64'>
              : Mismatch<O, X, Y>;

type WithNullable<U, N extends boolean> = U extends Typed ? Typed<U['type'], N> : U;

type Either<X extends Typed, Y extends Typed> = X['nullable'] extends true ? true : Y['nullable'];

type Mismatch<O extends Operator, X extends Typed, Y extends Typed | null = null> = Y extends Typed
  ? Ill<`${O} does not take ${X['type']} and ${Y['type']}`>
  : Ill<`${O} does not take ${X['type']}`>;
