// test/jobs/two-streams.ts — two streams of the same shape in one job.
import { count, job, stream, t, tumbling, websocket } from '../../host/index.ts';

const perMinute = (name: string) =>
  stream(name, { ts: t.timestamp(), k: t.utf8() })
    .eventTime('ts')
    .keyBy('k')
    .window(tumbling('1m'))
    .aggregate({ n: count() })
    .to(websocket(name));

export default job('two-streams', perMinute('early'), perMinute('later'));
