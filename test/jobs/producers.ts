// test/jobs/producers.ts — counts per second and key of a stream that waits for two producers, and of one that may fall idle.
import { count, type Duration, job, stream, t, tumbling, websocket } from '../../host/index.ts';

const perSecond = (name: string, idleTimeout?: Duration) =>
  stream(name, { ts: t.timestamp(), k: t.utf8() }, { producers: 2 })
    .eventTime('ts', { delay: '1s', ...(idleTimeout === undefined ? {} : { idleTimeout }) })
    .keyBy('k')
    .window(tumbling('1s'))
    .aggregate({ n: count() })
    .to(websocket(name));

export default job('producers', perSecond('patient'), perSecond('impatient', '300ms'));
