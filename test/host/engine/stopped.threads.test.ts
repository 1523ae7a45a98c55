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

test('a producer that ignores its credit is cut off by name, and what it sends again after that arrives once', async () => {
  live = await LiveEngine.start({ limits: { ringBytes: 2 ** 18 } });
  const subscriber = await live.subscriber('obeyed');
  const producer = await live.producer('orders');
  const neighbour = await live.producer('plain');
  producer.send('!hello {"producer":"greedy","epoch":1}');
  await producer.says({ type: 'hello' });
  producer.send(row(0, 'stall:2500'));
  producer.send(row(HOUR, 'wake'));
  await producer.acked(2);
  const rssBefore = process.memoryUsage.rss();
  const FRAMES = 400;
  const text = frame(0, 1500);
  for (let sent = 0; sent < FRAMES; sent++) producer.send(text);
  const refused = await producer.says({ code: 'CREDIT_EXCEEDED' });
  expect((await producer.ends()).code).toBe(1008);
  expect(await live.metric('pelton_inbox_bytes')).toBeLessThan(9 * 2 ** 20);
  neighbour.send(row(1, 'n'));
  await neighbour.acked(1);

  const again = await live.producer('orders');
  again.send('!hello {"producer":"greedy","epoch":1}');
  const { resume } = await again.says({ type: 'hello' });
  await new Promise((resolve) => setTimeout(resolve, 3000)); // What had been taken in is being placed meanwhile.
  const third = await live.producer('orders');
  third.send('!hello {"producer":"greedy","epoch":2}');
  const accepted = Number((await third.says({ type: 'hello' })).resume);
  expect(accepted).toBe(Number(refused.accepted));
  expect(accepted).toBeGreaterThanOrEqual(Number(resume));
  for (let next = accepted + 1; next <= FRAMES + 2; next++) {
    third.send(text);
    await third.acked(next);
  }
  third.send('!end');
  await subscriber.says({ type: 'end' });
  expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(128 * 2 ** 20);
  expect(subscriber.rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(2 + FRAMES * 1500);
});

test('a subscriber that reads nothing is cut off with the offset where it may go on; another sees no gap', async () => {
  live = await LiveEngine.start();
  const deaf = await live.subscriber('plain');
  const good = await live.subscriber('plain');
  const producer = await live.producer('plain');
  deaf.socket.pause();
  const key = 'x'.repeat(4000);
  const rowsPerFrame = 100;
  let frames = 0;
  while ((await live.metric('pelton_subscribers_cut_total')) === 0 && frames < 200) {
    producer.send(Array.from({ length: rowsPerFrame }, (_, n) => row(n, key, frames * rowsPerFrame + n)).join('\n'));
    await producer.acked(++frames);
  }
  expect(frames).toBeLessThan(200);
  producer.send(row(0, 'last'));
  await good.until(() => good.rows.at(-1)?.key === 'last', 'the last row');
  expect(good.rows.slice(0, -1).map(({ value }) => value)).toEqual(
    Array.from({ length: frames * rowsPerFrame }, (_, n) => n),
  );

  deaf.socket.resume();
  const { resume } = await deaf.says({ code: 'SUBSCRIBER_TOO_SLOW' });
  expect(await deaf.ends()).toEqual({ code: 1013, reason: 'SUBSCRIBER_TOO_SLOW' });
  expect(resume).toEqual({ 0: deaf.rows.length });
  expect(deaf.rows.map(({ value }) => value)).toEqual(Array.from({ length: deaf.rows.length }, (_, n) => n));
});
