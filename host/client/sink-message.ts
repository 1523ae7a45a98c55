// host/client/sink-message.ts — what a sink says: rows, and word about time. No type of the WebSocket library is here: the
// package's types stand on their own.

export type SinkFormat = 'json' | 'arrow';

export type SinkMessage = JsonRows | ArrowRows | SinkTime;

/** `watermark`: no result of this partition with a time before it will follow. */
export interface SinkTime {
  readonly type: 'watermark' | 'idle' | 'end';
  readonly partition: number;
  /** Epoch milliseconds; null: none yet. */
  readonly watermark: number | null;
}

export interface ArrowRows {
  readonly type: 'rows';
  readonly format: 'arrow';
  readonly partition: number;
  /** Of the first row; the next row has the next one. */
  readonly offset: number;
  readonly count: number;
  /** One Arrow IPC stream. */
  readonly bytes: Uint8Array;
}

/** Rows as JSON lines. */
export class JsonRows {
  readonly type = 'rows';
  readonly format = 'json';
  readonly partition: number;
  readonly offset: number;
  readonly count: number;
  /** `count` lines of UTF-8, each ending in a newline. */
  readonly bytes: Uint8Array;

  constructor({ partition, offset, count }: RowsHead, bytes: Uint8Array) {
    this.partition = partition;
    this.offset = offset;
    this.count = count;
    this.bytes = bytes;
  }

  lines(): string[] {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
      .toString()
      .split('\n')
      .filter((line) => line !== '');
  }

  /** Parsed now. Integers beyond 2^53 lose digits, as JSON.parse does it: take `lines` for them. */
  rows<T = Record<string, unknown>>(): T[] {
    return this.lines().map((line) => JSON.parse(line) as T);
  }
}

/** Where rows belong. */
export interface RowsHead {
  partition: number;
  offset: number;
  count: number;
}
