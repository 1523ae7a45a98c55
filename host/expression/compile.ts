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
      plan.instruction(layout.OP_FILTER, { a: compiler.compile(step.expression, 'bool').register });
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
  if (same !== undefined) return { name, type, nullable, slot: same.slot };
  const physical = PHYSICAL_TYPES[type];
  const { register } = compiler.compile(expression, type);
  const slot = plan.slot(physical, type === 'utf8' ? bytesMax + plan.rowsMax * longestText(expression) : 0);
  plan.instruction(layout.OP_STORE, { target: slot, a: register, x: physical });
  compiler.release({ register });
  return { name, type, nullable, slot };
}

/** A computed text is one of the batch's own or a literal: so many bytes a row at most, beside the batch's. */
function longestText(node: ExpressionNode): number {
  if (node.kind === 'literal') return typeof node.value === 'string' ? Buffer.byteLength(node.value) : 0;
  return node.kind === 'call' ? Math.max(0, ...node.operands.map(longestText)) : 0;
}
