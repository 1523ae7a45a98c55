// bench/suites/kernels/scatter.ts — dealing rows of 24 bytes (time, key, value) to eight partitions.
//
// Against `js`: the same in typed arrays, three passes (hash and count, place, write column by column), murmur2 on
// whole words, into images of the same bytes. Both write the same images; compare() checks them to the byte.

import {
  BATCH_HEADER_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  NULL_KEY_ERROR,
  TYPE_F64,
  TYPE_I64,
} from '../../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import type { ModelPlan } from '../../../test/model/scatter.ts';
import { f64Column, i64Column, placeBatch } from '../../../test/support/batch.ts';
import { seededRandom } from '../../../test/support/random.ts';
import { createScatter } from '../../../test/support/scatter.ts';
import type { Case, SuiteOptions } from '../../measure.ts';

const PARTITIONS = 8;
const GROUPS = 128;
const ROWS = 4096;
const COLUMNS = 3;
const IMAGE_BYTES_MAX = 262144;
const DIRECTORY_BYTES = BATCH_HEADER_BYTES + COLUMNS * COLUMN_DESCRIPTOR_BYTES;
/** Several batches, so that no predictor learns one by heart. */
const BATCHES = 16;

export function scatterCases({ smoke }: SuiteOptions): Case[] {
  const plan: ModelPlan = {
    partitionCount: PARTITIONS,
    groupTable: Array.from({ length: GROUPS }, (_, group) => group % PARTITIONS),
    keyColumns: [1],
    columns: [0, 1, 2],
    imageBytesMax: IMAGE_BYTES_MAX,
    nullKey: NULL_KEY_ERROR,
  };
  const kernel = loadKernel({ memory: reserveMemory(16 * 1024 * 1024, false) });
  const { exports } = kernel;
  const random = seededRandom(24);
  const batches = Array.from({ length: BATCHES }, (_, batch) =>
    placeBatch(kernel, {
      columns: [
        i64Column(Array.from({ length: ROWS }, (_, row) => 1_700_000_000_000n + BigInt(batch * ROWS + row))),
        i64Column(Array.from({ length: ROWS }, () => BigInt(random.below(100_000)))),
        f64Column(Array.from({ length: ROWS }, () => random.float())),
      ],
    }),
  );
  const scatter = createScatter(kernel, plan, [TYPE_I64, TYPE_I64, TYPE_F64], ROWS);
  const js = new JsScatter(Uint8Array.from(plan.groupTable), kernel.memory.buffer as ArrayBuffer);
  const rounds = smoke ? 2 : 400;

  const runOurs = () => {
    let sum = 0;
    for (let round = 0; round < rounds; round++) {
      exports.scatterRun(scatter, batches[round % BATCHES]!, 0, ROWS, 0, 0);
      for (let part = 0; part < PARTITIONS; part++) sum += part * exports.scatterImageBytes(scatter, part);
    }
    return sum;
  };
  const runJs = () => {
    let sum = 0;
    for (let round = 0; round < rounds; round++) {
      js.run(batches[round % BATCHES]!, ROWS);
      for (let part = 0; part < PARTITIONS; part++) sum += part * js.imageBytes[part]!;
    }
    return sum;
  };
  const compare = (ours: unknown, baseline: unknown) => {
    if (ours !== baseline) throw new Error(`scatter/8: image sizes sum to ${ours}, the baseline's to ${baseline}`);
    for (const batch of batches) {
      exports.scatterRun(scatter, batch, 0, ROWS, 0, 0);
      js.run(batch, ROWS);
      for (let part = 0; part < PARTITIONS; part++) {
        const at = exports.scatterImage(scatter, part) >>> 0;
        const image = kernel.u8.subarray(at, at + exports.scatterImageBytes(scatter, part));
        if (Buffer.compare(image, js.image(part)) !== 0)
          throw new Error(`scatter/8: image ${part} differs from the baseline's`);
      }
    }
  };
  return [
    {
      name: 'scatter/8',
      units: rounds * ROWS,
      unit: 'rows/s',
      ours: { name: 'kernel', run: runOurs },
      baselines: [{ name: 'js', run: runJs }],
      compare,
    },
  ];
}

