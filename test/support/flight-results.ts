// test/support/flight-results.ts — results of test/jobs/flights-queries.ts as the columns of the truth files.

/** q01 */
export const HOURLY_COLUMNS = ['windowStart', 'windowEnd', 'origin', 'n', 'sum_delay', 'min_delay', 'max_delay'];

/** q15, but for its distinct, first and last */
export const DAILY_COLUMNS = [
  ...['windowStart', 'origin', 'n', 'sum_delay', 'sumsq_delay'],
  ...['min_delay', 'max_delay', 'sum_distance', 'n_late15'],
];
