// test/support/json-encoder.ts — drives encodeJson over plain columns, in output buffers of any size.

import { type ArrowColumn, batchImage } from '../../host/encode/arrow-write.ts';
import { type JsonField, jsonPlan } from '../../host/encode/json.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';

export interface JsonEncoder {
  /** @param outBytes  size of the output buffer; encodeJson is called until all rows are out */
  encode(
    columns: readonly ArrowColumn[],
    options?: { outBytes?: number; at?: { partition: number; base: number } },
  ): string;
}

const IMAGE_BYTES_MAX = 8 * 1024 * 1024;
const OUT_BYTES_MAX = 16 * 1024 * 1024;

export function jsonEncoder(): JsonEncoder {
  const kernel = loadKernel({ memory: reserveMemory(IMAGE_BYTES_MAX + OUT_BYTES_MAX + 1024 * 1024, false) });
  const { exports, u8 } = kernel;
  if (!exports.encodeCreate()) throw new Error('the arena is too small for the tables');
  const planAt = exports.reserve(4096) >>> 0;
  const batch = exports.reserve(IMAGE_BYTES_MAX) >>> 0;
  const out = exports.reserve(OUT_BYTES_MAX + 64) >>> 0;
  return {
    encode(columns, { outBytes = OUT_BYTES_MAX, at } = {}) {
      const fields: JsonField[] = columns.map(({ name }, index) => ({ name, from: index }));
      if (at) fields.unshift({ name: 'partition', from: 'partition' }, { name: 'offset', from: 'offset' });
      u8.set(jsonPlan(fields), planAt);
      const rows = columns[0]?.values.length ?? 0;
      u8.set(batchImage(columns, 0, rows), batch);
      let text = '';
      for (let row = 0; row < rows; ) {
        u8.fill(0xee, out, out + 64 + Math.min(outBytes, OUT_BYTES_MAX));
        const bytes = exports.encodeJson(planAt, batch, row, at?.partition ?? 0, at?.base ?? 0, out, outBytes);
        if (u8.subarray(out + outBytes, out + outBytes + 64).some((byte) => byte !== 0xee)) {
          throw new Error(`row ${row}: written behind the output's end`);
        }
        const written = exports.encodeJsonRows();
        if (written === 0) {
          const needed = exports.encodeJsonRowBytes(planAt, batch, row);
          if (needed <= outBytes)
            throw new Error(`row ${row}: ${needed} bytes would fit ${outBytes}, nothing was written`);
          outBytes = needed;
        }
        text += new TextDecoder().decode(u8.slice(out, out + bytes));
        row += written;
      }
      return text;
    },
  };
}
