// One histogram per thread in memory, two names in the text: frames of listeners, syncs of the log.
import { expect, test } from 'vitest';
import { Counters, counterBytes } from '../../../host/counters.ts';
import { metricsText } from '../../../host/listener/metrics.ts';

test("the log's syncs are not taken for frames", () => {
  const buffer = new SharedArrayBuffer(counterBytes(2));
  const threads = ['listener-0', 'log'].map((thread, index) => ({ thread, counters: new Counters(buffer, index) }));
  threads[0]!.counters.latency(0.004, 10);
  threads[1]!.counters.latency(0.3, 2);
  const lines = metricsText(threads, []).split('\n');
  expect(lines).toContain('pelton_ingest_seconds_count{thread="listener-0"} 10');
  expect(lines).toContain('pelton_log_sync_seconds_count{thread="log"} 2');
  expect(lines).toContain('pelton_log_sync_seconds_bucket{thread="log",le="0.25"} 0');
  expect(lines.filter((line) => /ingest_seconds.*"log"|sync_seconds.*listener/.test(line))).toEqual([]);
});
