// test/jobs/flights-queries.ts — q01 and the exact columns of q15 over a stream of flights, for the jobs beside this file.

import { col, count, type Duration, max, min, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

export interface FlightsVariant {
  /** Of the stream; its sinks are NAME-hourly and NAME-daily. */
  name: string;
  delay: Duration;
  producers: number;
}

export function flightsQueries({ name, delay, producers }: FlightsVariant) {
  const flights = stream(
    name,
    { ts: t.timestamp(), origin: t.utf8(), destination: t.utf8(), delay: t.i32(), distance: t.i32() },
    { producers },
  ).eventTime('ts', { delay });
  const hourly = flights
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ n: count(), sum_delay: sum('delay'), min_delay: min('delay'), max_delay: max('delay') })
    .to(websocket(`${name}-hourly`));
  const daily = flights
    .select({
      origin: col('origin'),
      delay: col('delay'),
      squared: col('delay').mul(col('delay')),
      hours: col('delay').toF64().div(60),
      distance: col('distance'),
      late15: col('delay').gt(15).toI32(),
    })
    .keyBy('origin')
    .window(tumbling('1d'))
    .aggregate({
      n: count(),
      sum_delay: sum('delay'),
      sumsq_delay: sum('squared'),
      min_delay: min('delay'),
      max_delay: max('delay'),
      sum_distance: sum('distance'),
      n_late15: sum('late15'),
      sum_hours: sum('hours'),
    })
    .to(websocket(`${name}-daily`));
  return [hourly, daily] as const;
}

/** In order and out of order, six streams each: one for every format and size of frames. */
export const matrixStreams = (producers: number) =>
  (['in-order', 'shuffled'] as const).flatMap((order) =>
    (['json', 'arrow'] as const).flatMap((format) =>
      [100, 2000, 20_000].map((rowsPerFrame) => ({
        order,
        format,
        rowsPerFrame,
        name: `${order}-${format}-${rowsPerFrame}`,
        delay: order === 'shuffled' ? ('2h' as const) : 0,
        producers,
      })),
    ),
  );
