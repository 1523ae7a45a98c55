// host/cli/ndjson-frames.ts — packs lines of JSON into text frames without parsing them.
//
// A frame ends with the chunk that was read at the latest: a line from a slow pipe is not kept back for company.
// Blank lines are no rows. Not here  whether a line is JSON: the engine rejects it by name if not.

import { isUtf8 } from 'node:buffer';
import { dataError } from './cli-error.ts';
import { consecutive, type Frame, type FrameBounds } from './frame.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const BANG = 0x21;
const BRACKET = 0x5b;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** @throws CliError when the input is no lines of UTF-8, or a line is larger than the engine takes */
export async function* ndjsonFrames(chunks: AsyncIterable<Buffer>, bounds: FrameBounds): AsyncGenerator<Frame> {
  const packer = new LinePacker(bounds);
  for await (const chunk of chunks) yield* packer.pack(chunk, false);
  yield* packer.pack(Buffer.alloc(0), true);
}

class LinePacker {
  private readonly bounds: FrameBounds;
  /** The beginning of a line whose end has not come yet. */
  private rest: Buffer = Buffer.alloc(0);
  private rows = 0;
  private lines = 0;
  private isAtStart = true;

  constructor(bounds: FrameBounds) {
    this.bounds = bounds;
  }

  *pack(chunk: Buffer, isLast: boolean): Generator<Frame> {
    let bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    if (this.isAtStart) {
      if (!isLast && bytes.length < BOM.length) {
        this.rest = bytes;
        return;
      }
      bytes = atStart(bytes);
      this.isAtStart = bytes.length === 0;
    }
    let frameFrom = 0;
    let frameRows = 0;
    let at = 0;
    while (at < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0 && !isLast) break;
      const end = newline < 0 ? bytes.length : newline + 1;
      this.checkLine(end - at);
      const isFull = frameRows === this.bounds.rowsMax || end - frameFrom > this.bounds.bytesMax;
      if (frameRows > 0 && isFull) {
        yield this.frame(bytes.subarray(frameFrom, at), frameRows);
        frameFrom = at;
        frameRows = 0;
      }
      this.lines++;
      if (!isBlank(bytes, at, end)) frameRows++;
      at = end;
    }
    if (frameRows > 0) yield this.frame(bytes.subarray(frameFrom, at), frameRows);
    this.rest = bytes.subarray(at);
    this.checkLine(this.rest.length);
  }

  private frame(bytes: Buffer, rows: number): Frame {
    if (!isUtf8(bytes)) throw this.notUtf8(bytes);
    const first = this.rows + 1;
    this.rows += rows;
    // A frame that begins with ! would be taken for a control message: behind a space it is a row that is no JSON.
    const safe = bytes[0] === BANG ? Buffer.concat([Buffer.from(' '), bytes]) : bytes;
    return { text: true, bytes: safe, rows, rowNumber: consecutive(first) };
  }

  private checkLine(lineBytes: number): void {
    if (lineBytes <= this.bounds.frameBytesMax) return;
    throw dataError(
      `line ${this.lines + 1} is longer than ${this.bounds.frameBytesMax} bytes, the most that the engine takes in one frame`,
      'expected one JSON object per line, each ended by a newline',
    );
  }

  private notUtf8(bytes: Buffer): Error {
    let row = this.rows;
    for (let at = 0; at < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      if (!isBlank(bytes, at, end)) row++;
      if (!isUtf8(bytes.subarray(at, end))) break;
      at = end;
    }
    return dataError(`row ${row} is not UTF-8`, 'convert the input first, e.g. with «iconv -f latin1 -t utf-8»');
  }
}

function atStart(bytes: Buffer): Buffer {
  const rows = bytes.subarray(0, BOM.length).equals(BOM) ? bytes.subarray(BOM.length) : bytes;
  let at = 0;
  while (at < rows.length && rows[at]! <= SPACE) at++;
  if (rows[at] === BRACKET) {
    throw dataError(
      'the input begins with [: a JSON array',
      "expected one JSON object per line; «jq -c '.[]'» makes it so",
    );
  }
  return rows;
}

function isBlank(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at]! > SPACE) return false;
  return true;
}
