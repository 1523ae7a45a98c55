// test/jobs/stalling.mjs — counts per key to the file that the environment names; a key 'stall:MS' stops its partition when
// its window is emitted.
import { count, job, ndjsonFile, stdout, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

const path = process.env.TO_FILE;

function stalled(row) {
  const [order, ms] = row.key.split(':');
  if (order === 'stall') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  return true;
}

export default job(
  'stalling',
  stream('rows', { ts: t.timestamp(), key: t.utf8(), value: t.i64() })
    .eventTime('ts', { delay: 0 })
    .keyBy('key')
    .window(tumbling('1s'))
    .aggregate({ n: count(), total: sum('value') })
    .filter(stalled)
    .to(path === undefined ? stdout() : ndjsonFile('file', path), websocket('live')),
);
