// bench/jobs/tumbling.ts — the job of the end-to-end benches: 10 s windows by key; count, sum, min, max of a value.

import { count, job, max, min, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

const rows = stream('rows', { ts: t.timestamp(), key: t.i64(), value: t.i64() }).eventTime('ts', { delay: '1s' });

export default job(
  'tumbling',
  rows
    .keyBy('key')
    .window(tumbling('10s'))
    .aggregate({ n: count(), sum: sum('value'), min: min('value'), max: max('value') })
    .to(websocket('totals')),
);
