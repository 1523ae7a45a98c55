// test/jobs/broken/changing.mjs — another job on every thread, on purpose.
import { threadId } from 'node:worker_threads';
import { job, stream, t, websocket } from '../../../host/index.ts';

export default job(`job-${threadId}`, stream('s', { a: t.i32() }).to(websocket('w')));
