// host/expression/plan.ts — writes the bytes of a program: registers, instructions, constants, slots.
//
// The picture is in assembly/expression-layout.ts. Registers are taken and given back, so that an expression needs as
// many as it is deep; constants are written once each, however often they occur.

import * as layout from '../../assembly/expression-layout.ts';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } from '../../assembly/layout.ts';
import type { FieldType } from '../job/description.ts';

export const PHYSICAL_TYPES: { readonly [type in FieldType]: number } = {
  bool: TYPE_BOOL,
  i32: TYPE_I32,
  i64: TYPE_I64,
  f64: TYPE_F64,
  utf8: TYPE_UTF8,
  timestamp: TYPE_I64,
};

const VECTOR_BYTES = 16;

export interface Instruction {
  target?: number;
  a?: number;
  b?: number;
  c?: number;
  mask?: number;
  x?: number;
  y?: number;
}

export class PlanWriter {
  readonly rowsMax: number;
  readonly #inputColumns: number;
  readonly #instructions: number[] = [];
  readonly #constants: number[] = [];
  readonly #constantRegisters = new Map<string, number>();
  readonly #slots: number[] = [];
  readonly #data: Uint8Array[] = [];
  readonly #free: number[] = [];
  /** Words of the plan whose value counts from the data's first byte; mended by finish(). */
  readonly #dataOffsets: { words: number[]; index: number }[] = [];
  #registerCount = 0;
  #dataBytes = 0;

  constructor(inputColumns: number, rowsMax: number) {
    this.#inputColumns = inputColumns;
    this.rowsMax = rowsMax;
  }

  takeRegister(): number {
    return this.#free.pop() ?? this.#registerCount++;
  }

  giveRegister(register: number): void {
    this.#free.push(register);
  }

  instruction(op: number, { target = 0, a = 0, b = 0, c = 0, mask = layout.NO_MASK, x = 0, y = 0 }: Instruction): void {
    this.#instructions.push(op, target, a, b, c, mask, x, y);
  }

  /** An instruction whose x is the offset of a table. */
  tableInstruction(op: number, operands: Instruction, table: Uint8Array): void {
    this.instruction(op, { ...operands, x: this.#append(table) });
    this.#dataOffsets.push({ words: this.#instructions, index: this.#instructions.length - 2 });
  }

  /** A register that holds the value in every lane; null: no lane has one. */
  constant(type: number, value: boolean | number | bigint | string | null): number {
    const key = `${type} ${typeof value} ${Object.is(value, -0) ? '-0' : value}`;
    const known = this.#constantRegisters.get(key);
    if (known !== undefined) return known;
    const register = this.#registerCount++;
    const data = value === null ? new Uint8Array(VECTOR_BYTES) : constantBytes(type, value);
    const offset = this.#append(data);
    this.#constants.push(register, value === null ? type | layout.PLAN_NULL : type, offset, data.length);
    this.#dataOffsets.push({ words: this.#constants, index: this.#constants.length - 2 });
    this.#constantRegisters.set(key, register);
    return register;
  }

  /** A computed column; returns its slot. */
  slot(type: number, bytesMax: number): number {
    this.#slots.push(type, bytesMax);
    return this.#inputColumns + this.#slots.length / 2 - 1;
  }

  finish(outputs: readonly number[]): Uint8Array {
    const words = [this.#instructions, this.#constants, this.#slots, outputs];
    const wordCount = words.reduce((sum, { length }) => sum + length, 0);
    const dataOffset = alignVector(layout.PLAN_HEADER_BYTES + wordCount * 4);
    for (const { words, index } of this.#dataOffsets) words[index]! += dataOffset;
    const bytes = new Uint8Array(dataOffset + this.#dataBytes);
    const header = [
      bytes.length,
      this.rowsMax,
      this.#inputColumns,
      this.#registerCount,
      this.#instructions.length / (layout.INSTRUCTION_BYTES / 4),
      this.#constants.length / (layout.CONSTANT_BYTES / 4),
      this.#slots.length / (layout.SLOT_PLAN_BYTES / 4),
      outputs.length,
    ];
    new Uint32Array(bytes.buffer, 0, header.length + wordCount).set([...header, ...words.flat()]);
    let at = dataOffset;
    for (const data of this.#data) {
      // A text's pair (start, end) counts from the plan's first byte as well.
      bytes.set(data, at);
      at += alignVector(data.length);
    }
    this.#mendTexts(bytes);
    return bytes;
  }

  /** utf8 constants begin with their pair, which is known only now. */
  #mendTexts(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.buffer);
    for (let index = 0; index < this.#constants.length; index += layout.CONSTANT_BYTES / 4) {
      const [type, offset, length] = this.#constants.slice(index + 1, index + 4) as [number, number, number];
      if (type !== TYPE_UTF8) continue;
      words[offset / 4] = offset + VECTOR_BYTES;
      words[offset / 4 + 1] = offset + length;
    }
  }

  #append(data: Uint8Array): number {
    const offset = this.#dataBytes;
    this.#data.push(data);
    this.#dataBytes += alignVector(data.length);
    return offset;
  }
}

/** Numbers fill one vector; a bool is a byte of its bits; a text stands behind room for its pair. */
function constantBytes(type: number, value: boolean | number | bigint | string): Uint8Array {
  switch (type) {
    case TYPE_BOOL:
      return Uint8Array.of(value ? 255 : 0);
    case TYPE_I32:
      return new Uint8Array(Int32Array.from({ length: 4 }, () => Number(value)).buffer);
    case TYPE_I64:
      return new Uint8Array(BigInt64Array.from({ length: 2 }, () => BigInt(value)).buffer);
    case TYPE_F64:
      return new Uint8Array(Float64Array.from({ length: 2 }, () => Number(value)).buffer);
    default:
      return Buffer.concat([new Uint8Array(VECTOR_BYTES), Buffer.from(String(value))]);
  }
}

function alignVector(bytes: number): number {
  return (bytes + VECTOR_BYTES - 1) & -VECTOR_BYTES;
}
