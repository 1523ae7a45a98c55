// host/cli/csv-frames.ts — CSV to Arrow frames: the header names the columns, the stream's schema gives their types.
//
// A cell that has not its column's type rejects its row here, by name, before anything is sent; nulls where the schema
// has none are left to the engine, which rejects them the same way.

import { isUtf8 } from 'node:buffer';
import { type ArrowValue, writeArrow } from '../encode/arrow-write.ts';
import type { FieldDescription, FieldType } from '../job/description.ts';
import { didYouMean } from '../job/suggest.ts';
import { dataError } from './cli-error.ts';
import { type Cell, CsvSplitter } from './csv-split.ts';
import type { Frame, FrameBounds, LocalReject } from './frame.ts';

const RECORD_CHARS_MAX = 4 * 1024 * 1024;

export interface CsvOptions {
  fields: readonly FieldDescription[];
  bounds: FrameBounds;
  onReject: (reject: LocalReject) => void;
}

/** @throws CliError when the header does not fit the schema, or the text is no CSV */
export async function* csvFrames(chunks: AsyncIterable<Buffer>, options: CsvOptions): AsyncGenerator<Frame> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const splitter = new CsvSplitter(RECORD_CHARS_MAX);
  let rows: CsvRows | null = null;
  const take = function* (text: string, isLast: boolean): Generator<Frame> {
    for (const cells of splitter.split(text, isLast)) {
      if (rows === null) {
        rows = new CsvRows(cells, options);
        continue;
      }
      rows.add(cells);
      if (rows.isFull) yield* rows.frames();
    }
  };
  try {
    for await (const chunk of chunks) yield* take(decode(decoder, chunk, splitter), false);
    yield* take(decode(decoder, null, splitter), true);
  } catch (error) {
    if (rows !== null) yield* (rows as CsvRows).frames(); // What stands in front of the mistake is sent.
    throw error;
  }
  if (rows === null) throw dataError('the input is empty', 'expected a first line that names the columns');
  yield* (rows as CsvRows).frames();
}

function decode(decoder: TextDecoder, chunk: Buffer | null, splitter: CsvSplitter): string {
  try {
    return chunk === null ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    const where = chunk !== null && isUtf8(chunk) ? 'at' : 'behind';
    throw dataError(
      `the input is not UTF-8, ${where} record ${splitter.records}`,
      'convert it first, e.g. with «iconv -f latin1 -t utf-8»',
    );
  }
}

interface CsvColumn {
  field: FieldDescription;
  /** Which cell of a record. */
  cell: number;
  values: ArrowValue[];
}

/** Records that become the next frames. */
class CsvRows {
  private readonly columns: CsvColumn[];
  private readonly cellCount: number;
  private readonly options: CsvOptions;
  private numbers: number[] = [];
  private textBytes = 0;
  private row = 0;

  constructor(header: Cell[], options: CsvOptions) {
    this.columns = columnsOf(header, options.fields);
    this.cellCount = header.length;
    this.options = options;
  }

  get isFull(): boolean {
    return this.numbers.length >= this.options.bounds.rowsMax || this.textBytes >= this.options.bounds.bytesMax;
  }

  add(cells: readonly Cell[]): void {
    this.row++;
    if (cells.length !== this.cellCount) {
      const message = `${cells.length} cells, the header has ${this.cellCount}; quote cells that hold commas`;
      this.options.onReject({ row: this.row, code: 'CSV', column: null, message });
      return;
    }
    let done = 0;
    for (const { field, cell, values } of this.columns) {
      const text = cells[cell]!;
      const value = text === null ? null : READ[field.type](text);
      if (value === undefined) {
        for (const column of this.columns.slice(0, done)) column.values.pop();
        const message = `${JSON.stringify(text!.slice(0, 40))} is no ${field.type}; ${EXPECTED[field.type]}`;
        this.options.onReject({ row: this.row, code: 'TYPE', column: field.name, message });
        return;
      }
      values.push(value);
      if (field.type === 'utf8') this.textBytes += text?.length ?? 0;
      done++;
    }
    this.numbers.push(this.row);
  }

