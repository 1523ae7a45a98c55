// host/job/column-reader.ts — one value of a column in kernel memory, as JavaScript. For the slower path only.

import {
  BATCH_HEADER_BYTES,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
} from '../../assembly/layout.ts';
import type { Kernel } from '../kernel/load.ts';
import type { FieldDescription, RowValue } from './description.ts';

/** Reads a row of the column at `index`; null where it has no value. */
export function columnReader(
  kernel: Kernel,
  { type }: FieldDescription,
  index: number,
): (batch: number, row: number) => RowValue {
  const { u8, u32 } = kernel;
  const texts = Buffer.from(kernel.memory.buffer);
  const read = valueReader(kernel, type, texts);
  const descriptor = BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
  return (batch, row) => {
    const column = batch + descriptor;
    const validity = u32[(column + COLUMN_VALIDITY) >>> 2]!;
    if (validity !== 0) {
      const bits = u8[((batch + validity) >>> 0) + (row >>> 3)]!;
      if (((bits >>> (row & 7)) & 1) === 0) return null;
    }
    const values = (batch + u32[(column + COLUMN_VALUES) >>> 2]!) >>> 0;
    const bytes = (batch + u32[(column + COLUMN_BYTES) >>> 2]!) >>> 0;
    return read(values, row, bytes);
  };
}

function valueReader(
  { u8, i32, u32, i64, f64 }: Kernel,
  type: FieldDescription['type'],
  texts: Buffer,
): (values: number, row: number, bytes: number) => RowValue {
  switch (type) {
    case 'bool':
      return (values, row) => ((u8[values + (row >>> 3)]! >>> (row & 7)) & 1) === 1;
    case 'i32':
      return (values, row) => i32[(values >>> 2) + row]!;
    case 'i64':
      return (values, row) => i64[values / 8 + row]!;
    case 'timestamp':
      return (values, row) => Number(i64[values / 8 + row]!);
    case 'f64':
      return (values, row) => f64[values / 8 + row]!;
    case 'utf8':
      return (values, row, bytes) => {
        const offset = (values >>> 2) + row;
        return texts.toString('utf8', bytes + u32[offset]!, bytes + u32[offset + 1]!);
      };
  }
}
