// host/quickstart/job.ts — the quick start's job: departures per hour and airport, and how late they were.

import { count, job, max, min, stream, sum, t, tumbling, websocket } from '../index.ts';

const flights = stream('flights', {
  ts_ms: t.timestamp(),
  origin: t.utf8(),
  destination: t.utf8(),
  delay: t.i32(),
  distance: t.i32(),
}).eventTime('ts_ms', { delay: 0 });

export default job(
  'departures',
  flights
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ flights: count(), delaySum: sum('delay'), delayMin: min('delay'), delayMax: max('delay') })
    .to(websocket('departures')),
);
