// test/model/keyed.ts — what a keyed stage promises, in the plainest TypeScript: the reference for kernel and benches.

import {
  AGGREGATE_AVG,
  AGGREGATE_COUNT,
  AGGREGATE_FIRST,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  TYPE_F64,
} from '../../assembly/layout.ts';
import type { Value } from '../support/image.ts';

export interface AggregatePlan {
  function: number;
  /** −1: count(*) */
  column: number;
  type: number;
  nullable: boolean;
  /** In which change of the job it was added; default 0. */
  generation?: number;
}

export interface KeyedPlan {
  keys: { column: number; type: number }[];
  aggregates: AggregatePlan[];
  sizeMs: bigint;
  offsetMs: bigint;
}

type Row = readonly Value[];
interface Added {
  time: bigint;
  row: Row;
}
interface Pane {
  start: bigint;
  keys: Map<string, Added[]>;
}

export class KeyedModel {
  readonly plan: KeyedPlan;
  watermark = -9007199254740991n;
  lateRows = 0;
  closedRows = 0;
  sumOverflows = 0;
  readonly panes: Pane[] = [];

  constructor(plan: KeyedPlan) {
    this.plan = plan;
  }

  /** Rows whose column 0 is the time; `watermarks` is each row's own producer watermark. */
  push(rows: readonly Row[], watermarks?: readonly bigint[]): void {
    const { sizeMs, offsetMs } = this.plan;
    rows.forEach((row, index) => {
      const time = row[0] as bigint;
      const start = time - ((((time - offsetMs) % sizeMs) + sizeMs) % sizeMs);
      const end = start + sizeMs;
      if (watermarks !== undefined && end <= watermarks[index]!) {
        this.lateRows++;
        return;
      }
      if (end <= this.watermark) {
        this.closedRows++;
        return;
      }
      let pane = this.panes.find((candidate) => candidate.start === start);
      if (pane === undefined) {
        pane = { start, keys: new Map() };
        this.panes.push(pane);
        this.panes.sort((a, b) => (a.start < b.start ? -1 : 1));
      }
      const key = keyText(this.plan.keys.map(({ column }) => row[column]!));
      const added = pane.keys.get(key);
      if (added === undefined) pane.keys.set(key, [{ time, row }]);
      else added.push({ time, row });
    });
  }

  /** The same state again, to be fired apart from this one. */
  copy(): KeyedModel {
    const copy = new KeyedModel(this.plan);
    copy.watermark = this.watermark;
    copy.lateRows = this.lateRows;
    copy.closedRows = this.closedRows;
    copy.sumOverflows = this.sumOverflows;
    for (const { start, keys } of this.panes) {
      copy.panes.push({ start, keys: new Map([...keys].map(([key, added]) => [key, [...added]])) });
    }
    return copy;
  }

  advance(watermark: bigint): void {
    if (watermark > this.watermark) this.watermark = watermark;
  }

  flush(): void {
    const last = this.panes.at(-1);
    if (last !== undefined) this.advance(last.start + this.plan.sizeMs);
  }

  /** Result rows of every closed window, in order of window; keys in order of their text. */
  fire(): Value[][] {
    const results: Value[][] = [];
    while (this.panes.length > 0 && this.panes[0]!.start + this.plan.sizeMs <= this.watermark) {
      const { start, keys } = this.panes.shift()!;
      const end = start + this.plan.sizeMs;
      for (const added of keys.values()) {
        const key = this.plan.keys.map(({ column }) => canonical(added[0]!.row[column]!));
        results.push([end - 1n, start, end, ...key, ...this.plan.aggregates.map((plan) => this.result(plan, added))]);
      }
    }
    return sortResults(results);
  }

  openRows(): number {
    return this.panes.reduce((sum, pane) => sum + [...pane.keys.values()].reduce((n, added) => n + added.length, 0), 0);
  }

  entries(): number {
    return this.panes.reduce((sum, pane) => sum + pane.keys.size, 0);
  }

  private result(plan: AggregatePlan, added: readonly Added[]): Value {
    if (plan.column < 0) return BigInt(added.length);
    const present = added.filter(({ row }) => row[plan.column] !== null);
    if (plan.function === AGGREGATE_COUNT) return BigInt(present.length);
    if (present.length === 0) return null;
    const values = present.map(({ row }) => row[plan.column]!);
    switch (plan.function) {
      case AGGREGATE_SUM: {
        if (plan.type === TYPE_F64) return floatSum(values as number[]);
        const sum = wholeSum(values);
        if (BigInt.asIntN(64, sum) === sum) return sum;
        this.sumOverflows++;
        return null;
      }
      case AGGREGATE_AVG:
        return (plan.type === TYPE_F64 ? floatSum(values as number[]) : Number(wholeSum(values))) / values.length;
      case AGGREGATE_MIN:
        return values.map(canonical).reduce((least, value) => (compare(value, least) < 0 ? value : least));
      case AGGREGATE_MAX:
        return values.map(canonical).reduce((most, value) => (compare(value, most) > 0 ? value : most));
      case AGGREGATE_FIRST:
        return present.reduce((first, one) => (one.time < first.time ? one : first)).row[plan.column]!;
      case AGGREGATE_LAST:
        return present.reduce((last, one) => (one.time >= last.time ? one : last)).row[plan.column]!;
      default:
        throw new RangeError(`aggregate function ${plan.function}`);
    }
  }
}

const wholeSum = (values: readonly Value[]) =>
  values.reduce(
    (sum: bigint, value) => sum + BigInt(Number(typeof value === 'boolean') ? Number(value) : (value as bigint)),
    0n,
  );

/** Plain: callers compare within rounding. */
const floatSum = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** −0 is 0; NaN is one value in JavaScript already. */
const canonical = (value: Value): Value => (Object.is(value, -0) ? 0 : value);

/** NaN is greatest. */
function compare(a: Value, b: Value): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

/** Equal exactly for equal keys. */
export function keyText(key: readonly Value[]): string {
  return JSON.stringify(key.map((part) => (part === null ? null : `${typeof part} ${canonical(part)}`)));
}

/** The order of keys inside a window is not promised: sort before comparing. */
export function sortResults(rows: Value[][]): Value[][] {
  const texts = new Map(rows.map((row) => [row, keyText(row)]));
  return rows.sort((a, b) => {
    if (a[2] !== b[2]) return a[2]! < b[2]! ? -1 : 1;
    const [x, y] = [texts.get(a)!, texts.get(b)!];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}
