// test/model/expression.ts — expressions one row at a time, in plain TypeScript: what the kernels must agree with.
//
// Integers of every width and times are bigints here, f64 are numbers, so JavaScript's own exact comparison of the two
// is the rule, and an overflow is a bigint that does not fit.

import { typeOf } from '../../host/expression/typing.ts';
import type { CallNode, ExpressionNode, FieldDescription, FilterStep, SelectStep } from '../../host/job/description.ts';

export type ModelValue = boolean | bigint | number | string | null;
export type ModelRow = Readonly<Record<string, ModelValue>>;

export interface ModelResult {
  /** Index in the input and the fields of every row that is left. */
  rows: { index: number; row: ModelRow }[];
  overflows: number;
}

export function runModel(
  fields: readonly FieldDescription[],
  rows: readonly ModelRow[],
  steps: readonly (FilterStep | SelectStep)[],
): ModelResult {
  const counter = { overflows: 0 };
  let left = rows.map((row, index) => ({ index, row }));
  let known = fields;
  for (const step of steps) {
    const evaluate = (node: ExpressionNode, row: ModelRow) => new RowModel(known, row, counter).value(node);
    if (step.kind === 'filter') {
      left = left.filter(({ row }) => evaluate(step.expression, row) === true);
    } else {
      left = left.map(({ index, row }) => ({
        index,
        row: Object.fromEntries(
          step.columns.map(({ name, expression }, column) => {
            const value = evaluate(expression, row);
            const isFloat = step.output[column]!.type === 'f64';
            return [name, isFloat && typeof value === 'bigint' ? Number(value) : value];
          }),
        ),
      }));
      known = step.output;
    }
  }
  return { rows: left, overflows: counter.overflows };
}

class RowModel {
  readonly fields: readonly FieldDescription[];
  readonly row: ModelRow;
  readonly counter: { overflows: number };

  constructor(fields: readonly FieldDescription[], row: ModelRow, counter: { overflows: number }) {
    this.fields = fields;
    this.row = row;
    this.counter = counter;
  }

  value(node: ExpressionNode): ModelValue {
    if (node.kind === 'column') return this.row[node.name]!;
    if (node.kind === 'literal') return node.value;
    return this.adapt(node, this.call(node));
  }

  /** A number from a literal becomes what the call's type says. */
  adapt(node: ExpressionNode, value: ModelValue): ModelValue {
    const { type } = typeOf(node, this.fields);
    if (typeof value === 'number' && (type === 'i32' || type === 'i64' || type === 'timestamp')) return BigInt(value);
    if (typeof value === 'bigint' && type === 'f64') return Number(value);
    return value;
  }

  call(node: CallNode): ModelValue {
    const { operator, operands } = node;
    const [x, y, z] = operands as [ExpressionNode, ExpressionNode, ExpressionNode];
    switch (operator) {
      case 'when':
        return this.value(x) === true ? this.value(y) : this.value(z);
      case 'coalesce': {
        for (const operand of operands) {
          const value = this.value(operand);
          if (value !== null) return value;
        }
        return null;
      }
      case 'isNull':
        return this.value(x) === null;
      case 'isNotNull':
        return this.value(x) !== null;
      case 'and':
        return kleeneAnd(this.value(x) as boolean | null, this.value(y) as boolean | null);
      case 'or':
        return not(kleeneAnd(not(this.value(x) as boolean | null), not(this.value(y) as boolean | null)));
      case 'not':
        return not(this.value(x) as boolean | null);
    }
    const values = operands.map((operand) => this.value(operand));
    if (values.some((value) => value === null)) return null;
    return this.strict(node, values as Exclude<ModelValue, null>[]);
  }

  /** Operators that are null as soon as an operand is. */
  strict(node: CallNode, values: Exclude<ModelValue, null>[]): ModelValue {
    const [x, y] = values as [Exclude<ModelValue, null>, Exclude<ModelValue, null>];
    switch (node.operator) {
      case 'eq':
        return order(x, y) === 0;
      case 'ne':
        return order(x, y) !== 0;
      case 'lt':
        return order(x, y) === -1;
      case 'le':
        return [-1, 0].includes(order(x, y)!);
      case 'gt':
        return order(x, y) === 1;
      case 'ge':
        return [1, 0].includes(order(x, y)!);
      case 'in':
        return values.slice(1).some((value) => order(x, value) === 0);
      case 'startsWith':
        return Buffer.from(String(x))
          .subarray(0, Buffer.byteLength(String(y)))
          .equals(Buffer.from(String(y)));
      case 'neg':
        return typeof x === 'bigint' ? this.fit(-x, 64) : -(x as number);
      case 'abs':
        return typeof x === 'bigint' ? this.fit(x < 0n ? -x : x, 64) : Math.abs(x as number);
      case 'toF64':
        return Number(x);
      case 'toI64':
      case 'toTimestamp':
        return this.truncated(x, 64);
      case 'toI32':
        return this.truncated(x, 32);
      default:
        return this.arithmetic(node, x as bigint | number, y as bigint | number);
    }
  }

  arithmetic(node: CallNode, x: bigint | number, y: bigint | number): ModelValue {
    const { type } = typeOf(node, this.fields);
    if (type === 'f64') return floats(node.operator, Number(x), Number(y));
    const [a, b] = [BigInt(x), BigInt(y)];
    switch (node.operator) {
      case 'add':
        return this.fit(a + b, 64);
      case 'sub':
        return this.fit(a - b, 64);
      case 'mul':
        return this.fit(a * b, 64);
      case 'idiv':
        return b === 0n ? null : this.fit(a / b, 64);
      default:
        return b === 0n ? null : a % b;
    }
  }

  truncated(value: boolean | bigint | number | string, bits: number): ModelValue {
    if (typeof value !== 'number') return this.fit(BigInt(value), bits);
    return Number.isFinite(value) ? this.fit(BigInt(Math.trunc(value)), bits) : this.fit(1n << 64n, bits);
  }

  /** What does not fit is null and counted. */
  fit(value: bigint, bits: number): bigint | null {
    if (BigInt.asIntN(bits, value) === value) return value;
    this.counter.overflows++;
    return null;
  }
}

function floats(operator: string, x: number, y: number): number | null {
  switch (operator) {
    case 'add':
      return x + y;
    case 'sub':
      return x - y;
    case 'mul':
      return x * y;
    case 'div':
      return y === 0 ? null : x / y;
    default:
      return y === 0 ? null : x % y;
  }
}

/** −1, 0, 1, or undefined against NaN; utf8 by its bytes. Exact across bigint and number. */
function order(x: unknown, y: unknown): number | undefined {
  if (typeof x === 'string') return Math.sign(Buffer.compare(Buffer.from(x), Buffer.from(String(y))));
  const [a, b] = [x as number, y as number];
  return a < b ? -1 : a > b ? 1 : a <= b ? 0 : undefined;
}

function kleeneAnd(x: boolean | null, y: boolean | null): boolean | null {
  if (x === false || y === false) return false;
  return x === null || y === null ? null : true;
}

function not(x: boolean | null): boolean | null {
  return x === null ? null : !x;
}
