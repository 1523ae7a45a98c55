// host/expression/expression.ts — writing expressions: col, lit, when, coalesce and the methods on them.
//
// An expression is a tree (description.ts) with methods that build larger trees. It is computed by the kernels, for
// whole columns at once. The rules, as in SQL:
//   - null in, null out; and, or, not have three values; a filter keeps the rows for which its condition is true.
//   - i32 arithmetic gives i64. i64 that does not fit becomes null and is counted (`expressionOverflow`).
//   - div is always f64, idiv truncates; anything / 0 and anything mod 0 are null.
//   - comparisons are exact across i32, i64, f64 and timestamp. NaN equals nothing, as in JavaScript; −0 equals 0.
//   - utf8 is compared byte by byte.
// Not here  which trees are well typed (typing.ts; at compile time shape.ts), how they run (compile.ts, assembly/).

import { JobError } from '../errors.ts';
import type { CallNode, ExpressionNode, Operator } from '../job/description.ts';
import type { Call, Column, Literal } from './shape.ts';

export type LiteralValue = boolean | number | bigint | string;
export type Operand = Expression<unknown> | LiteralValue;
type ShapeOf<O> = O extends Expression<infer X> ? X : Literal<O>;

declare const shape: unique symbol;

/** X is the tree as a type; see shape.ts. */
export interface Expression<X> {
  readonly kind: 'pelton.expression';
  readonly node: ExpressionNode;
  readonly [shape]?: X;

  eq<const O extends Operand>(other: O): Expression<Call<'eq', [X, ShapeOf<O>]>>;
  ne<const O extends Operand>(other: O): Expression<Call<'ne', [X, ShapeOf<O>]>>;
  lt<const O extends Operand>(other: O): Expression<Call<'lt', [X, ShapeOf<O>]>>;
  le<const O extends Operand>(other: O): Expression<Call<'le', [X, ShapeOf<O>]>>;
  gt<const O extends Operand>(other: O): Expression<Call<'gt', [X, ShapeOf<O>]>>;
  ge<const O extends Operand>(other: O): Expression<Call<'ge', [X, ShapeOf<O>]>>;
  /** Both ends inclusive. */
  between<const A extends Operand, const B extends Operand>(
    low: A,
    high: B,
  ): Expression<Call<'and', [Call<'ge', [X, ShapeOf<A>]>, Call<'le', [X, ShapeOf<B>]>]>>;
  /** One of 1 … 1,000 literals. */
  in<const V extends LiteralValue>(values: readonly V[]): Expression<Call<'in', [X, Literal<V>]>>;
  startsWith<const O extends Expression<unknown> | string>(prefix: O): Expression<Call<'startsWith', [X, ShapeOf<O>]>>;

  add<const O extends Operand>(other: O): Expression<Call<'add', [X, ShapeOf<O>]>>;
  sub<const O extends Operand>(other: O): Expression<Call<'sub', [X, ShapeOf<O>]>>;
  mul<const O extends Operand>(other: O): Expression<Call<'mul', [X, ShapeOf<O>]>>;
  /** Always f64; by zero: null. */
  div<const O extends Operand>(other: O): Expression<Call<'div', [X, ShapeOf<O>]>>;
  /** Of integers, truncated towards zero; by zero: null. */
  idiv<const O extends Operand>(other: O): Expression<Call<'idiv', [X, ShapeOf<O>]>>;
  /** The remainder, with the sign of the dividend; by zero: null. */
  mod<const O extends Operand>(other: O): Expression<Call<'mod', [X, ShapeOf<O>]>>;
  neg(): Expression<Call<'neg', [X]>>;
  abs(): Expression<Call<'abs', [X]>>;

  and<const O extends Operand>(other: O): Expression<Call<'and', [X, ShapeOf<O>]>>;
  or<const O extends Operand>(other: O): Expression<Call<'or', [X, ShapeOf<O>]>>;
  not(): Expression<Call<'not', [X]>>;
  isNull(): Expression<Call<'isNull', [X]>>;
  isNotNull(): Expression<Call<'isNotNull', [X]>>;

