// host/expression/in-table.ts — the values of `in`, as the kernels want them: few are compared one by one, many searched.
//
// Values that cannot be equal to any value of the operand's type (a fraction beside integers, a number out of range,
// NaN) are left out. The picture of each table is in assembly/expression-text.ts.

import type { FieldType } from '../job/description.ts';

type Value = boolean | number | bigint | string;

/** The values that may be equal to one of this type, each once, sorted as the kernel's search wants them. */
export function possibleValues(type: FieldType, values: readonly Value[]): readonly Value[] {
  switch (type) {
    case 'bool':
      return [...new Set(values)];
    case 'i32':
    case 'i64':
    case 'timestamp': {
      const bits = type === 'i32' ? 32 : 64;
      const whole = values.filter((value) => typeof value === 'bigint' || Number.isInteger(value)).map(BigInt);
      const fitting = whole.filter((value) => BigInt.asIntN(bits, value) === value);
      return [...new Set(fitting)].sort((a, b) => (a < b ? -1 : 1));
    }
    case 'f64': {
      const exact = values.filter((value) => typeof value !== 'bigint' || BigInt(Number(value)) === value).map(Number);
      return [...new Set(exact.filter((value) => !Number.isNaN(value)))].sort((a, b) => a - b);
    }
    case 'utf8': {
      const texts = [...new Set(values as readonly string[])].map((value) => Buffer.from(value));
      return texts.sort((a, b) => a.length - b.length || a.compare(b)).map((text) => text.toString());
    }
  }
}

/** The table behind OP_IN, of what possibleValues gave. */
export function inTable(type: FieldType, values: readonly Value[]): Uint8Array {
  switch (type) {
    case 'bool':
      return Uint8Array.of(
        values.reduce<number>((bits, value) => bits | (value === true ? 2 : 1), 0),
        0,
        0,
        0,
      );
    case 'i32':
      return new Uint8Array(Int32Array.from(values, Number).buffer);
    case 'i64':
    case 'timestamp':
      return new Uint8Array(BigInt64Array.from(values as readonly bigint[]).buffer);
    case 'f64':
      return new Uint8Array(Float64Array.from(values, Number).buffer);
    case 'utf8':
      return textTable(values as readonly string[]);
  }
}

function textTable(values: readonly string[]): Uint8Array {
  const texts = values.map((value) => Buffer.from(value));
  const directory = new Uint32Array(texts.length * 2);
  let offset = directory.byteLength;
  for (const [index, { length }] of texts.entries()) {
    directory.set([offset, length], index * 2);
    offset += length;
  }
  return Buffer.concat([new Uint8Array(directory.buffer), ...texts]);
}
