// test/support/flight-results.ts — results of test/jobs/flights-queries.ts as the columns of the truth files, and how they differ.

/** q01 */
export const HOURLY_COLUMNS = ['windowStart', 'windowEnd', 'origin', 'n', 'sum_delay', 'min_delay', 'max_delay'];

/** q15, but for its distinct, first and last */
export const DAILY_COLUMNS = [
  ...['windowStart', 'origin', 'n', 'sum_delay', 'sumsq_delay'],
  ...['min_delay', 'max_delay', 'sum_distance', 'n_late15'],
];

/** The first lines that one side has and the other has not. */
export function differences(actual: readonly string[], expected: readonly string[]): string[] {
  if (actual.length === expected.length && actual.every((line, at) => line === expected[at])) return [];
  const [has, wants] = [new Set(actual), new Set(expected)];
  const extra = actual.filter((line, at) => !wants.has(line) || line === actual[at - 1]);
  const missing = expected.filter((line) => !has.has(line));
  return [...extra.slice(0, 5).map((line) => `+ ${line}`), ...missing.slice(0, 5).map((line) => `- ${line}`)];
}
