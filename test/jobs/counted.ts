// test/jobs/counted.ts — counts per second and key; nothing comes out before the producers' end.
import { count, job, stream, t, tumbling, websocket } from '../../host/index.ts';

export default job(
  'counted',
  stream('rows', { ts: t.timestamp(), k: t.utf8() })
    .eventTime('ts', { delay: '1h' })
    .keyBy('k')
    .window(tumbling('1s'))
    .aggregate({ n: count() })
    .to(websocket('rows')),
);
