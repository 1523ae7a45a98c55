// A follower of a real engine, over a wire that is cut: what it got and what it was told to have missed are all there was.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { follow } from '../../../host/client/following.ts';
import { openProducer } from '../../../host/client/stream-producer.ts';
import { CuttingWire } from '../../support/cutting-wire.ts';
import { LiveEngine } from '../../support/live-engine.ts';

let live: LiveEngine;
let wire: CuttingWire;
beforeEach(async () => {
  live = await LiveEngine.start({ listeners: 2, partitions: 2 });
  wire = await CuttingWire.start(live.engine.port);
});
afterEach(async () => {
  await wire.stop();
  await live.stop();
});

test('rows and gaps together are every offset once, in order', async () => {
  const rounds = 40;
  const following = await follow({ url: wire.url, sink: 'plain', gaps: 'tell' });
  const producer = await openProducer({ url: live.url, stream: 'plain' });
  const next = new Map<number, number>();
  const rows = new Set<number>();
  const missed = { rows: 0, gaps: 0 };
  const { promise: lastCame, resolve } = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const message of following) {
      if (message.type === 'gap') {
        expect(message).toMatchObject({ from: next.get(message.partition) ?? null, why: 'missed' });
        next.set(message.partition, message.to!);
        missed.gaps++;
        missed.rows += message.to! - (message.from ?? 0);
      } else if (message.type === 'rows' && message.format === 'json') {
        expect(message.offset).toBe(next.get(message.partition) ?? 0);
        next.set(message.partition, message.offset + message.count);
        for (const { value } of message.rows<{ value: number }>()) {
          expect(rows.has(value)).toBe(false);
          rows.add(value);
          if (value < 0) resolve();
        }
      }
    }
  })();
  let given = 0;
  for (let round = 0; round < rounds; round++) {
    if (round % 8 === 7) wire.cut();
    const values = Array.from({ length: 50 }, () => given++);
    await producer.appendMany(values.map((value) => ({ ts: 1, key: `k${value % 10}`, value })));
    await producer.flush();
  }
  // A row of each partition at the end shows every gap: once when the follower is certainly back.
  let last = 0;
  const sayLast = async () => {
    await producer.appendMany(['k0', 'k1', 'k2', 'k3', 'k4', 'k5'].map((key) => ({ ts: 1, key, value: --last })));
    await producer.flush();
  };
  let isBack = false;
  void lastCame.then(() => {
    isBack = true;
  });
  while (!isBack) {
    await sayLast();
    await new Promise(setImmediate);
  }
  await sayLast();
  await producer.close();
  await expect.poll(() => [...next.values()].reduce((sum, offset) => sum + offset, 0)).toBe(given - last);
  await following.close();
  await reading;
  expect(rows.size + missed.rows).toBe(given - last);
});
