// host/egress/json-lines.ts — a batch of results as JSON lines, by the kernel: no row passes through JavaScript.

import { type JsonField, jsonPlan } from '../encode/json.ts';
import { putBytes } from '../kernel/bytes.ts';
import type { Kernel } from '../kernel/load.ts';

/** Makes the kernel's number tables; once per kernel, before the first encoder. */
export function prepareJson(kernel: Kernel): void {
  if (!kernel.exports.encodeCreate()) throw new Error('the memory given is too small for the JSON encoder');
}

export class JsonEncoder {
  private readonly kernel: Kernel;
  private readonly plan: number;
  private readonly out: number;
  private readonly outBytesMax: number;

  /**
   * @param fields       in the order of the output
   * @param outBytesMax  one call's lines at most; a row must fit
   */
  constructor(kernel: Kernel, fields: readonly JsonField[], outBytesMax: number) {
    this.kernel = kernel;
    this.outBytesMax = outBytesMax;
    this.plan = putBytes(kernel, jsonPlan(fields));
    this.out = kernel.exports.reserve(outBytesMax) >>> 0;
    if (this.out === 0) throw new Error('the memory given is too small for the JSON encoder');
  }

  /** Lines of the rows from `fromRow` on that fit; the bytes are good until the next call. No rows: the row is too large. */
  encode(batch: number, fromRow: number): { rows: number; bytes: Uint8Array } {
    const { exports, u8 } = this.kernel;
    const bytes = exports.encodeJson(this.plan, batch, fromRow, 0, 0, this.out, this.outBytesMax);
    return { rows: exports.encodeJsonRows(), bytes: u8.subarray(this.out, this.out + bytes) };
  }
}
