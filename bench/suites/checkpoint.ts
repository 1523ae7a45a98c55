// bench/suites/checkpoint.ts — what a checkpoint of 256 MiB of state costs the stage that goes on under it.
//
//   push          rows over random known keys: ours with one barrier at the start and its sweep between the pushes, against
//                 the same rows without. A second's worth of rows changes 5 % of the entries; there are ten.
//   longest-call  the longest single call into the kernel on either side, barrier and sweep among them
//   restore       every block back into a fresh stage and indexed, against the bare copy of the same bytes
//
// Random keys are the worst case: nearly every block is changed, and so copied, soon after the barrier.

import {
  AGGREGATE_COUNT,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  BARRIER_OK,
  BATCH_ROWS_MAX,
  BLOCK_BYTES,
  COUNTER_ENTRIES,
  COUNTER_OPEN_ROWS,
  PUSH_OK,
  PUSH_PAUSED,
  RECORD_BLOCK,
  RECORD_BYTES_MAX,
  RECORD_END,
  RECORD_HEADER_BYTES,
  RECORD_KEYED,
  RECORD_PANE,
  RESTORE_OK,
  TYPE_I64,
} from '../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { writeImage } from '../../test/support/image.ts';
import { BLOCK_HEAD_BYTES, writePlan } from '../../test/support/keyed.ts';
import { type Random, seededRandom } from '../../test/support/random.ts';
import { type BenchResult, isWanted, measure, type Suite, type SuiteOptions, show } from '../measure.ts';

const ENTRY_BYTES = 64; // Head, key, rows, sum, min, max; filled up to a line of the cache.
const SECONDS = 10;
const CHANGED_PER_SECOND = 0.05;
/** Records that are swept after each push: 1 MiB. */
const RECORDS_PER_PUSH = 16;
const SWEPT_RING_RECORDS = 16;

export const suite: Suite = async (options) => {
  const stateBytes = options.smoke ? 4 * 2 ** 20 : 256 * 2 ** 20;
  const memoryBytes = options.smoke ? 64 * 2 ** 20 : 2 ** 30;
  const entries = stateBytes / ENTRY_BYTES;
  const subject = new Subject(entries, memoryBytes);
  return [
    ...(await pushCases(subject, entries, options)),
    ...(await restoreCase(subject, entries, memoryBytes, options)),
  ];
};

async function pushCases(subject: Subject, entries: number, options: SuiteOptions): Promise<BenchResult[]> {
  const batches = Math.ceil((entries * CHANGED_PER_SECOND * SECONDS) / BATCH_ROWS_MAX);
  const longest = { with: [] as number[], without: [] as number[] };
  const results = await measure(
    {
      name: 'checkpoint/push',
      units: batches * BATCH_ROWS_MAX,
      unit: 'rows/s',
      ours: { name: 'with', run: () => longest.with.push(subject.push(batches, true)) },
      baselines: [{ name: 'without', run: () => longest.without.push(subject.push(batches, false)) }],
      compare: () => subject.expectRows(),
    },
    options,
  );
  if (results.length === 0) return [];
  // Of each run the longest call, of these the least: what is longer there the system did, not the kernel.
  const [value, baselineValue] = [Math.min(...longest.with), Math.min(...longest.without)];
  const ratio = value / baselineValue;
  const row = { name: 'checkpoint/longest-call', value, unit: 'ms', baseline: 'without', baselineValue, ratio };
  results.push({ ...row, better: 'lower' });
  show(results.at(-1)!);
  return results;
}

async function restoreCase(
  subject: Subject,
  entries: number,
  memoryBytes: number,
  options: SuiteOptions,
): Promise<BenchResult[]> {
  const name = 'checkpoint/restore';
  if (!isWanted(name, options)) return [];
  const { records, bytes } = subject.sweepAll();
  const copy = new Uint8Array(bytes);
  return await measure(
    {
      name,
      units: bytes,
      unit: 'bytes/s',
      ours: { name: 'restore', run: () => restore(records, memoryBytes) },
      baselines: [{ name: 'copy', run: () => copyAll(records, copy) }],
      compare: (restored) => {
        if (restored !== entries) throw new Error(`${name}: ${restored} entries, expected ${entries}`);
      },
    },
    options,
  );
}

interface Part {
  kind: number;
  payload: Uint8Array;
}

/** A stage whose one window holds `entries` keys, and batches of rows for random ones among them. */
class Subject {
  private readonly kernel: Kernel;
  private readonly stage: number;
  private readonly images: number[] = [];
  private readonly swept: number;
  private readonly entries: number;
  private epoch = 0;
  private pushedRows: number;
  private nextImage = 0;

  constructor(entries: number, memoryBytes: number) {
    this.entries = entries;
    this.kernel = loadKernel({ memory: reserveMemory(memoryBytes, true) });
    const { exports } = this.kernel;
    this.stage = createStage(this.kernel);
    this.swept = exports.reserve(SWEPT_RING_RECORDS * RECORD_BYTES_MAX) >>> 0;
    const random = seededRandom(256);
    const filling = exports.reserve(imageBytes()) >>> 0;
    for (let first = 0; first < entries; first += BATCH_ROWS_MAX) {
      this.writeRows(filling, (row) => keyOf(first + row));
      if (exports.keyedPush(this.stage, filling, 0) !== PUSH_OK) throw new Error('the arena is full');
    }
    this.pushedRows = entries;
    for (let image = 0; image < 128; image++) this.images.push(this.randomImage(random));
  }

