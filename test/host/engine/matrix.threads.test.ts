// test/host/engine/matrix.threads.test.ts — the same answers whatever the threads, the wire, the frames and the order.
//
// 72 combinations over the first 100,000 flights: {1, 2, 5} partitions × {1, 2} listeners (one producer on each) ×
// {JSON, Arrow} in and out × frames of {100, 2,000, 20,000} rows × {in order, shuffled within the delay}.
// One engine per topology; each of the other combinations has a stream of its own.

import { beforeAll, describe, expect, test } from 'vitest';
import { matrixStreams } from '../../jobs/flights-queries.ts';
import { dailyLines, hourlyLines, type OriginWindow, tumblingByOrigin } from '../../model/tumbling-query.ts';
import { DATA, type Flights, readFlights } from '../../support/data.ts';
import { EngineRun } from '../../support/engine-run.ts';
import { dealt, flightFrames, inOrder, shuffledWithin } from '../../support/flight-frames.ts';
import { DAILY_COLUMNS, differences, HOURLY_COLUMNS } from '../../support/flight-results.ts';
import type { Frame } from '../../support/ws-producer.ts';
import type { WsSubscriber } from '../../support/ws-subscriber.ts';

const ROWS = 100_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SEED = 20010101;

let flights: Flights;
let hourly: string[];
let daily: string[];
let days: OriginWindow[];
const framesOf = new Map<string, Frame[]>();

describe.skipIf(DATA === null)(`the first ${ROWS} flights (needs PELTON_DATA)`, () => {
  beforeAll(() => {
    flights = readFlights(ROWS);
    hourly = hourlyLines(tumblingByOrigin(flights, ROWS, HOUR_MS));
    days = tumblingByOrigin(flights, ROWS, DAY_MS);
    daily = dailyLines(days);
    const orders = { 'in-order': inOrder(ROWS), shuffled: shuffledWithin(flights, ROWS, 2 * HOUR_MS, SEED) };
    for (const { name, order, rowsPerFrame, format } of matrixStreams(1)) {
      framesOf.set(name, [...flightFrames(flights, orders[order], rowsPerFrame, format)]);
    }
  }, 60_000);

  for (const partitions of [1, 2, 5]) {
    for (const listeners of [1, 2]) {
      test(`12 combinations on ${partitions} partitions and ${listeners} listeners equal the model`, async () => {
        const run = await EngineRun.start({ job: `flights-matrix-${listeners}`, partitions, listeners });
        for (const combination of matrixStreams(listeners)) await checkCombination(run, combination);
        expect(run.violations).toEqual([]);
        expect(run.counter('rowsAccepted')).toBe(12 * ROWS);
        expect(run.counter('rowsLate') + run.counter('rowsClosed') + run.rejected).toBe(0);
        expect(await run.stop()).toEqual({ openRows: 0 });
      });
    }
  }
});

async function checkCombination(run: EngineRun, { name, format, producers }: ReturnType<typeof matrixStreams>[number]) {
  const hours = await run.subscribe(`${name}-hourly`, format);
  const perDay = await run.subscribe(`${name}-daily`, format);
  const feeds = dealt(framesOf.get(name)!, producers);
  await run.feed(...feeds.map((frames, at) => ({ stream: name, id: `producer-${at}`, listener: at, frames })));
  await run.ended();
  const where = `${name}, seed ${SEED}`;
  expect(differences(hours.csv(...HOURLY_COLUMNS), hourly), where).toEqual([]);
  expect(differences(perDay.csv(...DAILY_COLUMNS), daily), where).toEqual([]);
  expectHours(perDay, where);
}

/** A sum of floats, equal within 1e-9 of it (or of an hour, where delays cancel out). */
function expectHours(perDay: WsSubscriber, where: string): void {
  const expected = new Map(days.map((day) => [`${day.windowStart},${day.origin}`, day.sumDelay / 60]));
  for (const line of perDay.csv('windowStart', 'origin', 'sum_hours')) {
    const at = line.lastIndexOf(',');
    const hours = expected.get(line.slice(0, at))!;
    const off = Math.abs(Number(line.slice(at + 1)) - hours);
    if (!(off <= 1e-9 * Math.max(1, Math.abs(hours)))) expect.fail(`${where}: ${line}, expected ${hours}`);
  }
}