/** The baseline. Columns are read where the kernel reads them; a row's 8-byte values move as doubles, bits and all. */
class JsScatter {
  readonly imageBytes = new Int32Array(PARTITIONS);
  private readonly groupTable: Uint8Array;
  private readonly source: { words: Int32Array; doubles: Float64Array };
  private readonly out = new ArrayBuffer(PARTITIONS * IMAGE_BYTES_MAX);
  private readonly outWords = new Int32Array(this.out);
  private readonly outDoubles = new Float64Array(this.out);
  private readonly partitionOf = new Uint8Array(ROWS);
  private readonly places = new Int32Array(ROWS);
  private readonly counts = new Int32Array(PARTITIONS);
  private readonly next = new Int32Array(PARTITIONS);
  private readonly columnStep = new Int32Array(PARTITIONS);

  constructor(groupTable: Uint8Array, source: ArrayBuffer) {
    this.groupTable = groupTable;
    this.source = { words: new Int32Array(source), doubles: new Float64Array(source) };
  }

  image(part: number): Uint8Array {
    return new Uint8Array(this.out, part * IMAGE_BYTES_MAX, this.imageBytes[part]!);
  }

  run(batch: number, rowCount: number): void {
    const { words, doubles } = this.source;
    const descriptor = (index: number) => (batch + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES) >> 2;
    const valuesAt = (index: number) => batch + words[descriptor(index) + 3]!;
    this.place(words, valuesAt(1) >> 2, rowCount);
    this.beginImages();
    const { partitionOf, places, columnStep, outDoubles } = this;
    for (let column = 0; column < COLUMNS; column++) {
      const from = valuesAt(column) >> 3;
      for (let row = 0; row < rowCount; row++) {
        outDoubles[places[row]! + column * columnStep[partitionOf[row]!]!] = doubles[from + row]!;
      }
    }
  }

  /** Partition of every row, and where its first column's value goes. */
  private place(words: Int32Array, keys: number, rowCount: number): void {
    const { partitionOf, places, counts, next, groupTable } = this;
    counts.fill(0);
    for (let row = 0; row < rowCount; row++) {
      const group = murmur2I64(words[keys + 2 * row + 1]!, words[keys + 2 * row]!) & (GROUPS - 1);
      const partition = groupTable[group]!;
      partitionOf[row] = partition;
      counts[partition]!++;
    }
    for (let part = 0; part < PARTITIONS; part++) next[part] = (part * IMAGE_BYTES_MAX + DIRECTORY_BYTES) >> 3;
    for (let row = 0; row < rowCount; row++) places[row] = next[partitionOf[row]!]!++;
  }

  private beginImages(): void {
    const { counts, columnStep, imageBytes, outWords } = this;
    const types = [TYPE_I64, TYPE_I64, TYPE_F64];
    for (let part = 0; part < PARTITIONS; part++) {
      const rows = counts[part]!;
      const at = (part * IMAGE_BYTES_MAX) >> 2;
      columnStep[part] = rows;
      imageBytes[part] = rows === 0 ? 0 : DIRECTORY_BYTES + rows * 8 * COLUMNS;
      outWords[at] = rows;
      outWords[at + 1] = COLUMNS;
      outWords[at + 2] = imageBytes[part]!;
      for (let column = 0; column < COLUMNS; column++) {
        const descriptor = at + ((BATCH_HEADER_BYTES + column * COLUMN_DESCRIPTOR_BYTES) >> 2);
        outWords[descriptor] = types[column]!;
        outWords[descriptor + 3] = DIRECTORY_BYTES + rows * 8 * column;
      }
    }
  }
}

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** murmur2 of an i64's big-endian bytes, from its two words; test/model/murmur2.ts says the same byte by byte. */
function murmur2I64(high: number, low: number): number {
  let hash = Math.imul(SEED ^ 8, M) ^ mixWord(swap(high));
  hash = Math.imul(hash, M) ^ mixWord(swap(low));
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

function mixWord(word: number): number {
  const mixed = Math.imul(word, M);
  return Math.imul(mixed ^ (mixed >>> 24), M);
}

function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
