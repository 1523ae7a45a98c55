// test/jobs/flights-whole.ts — q01 and q15 over one stream in order, and one out of order.
import { job } from '../../host/index.ts';
import { flightsQueries } from './flights-queries.ts';

export default job(
  'flights-whole',
  ...flightsQueries({ name: 'in-order', delay: 0, producers: 2 }),
  ...flightsQueries({ name: 'shuffled', delay: '2h', producers: 2 }),
);
