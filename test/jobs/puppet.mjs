// test/jobs/puppet.mjs — a job whose threads do what a key says: stop for a while, spin, leave, trap.
//
// Behind the aggregation the filter runs on the partition's thread, before it ("listened") on the listener's. Plain
// JavaScript, since every thread compares the text of the job's functions and a test's main thread may see TypeScript
// rewritten.
import { count, job, stream, sum, t, tumbling, websocket } from '../../host/index.ts';

const rows = (name) => stream(name, { ts: t.timestamp(), key: t.utf8(), value: t.i64() }).eventTime('ts', { delay: 0 });

function obeyed(row) {
  const [order, argument] = row.key.split(':');
  if (order === 'stall') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(argument));
  if (order === 'spin') for (;;);
  if (order === 'later') {
    setTimeout(() => {
      throw new Error('thrown later');
    });
  }
  if (order === 'exit') process.exit(Number(argument));
  if (order === 'trap') {
    // The smallest module with one function: unreachable.
    const bytes = [
      0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11,
    ];
    new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports.f();
  }
  return true;
}

export default job(
  'puppet',
  rows('orders')
    .keyBy('key')
    .window(tumbling('1s'))
    .aggregate({ n: count(), total: sum('value') })
    .filter(obeyed)
    .to(websocket('obeyed')),
  rows('plain').to(websocket('plain')),
  rows('listened').filter(obeyed).to(websocket('listened')),
);
