// host/client/batching.ts — records come together until a frame is full or the first of them has waited long enough.

import type { FieldDescription } from '../job/description.ts';
import { ClientError } from './client-error.ts';
import { BATCH_BYTES_MAX, BATCH_ROWS_MAX, LINGER_MS } from './limits.ts';
import type { Part } from './outbox.ts';
import type { Delivery, Reject, RowReject } from './outcome.ts';
import type { ProducerLink } from './producer-link.ts';
import { RecordBatch, type RecordOf } from './record-batch.ts';

export interface BatchingOptions {
  /** Records leave after so long, or when there are so many of them. */
  lingerMs?: number;
  batchBytes?: number;
  batchRows?: number;
  /** Every row that is refused by name; `sequence` 0: refused here, never sent. */
  onReject?: (reject: Reject) => void;
}

export class Batching {
  /** Refused here. */
  rejectedRows = 0;
  private readonly link: ProducerLink;
  private readonly fields: readonly FieldDescription[];
  private readonly options: BatchingOptions;
  private batch: RecordBatch;
  private parts: Part[] = [];
  private linger: NodeJS.Timeout | null = null;

  constructor(link: ProducerLink, fields: readonly FieldDescription[], options: BatchingOptions) {
    this.link = link;
    this.fields = fields;
    this.options = options;
    this.batch = new RecordBatch(fields);
  }

  /** Waiting for company. */
  get bytes(): number {
    return this.batch.bytes;
  }

  /** One record more. When it cannot be sent it is refused by name, to whoever hears. */
  add(record: RecordOf, row: number, delivery: Delivery | undefined): void {
    const wrong = this.batch.add(record);
    if (wrong !== null) {
      this.refuseHere({ row, ...wrong }, delivery);
      return;
    }
    if (delivery !== undefined) this.addPart(row, delivery);
    const { batchBytes = BATCH_BYTES_MAX, batchRows = BATCH_ROWS_MAX, lingerMs = LINGER_MS } = this.options;
    const isFull = this.batch.rows >= batchRows || this.batch.bytes >= Math.min(batchBytes, this.link.frameBytesMax);
    if (isFull) this.close();
    else this.linger ??= setTimeout(() => this.close(), lingerMs);
  }

  /** The batch's last row is this row of the call. */
  private addPart(row: number, delivery: Delivery): void {
    const from = this.batch.rows - 1;
    const last = this.parts.at(-1);
    if (last?.delivery === delivery && last.from + last.count === from && last.first + last.count === row) {
      last.count++;
      return;
    }
    delivery.addPart();
    this.parts.push({ delivery, from, count: 1, first: row });
  }

  /** What has come together becomes frames. */
  close(): void {
    if (this.linger !== null) clearTimeout(this.linger);
    this.linger = null;
    const { batch, parts } = this;
    if (batch.rows === 0) return;
    this.batch = new RecordBatch(this.fields);
    this.parts = [];
    const { frames, tooLarge } = batch.cut(this.link.frameBytesMax);
    for (const { bytes, from, count } of frames) {
      const inFrame = parts.flatMap((part) => partWithin(part, from, count));
      for (const { delivery } of inFrame) delivery.addPart();
      this.link.outbox.add({ data: bytes, binary: true, bytes: bytes.byteLength, rows: count, parts: inFrame });
    }
    for (const { row, bytes } of tooLarge) {
      const part = parts.find(({ from, count }) => row >= from && row < from + count);
      const message = `${bytes} bytes; the engine takes at most ${this.link.frameBytesMax} in one frame`;
      const index = part === undefined ? row : part.first + row - part.from;
      this.refuseHere({ row: index, code: 'ROW_SIZE', column: null, message }, part?.delivery);
    }
    for (const { delivery } of parts) delivery.endPart();
    this.link.pump();
  }

  /** Rows that wait for company will not leave any more. */
  fail(error: ClientError): void {
    if (this.linger !== null) clearTimeout(this.linger);
    this.linger = null;
    for (const { delivery, first, count } of this.parts.splice(0)) delivery.notStored(error, first, count);
    this.batch = new RecordBatch(this.fields);
  }

  private refuseHere(reject: RowReject, delivery: Delivery | undefined): void {
    if (delivery === undefined && this.options.onReject === undefined) {
      throw new ClientError(reject.code, `${reject.column ?? 'the record'}: ${reject.message}`);
    }
    this.rejectedRows++;
    delivery?.reject(reject);
    this.options.onReject?.({ sequence: 0, ...reject });
  }
}

/** What of a part lies in these rows, counted from them. */
function partWithin({ delivery, from, count, first }: Part, frameFrom: number, frameCount: number): Part[] {
  const begin = Math.max(from, frameFrom);
  const end = Math.min(from + count, frameFrom + frameCount);
  return begin >= end ? [] : [{ delivery, from: begin - frameFrom, count: end - begin, first: first + begin - from }];
}
