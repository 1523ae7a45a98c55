// test/jobs/throwing.ts — a function that takes even numbers alone.
import { job, stream, t, websocket } from '../../host/index.ts';

export default job(
  'throwing',
  stream('numbers', { n: t.i32() })
    .map({ half: t.i32() }, (row) => {
      if (row.n % 2 !== 0) throw new Error(`${row.n} is odd`);
      return { half: row.n / 2 };
    })
    .to(websocket('halves')),
);
