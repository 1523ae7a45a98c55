// host/expression/in-table.ts — the sorted table behind `in`: what the kernel searches by halves.
//
// Values that cannot be equal to any value of the operand's type (a fraction beside integers, a number out of range,
// NaN) are left out. The picture of each table is in assembly/expression-text.ts.

import type { FieldType } from '../job/description.ts';

type Value = boolean | number | bigint | string;

export function inTable(type: FieldType, values: readonly Value[]): { table: Uint8Array; count: number } {
  switch (type) {
    case 'bool': {
      const members = values.reduce<number>((bits, value) => bits | (value === true ? 2 : 1), 0);
      return { table: Uint8Array.of(members, 0, 0, 0), count: 2 };
    }
    case 'i32':
    case 'i64':
    case 'timestamp': {
      const bits = type === 'i32' ? 32 : 64;
      const whole = values
        .filter((value) => typeof value === 'bigint' || Number.isInteger(value))
        .map((value) => BigInt(value))
        .filter((value) => BigInt.asIntN(bits, value) === value)
        .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      const table = type === 'i32' ? Int32Array.from(whole, Number) : BigInt64Array.from(whole);
      return { table: new Uint8Array(table.buffer), count: whole.length };
    }
    case 'f64': {
      const exact = values
        .filter((value) => typeof value !== 'bigint' || BigInt(Number(value)) === value)
        .map(Number)
        .filter((value) => !Number.isNaN(value));
      const table = Float64Array.from(exact).sort();
      return { table: new Uint8Array(table.buffer), count: exact.length };
    }
    case 'utf8':
      return textTable(values as readonly string[]);
  }
}

function textTable(values: readonly string[]): { table: Uint8Array; count: number } {
  const texts = [...new Set(values)]
    .map((value) => Buffer.from(value))
    .sort((a, b) => a.length - b.length || a.compare(b));
  const directory = new Uint32Array(texts.length * 2);
  let offset = directory.byteLength;
  for (const [index, { length }] of texts.entries()) {
    directory.set([offset, length], index * 2);
    offset += length;
  }
  return { table: Buffer.concat([new Uint8Array(directory.buffer), ...texts]), count: texts.length };
}
