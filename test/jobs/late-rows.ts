// test/jobs/late-rows.ts — q10: one stream for each pair of window size and delay, counted without a key of its own.
import { col, count, job, lit, stream, t, tumbling, websocket } from '../../host/index.ts';

/** Milliseconds: window size, and how far rows may be out of order. */
export const LATE_PAIRS = [
  [10_000, 0],
  [10_000, 1000],
  [10_000, 60_000],
  [60_000, 0],
  [60_000, 60_000],
  [60_000, 150_000],
  [3_600_000, 0],
  [3_600_000, 3_600_000],
  [3_600_000, 10_800_000],
] as const;

export default job(
  'late-rows',
  ...LATE_PAIRS.map(([size, delay]) =>
    stream(`late-${size}-${delay}`, { ts: t.timestamp() })
      .eventTime('ts', { delay })
      .select({ ts: col('ts'), all: lit(1).toI32() })
      .keyBy('all')
      .window(tumbling(size))
      .aggregate({ n: count() })
      .to(websocket(`late-${size}-${delay}`)),
  ),
);
