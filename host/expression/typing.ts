// host/expression/typing.ts — the type of an expression over given fields; ill-typed trees are refused by name.
//
// The same rules as shape.ts, over data: job files run without a type check too. The compiler relies on them:
// what passes here can be compiled.
// Not here  literals in their final type (compile.ts asks literalAs).

import { JobError } from '../errors.ts';
import type {
  CallNode,
  ExpressionNode,
  FieldDescription,
  FieldType,
  LiteralNode,
  Operator,
} from '../job/description.ts';
import { didYouMean } from '../job/suggest.ts';

/** `number` is a number literal that has met no column yet; `null` is lit(null). */
export type ValueType = FieldType | 'number' | 'null';

export interface Typed {
  readonly type: ValueType;
  readonly nullable: boolean;
}

/** Larger trees are refused: they would outgrow the kernel's scratch long before they are read by anyone. */
export const EXPRESSION_NODES_MAX = 1000;
/** The longest literal: a computed utf8 column of whole literals must fit into scratch. */
export const LITERAL_BYTES_MAX = 4096;
export const IN_VALUES_MAX = 1000;

/** @throws JobError when the expression is ill typed over these fields. */
export function typeOfExpression(node: ExpressionNode, fields: readonly FieldDescription[]): Typed {
  const nodes = countNodes(node, 0);
  if (nodes > EXPRESSION_NODES_MAX) {
    throw new JobError(`an expression of ${nodes} nodes, at most ${EXPRESSION_NODES_MAX}; split it with select()`);
  }
  return typeOf(node, fields);
}

/** As a field: a number literal alone is f64. @throws JobError */
export function fieldTypeOf(node: ExpressionNode, fields: readonly FieldDescription[]): Typed & { type: FieldType } {
  const { type, nullable } = typeOfExpression(node, fields);
  if (type === 'null')
    throw new JobError('a null alone has no type; give it one: lit(0n) or when(…, col(…), lit(null))');
  return { type: type === 'number' ? 'f64' : type, nullable };
}

/** `in` counts as one node: its values are a table, not a tree. Stops counting once it is too many. */
function countNodes(node: ExpressionNode, before: number): number {
  let count = before + 1;
  if (node.kind !== 'call') return count;
  if (node.operator === 'in') return countNodes(node.operands[0]!, count);
  for (const operand of node.operands) {
    if (count > EXPRESSION_NODES_MAX) return count;
    count = countNodes(operand, count);
  }
  return count;
}

/** Type of any node of a tree that typeOfExpression has accepted. */
export function typeOf(node: ExpressionNode, fields: readonly FieldDescription[]): Typed {
  switch (node.kind) {
    case 'column': {
      const field = fields.find(({ name }) => name === node.name);
      if (field === undefined) throw unknownField(node.name, fields);
      return { type: field.type, nullable: field.nullable };
    }
    case 'literal':
      return typeOfLiteral(node);
    case 'call':
      return typeOfCall(node, fields);
  }
}

export function unknownField(name: string, fields: readonly FieldDescription[]): JobError {
  const names = fields.map((field) => field.name);
  return new JobError(
    `unknown field "${name}"${didYouMean(name, names)}; the fields here are ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`,
  );
}

function typeOfLiteral({ value }: LiteralNode): Typed {
  if (value === null) return { type: 'null', nullable: true };
  switch (typeof value) {
    case 'boolean':
      return { type: 'bool', nullable: false };
    case 'number':
      return { type: 'number', nullable: false };
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw new JobError(`the literal ${value}n does not fit an i64`);
      return { type: 'i64', nullable: false };
    default: {
      const bytes = Buffer.byteLength(value);
      if (bytes > LITERAL_BYTES_MAX) {
        throw new JobError(`a utf8 literal of ${bytes} bytes, at most ${LITERAL_BYTES_MAX}`);
      }
      if (!value.isWellFormed()) throw new JobError(`the literal ${JSON.stringify(value)} holds half a surrogate pair`);
      return { type: 'utf8', nullable: false };
    }
  }
}

function typeOfCall(node: CallNode, fields: readonly FieldDescription[]): Typed {
  const { operator, operands } = node;
  const types = operands.map((operand) => typeOf(operand, fields));
  const [x, y, z] = types as [Typed, Typed, Typed];
  switch (operator) {
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return typeOfComparison(operator, x, y);
    case 'in':
      return typeOfIn(types);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'idiv':
    case 'mod':
      return typeOfArithmetic(node, x, y);
    case 'and':
    case 'or':
      if (x.type !== 'bool' || y.type !== 'bool') throw mismatch(operator, types, 'bool and bool');
      return { type: 'bool', nullable: x.nullable || y.nullable };
    case 'startsWith':
      if (x.type !== 'utf8' || y.type !== 'utf8') throw mismatch(operator, types, 'utf8 and utf8');
      return { type: 'bool', nullable: x.nullable || y.nullable };
    case 'not':
      if (x.type !== 'bool') throw mismatch(operator, types, 'bool');
      return x;
    case 'isNull':
    case 'isNotNull':
      return { type: 'bool', nullable: false };
    case 'neg':
    case 'abs':
      if (x.type === 'i32') return { type: 'i64', nullable: x.nullable };
      if (x.type === 'i64') return { type: 'i64', nullable: true };
      if (isFloat(x)) return { type: 'f64', nullable: x.nullable };
      throw mismatch(operator, types, 'a number');
    case 'toI32':
    case 'toI64':
    case 'toF64':
    case 'toTimestamp':
      return typeOfCast(operator, x);
    case 'when': {
      if (x.type !== 'bool') throw mismatch('when', [x], 'a bool condition');
      return { type: unify(operator, y, z), nullable: y.nullable || z.nullable };
    }
    case 'coalesce':
      return types.reduce((left, right) => ({
        type: unify(operator, left, right),
        nullable: left.nullable && right.nullable,
      }));
  }
}

