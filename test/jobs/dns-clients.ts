// test/jobs/dns-clients.ts — q08a: queries of each client per ten seconds; rows may come in any order within an hour.
import { count, job, stream, t, tumbling, websocket } from '../../host/index.ts';

const dns = stream('dns', { ts: t.timestamp(), client: t.utf8() }).eventTime('ts', { delay: '1h' });

export default job(
  'dns-clients',
  dns.keyBy('client').window(tumbling('10s')).aggregate({ n: count() }).to(websocket('clients')),
);
