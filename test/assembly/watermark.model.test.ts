// What a producer's rows do to its watermark: the kernel against the row-by-row model.
import { expect, test } from 'vitest';
import {
  BATCH_COLUMN_COUNT,
  BATCH_FLAG_WATERMARKS,
  BATCH_FLAGS,
  BATCH_HEADER_BYTES,
  BUILDER_EVENT_TIME,
  BUILDER_FIELDS_BYTES,
  BUILDER_ROWS,
  COLUMN_DESCRIPTOR_BYTES,
  SLOT_BYTES_TOTAL,
  SLOT_VALUES,
  TYPE_I64,
  WATERMARK_NONE,
} from '../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../host/kernel/load.ts';
import { watermarksBefore } from '../model/watermark.ts';
import { seededRandom } from '../support/random.ts';

const kernel = loadKernel({ memory: reserveMemory(4 * 1024 * 1024, false) });
const { exports, u32, i64 } = kernel;
const plan = exports.reserve(64) >>> 0;
u32.set([2, 4096, 0, TYPE_I64, BUILDER_EVENT_TIME, TYPE_I64, 0], plan >>> 2);
const builder = exports.builderCreate(plan) >>> 0;
const fields = builder + BATCH_HEADER_BYTES + u32[(builder + BATCH_COLUMN_COUNT) >>> 2]! * COLUMN_DESCRIPTOR_BYTES;
const slotValues = (slot: number) =>
  u32[(fields + BUILDER_FIELDS_BYTES + slot * SLOT_BYTES_TOTAL + SLOT_VALUES) >>> 2]! / 8;

/** Writes rows as a decoder would and has them judged, in runs of the given lengths. */
function judge(times: number[], runs: number[], delayMs: number): { flagged: boolean; marks: number[] } {
  exports.builderReset(builder);
  let maxTime = Number.NEGATIVE_INFINITY;
  let from = 0;
  for (const length of runs) {
    for (let row = from; row < from + length; row++) i64[slotValues(0) + row] = BigInt(times[row]!);
    u32[(fields + BUILDER_ROWS) >>> 2] = from + length;
    maxTime = exports.watermarkRows(builder, from, maxTime, delayMs);
    from += length;
  }
  exports.builderSeal(builder);
  const flagged = (u32[(builder + BATCH_FLAGS) >>> 2]! & BATCH_FLAG_WATERMARKS) !== 0;
  return { flagged, marks: times.map((_, row) => Number(i64[slotValues(1) + row])) };
}

test('rows whose least time is within the delay of the greatest carry no watermark column', () => {
  const { flagged } = judge([100, 101, 110, 105], [4], 10);
  expect(flagged).toBe(false);
});

test('a row below its producer watermark brings the column, and rows before it carry none', () => {
  const { flagged, marks } = judge([100, 110, 99, 120], [2, 2], 10);
  expect(flagged).toBe(true);
  expect(marks).toEqual([WATERMARK_NONE, WATERMARK_NONE, 100, 100]);
});

test('any cut into runs judges every row as the model does, wherever the row is in doubt', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const delayMs = random.pick([0, 1, 5, 20]);
    const times = Array.from(
      { length: 1 + random.below(60) },
      (_, row) => row + random.below(random.pick([1, 4, 40])) - 30,
    );
    const runs: number[] = [];
    for (let left = times.length; left > 0; ) {
      const length = Math.min(left, 1 + random.below(9));
      runs.push(length);
      left -= length;
    }
    const { flagged, marks } = judge(times, runs, delayMs);
    const expected = watermarksBefore(times, delayMs);
    for (const [row, time] of times.entries()) {
      const late = expected[row] !== null && time < expected[row]!;
      if (late) expect(flagged, `seed ${seed}`).toBe(true);
      if (!flagged) continue;
      // NONE is only written where the row is provably not late.
      if (marks[row] === WATERMARK_NONE) expect(late, `seed ${seed} row ${row}`).toBe(false);
      else expect(marks[row], `seed ${seed} row ${row}`).toBe(expected[row] ?? WATERMARK_NONE);
    }
  }
});
