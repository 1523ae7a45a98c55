// bench/measure.ts — one question, two answers, timed in turns in one run.
//
// A case names what we measure, what it is measured against, and how both results are compared. Ours and every
// baseline run in turns (ours, baseline, ours, …), so that a noisy minute hits both; the medians are quoted.
// A wrong answer fails the bench: results are compared outside the timed part.
// Not here  choosing suites and printing (run.ts).

import { Bench } from 'tinybench';

/** One line of a suite's answer. `ratio` is value / baselineValue, whichever of higher or lower is better. */
export interface BenchResult {
  name: string;
  value: number;
  unit: string;
  better: 'higher' | 'lower';
  baseline: string;
  baselineValue: number;
  ratio: number;
}

export interface SuiteOptions {
  /** Small sizes, one run each: shows that the bench works and its results are right, not how fast it is. */
  smoke: boolean;
  /** Cases whose name contains this; default: all. */
  only?: string | undefined;
}

export type Suite = (options: SuiteOptions) => Promise<BenchResult[]>;

/** One side of a case: `run` is timed, what it returns is compared afterwards. */
export interface Side {
  name: string;
  /** Outside the timed part, before every run. */
  prepare?: () => void | Promise<void>;
  run: () => unknown | Promise<unknown>;
}

export interface Case {
  name: string;
  /** How many `unit`s one run does: value = units / seconds. */
  units: number;
  unit: string;
  ours: Side;
  baselines: Side[];
  /** Throws when the two results differ; called once per baseline, outside the timed part. */
  compare: (ours: unknown, baseline: unknown, baselineName: string) => void | Promise<void>;
  /** A baseline below this many units per second is lame: the run fails rather than flatter us. */
  baselineFloor?: Record<string, number>;
}

const RUNS = 5;

/** Whether a case was asked for; suites ask before they prepare what only it needs. */
export const isWanted = (name: string, { only }: SuiteOptions): boolean => only === undefined || name.includes(only);

/** Runs a case and returns a row per baseline. Medians of RUNS runs (one when smoke) after one warm-up of each side. */
export async function measure(benchCase: Case, options: SuiteOptions): Promise<BenchResult[]> {
  if (!isWanted(benchCase.name, options)) return [];
  const { smoke } = options;
  const sides = [benchCase.ours, ...benchCase.baselines];
  const seconds = new Map<string, number[]>(sides.map((side) => [side.name, []]));
  const results = new Map<string, unknown>();
  for (let round = 0; round < (smoke ? 1 : RUNS + 1); round++) {
    for (const side of sides) {
      await side.prepare?.();
      const elapsed = await timeOnce(side, (result) => results.set(side.name, result));
      if (smoke || round > 0) seconds.get(side.name)!.push(elapsed);
    }
  }
  for (const baseline of benchCase.baselines) {
    await benchCase.compare(results.get(benchCase.ours.name), results.get(baseline.name), baseline.name);
  }
  const value = benchCase.units / median(seconds.get(benchCase.ours.name)!);
  const rows = benchCase.baselines.map(({ name: baseline }): BenchResult => {
    const baselineValue = benchCase.units / median(seconds.get(baseline)!);
    const { name, unit } = benchCase;
    return { name, value, unit, better: 'higher', baseline, baselineValue, ratio: value / baselineValue };
  });
  for (const row of rows) show(row);
  if (!smoke) refuseLame(benchCase, rows);
  return rows;
}

/** A line for people, as soon as it is known: a suite may take minutes. */
export function show({ name, value, unit, baseline, baselineValue, ratio }: BenchResult): void {
  const ours = `${name.padEnd(32)} ${amount(value)} ${unit}`;
  process.stderr.write(`${ours}   ${baseline} ${amount(baselineValue)}   ratio ${ratio.toFixed(2)}\n`);
}

const amount = (value: number): string => (value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : value.toPrecision(4));

/** Comparisons that flatter us: the rows stand, the run fails at its end. */
export const lame: string[] = [];

function refuseLame({ baselineFloor }: Case, rows: readonly BenchResult[]): void {
  for (const { name, unit, baseline, baselineValue } of rows) {
    const floor = baselineFloor?.[baseline];
    if (floor === undefined || baselineValue >= floor) continue;
    lame.push(`${name}: ${baseline} ran at ${amount(baselineValue)} ${unit}, expected at least ${amount(floor)}`);
  }
}

/** Seconds of one call. tinybench's clock and loop with exactly one iteration: our runs are long enough to time singly. */
async function timeOnce(side: Side, keep: (result: unknown) => void): Promise<number> {
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
  bench.add(side.name, async () => keep(await side.run()));
  await bench.run();
  const result = bench.tasks[0]!.result;
  if (!('latency' in result)) throw new Error(`${side.name}: no measurement`);
  return result.latency.mean / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
