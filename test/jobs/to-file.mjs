// test/jobs/to-file.mjs — counts per key to the file that the environment names, or to standard output.
import { count, job, ndjsonFile, stdout, stream, t, tumbling, websocket } from '../../host/index.ts';

const path = process.env.TO_FILE;

export default job(
  'to-file',
  stream('rows', { ts: t.timestamp(), key: t.utf8(), value: t.i64() })
    .eventTime('ts', { delay: 0 })
    .keyBy('key')
    .window(tumbling('1s'))
    .aggregate({ n: count() })
    .to(path === undefined ? stdout() : ndjsonFile('file', path), websocket('live')),
);
