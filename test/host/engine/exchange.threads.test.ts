// test/host/engine/exchange.threads.test.ts — two keyed stages over rings so small that they are full most of the time.
//
// Results of the first stage travel from every partition to every partition. Nothing may be lost, doubled or locked,
// and ring sizes must not show in the results.

import { beforeAll, describe, expect, test } from 'vitest';
import { countBuckets, tumblingByOrigin } from '../../model/tumbling-query.ts';
import { EngineRun } from '../../support/engine-run.ts';
import { dealt, flightFrames, inOrder, randomFlights } from '../../support/flight-frames.ts';
import { differences } from '../../support/flight-results.ts';
import type { Frame } from '../../support/ws-producer.ts';

const ROWS = 30_000;
const SEED = 7;
const KiB = 1024;

describe(`${ROWS} made-up flights in two keyed stages`, () => {
  let frames: Frame[];
  let expected: string[];

  beforeAll(() => {
    const flights = randomFlights(SEED, ROWS);
    frames = [...flightFrames(flights, inOrder(ROWS), 1000, 'json')];
    expected = countBuckets(tumblingByOrigin(flights, ROWS, 3_600_000), 86_400_000);
  });

  for (const [partitions, listeners, ringBytes] of [
    [1, 1, 8 * KiB],
    [1, 1, 64 * KiB],
    [2, 2, 8 * KiB],
    [2, 1, 16 * KiB],
    [5, 2, 8 * KiB],
    [5, 1, 64 * KiB],
    [5, 2, 2048 * KiB],
  ] as const) {
    test(`${partitions} partitions, ${listeners} listeners, rings of ${ringBytes / KiB} KiB give the model's rows`, async () => {
      const run = await EngineRun.start({ job: 'count-buckets', partitions, listeners, limits: { ringBytes } });
      const buckets = await run.subscribe('buckets');
      const feeds = dealt(frames, 2);
      await run.feed(
        ...feeds.map((own, at) => ({ stream: 'flights', id: `producer-${at}`, listener: at % listeners, frames: own })),
      );
      await run.ended();
      const actual = buckets.csv('windowStart', 'n', 'hours', 'sum_delay');
      expect(differences(actual, expected), `seed ${SEED}`).toEqual([]);
      expect(run.violations).toEqual([]);
      expect(run.counter('rowsLate') + run.counter('rowsClosed') + run.rejected).toBe(0);
      if (ringBytes < 64 * KiB) expect(run.counter('blocked')).toBeGreaterThan(0); // The rings have been full.
      expect(await run.stop()).toEqual({ openRows: 0 });
    });
  }
});
