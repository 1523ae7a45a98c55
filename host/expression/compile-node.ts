// host/expression/compile-node.ts — one step's expressions to instructions: operands first, then the operator.
//
// Every node is compiled to the type its surroundings want: numbers are widened where they meet (i32 → i64 → f64), and
// literals take their final type here. A column is loaded once per step.

import * as layout from '../../assembly/expression-layout.ts';
import { TYPE_I64 } from '../../assembly/layout.ts';
import { JobError } from '../errors.ts';
import type { CallNode, CompareOperator, ExpressionNode, FieldType, Operator } from '../job/description.ts';
import type { SlotField } from './compile.ts';
import { inTable, possibleValues } from './in-table.ts';
import { PHYSICAL_TYPES, type PlanWriter } from './plan.ts';
import { divisorIsNonZero, type Typed, typeOf } from './typing.ts';

/** Constants and loaded columns stay until the step ends; temporaries are given back once they were used. */
interface Value {
  readonly register: number;
  readonly temporary?: boolean;
}

type Mask = number | undefined;

const COMPARISONS: { readonly [operator in CompareOperator]: number } = {
  eq: layout.COMPARE_EQ,
  ne: layout.COMPARE_NE,
  lt: layout.COMPARE_LT,
  le: layout.COMPARE_LE,
  gt: layout.COMPARE_GT,
  ge: layout.COMPARE_GE,
};
const SWAPPED: { readonly [operator in CompareOperator]: CompareOperator } = {
  eq: 'eq',
  ne: 'ne',
  lt: 'gt',
  le: 'ge',
  gt: 'lt',
  ge: 'le',
};
const ARITHMETIC: { readonly [operator in Operator]?: number } = {
  add: layout.ARITHMETIC_ADD,
  sub: layout.ARITHMETIC_SUB,
  mul: layout.ARITHMETIC_MUL,
  div: layout.ARITHMETIC_DIV,
  idiv: layout.ARITHMETIC_DIV,
  mod: layout.ARITHMETIC_MOD,
};
/** Operators that may count an overflow: only branches with one of them need a mask. */
const COUNTING: readonly Operator[] = ['add', 'sub', 'mul', 'idiv', 'neg', 'abs', 'toI32', 'toI64'];

/** A comparison costs 0.3 (numbers) to 2 ns a row, a search 5 to 40: it mispredicts at every half. */
const IN_COMPARED_MAX = 8;

export class ExpressionCompiler {
  readonly #plan: PlanWriter;
  readonly #fields: readonly SlotField[];
  readonly #loaded = new Map<number, Value>();
  readonly #types = new Map<ExpressionNode, Typed>();

  constructor(plan: PlanWriter, fields: readonly SlotField[]) {
    this.#plan = plan;
    this.#fields = fields;
  }

  /** Instructions that leave the expression's value, as this type, in a register. */
  compile(node: ExpressionNode, type: FieldType): Value {
    return this.#compileAs(node, type, undefined);
  }

  /** The column that a node is, when it is no more than that. */
  columnOf(node: ExpressionNode): SlotField | undefined {
    return node.kind === 'column' ? this.#fields.find(({ name }) => name === node.name) : undefined;
  }

  release({ register, temporary }: Value): void {
    if (temporary === true) this.#plan.giveRegister(register);
  }

  /** The step is compiled: its columns' registers serve the next one. */
  close(): void {
    for (const { register } of this.#loaded.values()) this.#plan.giveRegister(register);
    this.#loaded.clear();
  }

  #typeOf(node: ExpressionNode): Typed {
    let typed = this.#types.get(node);
    if (typed === undefined) {
      typed = typeOf(node, this.#fields);
      this.#types.set(node, typed);
    }
    return typed;
  }

  #compileAs(node: ExpressionNode, wanted: FieldType, mask: Mask): Value {
    if (node.kind === 'literal') return { register: this.#literal(node.value, wanted) };
    const { type } = this.#typeOf(node);
    const own = type === 'number' || type === 'null' ? wanted : type;
    const value = node.kind === 'column' ? this.#load(this.columnOf(node)!) : this.#call(node, own, mask);
    return PHYSICAL_TYPES[own] === PHYSICAL_TYPES[wanted] ? value : this.#cast(value, own, wanted, mask);
  }

  #literal(value: boolean | number | bigint | string | null, wanted: FieldType): number {
    if (value !== null && typeof value === 'number') checkNumber(value, wanted);
    return this.#plan.constant(PHYSICAL_TYPES[wanted], value);
  }

