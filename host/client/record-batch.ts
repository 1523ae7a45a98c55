// host/client/record-batch.ts — records to columns, by the stream's schema, and columns to Arrow frames.
//
// A value is judged when it is given: one that the column cannot hold refuses its record here, by the names that the
// engine uses, and its neighbours are sent. Fields that the stream has not are not sent.

import { type ArrowValue, writeArrow } from '../encode/arrow-write.ts';
import type { FieldDescription, FieldType } from '../job/description.ts';
import type { RowReject } from './outcome.ts';

export type RecordValue = boolean | number | bigint | string | Date | null | undefined;
export type RecordOf = Readonly<Record<string, RecordValue>>;

export interface BatchFrame {
  bytes: Uint8Array;
  /** Rows of the batch that it holds. */
  from: number;
  count: number;
}

export interface CutFrames {
  frames: BatchFrame[];
  /** Rows that no frame is large enough for. */
  tooLarge: { row: number; bytes: number }[];
}

export class RecordBatch {
  rows = 0;
  /** As much as the frame will hold, but for its head. */
  bytes = 0;
  private readonly fields: readonly FieldDescription[];
  private readonly columns: ArrowValue[][];

  constructor(fields: readonly FieldDescription[]) {
    this.fields = fields;
    this.columns = fields.map(() => []);
  }

  /** @returns what is wrong with the record; then nothing of it is in the batch */
  add(record: RecordOf): Omit<RowReject, 'row'> | null {
    let bytes = 0;
    for (const [index, { name, type, nullable }] of this.fields.entries()) {
      const given = record[name] ?? null;
      const value = given === null ? null : READ[type](given);
      const code = given === null ? (nullable ? null : 'MISSING') : typeof value === 'object' ? value!.code : null;
      if (code !== null) {
        for (const column of this.columns.slice(0, index)) column.pop();
        return { code, column: name, message: `${shown(given)} is no ${type}; ${EXPECTED[type]}` };
      }
      this.columns[index]!.push(value as ArrowValue);
      bytes += VALUE_BYTES[type] + (type === 'utf8' && value !== null ? Buffer.byteLength(value as string) : 0);
    }
    this.rows++;
    this.bytes += bytes;
    return null;
  }

  /** One frame, or several when one would be larger than the engine takes. */
  cut(frameBytesMax: number): CutFrames {
    const cut: CutFrames = { frames: [], tooLarge: [] };
    if (this.rows > 0) this.cutRange(0, this.rows, frameBytesMax, cut);
    return cut;
  }

  private cutRange(from: number, to: number, frameBytesMax: number, cut: CutFrames): void {
    const whole = from === 0 && to === this.rows;
    const bytes = writeArrow(
      this.fields.map(({ name, type, nullable }, index) => {
        const values = this.columns[index]!;
        return { name, type, nullable, values: whole ? values : values.slice(from, to) };
      }),
    );
    if (bytes.byteLength <= frameBytesMax) {
      cut.frames.push({ bytes, from, count: to - from });
      return;
    }
    if (to - from === 1) {
      cut.tooLarge.push({ row: from, bytes: bytes.byteLength });
      return;
    }
    const middle = (from + to) >> 1;
    this.cutRange(from, middle, frameBytesMax, cut);
    this.cutRange(middle, to, frameBytesMax, cut);
  }
}

/** Fixed bytes of one value; of text its offset. */
const VALUE_BYTES: Record<FieldType, number> = { bool: 1, i32: 4, i64: 8, f64: 8, utf8: 4, timestamp: 8 };

/** Instead of a value: why it is none. */
interface Refused {
  code: 'TYPE' | 'RANGE' | 'SURROGATE';
}
const TYPE: Refused = { code: 'TYPE' };
const RANGE: Refused = { code: 'RANGE' };
const SURROGATE: Refused = { code: 'SURROGATE' };

const READ: Record<FieldType, (given: NonNullable<RecordValue>) => ArrowValue | Refused> = {
  bool: (given) => (typeof given === 'boolean' ? given : TYPE),
  i32: (given) => integer(given, 32),
  i64: (given) => integer(given, 64),
  f64: (given) => (typeof given === 'number' ? given : TYPE),
  utf8: (given) => (typeof given !== 'string' ? TYPE : given.isWellFormed() ? given : SURROGATE),
  timestamp: (given) => integer(given instanceof Date ? given.getTime() : given, 64),
};

const EXPECTED: Record<FieldType, string> = {
  bool: 'expected true or false',
  i32: 'expected an integer from -2147483648 to 2147483647',
  i64: 'expected a bigint of 64 bits, or a safe integer',
  f64: 'expected a number',
  utf8: 'expected a string without half surrogate pairs',
  timestamp: 'expected epoch milliseconds, or a Date',
};

function integer(given: NonNullable<RecordValue>, bits: 32 | 64): number | bigint | Refused {
  if (typeof given === 'bigint') return BigInt.asIntN(bits, given) === given ? given : RANGE;
  if (typeof given !== 'number' || !Number.isInteger(given)) return TYPE;
  if (bits === 32) return given === (given | 0) ? given : RANGE;
  return Number.isSafeInteger(given) ? given : RANGE;
}

function shown(given: RecordValue): string {
  if (given === null || given === undefined) return 'nothing';
  return typeof given === 'string' ? JSON.stringify(given.slice(0, 40)) : String(given);
}
