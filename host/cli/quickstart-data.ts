// host/cli/quickstart-data.ts — the project's own extract of real flights (data/README.md), as Arrow frames.
//
//   zstd CSV ──unpack──▶ lines ──digits and letters──▶ column buffers ──▶ one Arrow IPC stream per frame
//
// It feeds the quick start, which replays at full speed, so nothing is made per row: numbers are read from bytes and
// airport codes are copied as bytes. It knows this file's columns and no others; csv-frames.ts reads any CSV.
// The file is ours: a line that is not as expected is a broken copy and ends the reading with its number.

import { createReadStream } from 'node:fs';
import { createZstdDecompress } from 'node:zlib';
import {
  BATCH_COLUMN_COUNT,
  BATCH_HEADER_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_TYPE,
  COLUMN_VALUES,
} from '../../assembly/layout.ts';
import { type ArrowField, COLUMN_TYPE_OF, encodeArrowStream } from '../encode/arrow.ts';
import { dataError, ioError } from './cli-error.ts';
import { consecutive, type Frame } from './frame.ts';

export const QUICKSTART_ROWS = 1_000_000;
const HEADER = 'ts_ms,origin,destination,delay,distance\n';

/** In the order of the file. */
const FIELDS: readonly ArrowField[] = [
  { name: 'ts_ms', type: 'timestamp', nullable: false },
  { name: 'origin', type: 'utf8', nullable: false },
  { name: 'destination', type: 'utf8', nullable: false },
  { name: 'delay', type: 'i32', nullable: false },
  { name: 'distance', type: 'i32', nullable: false },
];
/** Airport codes have three letters. */
const CODE_BYTES_MAX = 8;
const LINE_BYTES_MAX = 128;
const CHUNK_BYTES = 1 << 20;
const TWO_POW_32 = 2 ** 32;

const COMMA = 0x2c;
const MINUS = 0x2d;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** Beside the sources in a clone, and in the installed package. */
const PLACES = ['../../data/flights-1m.csv.zst', '../../../data/flights-1m.csv.zst'];

export interface QuickstartDataOptions {
  /** Default: the file of this project. */
  file?: string | URL;
  frameRows?: number;
}

/** @throws CliError when the file is missing or broken */
export async function* quickstartFrames({
  file,
  frameRows = 16_384,
}: QuickstartDataOptions = {}): AsyncGenerator<Frame> {
  const columns = new FlightColumns(frameRows);
  let rest: Buffer = Buffer.alloc(0);
  let isAtStart = true;
  for await (const chunk of unpacked(file ?? ownFile())) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (isAtStart) {
      if (bytes.toString('latin1', 0, HEADER.length) !== HEADER) throw broken('it does not begin with its header');
      bytes = bytes.subarray(HEADER.length);
      isAtStart = false;
    }
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    for (let at = 0; at < end; ) {
      at = columns.read(bytes, at, end);
      if (columns.isFull) yield columns.frame();
    }
    rest = bytes.subarray(end);
    if (rest.length > LINE_BYTES_MAX) throw broken(`row ${columns.rowNumber} does not end`);
  }
  if (rest.length > 0 || isAtStart) throw broken('it ends in the middle of a row');
  if (columns.rows > 0) yield columns.frame();
}

async function* unpacked(file: string | URL): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: CHUNK_BYTES }).compose(
      createZstdDecompress({ chunkSize: CHUNK_BYTES }),
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith('ZSTD') === true ? broken(message) : ioError(`cannot read ${file}`, error);
  }
}