  /** What has been gathered, as frames that the engine takes. */
  *frames(): Generator<Frame> {
    const { numbers } = this;
    const columns = this.columns.map(({ field: { name, type }, values }) => ({ name, type, values, nullable: true }));
    this.numbers = [];
    this.textBytes = 0;
    for (const column of this.columns) column.values = [];
    yield* this.framesOf(columns, numbers);
  }

  private *framesOf(
    columns: { name: string; type: FieldType; values: ArrowValue[]; nullable: boolean }[],
    numbers: number[],
  ): Generator<Frame> {
    if (numbers.length === 0) return;
    const bytes = writeArrow(columns);
    const { frameBytesMax } = this.options.bounds;
    if (bytes.byteLength <= frameBytesMax) {
      yield { text: false, bytes, rows: numbers.length, rowNumber: (index) => numbers[index]! };
      return;
    }
    if (numbers.length === 1) {
      const message = `${bytes.byteLength} bytes; the engine takes at most ${frameBytesMax} in one frame`;
      return this.options.onReject({ row: numbers[0]!, code: 'ROW_SIZE', column: null, message });
    }
    const half = numbers.length >> 1;
    const part = (from: number, to: number) =>
      columns.map((column) => ({ ...column, values: column.values.slice(from, to) }));
    yield* this.framesOf(part(0, half), numbers.slice(0, half));
    yield* this.framesOf(part(half, numbers.length), numbers.slice(half));
  }
}

/** The fields of the stream that the header names; other columns are not sent. */
function columnsOf(header: readonly Cell[], fields: readonly FieldDescription[]): CsvColumn[] {
  const names = header.map((name, index) => (index === 0 ? (name ?? '').replace(/^\uFEFF/, '') : (name ?? '')).trim());
  const seen = `the first line names ${names.map((name) => `«${name}»`).join(', ')}`;
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) throw dataError(`${seen}: «${twice}» twice`, 'give every column a name of its own');
  const missing = fields.find(({ name, nullable }) => !nullable && !names.includes(name));
  if (missing !== undefined) {
    throw dataError(
      `${seen}; the stream needs «${missing.name}»${didYouMean(missing.name, names)}`,
      `expected a header with ${fields.map(({ name, nullable }) => name + (nullable ? ' (may be missing)' : '')).join(', ')}`,
    );
  }
  const found = fields.filter(({ name }) => names.includes(name));
  return found.map((field) => ({ field, cell: names.indexOf(field.name), values: [] }));
}

const INTEGER = /^[+-]?\d{1,19}$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const RFC_3339 = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;
const BOOLEANS: Record<string, boolean> = { true: true, false: false, 1: true, 0: false };
/** Digits that a double always holds exactly. */
const SAFE_DIGITS = 15;

/** A cell's value, or undefined when it is none of the type. */
const READ: Record<FieldType, (cell: string) => ArrowValue | undefined> = {
  bool: (cell) => BOOLEANS[cell.trim().toLowerCase()],
  i32: (cell) => integer(cell, 32),
  i64: (cell) => integer(cell, 64),
  f64: (cell) => finite(cell.trim()),
  utf8: (cell) => cell,
  timestamp: (cell) => (RFC_3339.test(cell) ? instant(cell) : integer(cell, 64)),
};

const EXPECTED: Record<FieldType, string> = {
  bool: 'expected true, false, 1 or 0',
  i32: 'expected an integer from -2147483648 to 2147483647',
  i64: 'expected an integer of 64 bits',
  f64: 'expected a number',
  utf8: 'expected text',
  timestamp: 'expected epoch milliseconds, or an instant like 2001-01-01T00:00:00Z',
};

function integer(cell: string, bits: 32 | 64): number | bigint | undefined {
  const digits = cell.trim();
  if (!INTEGER.test(digits)) return undefined;
  const value = digits.length <= SAFE_DIGITS ? Number(digits) : BigInt(digits.replace(/^\+/, ''));
  if (bits === 32) return value === (Number(value) | 0) ? value : undefined;
  return typeof value === 'number' || BigInt.asIntN(64, value) === value ? value : undefined;
}

function finite(cell: string): number | undefined {
  const value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

function instant(cell: string): number | undefined {
  const time = Date.parse(cell.replace(' ', 'T'));
  return Number.isNaN(time) ? undefined : time;
}
