// host/cli/ndjson-frames.ts — packs lines of JSON into text frames without parsing them.
//
// A frame ends with the chunk that was read at the latest: a line from a slow pipe is not kept back for company.
// Rows in front of a line that cannot be sent are sent before it is refused. Blank lines are no rows.
// Not here  whether a line is JSON: the engine rejects it by name if not.

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
      const isTooLong = end - at > this.bounds.frameBytesMax;
      const isFull = frameRows === this.bounds.rowsMax || end - frameFrom > this.bounds.bytesMax;
      if (frameRows > 0 && (isFull || isTooLong)) {
        yield* this.frames(bytes.subarray(frameFrom, at), frameRows);
        frameFrom = at;
        frameRows = 0;
      }
      if (isTooLong) throw this.tooLong();
      this.lines++;
      if (!isBlank(bytes, at, end)) frameRows++;
      at = end;
    }
    if (frameRows > 0) yield* this.frames(bytes.subarray(frameFrom, at), frameRows);
    this.rest = bytes.subarray(at);
    if (this.rest.length > this.bounds.frameBytesMax) throw this.tooLong();
  }

  private *frames(bytes: Buffer, rows: number): Generator<Frame> {
    if (isUtf8(bytes)) {
      yield this.frame(bytes, rows);
      return;
    }
    const { before, rowsBefore } = beforeWrong(bytes);
    if (rowsBefore > 0) yield this.frame(bytes.subarray(0, before), rowsBefore);
    throw dataError(
      `row ${this.rows + 1} is not UTF-8`,
      'convert the input first, e.g. with «iconv -f latin1 -t utf-8»',
    );
  }

  private frame(bytes: Buffer, rows: number): Frame {
    const first = this.rows + 1;
    this.rows += rows;
    // A frame that begins with ! would be taken for a control message: behind a space it is a row that is no JSON.
    const safe = bytes[0] === BANG ? Buffer.concat([Buffer.from(' '), bytes]) : bytes;
    return { text: true, bytes: safe, rows, rowNumber: consecutive(first) };
  }

  private tooLong(): Error {
    return dataError(
      `line ${this.lines + 1} is longer than ${this.bounds.frameBytesMax} bytes, the most that the engine takes in one frame`,
      'expected one JSON object per line, each ended by a newline',
    );
  }
}

/** The lines in front of the first that is not UTF-8. */
function beforeWrong(bytes: Buffer): { before: number; rowsBefore: number } {
  let before = 0;
  let rowsBefore = 0;
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, before);
    const end = newline < 0 ? bytes.length : newline + 1;
    if (!isUtf8(bytes.subarray(before, end))) return { before, rowsBefore };
    if (!isBlank(bytes, before, end)) rowsBefore++;
    before = end;
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
