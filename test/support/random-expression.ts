// test/support/random-expression.ts — random rows, well-typed expressions and steps, for the expression model test.

import { fieldTypeOf } from '../../host/expression/typing.ts';
import type {
  ExpressionNode,
  FieldDescription,
  FieldType,
  FilterStep,
  Operator,
  SelectStep,
} from '../../host/job/description.ts';
import type { ModelRow, ModelValue } from '../model/expression.ts';
import type { Random } from './random.ts';

const TYPES: readonly FieldType[] = ['bool', 'i32', 'i64', 'f64', 'utf8', 'timestamp'];

/** Every type, never null and nullable. */
export const RANDOM_FIELDS: readonly FieldDescription[] = TYPES.flatMap((type) => [
  { name: type, type, nullable: false },
  { name: `${type}Null`, type, nullable: true },
]);

const I32_EDGES = [0, 1, -1, 2, 60, 2147483647, -2147483648];
const I64_EDGES = [
  ...[0n, 1n, -1n, 7n, 9007199254740993n, -9007199254740993n, 3037000500n],
  ...[9223372036854775807n, -9223372036854775808n],
];
const F64_EDGES = [
  ...[0, -0, 1, -1, 0.5, 7, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 2 ** 63],
  ...[-(2 ** 63), 2147483647.5, -2147483648.5, 1e300, 5e-324],
];
const TEXTS = [
  '',
  'a',
  'ab',
  'abc',
  'abcdefgh',
  'abcdefghi',
  'abcdefghj',
  'abcdefgz',
  'ÄÖ',
  '€',
  '𝄞',
  'b',
  'abaaaaaz',
  'baaaaaaa',
];

export function randomValue(random: Random, type: FieldType): Exclude<ModelValue, null> {
  switch (type) {
    case 'bool':
      return random.chance(0.5);
    case 'i32':
      return BigInt(random.chance(0.5) ? random.pick(I32_EDGES) : random.u32() | 0);
    case 'i64':
      return random.chance(0.5) ? random.pick(I64_EDGES) : BigInt(random.below(200) - 100);
    case 'timestamp':
      return BigInt(random.below(1_000_000) - 500_000);
    case 'f64':
      return random.chance(0.5) ? random.pick(F64_EDGES) : random.float() * 200 - 100;
    case 'utf8':
      return random.pick(TEXTS);
  }
}

export function randomRows(random: Random, count: number, nullChance: number): ModelRow[] {
  return Array.from({ length: count }, () =>
    Object.fromEntries(
      RANDOM_FIELDS.map(({ name, type, nullable }) => [
        name,
        nullable && random.chance(nullChance) ? null : randomValue(random, type),
      ]),
    ),
  );
}

/** Filters and selects; every select keeps enough types to go on. */
export function randomSteps(random: Random, count: number): (FilterStep | SelectStep)[] {
  const steps: (FilterStep | SelectStep)[] = [];
  let fields = RANDOM_FIELDS;
  for (let index = 0; index < count; index++) {
    const writer = new RandomExpression(random, fields);
    if (random.chance(0.5)) {
      steps.push({ kind: 'filter', expression: writer.of('bool', 3), output: fields });
      continue;
    }
    const columns = TYPES.flatMap((type) =>
      Array.from({ length: 1 + random.below(2) }, (_, copy) => ({
        name: `${type}${copy}`,
        expression: writer.of(type, random.below(4)),
      })),
    );
    const before = fields;
    fields = columns.map(({ name, expression }) => ({ name, ...fieldTypeOf(expression, before) }));
    steps.push({ kind: 'select', columns, output: fields });
  }
  return steps;
}

class RandomExpression {
  readonly random: Random;
  readonly fields: readonly FieldDescription[];

  constructor(random: Random, fields: readonly FieldDescription[]) {
    this.random = random;
    this.fields = fields;
  }

  /** An expression of exactly this type. */
  of(type: FieldType, depth: number): ExpressionNode {
    if (depth === 0 || this.random.chance(0.15)) return this.leaf(type);
    if (this.random.chance(0.2)) return this.choice(type, depth - 1);
    switch (type) {
      case 'bool':
        return this.condition(depth - 1);
      case 'i32':
        return call('toI32', this.of(this.random.pick(['bool', 'i32', 'i64', 'f64', 'timestamp']), depth - 1));
      case 'i64':
        return this.integer(depth - 1);
      case 'f64':
        return this.float(depth - 1);
      case 'utf8':
        return this.leaf('utf8');
      case 'timestamp':
        return this.random.chance(0.5)
          ? call('toTimestamp', this.of(this.random.pick(['i32', 'i64']), depth - 1))
          : call(this.random.pick(['add', 'sub']), this.of('timestamp', depth - 1), this.of('i64', depth - 1));
    }
  }

