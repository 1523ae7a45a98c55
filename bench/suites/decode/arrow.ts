// bench/suites/decode/arrow.ts — Arrow IPC streams into columns, beside flechette.
//
// Rows of 24 bytes: event time (timestamp, i64), key (i64), value (f64). Both sides start from the same streams. Ours
// copies each into the kernel's memory, decodes it into batches of at most 4,096 rows and seals each; the baseline
// calls tableFromIPC and takes every column as one typed array. Ours also checks each event time's range; flechette
// gives views of the stream where a column is one batch, so with one batch a stream it reads no value at all.
// The case `touch` therefore sums every value on both sides' results: what a user of the columns has to do next.
// Afterwards, untimed, all values of all columns are compared.

import { tableFromIPC } from '@uwdata/flechette';
import {
  ARROW_FULL,
  BATCH_HEADER_BYTES,
  BUILDER_EVENT_TIME,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_VALUES,
  TYPE_F64,
  TYPE_I64,
} from '../../../assembly/layout.ts';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { type Random, seededRandom } from '../../../test/support/random.ts';
import { type BenchResult, measure, type SuiteOptions } from '../../measure.ts';

const SEED = 42;
const ROWS_MAX = 4096;
const STREAM_BYTES_MAX = 4 * 1024 * 1024;
const NAMES = ['ts', 'key', 'value'] as const;

/** Receives each batch's columns: times, keys (i64) and values. */
type Take = (ts: BigInt64Array, key: BigInt64Array, value: Float64Array) => void;

export async function arrowCases(options: SuiteOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const rowsPerStream of [2700, 65536]) {
    const streamCount = options.smoke ? 2 : Math.ceil(2_000_000 / rowsPerStream);
    const streams = randomStreams(seededRandom(SEED), streamCount, rowsPerStream);
    results.push(...(await measureCase(streams, rowsPerStream, options)));
  }
  return results;
}

async function measureCase(streams: readonly Uint8Array[], rowsPerStream: number, options: SuiteOptions) {
  const decoder = createDecoder();
  const owned: Owned = {
    ts: new BigInt64Array(rowsPerStream),
    key: new BigInt64Array(rowsPerStream),
    value: new Float64Array(rowsPerStream),
  };
  const name = `arrow-decode/${rowsPerStream}`;
  return measure(
    {
      name,
      units: streams.length * rowsPerStream,
      unit: 'rows/s',
      ours: { name: 'pelton', run: () => decode(decoder, streams) },
      baselines: [{ name: 'flechette', run: () => decodeFlechette(owned, streams) }],
      compare: (ours, baseline) => {
        if (ours !== baseline) throw new Error(`${name}: ${ours} rows decoded, flechette ${baseline}`);
        const expected = collected((take) => decodeFlechette(owned, streams, take));
        const actual = collected((take) => decode(decoder, streams, take));
        for (const [index, column] of expected.entries()) {
          if (Buffer.compare(column, actual[index]!) !== 0) throw new Error(`${name}: column ${NAMES[index]} differs`);
        }
      },
    },
    options,
  );
}

/** Streams of one record batch, as long as a 64 KiB frame holds and longer. */
function randomStreams(random: Random, streamCount: number, rows: number): Uint8Array[] {
  let time = 1_700_000_000_000;
  return Array.from({ length: streamCount }, () => {
    const ts = Float64Array.from({ length: rows }, () => (time += random.below(3)));
    const key = Float64Array.from({ length: rows }, () => random.u32());
    const value = Float64Array.from({ length: rows }, () => random.float());
    return writeArrow([
      { name: 'ts', type: 'i64', values: ts, nullable: false },
      { name: 'key', type: 'i64', values: key, nullable: false },
      { name: 'value', type: 'f64', values: value, nullable: false },
    ]);
  });
}

interface Decoder {
  kernel: Kernel;
  builder: number;
  decoder: number;
  place: number;
}

function createDecoder(): Decoder {
  const kernel = loadKernel({ memory: reserveMemory(8 * 1024 * 1024, false) });
  const { exports, u8, u32 } = kernel;
  const plan = exports.reserve(128) >>> 0;
  u32.set([3, ROWS_MAX, 0, TYPE_I64, BUILDER_EVENT_TIME, TYPE_I64, 0, TYPE_F64, 0], plan >> 2);
  const builder = exports.builderCreate(plan) >>> 0;
  const names = new TextEncoder().encode(NAMES.join(''));
  let nameOffset = 12 + NAMES.length * 8;
  u32.set([builder, NAMES.length, names.length], plan >> 2);
  u8.set(names, plan + nameOffset);
  for (const [index, { length }] of NAMES.entries()) {
    u32.set([nameOffset, length], (plan >> 2) + 3 + index * 2);
    nameOffset += length;
  }
  const decoder = exports.arrowCreate(plan) >>> 0;
  const place = exports.reserve(STREAM_BYTES_MAX) >>> 0;
  if (decoder === 0 || place === 0) throw new Error('the arena is too small for this bench');
  return { kernel, builder, decoder, place };
}

function decode({ kernel, builder, decoder, place }: Decoder, streams: readonly Uint8Array[], take?: Take): number {
  const { exports, u8 } = kernel;
  let rows = 0;
  for (const stream of streams) {
    u8.set(stream, place);
    exports.arrowBegin(decoder, place, stream.length);
    for (let answer = ARROW_FULL; answer === ARROW_FULL; ) {
      answer = exports.arrowNext(decoder);
      if (answer < 0) throw new Error(`refused with ${answer}`);
      exports.builderSeal(builder);
      rows += exports.builderRows(builder);
      if (take) give(kernel, builder, take);
      exports.builderReset(builder);
    }
  }
  return rows;
}

function give({ exports, u32, i64, f64 }: Kernel, builder: number, take: Take): void {
  const rows = exports.builderRows(builder);
  const [ts, key, value] = [0, 1, 2].map((index) => {
    const column = builder + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
    return ((builder + u32[(column + COLUMN_VALUES) >> 2]!) >>> 0) >> 3;
  }) as [number, number, number];
  take(i64.subarray(ts, ts + rows), i64.subarray(key, key + rows), f64.subarray(value, value + rows));
}

/** What a stream's columns are copied into, over and over, as the builder is. */
interface Owned {
  ts: BigInt64Array;
  key: BigInt64Array;
  value: Float64Array;
}

function decodeFlechette({ ts, key, value }: Owned, streams: readonly Uint8Array[], take?: Take): number {
  let rows = 0;
  for (const stream of streams) {
    const table = tableFromIPC(stream, { useBigInt: true });
    ts.set(table.getChild('ts').toArray() as BigInt64Array);
    key.set(table.getChild('key').toArray() as BigInt64Array);
    value.set(table.getChild('value').toArray() as Float64Array);
    const count = table.numRows;
    take?.(ts.subarray(0, count), key.subarray(0, count), value.subarray(0, count));
    rows += count;
  }
  return rows;
}

/** All batches of a run as bytes, one Buffer a column. */
function collected(run: (take: Take) => void): Buffer[] {
  const parts: Buffer[][] = [[], [], []];
  run((...columns) => {
    for (const [index, { buffer, byteOffset, byteLength }] of columns.entries()) {
      parts[index]!.push(Buffer.from(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer));
    }
  });
  return parts.map((buffers) => Buffer.concat(buffers));
}