/** A batch image (assembly/layout.ts) of fixed places, filled row by row. */
class FlightColumns {
  rows = 0;
  private rowsBefore = 0;
  private readonly rowsMax: number;
  private readonly image: Uint8Array;
  private readonly view: DataView;
  private readonly times: Uint32Array;
  private readonly ints: readonly [delay: Int32Array, distance: Int32Array];
  private readonly codes: readonly [origin: CodeColumn, destination: CodeColumn];

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax;
    const directoryBytes = alignUp(BATCH_HEADER_BYTES + FIELDS.length * COLUMN_DESCRIPTOR_BYTES);
    const offsetsBytes = alignUp((rowsMax + 1) * 4);
    const codeBytes = alignUp(rowsMax * CODE_BYTES_MAX);
    const intBytes = alignUp(rowsMax * 4);
    const buffer = new ArrayBuffer(directoryBytes + rowsMax * 8 + 2 * (offsetsBytes + codeBytes + intBytes));
    this.image = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.view.setUint32(BATCH_COLUMN_COUNT, FIELDS.length, true);
    let at = directoryBytes;
    const place = (column: number, field: number, bytes: number) => {
      this.view.setUint32(BATCH_HEADER_BYTES + column * COLUMN_DESCRIPTOR_BYTES + field, at, true);
      at += bytes;
      return at - bytes;
    };
    for (const [column, { type }] of FIELDS.entries()) {
      this.view.setUint32(
        BATCH_HEADER_BYTES + column * COLUMN_DESCRIPTOR_BYTES + COLUMN_TYPE,
        COLUMN_TYPE_OF[type],
        true,
      );
    }
    const codeColumn = (column: number): CodeColumn => ({
      offsets: new Int32Array(buffer, place(column, COLUMN_VALUES, offsetsBytes), rowsMax + 1),
      bytes: new Uint8Array(buffer, place(column, COLUMN_BYTES, codeBytes), codeBytes),
    });
    this.times = new Uint32Array(buffer, place(0, COLUMN_VALUES, rowsMax * 8), rowsMax * 2);
    this.codes = [codeColumn(1), codeColumn(2)];
    const ints = (column: number) => new Int32Array(buffer, place(column, COLUMN_VALUES, intBytes), rowsMax);
    this.ints = [ints(3), ints(4)];
  }

  get isFull(): boolean {
    return this.rows === this.rowsMax;
  }

  /** Of the row that is read next, from 1. */
  get rowNumber(): number {
    return this.rowsBefore + this.rows + 1;
  }

  /** Reads lines until the frame is full or the bytes are over; `end` stands behind a newline. */
  read(bytes: Uint8Array, from: number, end: number): number {
    const { times, rowsMax } = this;
    const [delays, distances] = this.ints;
    const [origins, destinations] = this.codes;
    let at = from;
    let row = this.rows;
    while (at < end && row < rowsMax) {
      // An f64 holds the 12 digits of a time exactly.
      let time = 0;
      let digit = bytes[at++]! - ZERO;
      while (digit >= 0 && digit <= 9) {
        time = time * 10 + digit;
        digit = bytes[at++]! - ZERO;
      }
      if (digit !== COMMA - ZERO) throw this.wrong(row);
      times[row * 2] = time % TWO_POW_32;
      times[row * 2 + 1] = time / TWO_POW_32;
      at = this.code(origins, row, bytes, at);
      at = this.code(destinations, row, bytes, at);
      at = this.int(delays, row, bytes, at, COMMA);
      at = this.int(distances, row, bytes, at, NEWLINE);
      row++;
    }
    this.rows = row;
    return at;
  }

  /** One complete Arrow stream of what was read since the last one. */
  frame(): Frame {
    this.view.setUint32(BATCH_ROW_COUNT, this.rows, true);
    const first = this.rowsBefore + 1;
    const { rows } = this;
    this.rowsBefore += rows;
    this.rows = 0;
    return { text: false, bytes: encodeArrowStream(FIELDS, this.image, 0), rows, rowNumber: consecutive(first) };
  }

  private code({ offsets, bytes: codes }: CodeColumn, row: number, bytes: Uint8Array, from: number): number {
    let at = from;
    let out = offsets[row]!;
    const most = from + CODE_BYTES_MAX;
    for (let byte = bytes[at++]!; byte !== COMMA; byte = bytes[at++]!) {
      if (at > most || byte < ZERO) throw this.wrong(row);
      codes[out++] = byte;
    }
    offsets[row + 1] = out;
    return at;
  }

  private int(values: Int32Array, row: number, bytes: Uint8Array, from: number, until: number): number {
    let at = from;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    let value = 0;
    let digit = bytes[at++]! - ZERO;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = bytes[at++]! - ZERO;
    }
    if (digit !== until - ZERO) throw this.wrong(row);
    values[row] = isNegative ? -value : value;
    return at;
  }

  private wrong(row: number): Error {
    return broken(`row ${this.rowsBefore + row + 1} is not as its header says`);
  }
}

interface CodeColumn {
  offsets: Int32Array;
  bytes: Uint8Array;
}

function ownFile(): URL {
  const [inClone, inPackage] = PLACES.map((place) => new URL(place, import.meta.url));
  return import.meta.url.endsWith('.ts') ? inClone! : inPackage!;
}

const broken = (seen: string): Error =>
  dataError(
    `the quick start's data is broken: ${seen}`,
    'restore data/flights-1m.csv.zst from the repository or install the package again',
  );

function alignUp(bytes: number): number {
  return (bytes + 7) & -8;
}
