// test/jobs/flights-hourly.ts — the truth query q01: one hour × origin; count, sum, min, max of the delay.
import { count, job, max, min, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

const flights = stream('flights', {
  ts: t.timestamp(),
  origin: t.utf8(),
  destination: t.utf8(),
  delay: t.i32(),
  distance: t.i32(),
}).eventTime('ts', { delay: '0ms' });

export default job(
  'flights-hourly',
  flights
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ n: count(), sum_delay: sum('delay'), min_delay: min('delay'), max_delay: max('delay') })
    .to(websocket('per-origin')),
);
