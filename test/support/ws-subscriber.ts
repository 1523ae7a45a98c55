// test/support/ws-subscriber.ts — one sink's results over WebSocket, in JSON or Arrow, and what is promised about them.
//
// Checked on every message, whatever the test is about (PROTOCOL.md, SEMANTICS 1.8)
//   - rows of a partition carry consecutive offsets.
//   - no window comes out behind a watermark that had closed it, and no watermark goes back.

import { type Column, tableFromIPC } from '@uwdata/flechette';
import { WebSocket } from 'ws';

export type ResultFormat = 'json' | 'arrow';
export type ResultRow = Record<string, unknown>;

/** What comes between rows: in the order in which it came. */
export interface TimeMark {
  type: 'watermark' | 'idle' | 'end';
  partition: number;
  watermark: number | null;
  /** Result rows of all partitions that came before it. */
  rowsBefore: number;
}

interface Head {
  type: string;
  partition: number;
  offset: number;
  count: number;
  watermark: number | null;
}

/** One message of rows: its lines, or its Arrow stream. */
type Chunk =
  | { partition: number; offset: number; count: number; lines: string }
  | { partition: number; offset: number; count: number; stream: Uint8Array };

export class WsSubscriber {
  readonly marks: TimeMark[] = [];
  readonly violations: string[] = [];
  rowCount = 0;
  private readonly socket: WebSocket;
  private readonly chunks: Chunk[] = [];
  private readonly offsets = new Map<number, number>();
  private readonly watermarks = new Map<number, number>();
  private arrowHead: Head | null = null;
  private subscribed = false;
  private closed: Error | null = null;
  private heard: (() => void)[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('message', (data: Buffer, isBinary) => this.hear(data, isBinary));
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('close', (code, reason) => this.end(new Error(`closed ${code} ${reason.toString()}`)));
  }

  async ready(): Promise<void> {
    await this.until(() => this.subscribed);
  }

  /** Every one of the partitions has said `end`. */
  async ended(partitions: number): Promise<void> {
    await this.until(
      () => new Set(this.marks.filter(({ type }) => type === 'end').map((mark) => mark.partition)).size === partitions,
    );
  }

  /** Resolves once the condition holds; asked again after every message. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed !== null) throw this.closed;
      await new Promise<void>((resolve) => this.heard.push(resolve));
    }
  }

  /** Cuts the connection without a close frame, as a crash would. */
  async vanish(): Promise<void> {
    this.socket.terminate();
    await this.until(() => this.closed !== null);
  }

  close(): void {
    this.socket.close();
  }

  /** All rows so far, in the order in which they came. */
  rows(): ResultRow[] {
    return this.chunks.flatMap((chunk) => ('lines' in chunk ? parseLines(chunk.lines) : parseStream(chunk.stream)));
  }

  /** Each row as the CSV of these fields; sorted, for keys of one window come in any order. */
  csv(...fields: string[]): string[] {
    return this.chunks
      .flatMap((chunk) =>
        'lines' in chunk
          ? parseLines(chunk.lines).map((row) => fields.map((field) => row[field]).join(','))
          : streamCsv(chunk.stream, fields),
      )
      .sort();
  }

  /** JSON rows as they came, each behind its partition and offset. */
  byOffset(): string[] {
    return this.chunks.flatMap((chunk) =>
      'lines' in chunk
        ? chunk.lines.split('\n').map((line, index) => `${chunk.partition} ${chunk.offset + index} ${line}`)
        : [],
    );
  }

  private hear(data: Buffer, isBinary: boolean): void {
    // A copy of its own begins at an aligned address, which the reader of columns asks for.
    if (isBinary) this.rowsOf(this.arrowHead!, { stream: new Uint8Array(data) });
    else {
      const end = data.indexOf('\n');
      const head = JSON.parse(data.toString('utf8', 0, end < 0 ? data.length : end)) as Head;
      if (head.type === 'rows' && end < 0) this.arrowHead = head;
      else if (head.type === 'rows') this.rowsOf(head, { lines: data.toString('utf8', end + 1).trimEnd() });
      else if (head.type === 'subscribed') this.subscribed = true;
      else if (head.type === 'error') this.violations.push(data.toString());
      else this.mark(head as Head & TimeMark);
    }
    const { heard } = this;
    this.heard = [];
    for (const resolve of heard) resolve();
  }

  private rowsOf({ partition, offset, count }: Head, body: { lines: string } | { stream: Uint8Array }): void {
    const expected = this.offsets.get(partition) ?? offset;
    if (offset !== expected) this.violations.push(`partition ${partition}: offset ${offset}, expected ${expected}`);
    this.offsets.set(partition, offset + count);
    this.rowCount += count;
    const chunk = { partition, offset, count, ...body };
    this.chunks.push(chunk);
    const watermark = this.watermarks.get(partition);
    if (watermark === undefined) return;
    const times = 'lines' in body ? lineTimes(body.lines) : streamTimes(body.stream);
    for (const time of times) {
      if (time < watermark) this.violations.push(`partition ${partition}: time ${time} behind watermark ${watermark}`);
    }
  }

  private mark({ type, partition, watermark }: Head & TimeMark): void {
    this.marks.push({ type, partition, watermark, rowsBefore: this.rowCount });
    if (watermark === null) return;
    const before = this.watermarks.get(partition);
    if (before !== undefined && watermark < before) {
      this.violations.push(`partition ${partition}: watermark ${watermark} behind watermark ${before}`);
    }
    this.watermarks.set(partition, watermark);
  }

  private end(error: Error): void {
    this.closed ??= error;
    const { heard } = this;
    this.heard = [];
    for (const resolve of heard) resolve();
  }
}

const parseLines = (lines: string): ResultRow[] => lines.split('\n').map((line) => JSON.parse(line) as ResultRow);

const parseStream = (stream: Uint8Array): ResultRow[] =>
  tableFromIPC(stream, { useBigInt: false, useProxy: false }).toArray() as ResultRow[];

function streamCsv(stream: Uint8Array, fields: readonly string[]): string[] {
  const table = tableFromIPC(stream, { useBigInt: false });
  const columns = fields.map((field) => table.getChild(field) as Column<unknown>);
  return Array.from({ length: table.numRows }, (_, row) => columns.map((column) => column.at(row)).join(','));
}

/** Times of results that come from a window; a row of another shape has none that the engine promises about. */
const lineTimes = (lines: string): number[] =>
  [...lines.matchAll(/"windowEnd":(-?\d+)/g)].map(([, end]) => Number(end) - 1);

function streamTimes(stream: Uint8Array): number[] {
  const ends = tableFromIPC(stream).getChild('windowEnd') as Column<number> | undefined;
  return ends === undefined ? [] : Array.from(ends, (end) => end! - 1);
}