  /** f64 is truncated towards zero; what does not fit is null and counted. */
  toI32(): Expression<Call<'toI32', [X]>>;
  /** f64 is truncated towards zero; what does not fit is null and counted. */
  toI64(): Expression<Call<'toI64', [X]>>;
  /** i64 is rounded to the nearest f64. */
  toF64(): Expression<Call<'toF64', [X]>>;
  /** i32 and i64, read as epoch milliseconds. */
  toTimestamp(): Expression<Call<'toTimestamp', [X]>>;
}

/** A field of the rows where the expression is used. */
export function col<const Name extends string>(name: Name): Expression<Column<Name>> {
  return expressionOf({ kind: 'column', name });
}

/** A literal. Numbers take the type of what stands beside them, alone they are f64; 5n is an i64. */
export function lit<const V extends LiteralValue | null>(value: V): Expression<Literal<V>> {
  return expressionOf(literalNode(value));
}

/** `then` where the condition is true, `otherwise` where it is false or null. */
export function when<const C extends Operand, const A extends Operand, const B extends Operand>(
  condition: C,
  then: A,
  otherwise: B,
): Expression<Call<'when', [ShapeOf<C>, ShapeOf<A>, ShapeOf<B>]>> {
  return call('when', condition, then, otherwise);
}

/** The first operand that is not null. */
export function coalesce<const A extends readonly [Operand, ...Operand[]]>(
  ...operands: A
): Expression<Call<'coalesce', { -readonly [I in keyof A]: ShapeOf<A[I]> }>> {
  return call('coalesce', ...operands);
}

/** Told by its tag, so an expression of another copy of the package is one too. */
export function isExpression(value: unknown): value is Expression<unknown> {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'pelton.expression';
}

function literalNode(value: unknown): ExpressionNode {
  const type = value === null ? 'null' : typeof value;
  if (!['boolean', 'number', 'bigint', 'string', 'null'].includes(type)) {
    throw new JobError(
      `a literal is a boolean, number, bigint, string or null, seen ${type === 'object' ? 'an object' : type}; fields are written col('name')`,
    );
  }
  return Object.freeze({ kind: 'literal', value: value as LiteralValue | null });
}

function nodeOf(operand: unknown): ExpressionNode {
  return isExpression(operand) ? operand.node : literalNode(operand);
}

function call<X>(operator: Operator, ...operands: readonly unknown[]): Expression<X> {
  return expressionOf(callNode(operator, operands.map(nodeOf)));
}

function callNode(operator: Operator, operands: readonly ExpressionNode[]): CallNode {
  return Object.freeze({ kind: 'call', operator, operands: Object.freeze(operands) });
}

const METHODS_OF_TWO = [
  ...['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'add', 'sub', 'mul', 'div', 'idiv', 'mod', 'and', 'or', 'startsWith'],
] as Operator[];
const METHODS_OF_ONE = [
  ...['neg', 'abs', 'not', 'isNull', 'isNotNull', 'toI32', 'toI64', 'toF64', 'toTimestamp'],
] as Operator[];

/** The tree with its methods; the methods are not enumerable, so what prints is the tree. */
function expressionOf<X>(node: ExpressionNode): Expression<X> {
  return Object.freeze(
    Object.create(methods, {
      kind: { value: 'pelton.expression', enumerable: true },
      node: { value: Object.freeze(node), enumerable: true },
    }),
  );
}

interface Self {
  readonly node: ExpressionNode;
}

const methods: object = Object.freeze({
  ...Object.fromEntries(
    METHODS_OF_TWO.map((operator) => [
      operator,
      function (this: Self, other: unknown) {
        return expressionOf(callNode(operator, [this.node, nodeOf(other)]));
      },
    ]),
  ),
  ...Object.fromEntries(
    METHODS_OF_ONE.map((operator) => [
      operator,
      function (this: Self) {
        return expressionOf(callNode(operator, [this.node]));
      },
    ]),
  ),
  between(this: Self, low: unknown, high: unknown) {
    const operands = [callNode('ge', [this.node, nodeOf(low)]), callNode('le', [this.node, nodeOf(high)])];
    return expressionOf(callNode('and', operands));
  },
  in(this: Self, values: readonly unknown[]) {
    if (!Array.isArray(values)) throw new JobError('in() takes an array of literals: .in([1, 2, 3])');
    return expressionOf(callNode('in', [this.node, ...values.map(literalNode)]));
  },
});
