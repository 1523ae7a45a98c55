// bench/suites/decode/json.ts — NDJSON into columns, beside JSON.parse line by line.
//
// Both sides start from the same Buffer. Ours copies each 64 KiB frame into the kernel's memory, decodes it and seals
// every full batch; the baseline turns a frame into a string at once (faster than line by line), parses each line and
// reads the same four fields. Ours validates the fields that nobody reads, too, and types the others.
// Afterwards, untimed, every value of every column is compared with what JSON.parse says.

import { isDeepStrictEqual } from 'node:util';
import {
  BATCH_HEADER_BYTES,
  BUILDER_EVENT_TIME,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_VALUES,
  JSON_DONE,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { type Random, seededRandom } from '../../../test/support/random.ts';
import { type BenchResult, measure, type SuiteOptions } from '../../measure.ts';

const SEED = 42;
const FRAME_BYTES = 65536;
const FIELDS = ['ts', 'origin', 'delay', 'distance'] as const;

interface Row {
  ts: number;
  origin: string;
  delay: number;
  distance: number;
}

export async function jsonCases(options: SuiteOptions): Promise<BenchResult[]> {
  const rowCount = options.smoke ? 3000 : 300_000;
  return [
    ...(await measureCase('json-decode/narrow', lines(rowCount, narrowRow), rowCount, options)),
    ...(await measureCase('json-decode/wide', lines(rowCount, wideRow), rowCount, options)),
  ];
}

async function measureCase(name: string, text: Buffer, rowCount: number, options: SuiteOptions) {
  const frames = cutFrames(text);
  const decoder = createDecoder();
  return measure(
    {
      name,
      units: rowCount,
      unit: 'rows/s',
      ours: { name: 'pelton', run: () => decode(decoder, frames, undefined) },
      baselines: [{ name: 'json-parse', run: () => parse(frames) }],
      compare: (ours, baseline) => {
        if (ours !== baseline) throw new Error(`${name}: ${ours} rows decoded, ${baseline} parsed`);
        const rows: Row[] = [];
        decode(decoder, frames, rows);
        text
          .toString('utf8')
          .trimEnd()
          .split('\n')
          .forEach((line, index) => {
            const expected = pickFields(JSON.parse(line) as Row);
            if (!isDeepStrictEqual(rows[index], expected)) throw new Error(`${name}: row ${index} differs: ${line}`);
          });
      },
    },
    options,
  );
}

const pickFields = ({ ts, origin, delay, distance }: Row): Row => ({ ts, origin, delay, distance });

interface Decoder {
  kernel: Kernel;
  builder: number;
  handle: number;
  frame: number;
}

function createDecoder(): Decoder {
  const kernel = loadKernel({ memory: reserveMemory(4 * 1024 * 1024, false) });
  const { exports, u8, u32 } = kernel;
  const plan = exports.reserve(256) >>> 0;
  u32.set([4, 4096, 131072, TYPE_I64, BUILDER_EVENT_TIME, TYPE_UTF8, 0, TYPE_I32, 0, TYPE_I32, 0], plan >> 2);
  const builder = exports.builderCreate(plan) >>> 0;
  u32.set([builder, FIELDS.length, FIELDS.join('').length], plan >> 2);
  let offset = 12 + FIELDS.length * 8;
  FIELDS.forEach((field, index) => {
    u32.set([offset, field.length], (plan + 12 + index * 8) >> 2);
    u8.set(Buffer.from(field), plan + offset);
    offset += field.length;
  });
  return { kernel, builder, handle: exports.jsonCreate(plan) >>> 0, frame: exports.reserve(FRAME_BYTES + 64) >>> 0 };
}

/** Decodes all frames; returns how many rows. With `into`, keeps their values as well. */
function decode({ kernel, builder, handle, frame }: Decoder, frames: Buffer[], into: Row[] | undefined): number {
  const { exports, u8 } = kernel;
  let rows = 0;
  const flush = () => {
    exports.builderSeal(builder);
    rows += exports.builderRows(builder);
    if (into !== undefined) readBatch(kernel, builder, into);
    exports.builderReset(builder);
  };
  for (const bytes of frames) {
    u8.set(bytes, frame);
    exports.jsonBegin(handle, frame, bytes.length);
    while (exports.jsonNext(handle) !== JSON_DONE) flush();
    if (exports.jsonRejectCount(handle) !== 0) throw new Error('a row of the bench was refused');
  }
  flush();
  return rows;
}

function readBatch({ exports, u8, u32, i32, i64 }: Kernel, batch: number, into: Row[]): void {
  const column = (index: number) => batch + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES;
  const values = (index: number) => (batch + u32[(column(index) + COLUMN_VALUES) >> 2]!) >>> 0;
  const bytes = (batch + u32[(column(1) + COLUMN_BYTES) >> 2]!) >>> 0;
  for (let row = 0; row < exports.builderRows(batch); row++) {
    const [from, to] = [i32[(values(1) >> 2) + row]!, i32[(values(1) >> 2) + row + 1]!];
    into.push({
      ts: Number(i64[(values(0) >> 3) + row]!),
      origin: Buffer.from(u8.subarray(bytes + from, bytes + to)).toString('utf8'),
      delay: i32[(values(2) >> 2) + row]!,
      distance: i32[(values(3) >> 2) + row]!,
    });
  }
}

/** The baseline. The sum keeps the fields read; nothing is stored, which is to its advantage. */
let sink = 0;
function parse(frames: Buffer[]): number {
  let rows = 0;
  let sum = 0;
  for (const bytes of frames) {
    const text = bytes.toString('utf8');
    for (let from = 0, to = text.indexOf('\n'); to >= 0; from = to + 1, to = text.indexOf('\n', from)) {
      const row = JSON.parse(text.slice(from, to)) as Row;
      sum += row.ts + row.origin.length + row.delay + row.distance;
      rows++;
    }
  }
  sink += sum;
  if (Number.isNaN(sink)) throw new Error('a field was not there');
  return rows;
}

/** Frames of at most FRAME_BYTES that end behind a line. */
function cutFrames(text: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let from = 0; from < text.length; ) {
    const limit = Math.min(from + FRAME_BYTES, text.length);
    const to = text.lastIndexOf(0x0a, limit - 1) + 1;
    frames.push(text.subarray(from, to));
    from = to;
  }
  return frames;
}

