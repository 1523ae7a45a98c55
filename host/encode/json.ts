// host/encode/json.ts — a batch of results as JSON lines, by the kernel: no row passes through JavaScript.

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
   * @param columns      name and column index of each field, in the order of the output
   * @param outBytesMax  one call's lines at most; a row must fit
   */
  constructor(kernel: Kernel, columns: readonly { name: string; column: number }[], outBytesMax: number) {
    this.kernel = kernel;
    this.outBytesMax = outBytesMax;
    this.plan = putBytes(kernel, planBytes(columns));
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

/** u32 fieldCount │ fieldCount × (column, nameOffset, nameLength) │ names as the row shows them, `"name":` */
function planBytes(columns: readonly { name: string; column: number }[]): Uint8Array {
  const names = columns.map(({ name }) => new TextEncoder().encode(`${JSON.stringify(name)}:`));
  const head = new Uint32Array(1 + columns.length * 3);
  head[0] = columns.length;
  let offset = head.byteLength;
  for (const [index, { column }] of columns.entries()) {
    head.set([column, offset, names[index]!.byteLength], 1 + index * 3);
    offset += names[index]!.byteLength;
  }
  const bytes = new Uint8Array(offset);
  bytes.set(new Uint8Array(head.buffer));
  let at = head.byteLength;
  for (const name of names) {
    bytes.set(name, at);
    at += name.byteLength;
  }
  return bytes;
}