export const isInteger = ({ type }: Typed) => type === 'i32' || type === 'i64';
export const isFloat = ({ type }: Typed) => type === 'f64' || type === 'number';
const isNumeric = (typed: Typed) => isInteger(typed) || isFloat(typed);
const isOrdered = (typed: Typed) => isNumeric(typed) || typed.type === 'timestamp';

function typeOfComparison(operator: Operator, x: Typed, y: Typed): Typed {
  if (x.type === 'null' || y.type === 'null') {
    throw new JobError(`${operator} with null is never true; write isNull() or isNotNull()`);
  }
  const comparable =
    (isOrdered(x) && isOrdered(y)) ||
    (x.type === 'utf8' && y.type === 'utf8') ||
    (x.type === 'bool' && y.type === 'bool' && ['eq', 'ne', 'in'].includes(operator));
  if (!comparable) throw mismatch(operator, [x, y], 'two numbers or times, two utf8, or (eq, ne) two bool');
  return { type: 'bool', nullable: x.nullable || y.nullable };
}

function typeOfIn([x, ...values]: Typed[]): Typed {
  if (values.length === 0 || values.length > IN_VALUES_MAX) {
    throw new JobError(`in() with ${values.length} values, expected 1 … ${IN_VALUES_MAX}`);
  }
  for (const value of values) typeOfComparison('in', x!, value);
  return { type: 'bool', nullable: x!.nullable };
}

function typeOfArithmetic(node: CallNode, x: Typed, y: Typed): Typed {
  const { operator } = node;
  const either = x.nullable || y.nullable;
  if (isNumeric(x) && isNumeric(y)) {
    if (operator === 'div') return { type: 'f64', nullable: divisorIsNonZero(node) ? either : true };
    if (x.type === 'f64' || y.type === 'f64' || (x.type === 'number' && y.type === 'number')) {
      if (operator === 'idiv') throw mismatch(operator, [x, y], 'integers; div() divides f64');
      return { type: 'f64', nullable: operator === 'mod' && !divisorIsNonZero(node) ? true : either };
    }
    if (operator === 'mod' || operator === 'idiv') {
      return { type: 'i64', nullable: divisorIsNonZero(node) ? either : true };
    }
    return { type: 'i64', nullable: x.type === 'i64' || y.type === 'i64' ? true : either };
  }
  if (x.type === 'timestamp' && (operator === 'add' || operator === 'sub')) {
    if (isInteger(y) || y.type === 'number') return { type: 'timestamp', nullable: true };
    if (y.type === 'timestamp' && operator === 'sub') return { type: 'i64', nullable: true };
  }
  throw mismatch(
    operator,
    [x, y],
    x.type === 'timestamp' || y.type === 'timestamp'
      ? 'timestamp ± integer or timestamp − timestamp; toI64() gives the milliseconds'
      : 'two numbers',
  );
}

/** A literal divisor other than 0 cannot make a null, whatever is divided; −1 alone overflows the least i64. */
export function divisorIsNonZero({ operands }: CallNode): boolean {
  const divisor = operands[1]!;
  if (divisor.kind !== 'literal') return false;
  const value = Number(divisor.value);
  return value !== 0 && value !== -1 && !Number.isNaN(value);
}

function typeOfCast(operator: Operator, x: Typed): Typed {
  if (x.type === 'utf8' || x.type === 'null') throw mismatch(operator, [x], 'a number, bool or timestamp');
  switch (operator) {
    case 'toF64':
      return { type: 'f64', nullable: x.nullable };
    case 'toI64':
      return { type: 'i64', nullable: isFloat(x) ? true : x.nullable };
    case 'toI32':
      return { type: 'i32', nullable: x.type === 'i32' || x.type === 'bool' ? x.nullable : true };
    default:
      if (!isInteger(x) && x.type !== 'timestamp') throw mismatch(operator, [x], 'i32 or i64; toI64() makes one');
      return { type: 'timestamp', nullable: x.nullable };
  }
}

/** One type for two branches. */
function unify(operator: Operator, x: Typed, y: Typed): ValueType {
  if (x.type === y.type || y.type === 'null') return x.type;
  if (x.type === 'null') return y.type;
  if (x.type === 'number' && isOrdered(y)) return y.type;
  if (y.type === 'number' && isOrdered(x)) return x.type;
  if (isInteger(x) && isInteger(y)) return 'i64';
  if (isNumeric(x) && isNumeric(y)) return 'f64';
  throw mismatch(operator, [x, y], 'values of one type');
}

function mismatch(operator: Operator, seen: readonly Typed[], expected: string): JobError {
  return new JobError(`${operator} does not take ${seen.map(({ type }) => type).join(' and ')}; expected ${expected}`);
}