  private randomImage(random: Random): number {
    const at = this.kernel.exports.reserve(imageBytes()) >>> 0;
    this.writeRows(at, () => keyOf(random.below(this.entries)));
    return at;
  }

  private writeRows(at: number, key: (row: number) => bigint): void {
    const rows = Array.from({ length: BATCH_ROWS_MAX }, (_, row) => row);
    writeImage(this.kernel.u8, at, [
      { type: TYPE_I64, values: rows.map(() => 1n) },
      { type: TYPE_I64, values: rows.map(key) },
      { type: TYPE_I64, values: rows.map((row) => BigInt(row)) },
    ]);
  }

  /** Pushes `batches`; with a checkpoint under way until it is swept. Returns the longest call in ms. */
  push(batches: number, withCheckpoint: boolean): number {
    const { exports } = this.kernel;
    let longest = 0;
    const timed = (call: () => number): number => {
      const from = performance.now();
      const answer = call();
      longest = Math.max(longest, performance.now() - from);
      return answer;
    };
    let sweeping = withCheckpoint;
    let record = 0;
    const sweep = (count: number) => {
      for (let index = 0; index < count && sweeping; index++) {
        const out = this.swept + (record++ % SWEPT_RING_RECORDS) * RECORD_BYTES_MAX;
        sweeping = timed(() => exports.keyedSweep(this.stage, out, RECORD_BYTES_MAX)) !== 0;
      }
    };
    if (sweeping && timed(() => exports.keyedBarrier(this.stage, ++this.epoch, 0)) !== BARRIER_OK) {
      throw new Error('the last snapshot is not swept');
    }
    for (let batch = 0; batch < batches; batch++) {
      const image = this.images[this.nextImage++ % this.images.length]!;
      let from = 0;
      while (timed(() => exports.keyedPush(this.stage, image, from)) === PUSH_PAUSED) {
        from = exports.keyedPausedAt(this.stage);
        sweep(RECORDS_PER_PUSH);
      }
      sweep(RECORDS_PER_PUSH);
    }
    while (sweeping) sweep(RECORDS_PER_PUSH);
    this.pushedRows += batches * BATCH_ROWS_MAX;
    return longest;
  }

  expectRows(): void {
    const rows = this.kernel.exports.keyedCounter(this.stage, COUNTER_OPEN_ROWS);
    if (rows !== this.pushedRows) throw new Error(`checkpoint/push: ${rows} rows, expected ${this.pushedRows}`);
  }

  sweepAll(): { records: Part[]; bytes: number } {
    const { exports, u8, u32 } = this.kernel;
    exports.keyedBarrier(this.stage, ++this.epoch, 0);
    const records: Part[] = [];
    let bytes = 0;
    for (;;) {
      const length = exports.keyedSweep(this.stage, this.swept, RECORD_BYTES_MAX);
      if (length === 0) return { records, bytes };
      bytes += length;
      const payload = u8.slice(this.swept + RECORD_HEADER_BYTES, this.swept + length);
      records.push({ kind: u32[this.swept >>> 2]!, payload });
    }
  }
}

const imageBytes = () => BATCH_ROWS_MAX * 24 + 1024;
/** Spread over 53 bits, as keys that come from outside are. */
const keyOf = (index: number) => BigInt(index * 2147483629);

function createStage(kernel: Kernel): number {
  const plan = kernel.exports.reserve(256) >>> 0;
  const column = { column: 2, type: TYPE_I64, nullable: false };
  writePlan(kernel, plan, {
    keys: [{ column: 1, type: TYPE_I64 }],
    aggregates: [
      { function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false },
      ...[AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX].map((what) => ({ function: what, ...column })),
    ],
    sizeMs: 10_000n,
    offsetMs: 0n,
  });
  const stage = kernel.exports.keyedCreate(plan) >>> 0;
  if (stage === 0) throw new Error('the arena is full');
  return stage;
}

/** Puts every record into a fresh stage; returns how many entries it holds. */
function restore(records: readonly Part[], memoryBytes: number): number {
  const kernel = loadKernel({ memory: reserveMemory(memoryBytes, true) });
  const { exports, u8 } = kernel;
  const stage = createStage(kernel);
  const buffer = exports.reserve(4096) >>> 0;
  for (const { kind, payload } of records) {
    const head = kind === RECORD_BLOCK ? payload.subarray(0, BLOCK_HEAD_BYTES) : payload;
    u8.set(head, buffer);
    let state = RESTORE_OK;
    if (kind === RECORD_KEYED) state = exports.keyedRestoreBegin(stage, buffer, head.length, 0, 0, 1);
    if (kind === RECORD_PANE) state = exports.keyedRestorePane(stage, buffer, head.length);
    if (kind === RECORD_END) state = exports.keyedRestoreEnd(stage, buffer, head.length);
    if (kind === RECORD_BLOCK) {
      const at = exports.keyedRestoreBlock(stage, buffer, head.length) >>> 0;
      if (at < BLOCK_BYTES) throw new Error(`keyedRestoreBlock: ${at}`);
      u8.set(payload.subarray(BLOCK_HEAD_BYTES), at);
      state = exports.keyedRestoreFill(stage);
    }
    if (state !== RESTORE_OK) throw new Error(`record ${kind}: ${state}`);
  }
  return exports.keyedCounter(stage, COUNTER_ENTRIES);
}

function copyAll(records: readonly Part[], to: Uint8Array): number {
  let at = 0;
  for (const { payload } of records) {
    to.set(payload, at);
    at += payload.length;
  }
  return at;
}
