// A partition that stands still for a while: nothing is lost, memory keeps its bound, everyone else goes on.
import { afterEach, expect, test } from 'vitest';
import { LiveEngine, row } from '../../support/live-engine.ts';

let live: LiveEngine;
afterEach(() => live?.stop());

const HOUR = 3_600_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** One frame of about 64 KiB: rows of one second, keys k0 … k9. */
function frame(second: number, rows: number): string {
  const lines = Array.from({ length: rows }, (_, index) => row(HOUR + second * 1000, `k${index % 10}`));
  return lines.join('\n');
}

test('a partition that stops for 10 s loses nothing, costs no memory, and holds up no one but its own rows', async () => {
  live = await LiveEngine.start({ limits: { ringBytes: 2 ** 18 } });
  const subscriber = await live.subscriber('obeyed');
  const producer = await live.producer('orders');
  const neighbour = await live.producer('plain');
  producer.send(row(0, 'stall:10000'));
  producer.send(row(HOUR, 'wake'));
  await producer.acked(2);

  // As fast as the credit allows.
  const text = frame(0, 1500);
  const bytes = Buffer.byteLength(text);
  let sent = 2;
  let neighbourSent = 0;
  let rssMost = 0;
  const rssBefore = process.memoryUsage.rss();
  const endAt = performance.now() + 9000;
  let healthSlowestMs = 0;
  while (performance.now() < endAt) {
    const credit = (producer.heard.findLast(({ credit }) => credit !== undefined)?.credit ?? 0) as number;
    while ((sent - producer.ackedSequence + 1) * bytes <= credit) {
      producer.send(text);
      sent++;
    }
    neighbour.send(row(1, 'n'));
    neighbourSent++;
    await neighbour.acked(neighbourSent);
    const began = performance.now();
    expect((await live.get('/healthz')).status).toBe(200);
    healthSlowestMs = Math.max(healthSlowestMs, performance.now() - began);
    rssMost = Math.max(rssMost, process.memoryUsage.rss());
    await sleep(20);
  }
  expect(sent - producer.ackedSequence).toBeGreaterThan(10);
  expect(neighbourSent).toBeGreaterThan(100);
  expect(healthSlowestMs).toBeLessThan(1000);
  expect(rssMost - rssBefore).toBeLessThan(64 * 2 ** 20);
  producer.send('!end');
  await producer.acked(sent);
  expect(producer.acknowledged).toEqual({ rows: 2 + (sent - 2) * 1500, rejected: 0 });
  await subscriber.says({ type: 'end' });
  const counted = subscriber.rows.reduce((sum, { n }) => sum + Number(n), 0);
  expect(counted).toBe(2 + (sent - 2) * 1500);
}, 60_000);