  leaf(type: FieldType): ExpressionNode {
    const known = this.fields.filter((field) => field.type === type);
    if (known.length > 0 && !this.random.chance(0.2)) return { kind: 'column', name: this.random.pick(known).name };
    if (type === 'i32') return call('toI32', this.literal('i32'));
    if (type === 'timestamp') return call('toTimestamp', this.literal('i64'));
    if (type === 'f64') return call('toF64', this.literal('f64')); // a bare number would adapt to what it meets
    return this.literal(type);
  }

  /** i32 and i64 literals are bigints: their type is their own. */
  literal(type: FieldType): ExpressionNode {
    return { kind: 'literal', value: randomValue(this.random, type) };
  }

  choice(type: FieldType, depth: number): ExpressionNode {
    const null_ = { kind: 'literal', value: null } as const;
    const [a, b] = [this.of(type, depth), this.random.chance(0.1) ? null_ : this.of(type, depth)];
    if (this.random.chance(0.5)) return call('coalesce', a, b, this.leaf(type));
    return call('when', this.of('bool', depth), a, b);
  }

  condition(depth: number): ExpressionNode {
    const { random } = this;
    const compare = () => random.pick<Operator>(['eq', 'ne', 'lt', 'le', 'gt', 'ge']);
    const ordered = () => this.of(random.pick(['i32', 'i64', 'f64', 'timestamp']), depth);
    switch (random.below(9)) {
      case 0:
        return call(random.pick(['and', 'or']), this.of('bool', depth), this.of('bool', depth));
      case 1:
        return call('not', this.of('bool', depth));
      case 2:
        return call(random.pick(['isNull', 'isNotNull']), this.of(random.pick(TYPES), depth));
      case 3:
        return call(compare(), this.of('utf8', depth), this.of('utf8', depth));
      case 4:
        return call('startsWith', this.of('utf8', depth), this.of('utf8', depth));
      case 5:
        return this.membership(depth);
      case 6:
        return call(random.pick(['eq', 'ne']), this.of('bool', depth), this.of('bool', depth));
      case 7: {
        // A number literal beside each numeric type, on either side; fractions and numbers too large as well.
        const number = {
          kind: 'literal',
          value: random.chance(0.5) ? random.pick(F64_EDGES) : random.below(100),
        } as const;
        return random.chance(0.5) ? call(compare(), ordered(), number) : call(compare(), number, ordered());
      }
      default:
        return call(compare(), ordered(), ordered());
    }
  }

  membership(depth: number): ExpressionNode {
    const type = this.random.pick(TYPES);
    const literalType = type === 'i32' || type === 'timestamp' ? 'i64' : type;
    const values = Array.from({ length: this.random.pick([1, 2, 5, 8, 40]) }, (): ExpressionNode => {
      const mixed = literalType === 'i64' || literalType === 'f64';
      return this.literal(mixed ? this.random.pick(['i64', 'f64']) : literalType);
    });
    return call('in', this.of(type, depth), ...values);
  }

  integer(depth: number): ExpressionNode {
    const { random } = this;
    const operand = () => this.of(random.pick(['i32', 'i64']), depth);
    switch (random.below(5)) {
      case 0:
        return call(random.pick(['neg', 'abs']), operand());
      case 1:
        return call('toI64', this.of(random.pick(['bool', 'i32', 'i64', 'f64', 'timestamp']), depth));
      case 2:
        return call('sub', this.of('timestamp', depth), this.of('timestamp', depth));
      case 3: {
        const number = { kind: 'literal', value: random.pick([0, 1, -1, 60, 2147483647]) } as const;
        return call(random.pick(['add', 'sub', 'mul', 'idiv', 'mod']), operand(), number);
      }
      default:
        return call(random.pick(['add', 'sub', 'mul', 'idiv', 'mod']), operand(), operand());
    }
  }

  float(depth: number): ExpressionNode {
    const { random } = this;
    const numeric = () => this.of(random.pick(['i32', 'i64', 'f64']), depth);
    switch (random.below(4)) {
      case 0:
        return call(random.pick(['neg', 'abs']), this.of('f64', depth));
      case 1:
        return call('toF64', this.of(random.pick(['bool', 'i32', 'i64', 'f64', 'timestamp']), depth));
      case 2:
        return call('div', numeric(), numeric());
      default: {
        const operator = random.pick<Operator>(['add', 'sub', 'mul', 'mod']);
        return random.chance(0.5)
          ? call(operator, this.of('f64', depth), numeric())
          : call(operator, numeric(), this.of('f64', depth));
      }
    }
  }
}

function call(operator: Operator, ...operands: ExpressionNode[]): ExpressionNode {
  return { kind: 'call', operator, operands };
}
