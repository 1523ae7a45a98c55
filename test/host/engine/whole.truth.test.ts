// test/host/engine/whole.truth.test.ts — three million flights through sockets and threads: every row of q01 and q15.

import { beforeAll, describe, expect, test } from 'vitest';
import { DATA, type Flights, readFlights, truthLines } from '../../support/data.ts';
import { EngineRun } from '../../support/engine-run.ts';
import { everyOther, flightFrames, inOrder, shuffledWithin } from '../../support/flight-frames.ts';
import { DAILY_COLUMNS, differences, HOURLY_COLUMNS } from '../../support/flight-results.ts';

const SEED = 20010701;

/** Partitions and listeners are crossed with everything in matrix.threads.test.ts; here each appears once with all rows. */
const RUNS = [
  { partitions: 1, listeners: 1, format: 'arrow', rowsPerFrame: 20_000, order: 'in-order' },
  { partitions: 2, listeners: 2, format: 'json', rowsPerFrame: 20_000, order: 'in-order' },
  { partitions: 2, listeners: 1, format: 'json', rowsPerFrame: 2000, order: 'shuffled' },
  { partitions: 5, listeners: 2, format: 'arrow', rowsPerFrame: 2000, order: 'shuffled' },
] as const;

describe.skipIf(DATA === null)('all 3,000,000 flights (needs PELTON_DATA)', () => {
  let flights: Flights;
  let hourly: string[];
  let daily: string[];

  beforeAll(() => {
    flights = readFlights();
    hourly = truthLines('q01_flights_tumbling_1h_count_per_origin').sort();
    daily = truthLines('q15_flights_multi_agg_1d').map((line) => line.split(',').toSpliced(8, 1).slice(0, 9).join(','));
    daily.sort();
  }, 60_000);

  for (const { partitions, listeners, format, rowsPerFrame, order } of RUNS) {
    const name = `q01 and q15, ${order}: ${partitions} partitions, ${listeners} listeners, ${format}, ${rowsPerFrame} rows a frame`;
    test(name, { timeout: 180_000 }, async () => {
      // Producer and subscriber share this process: while it writes frames it does not read.
      const limits = { subscriberBytesMax: 2 ** 28 };
      const run = await EngineRun.start({ job: 'flights-whole', partitions, listeners, limits });
      const hours = await run.subscribe(`${order}-hourly`, format);
      const days = await run.subscribe(`${order}-daily`, format);
      const rows =
        order === 'in-order' ? inOrder(flights.count) : shuffledWithin(flights, flights.count, 7_200_000, SEED);
      const feeds = [0, 1].map((at) => ({
        stream: order,
        id: `producer-${at}`,
        listener: at % listeners,
        frames: flightFrames(flights, everyOther(rows, at), rowsPerFrame, format),
      }));
      await run.feed(...feeds);
      await run.ended();
      expect(differences(hours.csv(...HOURLY_COLUMNS), hourly), `seed ${SEED}`).toEqual([]);
      expect(differences(days.csv(...DAILY_COLUMNS), daily), `seed ${SEED}`).toEqual([]);
      expect(run.violations).toEqual([]);
      expect(run.counter('rowsAccepted')).toBe(flights.count);
      expect(await run.stop()).toEqual({ openRows: 0 });
    });
  }
});
