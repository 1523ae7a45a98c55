// bench/suites/e2e/frames.ts — masked WebSocket frames, prebuilt back to back: what a connection sends is one long buffer.
//
//   ├ 2–14 bytes header, mask key ┼ masked payload ┤├ header ┼ payload ┤ …      frame i ends at ends[i]
//
// Building is not timed, so it is plain. Every frame has a mask key of its own.

import { END_OF_STREAM } from '../../../host/encode/arrow.ts';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { OP_BINARY, OP_TEXT } from './client.ts';
import { amountOf, keyOf, type RowsSize, rowCountOf, timeOf } from './rows.ts';

export interface Frames {
  bytes: Uint8Array;
  /** Where frame i ends in `bytes`. */
  ends: Float64Array;
  /** Payload bytes of the frames 0 … i together: what credit counts. */
  payloads: Float64Array;
}

export type WireFormat = 'arrow' | 'ndjson' | 'json-events';

/** About 64 KiB, as 24-byte rows and as lines. */
const ARROW_FRAME_ROWS = 2720;
const TEXT_FRAME_BYTES = 65_536;
const LINE_BYTES_MAX = 80;
const HEADER_BYTES_MAX = 14;

/**
 * Frames of every `connections`-th row from `connection` on, in order of their event times.
 *
 * @param Writer  of Arrow frames: what stands around each payload
 */
export function buildFrames(
  format: WireFormat,
  size: RowsSize,
  startMs: number,
  connection: number,
  connections: number,
  Writer = FrameWriter,
): Frames {
  const rows: RowRange = { size, startMs, next: connection, step: connections, count: rowCountOf(size) };
  const rowCount = Math.ceil((rows.count - connection) / connections);
  if (format === 'arrow') return arrowFrames(rows, rowCount, Writer);
  return textFrames(rows, rowCount, format === 'ndjson' ? TEXT_FRAME_BYTES : 0);
}

/** A control message of a client as one frame. */
export function textFrame(text: string): Uint8Array {
  const out = new FrameWriter(text.length + HEADER_BYTES_MAX, 1);
  const at = out.open(OP_TEXT, text.length);
  out.bytes.set(Buffer.from(text), at);
  out.close(at, text.length);
  return out.frames().bytes;
}

/** Rows next, next + step … below count. */
interface RowRange {
  size: RowsSize;
  startMs: number;
  next: number;
  step: number;
  count: number;
}

export class FrameWriter {
  readonly bytes: Uint8Array;
  private readonly ends: Float64Array;
  private readonly payloads: Float64Array;
  private count = 0;
  protected at = 0;
  private mask = 0x9e3779b9;

  constructor(bytesMax: number, framesMax: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytesMax);
    this.ends = new Float64Array(framesMax);
    this.payloads = new Float64Array(framesMax);
  }

  /** Writes a header for so many bytes; returns where the payload goes, before it is masked by `close`. */
  open(opcode: number, payloadBytes: number): number {
    const { bytes } = this;
    bytes[this.at++] = 0x80 | opcode;
    if (payloadBytes < 126) bytes[this.at++] = 0x80 | payloadBytes;
    else if (payloadBytes < 65_536) {
      bytes[this.at++] = 0x80 | 126;
      bytes[this.at++] = payloadBytes >>> 8;
      bytes[this.at++] = payloadBytes & 255;
    } else {
      bytes[this.at++] = 0x80 | 127;
      for (let byte = 7; byte >= 0; byte--) bytes[this.at++] = byte > 3 ? 0 : (payloadBytes >>> (byte * 8)) & 255;
    }
    this.mask = Math.imul(this.mask, 0x2c1b3c6d) + 1;
    for (let byte = 0; byte < 4; byte++) bytes[this.at++] = this.mask >>> (byte * 8);
    return this.at;
  }

  close(from: number, payloadBytes: number): void {
    const { bytes } = this;
    const key = [this.mask & 255, (this.mask >>> 8) & 255, (this.mask >>> 16) & 255, this.mask >>> 24];
    const to = from + payloadBytes;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      bytes[at]! ^= key[0]!;
      bytes[at + 1]! ^= key[1]!;
      bytes[at + 2]! ^= key[2]!;
      bytes[at + 3]! ^= key[3]!;
    }
    for (; at < to; at++) bytes[at]! ^= key[(at - from) & 3]!;
    this.at = to;
    this.note(payloadBytes);
  }

  /** A frame ends where we are. */
  protected note(payloadBytes: number): void {
    this.ends[this.count] = this.at;
    this.payloads[this.count] = payloadBytes + (this.count === 0 ? 0 : this.payloads[this.count - 1]!);
    this.count++;
  }

  frames(): Frames {
    return {
      bytes: this.bytes.subarray(0, this.at),
      ends: this.ends.subarray(0, this.count),
      payloads: this.payloads.subarray(0, this.count),
    };
  }
}

