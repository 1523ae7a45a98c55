// test/host/engine/model.truth.test.ts — the model that the engine is held to is itself held to another engine's answers.

import { expect, test } from 'vitest';
import { dailyLines, hourlyLines, tumblingByOrigin } from '../../model/tumbling-query.ts';
import { DATA, readFlights, truthLines } from '../../support/data.ts';

test.skipIf(DATA === null)('the model gives every row of q01 and of nine columns of q15 (needs PELTON_DATA)', () => {
  const flights = readFlights();
  expect(hourlyLines(tumblingByOrigin(flights, flights.count, 3_600_000))).toEqual(
    truthLines('q01_flights_tumbling_1h_count_per_origin').sort(),
  );
  const daily = truthLines('q15_flights_multi_agg_1d').map((line) => line.split(',').toSpliced(8, 1).slice(0, 9));
  expect(dailyLines(tumblingByOrigin(flights, flights.count, 86_400_000))).toEqual(
    daily.map((columns) => columns.join(',')).sort(),
  );
});
