// Snapshots of a keyed stage against the model: what is swept and restored is the state of the barrier, to the last row,
// whatever is pushed, erased and fired while the sweep is under way; and the running stage does not notice.
import { expect, test } from 'vitest';
import {
  AGGREGATE_COUNT,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  BARRIER_BUSY,
  BARRIER_OK,
  COUNTER_CLOSED_ROWS,
  COUNTER_ENTRIES,
  COUNTER_LATE_ROWS,
  COUNTER_OPEN_WINDOWS,
  COUNTER_STATE_BYTES,
  PUSH_OK,
  PUSH_PAUSED,
  RECORD_END,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import { KeyedModel, type KeyedPlan, keyText } from '../model/keyed.ts';
import { type ImageColumn, type Value, writeImage } from '../support/image.ts';
import { type KeyedOptions, type KeyedStage, keyedStage } from '../support/keyed.ts';
import { PartFile } from '../support/part-file.ts';
import { type Random, seededRandom } from '../support/random.ts';

const WINDOW_MS = 10;
const count = { function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false };
const value = { column: 3, type: TYPE_I64, nullable: false };
const frame = { sizeMs: BigInt(WINDOW_MS), offsetMs: 0n };
/** time, utf8 key, i64 key, value. One plan adds while it resolves, the other column by column. */
const PLANS: KeyedPlan[] = [
  {
    keys: [{ column: 1, type: TYPE_UTF8 }],
    aggregates: [count, ...[AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX].map((what) => ({ function: what, ...value }))],
    ...frame,
  },
  {
    keys: [
      { column: 2, type: TYPE_I64 },
      { column: 1, type: TYPE_UTF8 },
    ],
    aggregates: [
      count,
      { function: AGGREGATE_LAST, ...value, nullable: true },
      { function: AGGREGATE_SUM, ...value, nullable: true },
    ],
    ...frame,
  },
];
const TYPES = [TYPE_I64, TYPE_UTF8, TYPE_I64, TYPE_I64];

/** The state of a moment: what is open, and what is closed but not yet handed out. */
interface Moment {
  model: KeyedModel;
  due: Map<string, Value[]>;
}

class Run {
  stage: KeyedStage;
  now: Moment;
  atBarrier: Moment | null = null;
  epoch = 0;
  base: PartFile | undefined;
  baseEpoch = 0;
  part: PartFile | undefined;
  pauses = 0;
  sames = 0;
  baseMs = 0;
  private readonly random: Random;
  private readonly plan: KeyedPlan;
  private readonly options: KeyedOptions;
  private readonly limits: [number, number];

  constructor(random: Random) {
    this.random = random;
    this.plan = random.pick(PLANS);
    this.options = { outRowsMax: random.pick([3, 7, 50]), memoryBytes: 16 * 1024 * 1024 };
    this.limits = [random.pick([1, 1, 2, 100]), random.pick([1, 1, 2, 100])];
    this.now = { model: new KeyedModel(this.plan), due: new Map() };
    this.stage = this.fresh();
  }

  private fresh(): KeyedStage {
    const stage = keyedStage(this.plan, { ...this.options, seed: [this.random.u32(), this.random.u32()] });
    stage.kernel.exports.keyedCopyLimits(stage.handle, ...this.limits);
    return stage;
  }

  /** Long keys: few entries fill a block. */
  private row(time: number): Value[] {
    const { random } = this;
    const key = random.below(40);
    const sum = random.chance(0.2) ? null : BigInt(random.below(1000) - 500);
    const text = `${key}`.padStart(key % 5 === 0 ? 9 : 3000 + key * 50, '-');
    return [BigInt(time), text, BigInt(key % 7), this.plan === PLANS[0] ? (sum ?? 0n) : sum];
  }

  push(): void {
    const { random, stage } = this;
    const windows = random.pick([1, 1, 3]);
    const rows = Array.from({ length: random.pick([1, 10, 60]) }, () =>
      this.row(this.baseMs + random.below(WINDOW_MS * windows)),
    );
    const watermarks = random.chance(0.3)
      ? rows.map(() => BigInt(this.baseMs + random.below(WINDOW_MS * 3) - WINDOW_MS))
      : undefined;
    this.now.model.push(rows, watermarks);
    let state = stage.push(columnsOf(rows), watermarks);
    while (state === PUSH_PAUSED) {
      this.pauses++;
      expect(this.atBarrier, this.context('only a snapshot pauses')).not.toBeNull();
      this.sweep();
      state = stage.pushOn();
    }
    expect(state, this.context('push')).toBe(PUSH_OK);
  }

  /** Takes one key out of one open window. */
  erase(): void {
    const { model } = this.now;
    const open = model.panes.filter(({ start }) => start + this.plan.sizeMs > model.watermark);
    if (open.length === 0) return;
    const pane = this.random.pick(open);
    const row = this.row(Number(pane.start));
    const known = pane.keys.delete(keyText(this.plan.keys.map(({ column }) => row[column]!)));
    const { exports, u8 } = this.stage.kernel;
    const batch = exports.reserve(8192) >>> 0;
    writeImage(u8, batch, columnsOf([row]));
    const table = exports.keyedTable(this.stage.handle, Number(pane.start));
    let erased = exports.tableErase(this.stage.handle, table, batch, 0);
    while (erased === PUSH_PAUSED) {
      this.pauses++;
      this.sweep();
      erased = exports.tableErase(this.stage.handle, table, batch, 0);
    }
    expect(erased, this.context('erase')).toBe(known ? 1 : 0);
  }

  advance(): void {
    this.baseMs += this.random.below(WINDOW_MS * 2);
    this.now.model.advance(BigInt(this.baseMs));
    this.stage.kernel.exports.keyedAdvance(this.stage.handle, this.baseMs);
    for (const row of this.now.model.fire()) this.now.due.set(keyText(row), row);
  }

  fireOnce(): void {
    for (const row of this.stage.fireOnce()) {
      expect(this.now.due.delete(keyText(row)), this.context(`fired ${keyText(row).slice(0, 80)}`)).toBe(true);
    }
  }

  barrier(): void {
    const { exports } = this.stage.kernel;
    if (this.atBarrier !== null) {
      expect(exports.keyedBarrier(this.stage.handle, this.epoch + 1, 0)).toBe(BARRIER_BUSY);
      return;
    }
    this.epoch++;
    expect(exports.keyedBarrier(this.stage.handle, this.epoch, this.baseEpoch)).toBe(BARRIER_OK);
    this.atBarrier = { model: this.now.model.copy(), due: new Map(this.now.due) };
    this.part = new PartFile(this.base);
  }

  sweep(): void {
    if (this.atBarrier === null) return;
    const record = this.stage.sweep()!;
    this.part!.add(record);
    if (record.kind === RECORD_END) this.complete();
  }

  /** Restores what was swept; the checkpoint may fail all the same, and the running stage may die. */
  private complete(): void {
    const { random } = this;
    const moment = this.atBarrier!;
    const part = this.part!;
    this.sames += part.sameCount;
    this.atBarrier = null;
    const restored = this.fresh();
    expect(restored.restore(part.records), this.context('restore')).toBe(0);
    const expected = { model: moment.model.copy(), due: new Map(moment.due) };
    expectCounters(restored, expected, this.context('restored'));
    finish(restored, expected, this.context('restored'));
    if (random.chance(0.2)) return;
    this.base = part;
    this.baseEpoch = this.epoch;
    this.part = undefined;
  }

  /** The running stage is gone; what the last complete checkpoint holds goes on. */
  crash(moment: Moment): void {
    this.stage = this.fresh();
    expect(this.stage.restore(this.base!.records), this.context('crash')).toBe(0);
    this.now = moment;
  }

  end(): void {
    while (this.atBarrier !== null) this.sweep();
    expectCounters(this.stage, this.now, this.context('end'));
    finish(this.stage, this.now, this.context('end'));
    expect(this.stage.kernel.exports.keyedCounter(this.stage.handle, COUNTER_STATE_BYTES)).toBe(0);
  }

  context(what: string): string {
    return `seed ${this.random.seed}, epoch ${this.epoch}, base ${this.baseEpoch}: ${what}`;
  }
}

const columnsOf = (rows: readonly Value[][]): ImageColumn[] =>
  TYPES.map((type, column) => ({ type, values: rows.map((row) => row[column]!) }));

/** Fires all that is left. */
function finish(stage: KeyedStage, { model, due }: Moment, context: string): void {
  model.flush();
  stage.kernel.exports.keyedFlush(stage.handle);
  const expected = [...due.keys(), ...model.fire().map((row) => keyText(row))].sort();
  due.clear();
  const fired = stage.fire().map((row) => keyText(row));
  expect(fired.length, context).toBe(expected.length);
  if (JSON.stringify(fired.sort()) !== JSON.stringify(expected)) {
    const index = fired.findIndex((row, at) => row !== expected[at]);
    expect.fail(`${context}, row ${index}: ${fired[index]!.slice(-90)}, expected ${expected[index]!.slice(-90)}`);
  }
}

function expectCounters(stage: KeyedStage, { model, due }: Moment, context: string): void {
  const counter = (which: number) => stage.kernel.exports.keyedCounter(stage.handle, which);
  expect(counter(COUNTER_LATE_ROWS), context).toBe(model.lateRows);
  expect(counter(COUNTER_CLOSED_ROWS), context).toBe(model.closedRows);
  if (due.size > 0) return; // Of a window that is being fired the counters still say all.
  expect(counter(COUNTER_OPEN_WINDOWS), context).toBe(model.panes.length);
  expect(counter(COUNTER_ENTRIES), context).toBe(model.entries());
}

test('what is swept is the state of the barrier, and the running stage goes on as if there were none', () => {
  let pauses = 0;
  let sames = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const run = new Run(random);
    for (let step = 0; step < 120; step++) {
      const dice = random.float();
      if (dice < 0.35) run.push();
      else if (dice < 0.4) run.erase();
      else if (dice < 0.48) run.advance();
      else if (dice < 0.6) run.fireOnce();
      else if (dice < 0.7) run.barrier();
      else run.sweep();
    }
    run.end();
    pauses += run.pauses;
    sames += run.sames;
  }
  expect(pauses).toBeGreaterThan(100);
  expect(sames).toBeGreaterThan(40);
});

test('a restored stage goes on with the checkpoints of the one before, whose blocks it names again', () => {
  let sames = 0;
  for (let seed = 101; seed <= 115; seed++) {
    const random = seededRandom(seed);
    const run = new Run(random);
    for (let life = 0; life < 5; life++) {
      for (let step = 0; step < 10; step++) {
        run.push();
        if (random.chance(0.2)) run.advance();
        if (random.chance(0.4)) run.fireOnce();
      }
      run.barrier();
      const moment = { model: run.atBarrier!.model.copy(), due: new Map(run.atBarrier!.due) };
      const before = run.baseEpoch;
      while (run.atBarrier !== null) {
        run.sweep();
        if (random.chance(0.2)) run.push();
      }
      if (run.baseEpoch !== before) run.crash(moment);
      else run.end();
    }
    run.end();
    sames += run.sames;
  }
  expect(sames).toBeGreaterThan(20);
});
