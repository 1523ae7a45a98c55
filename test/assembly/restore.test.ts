// Checkpoint records back into a stage: what is not one is refused, whatever it says. checkpoint.model.test.ts has the rest.
import { expect, test } from 'vitest';
import {
  AGGREGATE_COUNT,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  BARRIER_OK,
  BARRIER_STALE,
  COUNTER_STATE_BYTES,
  OUT_TOO_SMALL,
  PUSH_OK,
  PUSH_PAUSED,
  PUSH_STATE_FULL,
  RECORD_BLOCK,
  RECORD_BYTES_MAX,
  RECORD_END,
  RECORD_KEYED,
  RECORD_PANE,
  RECORD_SAME,
  RESTORE_CORRUPT,
  RESTORE_FOREIGN,
  RESTORE_OK,
  RESTORE_PLAN,
  RESTORE_STATE_FULL,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import type { KeyedPlan } from '../model/keyed.ts';
import type { ImageColumn } from '../support/image.ts';
import {
  BLOCK_HEAD_BYTES,
  type KeyedOptions,
  type KeyedStage,
  keyedStage,
  type SweptRecord,
} from '../support/keyed.ts';

const plan: KeyedPlan = {
  keys: [{ column: 1, type: TYPE_UTF8 }],
  aggregates: [
    { function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false },
    { function: AGGREGATE_SUM, column: 2, type: TYPE_I64, nullable: false },
  ],
  sizeMs: 10n,
  offsetMs: 0n,
};
/** Of an entry: 8 bytes head, the key's length, rows, the sum. */
const FIXED_BYTES = 40;

const rows = (...values: [time: bigint, key: string][]): ImageColumn[] => [
  { type: TYPE_I64, values: values.map(([time]) => time) },
  { type: TYPE_UTF8, values: values.map(([, key]) => key) },
  { type: TYPE_I64, values: values.map((_, index) => BigInt(index)) },
];
const long = (index: number) => `${index}`.padStart(8000, '-');

/** Two windows; the second one has three blocks. */
function filled(options: KeyedOptions = {}): KeyedStage {
  const stage = keyedStage(plan, options);
  stage.push(rows([1n, 'one'], [2n, 'a key of some length'], [2n, 'one']));
  stage.push(rows(...Array.from({ length: 20 }, (_, index): [bigint, string] => [13n, long(index)])));
  return stage;
}
const fresh = () => keyedStage(plan, { memoryBytes: 4 * 1024 * 1024, seed: [8, 9] });
const kinds = (records: readonly SweptRecord[]) => records.map(({ kind }) => kind);

function fired(stage: KeyedStage) {
  stage.kernel.exports.keyedFlush(stage.handle);
  return stage.fire();
}

/** The records with one payload changed. */
function changed(records: readonly SweptRecord[], index: number, change: (view: DataView) => void): SweptRecord[] {
  return records.map((record, at) => {
    if (at !== index) return record;
    const payload = record.payload.slice();
    change(new DataView(payload.buffer));
    return { kind: record.kind, payload };
  });
}

test('a sweep is KEYED, panes, blocks, END, and nothing after it', () => {
  const stage = filled();
  const records = stage.snapshot();
  expect(kinds(records)).toEqual([
    RECORD_KEYED,
    ...[RECORD_PANE, RECORD_PANE],
    ...[RECORD_BLOCK, RECORD_BLOCK, RECORD_BLOCK, RECORD_BLOCK],
    RECORD_END,
  ]);
  expect(stage.sweep()).toBeNull();
  const restored = fresh();
  expect(restored.restore(records)).toBe(RESTORE_OK);
  expect(fired(restored)).toEqual(fired(stage));
});

test('a record that does not fit is not written, and comes when there is room', () => {
  const stage = filled();
  const { exports } = stage.kernel;
  const out = exports.reserve(RECORD_BYTES_MAX) >>> 0;
  expect(exports.keyedBarrier(stage.handle, 1, 0)).toBe(BARRIER_OK);
  const records: SweptRecord[] = [];
  for (;;) {
    for (const bytes of [0, 15, 16, 23]) expect(exports.keyedSweep(stage.handle, out, bytes)).toBe(OUT_TOO_SMALL);
    const record = stage.sweep()!;
    records.push(record);
    if (record.kind === RECORD_END) break;
  }
  expect(fresh().restore(records)).toBe(RESTORE_OK);
});

test('an epoch that does not grow is refused', () => {
  const stage = filled();
  const { exports } = stage.kernel;
  expect(exports.keyedBarrier(stage.handle, 0, 0)).toBe(BARRIER_STALE);
  expect(exports.keyedBarrier(stage.handle, 5, 0)).toBe(BARRIER_OK);
  while (stage.sweep() !== null);
  expect(exports.keyedBarrier(stage.handle, 5, 0)).toBe(BARRIER_STALE);
  expect(exports.keyedBarrier(stage.handle, 6, 5)).toBe(BARRIER_OK);
});

test('a block is SAME when nothing in it changed since the base, and only if the stage was swept for one', () => {
  const stage = filled();
  const { exports } = stage.kernel;
  const sweep = (epoch: number, base: number) => {
    exports.keyedBarrier(stage.handle, epoch, base);
    const records: SweptRecord[] = [];
    for (let record = stage.sweep(); record !== null; record = stage.sweep()) records.push(record);
    return kinds(records).filter((kind) => kind === RECORD_BLOCK || kind === RECORD_SAME);
  };
  const [block, same] = [RECORD_BLOCK, RECORD_SAME];
  expect(sweep(5, 4)).toEqual([block, block, block, block]);
  expect(sweep(6, 5)).toEqual([same, same, same, same]);
  stage.push(rows([13n, long(7)])); // The first block of the second window holds eight.
  expect(sweep(7, 5)).toEqual([same, block, same, same]);
  expect(sweep(8, 5)).toEqual([same, block, same, same]);
  stage.push(rows([13n, 'new']));
  expect(sweep(9, 8)).toEqual([same, same, same, block]);
});

test('a restored block is as its checkpoint has it, whatever stood in its place before', () => {
  const records = filled().snapshot();
  const before = filled();
  const { exports } = before.kernel;
  exports.keyedBarrier(before.handle, 9, 0);
  while (before.sweep() !== null);
  before.push(rows([1n, 'one'], ...Array.from({ length: 20 }, (_, index): [bigint, string] => [13n, long(index)])));
  fired(before);
  const after = keyedStage(plan, { kernel: before.kernel });
  expect(after.restore(records)).toBe(RESTORE_OK);
  expect(exports.keyedBarrier(after.handle, 2, 1)).toBe(BARRIER_OK);
  const swept: SweptRecord[] = [];
  for (let record = after.sweep(); record !== null; record = after.sweep()) swept.push(record);
  expect(kinds(swept).filter((kind) => kind === RECORD_BLOCK)).toEqual([]);
});

test('with no room for one more copy a push pauses, and the rows before it are counted once', () => {
  const stage = filled();
  const { exports } = stage.kernel;
  exports.keyedCopyLimits(stage.handle, 1, 64);
  exports.keyedBarrier(stage.handle, 1, 0);
  const batch = rows([13n, long(0)], [13n, long(1)], [13n, long(9)], [13n, long(0)]);
  expect(stage.push(batch)).toBe(PUSH_PAUSED);
  expect(exports.keyedPausedAt(stage.handle)).toBe(2);
  expect(stage.pushOn()).toBe(PUSH_PAUSED);
  while (stage.sweep()!.kind !== RECORD_BLOCK);
  expect(stage.pushOn()).toBe(PUSH_OK);
  expect(
    fired(stage)
      .filter(([, start]) => start === 10n)
      .map(([, , , key, count]) => [Number(key?.toString().replaceAll('-', '')), count])
      .filter(([, count]) => count !== 1n),
  ).toEqual([
    [0, 3n],
    [1, 2n],
    [9, 2n],
  ]);
});

test('a full arena pauses the push while a snapshot holds blocks back, and is full when it holds none', () => {
  const stage = keyedStage(plan, { memoryBytes: 4 * 1024 * 1024 });
  const { exports } = stage.kernel;
  let key = 0;
  const fill = (time: bigint) => {
    for (;;) {
      const state = stage.push(rows([time, long(key++)]));
      if (state !== PUSH_OK) return state;
    }
  };
  expect(fill(1n)).toBe(PUSH_STATE_FULL);
  exports.keyedBarrier(stage.handle, 1, 0);
  exports.keyedAdvance(stage.handle, 10);
  while (stage.fireOnce().length > 0);
  expect(exports.keyedCounter(stage.handle, COUNTER_STATE_BYTES)).toBeGreaterThan(1024 * 1024);
  expect(fill(11n)).toBe(PUSH_PAUSED);
  const records: SweptRecord[] = [];
  for (let record = stage.sweep(); record !== null; record = stage.sweep()) records.push(record);
  expect(stage.pushOn()).toBe(PUSH_OK);
  expect(fill(11n)).toBe(PUSH_STATE_FULL);
});

test('blocks may come in any order; a record missing or twice is refused', () => {
  const records = filled().snapshot();
  const [keyed, ...others] = records;
  const end = others.pop()!;
  const panes = others.filter(({ kind }) => kind === RECORD_PANE);
  const blocks = others.filter(({ kind }) => kind === RECORD_BLOCK);
  const backwards = [keyed!, ...panes.reverse(), ...blocks.reverse(), end];
  const restored = fresh();
  expect(restored.restore(backwards)).toBe(RESTORE_OK);
  expect(fired(restored)).toEqual(fired(filled()));
  for (let index = 1; index < records.length - 1; index++) {
    const context = `record ${index} of kind ${records[index]!.kind}`;
    expect(fresh().restore(records.toSpliced(index, 1)), `without ${context}`).toBe(RESTORE_CORRUPT);
    const twice = records.toSpliced(index, 0, records[index]!);
    expect(fresh().restore(twice), `twice ${context}`).toBe(RESTORE_CORRUPT);
  }
});

test('a payload of another length is refused', () => {
  const records = filled().snapshot();
  records.forEach(({ kind, payload }, index) => {
    if (kind === RECORD_BLOCK) return; // The host hands over its head, which has one length.
    for (let length = 0; length < payload.length; length++) {
      const cut = records.with(index, { kind, payload: payload.subarray(0, length) });
      expect([RESTORE_CORRUPT, RESTORE_FOREIGN], `kind ${kind}, ${length} bytes`).toContain(fresh().restore(cut));
    }
  });
});

test('what a PANE or a BLOCK says is refused unless it can be', () => {
  const records = filled().snapshot();
  const pane = records.findIndex(({ kind }) => kind === RECORD_PANE);
  const block = records.findIndex(({ kind }) => kind === RECORD_BLOCK);
  const refusals: [name: string, index: number, change: (view: DataView) => void][] = [
    ['a start that is no window', pane, (view) => view.setFloat64(0, 3, true)],
    ['a start that is no number', pane, (view) => view.setFloat64(0, Number.NaN, true)],
    ['a start beyond time', pane, (view) => view.setFloat64(0, 1e300, true)],
    ['fewer rows than entries', pane, (view) => view.setFloat64(8, 1, true)],
    ['rows that are no number', pane, (view) => view.setFloat64(8, Number.NaN, true)],
    ['other entries than come', pane, (view) => view.setUint32(16, 3, true)],
    ['more blocks than come', pane, (view) => view.setUint32(20, 2, true)],
    ['an open window that is being fired', pane, (view) => view.setUint32(28, 64, true)],
    ['a block of no window', block, (view) => view.setFloat64(0, 30, true)],
    ['an index behind the last block', block, (view) => view.setUint32(8, 1, true)],
    ['no bytes', block, (view) => view.setUint32(12, 0, true)],
    ['more bytes than a block', block, (view) => view.setUint32(12, 65544, true)],
    ['half a word', block, (view) => view.setUint32(12, 100, true)],
  ];
  for (const [name, index, change] of refusals) {
    expect(fresh().restore(changed(records, index, change)), name).toBe(RESTORE_CORRUPT);
  }
  const endless = changed(records, pane, (view) => view.setUint32(20, 0xffffffff, true));
  expect(fresh().restore(endless)).toBe(RESTORE_STATE_FULL);
});

test('an entry that cannot be is refused', () => {
  const records = filled().snapshot();
  const block = records.findIndex(({ kind }) => kind === RECORD_BLOCK);
  const entry = BLOCK_HEAD_BYTES;
  const refusals: [name: string, change: (view: DataView) => void][] = [
    ['a null that no key has', (view) => view.setUint16(entry, 2, true)],
    ['a null with a value', (view) => view.setUint16(entry, 1, true)],
    ['a flag that does not exist', (view) => view.setUint16(entry + 2, 4, true)],
    ['fewer bytes than any entry', (view) => view.setUint32(entry + 4, 8, true)],
    ['no bytes', (view) => view.setUint32(entry + 4, 0, true)],
    ['bytes beyond the block', (view) => view.setUint32(entry + 4, 65536, true)],
    ['bytes beyond memory', (view) => view.setUint32(entry + 4, 0xfffffff8, true)],
    ['half a word', (view) => view.setUint32(entry + 4, FIXED_BYTES + 4, true)],
    ['a key longer than the entry', (view) => view.setUint32(entry + 8, 9, true)],
    ['a key longer than any', (view) => view.setUint32(entry + 12, 1, true)],
    ['rows below zero', (view) => view.setUint32(entry + 20, 0x80000000, true)],
    ['an entry less: erased', (view) => view.setUint16(entry + 2, 1, true)],
  ];
  for (const [name, change] of refusals) {
    expect(fresh().restore(changed(records, block, change)), name).toBe(RESTORE_CORRUPT);
    expect(fresh().restoreEntries(changed(records, block, change)), `${name}, by entries`).toBe(
      name === 'an entry less: erased' ? RESTORE_OK : RESTORE_CORRUPT,
    );
  }
});

test('any byte changed is refused, or restores to a stage that fires', () => {
  const stage = keyedStage(plan);
  stage.push(rows([1n, 'one'], [2n, 'a key of some length'], [12n, 'one']));
  const records = stage.snapshot();
  records.forEach((record, index) => {
    for (let at = 0; at < record.payload.length; at++) {
      const restored = keyedStage(plan, { memoryBytes: 3 * 1024 * 1024 });
      const one = changed(records, index, (view) => view.setUint8(at, view.getUint8(at) ^ 0x41));
      if (restored.restore(one) === RESTORE_OK) restored.fire();
      const byEntries = keyedStage(plan, { memoryBytes: 3 * 1024 * 1024 });
      if (byEntries.restoreEntries(one) === RESTORE_OK) byEntries.fire();
    }
  });
});

test('another version, another plan, or more than the arena holds is refused by name', () => {
  const records = filled().snapshot();
  const other = changed(records, 0, (view) => view.setUint32(0, 99, true));
  expect(fresh().restore(other)).toBe(RESTORE_FOREIGN);
  const refuse = (change: Partial<KeyedPlan>) => keyedStage({ ...plan, ...change }).restore(records);
  expect(refuse({ sizeMs: 20n })).toBe(RESTORE_PLAN);
  expect(refuse({ offsetMs: 1n })).toBe(RESTORE_PLAN);
  expect(refuse({ keys: [{ column: 1, type: TYPE_I64 }] })).toBe(RESTORE_PLAN);
  expect(refuse({ keys: [...plan.keys, { column: 2, type: TYPE_I64 }] })).toBe(RESTORE_PLAN);
  const min = { ...plan.aggregates[1]!, function: AGGREGATE_MIN };
  expect(refuse({ aggregates: [...plan.aggregates, min] })).toBe(RESTORE_PLAN);
  const large = keyedStage(plan);
  for (let key = 0; key < 400; key++) large.push(rows([1n, long(key)]));
  expect(keyedStage(plan, { memoryBytes: 3 * 1024 * 1024 }).restore(large.snapshot())).toBe(RESTORE_STATE_FULL);
});

test('a first refusal stays', () => {
  const records = filled().snapshot();
  const stage = fresh();
  const broken = changed(records, 1, (view) => view.setFloat64(0, 3, true));
  expect(stage.restore(broken)).toBe(RESTORE_CORRUPT);
  expect(stage.restore(records)).toBe(RESTORE_CORRUPT);
});

test('the same state gives the same records under another seed', () => {
  expect(filled({ seed: [1, 1] }).snapshot()).toEqual(filled({ seed: [2, 9] }).snapshot());
});