function lines(rowCount: number, row: (random: Random, index: number) => object): Buffer {
  const random = seededRandom(SEED);
  let text = '';
  for (let index = 0; index < rowCount; index++) text += `${JSON.stringify(row(random, index))}\n`;
  return Buffer.from(text);
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const code = (random: Random) =>
  random.pick(letters as unknown as string[]) + random.pick(['RD', 'AX', 'TL', 'FW', 'HX']);

/** About 60 bytes, every field read. */
const narrowRow = (random: Random, index: number): Row => ({
  ts: 978307200000 + index * 6000 + random.below(6000),
  origin: code(random),
  delay: random.chance(0.7) ? random.below(40) - 20 : random.below(1500),
  distance: 31 + random.below(2500),
});

/** About 200 bytes in 14 fields, four of them read; strings repeat as a fleet's do, so JSON.parse can share them. */
const wideRow = (random: Random, index: number) => ({
  ts: 978307200000 + index * 6000 + random.below(6000),
  flight: `WN${random.below(5000)}`,
  carrier: random.pick(['WN', 'AA', 'UA', 'DL', 'US']),
  origin: code(random),
  dest: code(random),
  delay: random.chance(0.7) ? random.below(40) - 20 : random.below(1500),
  distance: 31 + random.below(2500),
  tail: `N${1000 + random.below(4000)}`,
  cancelled: random.chance(0.02),
  diverted: false,
  taxiOut: random.below(60),
  airTime: Math.round(random.float() * 3000) / 10,
  gate: random.chance(0.1) ? null : `${random.pick(['A', 'B', 'C'])}${random.below(40)}`,
  crew: [random.below(9999), random.below(9999)],
});
