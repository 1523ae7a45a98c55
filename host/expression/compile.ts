// host/expression/compile.ts — from filter and select steps to a program for the kernels.
//
// The plan is pictured in assembly/expression-layout.ts. Every step's expressions become instructions over vector
// registers, operands first; a bare column is no instruction, its output is the same column.
//
// Promises
//   - what typing.ts accepts is compiled, but for literals that the type they meet cannot hold: a JobError names them.
//   - branches of when and coalesce are computed for all lanes, under a mask: overflows count in taken branches only.
// Not here  the bytes of the plan (plan.ts), running it (assembly/expression.ts).

import * as layout from '../../assembly/expression-layout.ts';
import { BATCH_BYTES_MAX, BATCH_ROWS_MAX } from '../../assembly/layout.ts';
import type { ExpressionNode, FieldDescription, FilterStep, SelectStep } from '../job/description.ts';
import { ExpressionCompiler } from './compile-node.ts';
import { PHYSICAL_TYPES, PlanWriter } from './plan.ts';

export interface CompileOptions {
  /** Input columns (indexes) that come first in the output whatever the steps select: the hidden event time. Default: none. */
  passThrough?: readonly number[];
  /** Input columns (indexes) that are the rows' fields, in order; default: all that are not passed through. */
  fields?: readonly number[];
  /** Rows of a batch at most; scratch is reserved for so many. Default BATCH_ROWS_MAX. */
  rowsMax?: number;
  /** utf8 bytes of a batch at most. Default BATCH_BYTES_MAX. */
  bytesMax?: number;
}

export interface CompiledProgram {
  /** The plan, for programCreate. */
  readonly bytes: Uint8Array;
  /** The columns of the resulting batch, in order; a watermark column is not listed: it stays behind them. */
  readonly output: readonly FieldDescription[];
}

/** A field of the rows at this point of the program, and the column slot that holds it. */
export interface SlotField extends FieldDescription {
  readonly slot: number;
  /** Bytes of all its texts together at most; undefined for the batch's own columns, which share the batch's bytes. */
  readonly textBytesMax?: number;
}

/**
 * Compiles consecutive filter and select steps.
 *
 * @param input  the batch's columns in order, without the watermark column
 * @throws JobError when an expression is ill typed over its fields or a literal does not fit
 */
export function compileProgram(
  input: readonly FieldDescription[],
  steps: readonly (FilterStep | SelectStep)[],
  options: CompileOptions = {},
): CompiledProgram {
  const { passThrough = [], rowsMax = BATCH_ROWS_MAX, bytesMax = BATCH_BYTES_MAX } = options;
  const columns = input.map((field, slot): SlotField => ({ ...field, slot }));
  const visible = options.fields ?? columns.map(({ slot }) => slot).filter((slot) => !passThrough.includes(slot));
  const plan = new PlanWriter(input.length, rowsMax);
  let fields = visible.map((index) => columns[index]!);
  for (const step of steps) {
    const compiler = new ExpressionCompiler(plan, fields);
    if (step.kind === 'filter') {
      const condition = compiler.compile(step.expression, 'bool');
      plan.instruction(layout.OP_FILTER, { a: condition.register });
      compiler.release(condition);
    } else {
      fields = step.columns.map((column, index) => selectColumn(plan, compiler, step.output[index]!, column, bytesMax));
    }
    compiler.close();
  }
  const outputs = [...passThrough.map((index) => columns[index]!), ...fields];
  return {
    bytes: plan.finish(outputs.map(({ slot }) => slot)),
    output: outputs.map(({ name, type, nullable }) => ({ name, type, nullable })),
  };
}

function selectColumn(
  plan: PlanWriter,
  compiler: ExpressionCompiler,
  { name, type, nullable }: FieldDescription,
  { expression }: SelectStep['columns'][number],
  bytesMax: number,
): SlotField {
  const same = compiler.columnOf(expression);
  if (same !== undefined) return { ...same, name, type, nullable };
  const physical = PHYSICAL_TYPES[type];
  const value = compiler.compile(expression, type);
  const textBytesMax = type === 'utf8' ? textBytesOf(expression, compiler, bytesMax, plan.rowsMax) : 0;
  const slot = plan.slot(physical, textBytesMax);
  plan.instruction(layout.OP_STORE, { target: slot, a: value.register, x: physical });
  compiler.release(value);
  return { name, type, nullable, slot, textBytesMax };
}

/** Every row of a computed text column is that row of some column, or a literal. */
function textBytesOf(node: ExpressionNode, compiler: ExpressionCompiler, bytesMax: number, rowsMax: number): number {
  const leaves = leavesOf(node);
  const columns = [...new Set(leaves.map((leaf) => compiler.columnOf(leaf)))].filter(
    (column) => column?.type === 'utf8',
  );
  const computed = columns.map((column) => column?.textBytesMax).filter((bytes) => bytes !== undefined);
  const texts = leaves.map((leaf) => (leaf.kind === 'literal' && typeof leaf.value === 'string' ? leaf.value : ''));
  const literalBytesMax = Math.max(0, ...texts.map((text) => Buffer.byteLength(text)));
  const ownBytes = computed.length < columns.length ? bytesMax : 0;
  return computed.reduce((sum, bytes) => sum + bytes, ownBytes + rowsMax * literalBytesMax);
}

function leavesOf(node: ExpressionNode): ExpressionNode[] {
  return node.kind === 'call' ? node.operands.flatMap(leavesOf) : [node];
}
