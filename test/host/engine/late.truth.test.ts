// test/host/engine/late.truth.test.ts — rows out of order as they really were: kept and late rows as another engine counts them.
//
// Late is decided row by row against the producer's own watermark (SEMANTICS 1.1, 1.5), so the counts are exact
// whatever frames and batches the rows come in. Feeds: a DNS log as its sensor wrote it, and three million flights
// in the order in which their delays would have been reported.

import { describe, expect, test } from 'vitest';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { LATE_PAIRS } from '../../jobs/late-rows.ts';
import { DATA, readDnsLog, readFlights, truthLines } from '../../support/data.ts';
import { EngineRun } from '../../support/engine-run.ts';
import type { Frame } from '../../support/ws-producer.ts';

const timeFrames = (times: Float64Array, rowsPerFrame: number): Frame[] =>
  Array.from({ length: Math.ceil(times.length / rowsPerFrame) }, (_, frame) =>
    writeArrow([
      { name: 'ts', type: 'timestamp', values: times.subarray(frame * rowsPerFrame, (frame + 1) * rowsPerFrame) },
    ]),
  );

describe.skipIf(DATA === null)('rows out of order (needs PELTON_DATA)', () => {
  test('q10 of the DNS log: kept, late and windows for nine pairs of size and delay, and q10b window by window', async () => {
    const { ts } = readDnsLog();
    const { lines, perWindow } = await countLate('dns', ts, 1000, '10000-60000');
    expect(lines).toEqual(truthLines('q10_late_rows_with_watermark').filter((line) => line.startsWith('dns,')));
    const kept = truthLines('q10b_dns_tumbling_10s_bound_60s').map((line) => line.split(',').slice(0, 2).join(','));
    expect(perWindow).toEqual(kept.sort());
  });

  test('q10 of the flights in order of report: kept, late and windows for nine pairs', {
    timeout: 180_000,
  }, async () => {
    const times = byReport(readFlights());
    const { lines } = await countLate('flights_by_report', times, 50_000, '10000-0');
    expect(lines).toEqual(truthLines('q10_late_rows_with_watermark').filter((line) => line.startsWith('flights')));
  });

  test('q08a: queries per client and ten seconds, with a delay that makes none late', async () => {
    const { count, ts, client } = readDnsLog();
    const frames = Array.from({ length: Math.ceil(count / 1000) }, (_, frame) =>
      Array.from(ts.subarray(frame * 1000, (frame + 1) * 1000), (time, row) =>
        JSON.stringify({ ts: time, client: client[frame * 1000 + row] }),
      ).join('\n'),
    );
    const run = await EngineRun.start({ job: 'dns-clients', partitions: 2 });
    const results = await run.subscribe('clients');
    await run.feed({ stream: 'dns', frames });
    await run.ended();
    expect(results.csv('windowStart', 'client', 'n')).toEqual(truthLines('q08a_zeek_dns_tumbling_10s_count').sort());
    expect(run.violations).toEqual([]);
    await run.stop();
  });
});

/** One engine, one stream per pair, fed one after the other: the late counter's growth belongs to the pair. */
async function countLate(feed: string, times: Float64Array, rowsPerFrame: number, windowsOf: string) {
  const frames = timeFrames(times, rowsPerFrame);
  const run = await EngineRun.start({ job: 'late-rows', partitions: 2 });
  const lines: string[] = [];
  let perWindow: string[] = [];
  for (const [size, delay] of LATE_PAIRS) {
    const before = run.counter('rowsLate');
    const stream = `late-${size}-${delay}`;
    const results = await run.subscribe(stream, 'arrow');
    await run.feed({ stream, frames });
    await results.ended(2);
    const windows = results.csv('windowStart', 'n');
    const kept = windows.reduce((sum, line) => sum + Number(line.split(',')[1]), 0);
    const late = run.counter('rowsLate') - before;
    lines.push([feed, size, delay, kept, late, windows.length].join(','));
    expect(new Set(windows.map((line) => line.split(',')[0])).size).toBe(windows.length);
    if (windowsOf === `${size}-${delay}`) perWindow = windows;
  }
  expect(run.counter('rowsClosed')).toBe(0);
  expect(run.violations).toEqual([]);
  await run.stop();
  return { lines, perWindow };
}

/** Event times in order of `ts + max(delay, 0)`, ties by row: all are whole minutes, so one number holds both. */
function byReport({ count, ts, delay }: ReturnType<typeof readFlights>): Float64Array {
  const order = Float64Array.from(
    { length: count },
    (_, row) => (ts[row]! / 60_000 + Math.max(delay[row]!, 0)) * count + row,
  ).sort();
  return order.map((report) => ts[report % count]!);
}