function arrowFrames(rows: RowRange, rowCount: number, Writer: typeof FrameWriter): Frames {
  const framesMax = Math.ceil(rowCount / ARROW_FRAME_ROWS);
  const out = new Writer(framesMax * (ARROW_FRAME_ROWS * 24 + 4096), framesMax);
  for (let left = rowCount; left > 0; left -= ARROW_FRAME_ROWS) {
    const frameRows = Math.min(left, ARROW_FRAME_ROWS);
    const template = arrowTemplate(frameRows);
    const at = out.open(OP_BINARY, template.length);
    out.bytes.set(template, at);
    const bodyAt = at + template.length - END_OF_STREAM.length - frameRows * 24;
    const body = new DataView(out.bytes.buffer, out.bytes.byteOffset + bodyAt, frameRows * 24);
    for (let row = 0; row < frameRows; row++, rows.next += rows.step) {
      writeI64(body, row * 8, timeOf(rows.next, rows.startMs, rows.size));
      writeI64(body, (frameRows + row) * 8, keyOf(rows.next));
      writeI64(body, (2 * frameRows + row) * 8, amountOf(rows.next));
    }
    out.close(at, template.length);
  }
  return out.frames();
}

const templates = new Map<number, Uint8Array>();

/** A stream of so many rows; the three columns of 8-byte values lie right before its end mark. */
function arrowTemplate(rows: number): Uint8Array {
  let template = templates.get(rows);
  if (template === undefined) {
    const values = new Float64Array(rows);
    template = writeArrow([
      { name: 'ts', type: 'timestamp', values },
      { name: 'key', type: 'i64', values },
      { name: 'value', type: 'i64', values },
    ]);
    templates.set(rows, template);
  }
  return template;
}

function writeI64(view: DataView, at: number, value: number): void {
  view.setInt32(at, value | 0, true);
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Frames of whole lines up to `frameBytes`; 0: one row each, without the line's end. */
function textFrames(rows: RowRange, rowCount: number, frameBytes: number): Frames {
  const framesMax =
    frameBytes === 0 ? rowCount : Math.ceil((rowCount * LINE_BYTES_MAX) / (frameBytes - LINE_BYTES_MAX));
  const out = new FrameWriter(rowCount * (LINE_BYTES_MAX + (frameBytes === 0 ? 6 : 1)), framesMax + 1);
  const text = Buffer.allocUnsafe(frameBytes + LINE_BYTES_MAX);
  while (rows.next < rows.count) {
    let length = 0;
    do {
      if (length > 0) text[length++] = 0x0a;
      length = writeLine(text, length, rows);
      rows.next += rows.step;
    } while (rows.next < rows.count && length + LINE_BYTES_MAX <= frameBytes);
    const at = out.open(OP_TEXT, length);
    out.bytes.set(text.subarray(0, length), at);
    out.close(at, length);
  }
  return out.frames();
}

const BEFORE_TIME = Buffer.from('{"ts":');
const BEFORE_KEY = Buffer.from(',"key":');
const BEFORE_VALUE = Buffer.from(',"value":');

function writeLine(text: Buffer, from: number, { next, startMs, size }: RowRange): number {
  let at = writeDecimal(text, writeText(text, from, BEFORE_TIME), timeOf(next, startMs, size));
  at = writeDecimal(text, writeText(text, at, BEFORE_KEY), keyOf(next));
  at = writeDecimal(text, writeText(text, at, BEFORE_VALUE), amountOf(next));
  text[at++] = 0x7d;
  return at;
}

function writeText(text: Buffer, from: number, bytes: Uint8Array): number {
  for (let index = 0; index < bytes.length; index++) text[from + index] = bytes[index]!;
  return from + bytes.length;
}

function writeDecimal(text: Buffer, from: number, value: number): number {
  const digits = String(value);
  for (let index = 0; index < digits.length; index++) text[from + index] = digits.charCodeAt(index);
  return from + digits.length;
}
