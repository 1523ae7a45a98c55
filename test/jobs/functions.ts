// test/jobs/functions.ts — one query written twice: with expressions, which run in the kernels, and with JavaScript functions.
import { col, count, job, max, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

const flights = stream('flights', {
  ts: t.timestamp(),
  origin: t.utf8(),
  destination: t.utf8(),
  delay: t.i32(),
  distance: t.i32(),
}).eventTime('ts');

const aggregates = { n: count(), late_minutes: sum('late'), longest: max('miles') };

export default job(
  'functions',
  flights
    .filter(col('delay').gt(0).and(col('origin').ne('ORD')))
    .select({ origin: col('origin'), late: col('delay').mul(2), miles: col('distance').toF64().div(2) })
    .filter(col('late').ge(10))
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate(aggregates)
    .to(websocket('expressions')),
  flights
    .filter((row) => row.delay > 0 && row.origin !== 'ORD')
    .map({ origin: t.utf8(), late: t.i32(), miles: t.f64() }, (row) => ({
      origin: row.origin,
      late: row.delay * 2,
      miles: row.distance / 2,
    }))
    .filter((row) => row.late >= 10)
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate(aggregates)
    .to(websocket('functions')),
);
