// A named producer that comes back: at another listener, while its frames are still under way, with time and numbers kept.
import { afterEach, expect, test } from 'vitest';
import { LiveEngine, row } from '../../support/live-engine.ts';
import type { Talk } from '../../support/talk.ts';

let live: LiveEngine;
afterEach(() => live?.stop());

const HOUR = 3_600_000;

/** A connection at this listener, after its hello. Connections are dealt by chance: the counters tell where one went. */
async function helloAt(listener: number, id: string): Promise<{ talk: Talk; resume: number }> {
  const opened = () => live.engine.counters[listener]!.get('connectionsOpened');
  for (let tries = 0; tries < 200; tries++) {
    const before = opened();
    const talk = await live.producer('orders');
    if (opened() === before) {
      talk.close();
      continue;
    }
    talk.send(`!hello ${JSON.stringify({ producer: id })}`);
    const { resume } = await talk.says({ type: 'hello' });
    return { talk, resume: Number(resume) };
  }
  throw new Error(`no connection reached listener ${listener}`);
}

const sumOf = (rows: readonly Record<string, unknown>[]) => rows.reduce((sum, { n }) => sum + Number(n), 0);

test('a listener that its only producer has left holds no time back, and the end comes', async () => {
  live = await LiveEngine.start({ listeners: 2, partitions: 2 });
  const subscriber = await live.subscriber('obeyed');
  const first = await helloAt(0, 'p');
  first.talk.send(row(0, 'a'));
  await first.talk.acked(1);
  first.talk.close();
  const second = await helloAt(1, 'p');
  expect(second.resume).toBe(1);
  second.talk.send(row(HOUR, 'b'));
  await subscriber.until(() => subscriber.rows.length === 1, 'the first window', 8000);
  second.talk.send('!end');
  await subscriber.until(() => subscriber.rows.length === 2, 'the last window', 8000);
  expect(subscriber.rows.map(({ key }) => key)).toEqual(['a', 'b']);
});

test('a producer that moves takes its place in time along: its rows are not too late where it arrives', async () => {
  live = await LiveEngine.start({ listeners: 2 });
  const subscriber = await live.subscriber('obeyed');
  const slow = await helloAt(1, 'slow');
  slow.talk.send(row(0, 'slow'));
  await slow.talk.acked(1);
  // Listener 0 has been far ahead, through a producer that is gone from it.
  const fast = await helloAt(0, 'fast');
  fast.talk.send(row(HOUR, 'fast'));
  await fast.talk.acked(1);
  const fastAgain = await helloAt(1, 'fast');
  const moved = await helloAt(0, 'slow');
  fastAgain.talk.send(row(HOUR, 'fast'));
  await fastAgain.talk.acked(2);
  moved.talk.send(row(1, 'slow'));
  await moved.talk.acked(2);
  for (const { talk } of [moved, fastAgain]) talk.send('!end');
  await subscriber.until(() => sumOf(subscriber.rows) === 4, 'every row', 8000);
  expect(await live.metric('pelton_events_closed_total')).toBe(0);
});

test.each([0, 1])(
  'frames under way when a producer comes back to listener %i are neither lost nor asked for again',
  async (to) => {
    live = await LiveEngine.start({ listeners: 2, limits: { ringBytes: 2 ** 18 } });
    const subscriber = await live.subscriber('obeyed');
    const { talk } = await helloAt(0, 'p');
    talk.send(row(0, 'stall:1500'));
    talk.send(row(HOUR, 'wake'));
    await talk.acked(2);
    const lines = Array.from({ length: 1500 }, (_, index) => row(HOUR, `key-${index % 10}`)).join('\n');
    const FRAMES = 40;
    for (let frame = 0; frame < FRAMES; frame++) talk.send(lines);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(talk.ackedSequence).toBeLessThan(FRAMES);
    const again = await helloAt(to, 'p');
    for (let frame = again.resume + 1; frame <= FRAMES + 2; frame++) again.talk.send(lines);
    again.talk.send('!end');
    await subscriber.says({ type: 'end' });
    expect(sumOf(subscriber.rows)).toBe(2 + FRAMES * 1500);
  },
);

test('a subscriber gets its results also at a listener that no producer uses', async () => {
  live = await LiveEngine.start({ listeners: 2 });
  const { talk } = await helloAt(0, 'p');
  const subscribers: Talk[] = [];
  const at = () => live.engine.counters[1]!.get('subscribers');
  while (at() < 1) subscribers.push(await live.subscriber('obeyed'));
  talk.send([row(0, 'a'), row(HOUR, 'b')].join('\n'));
  for (const subscriber of subscribers) await subscriber.until(() => subscriber.rows.length === 1, 'the row', 5000);
});
