// test/jobs/sinks.ts — one output, three sinks.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, job, ndjsonFile, stream, t, tumbling, websocket } from '../../host/index.ts';

/** The same on every thread of this process, and no other process's. */
export const RESULTS_FILE = join(tmpdir(), `pelton-sinks-${process.pid}.ndjson`);

const flights = stream('flights', { ts: t.timestamp(), origin: t.utf8() }).eventTime('ts');

export default job(
  'sinks',
  flights
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ n: count() })
    .to(websocket('left'), ndjsonFile('filed', RESULTS_FILE), websocket('right')),
);
