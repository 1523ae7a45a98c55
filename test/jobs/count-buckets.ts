// test/jobs/count-buckets.ts — two keyed stages: windows of results, keyed by what the first stage counted.
//
// Hour by hour and origin: how many flights. Then day by day: how many of those hours had one flight, two, three …
import { count, job, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

const flights = stream(
  'flights',
  { ts: t.timestamp(), origin: t.utf8(), destination: t.utf8(), delay: t.i32(), distance: t.i32() },
  { producers: 2 },
).eventTime('ts');

export default job(
  'count-buckets',
  flights
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ n: count(), sum_delay: sum('delay') })
    .keyBy('n')
    .window(tumbling('1d'))
    .aggregate({ hours: count(), sum_delay: sum('sum_delay') })
    .to(websocket('buckets')),
);
