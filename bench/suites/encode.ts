// bench/suites/encode.ts — batches of results into bytes: JSON lines and Arrow IPC streams.
//
// Batches of 4,096 rows: key (utf8), start (i64), count (i64), sum and mean (f64). Both sides begin with columns; the
// baselines with JavaScript's own (arrays of strings, typed arrays), ours with the same batch in kernel memory. JSON:
// an object a row and JSON.stringify, then the bytes. Arrow: flechette's tableFromColumns and tableToIPC over the typed
// arrays, its text column built from strings. Afterwards, untimed, JSON bytes are compared, Arrow streams by their values.

import { columnFromArray, tableFromColumns, tableFromIPC, tableToIPC, utf8 } from '@uwdata/flechette';
import { type ArrowField, encodeArrowStream } from '../../host/encode/arrow.ts';
import { type ArrowColumn, batchImage } from '../../host/encode/arrow-write.ts';
import { jsonPlan } from '../../host/encode/json.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { type Random, seededRandom } from '../../test/support/random.ts';
import { type BenchResult, measure, type SuiteOptions } from '../measure.ts';

const SEED = 42;
const ROWS = 4096;
const OUT_BYTES = 4 * 1024 * 1024;

interface Batch {
  keys: string[];
  starts: BigInt64Array;
  counts: BigInt64Array;
  sums: Float64Array;
  means: Float64Array;
  /** The same as an image in kernel memory. */
  address: number;
}

interface Setting {
  kernel: Kernel;
  fields: readonly ArrowField[];
  plan: number;
  out: number;
  batches: Batch[];
}

export async function suite(options: SuiteOptions): Promise<BenchResult[]> {
  const setting = createSetting(options.smoke ? 2 : 32);
  const units = setting.batches.length * ROWS;
  const json = await measure(
    {
      name: 'encode-json',
      units,
      unit: 'rows/s',
      ours: { name: 'pelton', run: () => setting.batches.map((batch) => encodeJson(setting, batch)) },
      baselines: [{ name: 'json-stringify', run: () => setting.batches.map(stringify) }],
      compare: (ours, baseline) => {
        for (const [index, bytes] of (ours as Uint8Array[]).entries()) {
          if (Buffer.compare(bytes, (baseline as Uint8Array[])[index]!) !== 0)
            throw new Error(`batch ${index}: lines differ`);
        }
      },
    },
    options,
  );
  const arrow = await measure(
    {
      name: 'encode-arrow',
      units,
      unit: 'rows/s',
      ours: {
        name: 'pelton',
        run: () => setting.batches.map(({ address }) => encodeArrowStream(setting.fields, setting.kernel.u8, address)),
      },
      baselines: [{ name: 'flechette', run: () => setting.batches.map(encodeFlechette) }],
      compare: (ours, baseline) => {
        for (const [index, stream] of (ours as Uint8Array[]).entries()) {
          if (readable(stream) !== readable((baseline as Uint8Array[])[index]!))
            throw new Error(`batch ${index}: values differ`);
        }
      },
    },
    options,
  );
  return [...json, ...arrow];
}

function createSetting(batchCount: number): Setting {
  const kernel = loadKernel({ memory: reserveMemory(32 * 1024 * 1024, false) });
  const { exports, u8 } = kernel;
  const fields: ArrowField[] = [
    { name: 'key', type: 'utf8', nullable: false },
    { name: 'start', type: 'i64', nullable: false },
    { name: 'count', type: 'i64', nullable: false },
    { name: 'sum', type: 'f64', nullable: false },
    { name: 'mean', type: 'f64', nullable: false },
  ];
  const place = (bytes: Uint8Array) => {
    const at = exports.reserve(bytes.length) >>> 0;
    if (at === 0) throw new Error('the arena is too small for this bench');
    u8.set(bytes, at);
    return at;
  };
  const plan = place(jsonPlan(fields.map(({ name }, index) => ({ name, from: index }))));
  if (!exports.encodeCreate()) throw new Error('the arena is too small for the tables');
  const random = seededRandom(SEED);
  const batches = Array.from({ length: batchCount }, () => {
    const batch = randomBatch(random);
    const values = [batch.keys, batch.starts, batch.counts, batch.sums, batch.means];
    const columns = fields.map(({ name, type }, index): ArrowColumn => ({ name, type, values: values[index]! }));
    return { ...batch, address: place(batchImage(columns, 0, ROWS)) };
  });
  return { kernel, fields, plan, out: place(new Uint8Array(OUT_BYTES)), batches };
}

function randomBatch(random: Random): Omit<Batch, 'address'> {
  const counts = BigInt64Array.from({ length: ROWS }, () => BigInt(1 + random.below(1000)));
  const sums = Float64Array.from({ length: ROWS }, () => random.below(1_000_000) / 4);
  return {
    keys: Array.from({ length: ROWS }, () => `sensor-${random.below(100_000)}`),
    starts: BigInt64Array.from({ length: ROWS }, () => BigInt(1_700_000_000_000 + random.below(1000) * 1000)),
    counts,
    sums,
    means: sums.map((sum, row) => sum / Number(counts[row])),
  };
}

function encodeJson({ kernel, plan, out }: Setting, { address }: Batch): Uint8Array {
  const bytes = kernel.exports.encodeJson(plan, address, 0, 0, 0, out, OUT_BYTES);
  return kernel.u8.slice(out, out + bytes);
}

function stringify({ keys, starts, counts, sums, means }: Batch): Uint8Array {
  let text = '';
  for (let row = 0; row < ROWS; row++) {
    const line = {
      key: keys[row],
      start: Number(starts[row]),
      count: Number(counts[row]),
      sum: sums[row],
      mean: means[row],
    };
    text += `${JSON.stringify(line)}\n`;
  }
  return Buffer.from(text);
}

function encodeFlechette({ keys, starts, counts, sums, means }: Batch): Uint8Array {
  const table = tableFromColumns({
    key: columnFromArray(keys, utf8()),
    start: columnFromArray(starts),
    count: columnFromArray(counts),
    sum: columnFromArray(sums),
    mean: columnFromArray(means),
  });
  return tableToIPC(table, { format: 'stream' })!;
}

function readable(stream: Uint8Array): string {
  return JSON.stringify(tableFromIPC(stream).toArray());
}