  #load({ slot, type }: SlotField): Value {
    let value = this.#loaded.get(slot);
    if (value === undefined) {
      value = { register: this.#plan.takeRegister() };
      this.#plan.instruction(layout.OP_LOAD, { target: value.register, a: slot, x: PHYSICAL_TYPES[type] });
      this.#loaded.set(slot, value);
    }
    return value;
  }

  /** The target is taken before the operands are given back: no instruction writes over what it reads. */
  #emit(op: number, operands: readonly Value[], mask: Mask, words: { x?: number; y?: number } = {}): Value {
    const target = this.#plan.takeRegister();
    const [a = 0, b = 0, c = 0] = operands.map(({ register }) => register);
    this.#plan.instruction(op, { target, a, b, c, ...(mask === undefined ? {} : { mask }), ...words });
    for (const operand of operands) this.release(operand);
    return { register: target, temporary: true };
  }

  #cast(value: Value, from: FieldType, to: FieldType, mask: Mask): Value {
    return this.#emit(layout.OP_CAST, [value], mask, { x: PHYSICAL_TYPES[from], y: PHYSICAL_TYPES[to] });
  }

  #call(node: CallNode, own: FieldType, mask: Mask): Value {
    const { operator, operands } = node;
    const [x, y] = operands as [ExpressionNode, ExpressionNode];
    const bool = (operand: ExpressionNode) => this.#compileAs(operand, 'bool', mask);
    switch (operator) {
      case 'eq':
      case 'ne':
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge':
        return this.#compare(operator, x, y, mask);
      case 'and':
        return this.#emit(layout.OP_AND, [bool(x), bool(y)], mask);
      case 'or':
        return this.#emit(layout.OP_OR, [bool(x), bool(y)], mask);
      case 'not':
        return this.#emit(layout.OP_NOT, [bool(x)], mask);
      case 'isNull':
        return this.#emit(layout.OP_IS_NULL, [this.#natural(x, mask)], mask);
      case 'isNotNull':
        return this.#emit(layout.OP_IS_NOT_NULL, [this.#natural(x, mask)], mask);
      case 'startsWith':
        return this.#emit(
          layout.OP_STARTS_WITH,
          [this.#compileAs(x, 'utf8', mask), this.#compileAs(y, 'utf8', mask)],
          mask,
        );
      case 'in':
        return this.#in(operands, mask);
      case 'when':
        return this.#when(operands as [ExpressionNode, ExpressionNode, ExpressionNode], own, mask);
      case 'coalesce':
        return this.#coalesce(operands, own, mask);
      case 'toI32':
      case 'toI64':
      case 'toF64':
      case 'toTimestamp':
        return this.#explicitCast(x, own, mask);
      case 'neg':
      case 'abs':
        return this.#sign(operator, x, own, mask);
      default:
        return this.#arithmetic(node, own, mask);
    }
  }

  /** As whatever type it has itself. */
  #natural(node: ExpressionNode, mask: Mask): Value {
    return this.#compileAs(node, naturalType(this.#typeOf(node)), mask);
  }

  #compare(operator: CompareOperator, x: ExpressionNode, y: ExpressionNode, mask: Mask): Value {
    const left = this.#comparedType(x, y);
    const right = this.#comparedType(y, x);
    const mixed = left !== right && (left === 'i64' || right === 'i64') && (left === 'f64' || right === 'f64');
    if (mixed) {
      if (left === 'f64') return this.#compare(SWAPPED[operator], y, x, mask);
      const operands = [this.#compileAs(x, 'i64', mask), this.#compileAs(y, 'f64', mask)];
      return this.#emit(layout.OP_COMPARE, operands, mask, { x: COMPARISONS[operator], y: layout.COMPARE_MIXED });
    }
    const type = left === right ? left : left === 'f64' || right === 'f64' ? 'f64' : 'i64';
    if (type !== 'utf8' && (operator === 'gt' || operator === 'ge')) {
      return this.#compare(SWAPPED[operator], y, x, mask);
    }
    const operands = [this.#compileAs(x, type, mask), this.#compileAs(y, type, mask)];
    return this.#emit(layout.OP_COMPARE, operands, mask, { x: COMPARISONS[operator], y: PHYSICAL_TYPES[type] });
  }

  /** The type in which a node is compared: a number literal beside an integer is one if it can be. */
  #comparedType(node: ExpressionNode, other: ExpressionNode): FieldType {
    const { type } = this.#typeOf(node);
    if (type !== 'number' || node.kind !== 'literal') return comparable(naturalType({ type }));
    const value = node.value as number;
    const otherType = comparable(naturalType(this.#typeOf(other)));
    if (otherType === 'f64' || !Number.isSafeInteger(value)) return 'f64';
    return otherType === 'i32' && (value | 0) === value ? 'i32' : 'i64';
  }

  /** Few values are compared one by one, whole columns at once; more are searched row by row. */
  #in([operand, ...literals]: readonly ExpressionNode[], mask: Mask): Value {
    const type = naturalType(this.#typeOf(operand!));
    const values = possibleValues(
      type,
      literals.map((literal) => (literal as { value: boolean | number | bigint | string }).value),
    );
    const value = this.#compileAs(operand!, type, mask);
    if (values.length === 0 || values.length > IN_COMPARED_MAX || type === 'bool') {
      const target = this.#plan.takeRegister();
      const words = { target, a: value.register, b: values.length, y: PHYSICAL_TYPES[type] };
      this.#plan.tableInstruction(layout.OP_IN, words, inTable(type, values));
      this.release(value);
      return { register: target, temporary: true };
    }
    const words = { x: layout.COMPARE_EQ, y: PHYSICAL_TYPES[type] };
    const equal = values.map((literal) => {
      const constant = { register: this.#plan.constant(PHYSICAL_TYPES[type], literal) };
      return this.#emit(layout.OP_COMPARE, [{ register: value.register }, constant], mask, words);
    });
    this.release(value);
    return equal.reduce((left, right) => this.#emit(layout.OP_OR, [left, right], mask));
  }

  #when(
    [condition, then, otherwise]: readonly [ExpressionNode, ExpressionNode, ExpressionNode],
    own: FieldType,
    mask: Mask,
  ): Value {
    const chosen = this.#compileAs(condition, 'bool', mask);
    const taken = this.#branch(then, own, layout.OP_IS_TRUE, chosen, mask);
    const left = this.#branch(otherwise, own, layout.OP_IS_NOT_TRUE, chosen, mask);
    return this.#emit(layout.OP_WHEN, [chosen, taken, left], mask, { x: PHYSICAL_TYPES[own] });
  }

  #coalesce([first, ...rest]: readonly ExpressionNode[], own: FieldType, mask: Mask): Value {
    const value = this.#compileAs(first!, own, mask);
    if (rest.length === 0 || !this.#typeOf(first!).nullable) return value;
    // `value` is read twice, by the test and by the choice: only the choice gives it back.
    const present = this.#emit(layout.OP_IS_NOT_NULL, [{ register: value.register }], mask);
    const remaining: CallNode = { kind: 'call', operator: 'coalesce', operands: rest };
    const otherwise = this.#branch(remaining, own, layout.OP_IS_NOT_TRUE, present, mask);
    return this.#emit(layout.OP_WHEN, [present, value, otherwise], mask, { x: PHYSICAL_TYPES[own] });
  }

  /** A branch counts overflows only where it is taken: `test` of the condition, inside the mask around it. */
  #branch(node: ExpressionNode, own: FieldType, test: number, condition: Value, mask: Mask): Value {
    if (!mayCount(node)) return this.#compileAs(node, own, mask);
    const tested = this.#emit(test, [{ register: condition.register }], mask);
    const inner = mask === undefined ? tested : this.#emit(layout.OP_AND, [tested, { register: mask }], mask);
    const value = this.#compileAs(node, own, inner.register);
    this.release(inner);
    return value;
  }

  #explicitCast(operand: ExpressionNode, to: FieldType, mask: Mask): Value {
    const from = naturalType(this.#typeOf(operand));
    const value = this.#compileAs(operand, from, mask);
    return PHYSICAL_TYPES[from] === PHYSICAL_TYPES[to] ? value : this.#cast(value, from, to, mask);
  }

  #sign(operator: 'neg' | 'abs', operand: ExpressionNode, own: FieldType, mask: Mask): Value {
    const safe = this.#typeOf(operand).type === 'i32' ? layout.ARITHMETIC_SAFE : 0;
    const value = this.#compileAs(operand, own, mask);
    const y = PHYSICAL_TYPES[own] + safe;
    if (operator === 'abs') {
      const both = [value, { register: value.register }]; // b stands for itself in every arithmetic instruction
      return this.#emit(layout.OP_ARITHMETIC, both, mask, { x: layout.ARITHMETIC_ABS, y });
    }
    // 0 − x has no −0, so an f64 is multiplied.
    const one = { register: this.#plan.constant(PHYSICAL_TYPES[own], own === 'f64' ? -1 : 0) };
    const x = own === 'f64' ? layout.ARITHMETIC_MUL : layout.ARITHMETIC_SUB;
    return this.#emit(layout.OP_ARITHMETIC, [one, value], mask, { x, y });
  }

  #arithmetic(node: CallNode, own: FieldType, mask: Mask): Value {
    const [x, y] = node.operands as [ExpressionNode, ExpressionNode];
    const wanted = PHYSICAL_TYPES[own] === TYPE_I64 ? 'i64' : 'f64';
    const operands = [this.#arithmeticOperand(x, y, wanted, mask), this.#arithmeticOperand(y, x, wanted, mask)];
    const divides = node.operator === 'div' || node.operator === 'idiv' || node.operator === 'mod';
    const narrow = [x, y].every((operand) => ['i32', 'number'].includes(this.#typeOf(operand).type));
    const safe = divides ? divisorIsNonZero(node) : narrow;
    return this.#emit(layout.OP_ARITHMETIC, operands, mask, {
      x: ARITHMETIC[node.operator]!,
      y: PHYSICAL_TYPES[wanted] + (safe ? layout.ARITHMETIC_SAFE : 0),
    });
  }

  /** A number literal must fit the integer it meets, before both are widened: i32 + literal cannot overflow then. */
  #arithmeticOperand(node: ExpressionNode, other: ExpressionNode, wanted: FieldType, mask: Mask): Value {
    const { type } = this.#typeOf(node);
    if (type !== 'number' || wanted === 'f64') return this.#compileAs(node, wanted, mask);
    const met = this.#typeOf(other).type === 'i32' ? 'i32' : 'i64';
    if (node.kind !== 'literal') {
      const value = this.#compileAs(node, met, mask);
      return met === wanted ? value : this.#cast(value, met, wanted, mask);
    }
    checkNumber(node.value as number, met);
    return this.#compileAs(node, wanted, mask);
  }
}

/** A number alone is f64; a null alone may be anything. */
function naturalType({ type }: Pick<Typed, 'type'>): FieldType {
  return type === 'number' ? 'f64' : type === 'null' ? 'i64' : type;
}

/** Times compare as the i64 they are. */
function comparable(type: FieldType): FieldType {
  return type === 'timestamp' ? 'i64' : type;
}

function mayCount(node: ExpressionNode): boolean {
  return node.kind === 'call' && (COUNTING.includes(node.operator) || node.operands.some(mayCount));
}

function checkNumber(value: number, wanted: FieldType): void {
  if (wanted === 'f64') return;
  if (!Number.isInteger(value)) {
    throw new JobError(`the literal ${value} is no whole number, but meets ${wanted}; write toF64() of the ${wanted}`);
  }
  if (wanted === 'i32' && (value | 0) !== value) {
    throw new JobError(`the literal ${value} does not fit i32; write ${BigInt(value)}n to compute in i64`);
  }
  if (!Number.isSafeInteger(value)) {
    throw new JobError(`the literal ${value} is beyond 2^53, where numbers have gaps; write ${BigInt(value)}n`);
  }
}
