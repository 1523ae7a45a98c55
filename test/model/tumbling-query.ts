// test/model/tumbling-query.ts — flights grouped by window and origin, as a batch query would: the model of whole jobs.
//
// No time, no threads, no order: what every run of the engine over these rows must add up to when no row is late.
// Results are CSV lines, sorted, so that they compare with the engine's and with truth files as text.

import type { Flights } from '../support/data.ts';

/** Aggregates of one window and origin, all exact. */
export interface OriginWindow {
  windowStart: number;
  windowEnd: number;
  origin: string;
  n: number;
  sumDelay: number;
  sumsqDelay: number;
  minDelay: number;
  maxDelay: number;
  sumDistance: number;
  nLate15: number;
}

/** Over the first `count` flights. */
export function tumblingByOrigin(flights: Flights, count: number, sizeMs: number): OriginWindow[] {
  const groups = new Map<number, OriginWindow>();
  for (let row = 0; row < count; row++) {
    const index = Math.floor(flights.ts[row]! / sizeMs);
    const origin = flights.origin[row]!;
    const delay = flights.delay[row]!;
    const key = index * 65536 + origin;
    let group = groups.get(key);
    if (group === undefined) {
      group = {
        windowStart: index * sizeMs,
        windowEnd: (index + 1) * sizeMs,
        origin: flights.airports[origin]!,
        n: 0,
        sumDelay: 0,
        sumsqDelay: 0,
        minDelay: delay,
        maxDelay: delay,
        sumDistance: 0,
        nLate15: 0,
      };
      groups.set(key, group);
    }
    group.n++;
    group.sumDelay += delay;
    group.sumsqDelay += delay * delay;
    group.minDelay = Math.min(group.minDelay, delay);
    group.maxDelay = Math.max(group.maxDelay, delay);
    group.sumDistance += flights.distance[row]!;
    if (delay > 15) group.nLate15++;
  }
  return [...groups.values()];
}

/** The columns of truth q01. */
export const hourlyLines = (groups: readonly OriginWindow[]): string[] =>
  groups.map((g) => [g.windowStart, g.windowEnd, g.origin, g.n, g.sumDelay, g.minDelay, g.maxDelay].join(',')).sort();

/** The columns of truth q15 that need no distinct, first or last. */
export const dailyLines = (groups: readonly OriginWindow[]): string[] =>
  groups
    .map((g) =>
      [
        ...[g.windowStart, g.origin, g.n, g.sumDelay, g.sumsqDelay],
        ...[g.minDelay, g.maxDelay, g.sumDistance, g.nLate15],
      ].join(','),
    )
    .sort();

/** What the second stage of test/jobs/count-buckets.ts makes of the hourly results: per day and count, how many. */
export function countBuckets(hourly: readonly OriginWindow[], sizeMs: number): string[] {
  const buckets = new Map<string, { windows: number; delay: number }>();
  for (const { windowEnd, n, sumDelay } of hourly) {
    const start = Math.floor((windowEnd - 1) / sizeMs) * sizeMs;
    const key = `${start},${n}`;
    const bucket = buckets.get(key) ?? { windows: 0, delay: 0 };
    bucket.windows++;
    bucket.delay += sumDelay;
    buckets.set(key, bucket);
  }
  return [...buckets].map(([key, { windows, delay }]) => `${key},${windows},${delay}`).sort();
}
