// test/jobs/stateless.ts — no key, no window: rows in, fewer and other rows out.
import { col, job, stream, t, websocket } from '../../host/index.ts';

const flights = stream('flights', { ts: t.timestamp(), origin: t.utf8(), delay: t.i32() }).eventTime('ts');

export default job(
  'stateless',
  flights
    .filter(col('delay').gt(60))
    .select({ origin: col('origin'), hours: col('delay').toF64().div(60) })
    .to(websocket('late-flights')),
);
