// Connections that hold something without end: a frame that never ends, acknowledgements that are never read, ids.
import { afterEach, expect, test } from 'vitest';
import { LiveEngine, row } from '../../support/live-engine.ts';
import { RawSocket, webSocketFrame } from '../../support/raw-socket.ts';

let live: LiveEngine;
afterEach(() => live?.stop());

const refusals = (code: string) => live.metric(`pelton_refusals_total{thread="listener-0",code="${code}"}`);

test('a frame that comes byte by byte is closed, a quiet connection that answers pings stays', async () => {
  live = await LiveEngine.start({ limits: { connectionSilentMsMax: 1000 } });
  const quiet = await live.producer('plain');
  const raw = await RawSocket.upgraded(live.url, '/v1/streams/plain');
  raw.write(webSocketFrame('{', { declaredBytes: 1000 }));
  const dribble = setInterval(() => raw.write(' '), 50);
  expect(await raw.untilClosed(6000).finally(() => clearInterval(dribble))).toContain('FRAME_UNFINISHED');
  expect(await refusals('FRAME_UNFINISHED')).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  quiet.send(row(0, 'a'));
  await quiet.acked(1);
});

test('a producer that never reads its acknowledgements is closed by name, long before memory is short', async () => {
  live = await LiveEngine.start();
  const neighbour = await live.producer('plain');
  const raw = await RawSocket.upgraded(live.url, '/v1/streams/plain');
  raw.pause();
  const frame = webSocketFrame('!x'); // The answer is longer than the question.
  const many = Buffer.concat(Array.from({ length: 5000 }, () => frame));
  const before = process.memoryUsage.rss();
  await expect
    .poll(
      async () => {
        raw.write(many);
        return await refusals('ACKS_UNREAD');
      },
      { timeout: 20_000, interval: 5 },
    )
    .toBe(1);
  expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 2 ** 20);
  neighbour.send(row(0, 'a'));
  await neighbour.acked(1);
  raw.close();
});

test('more producer ids than a listener keeps are refused by name, known ones still come back', async () => {
  live = await LiveEngine.start({ limits: { producersMax: 3 } });
  const hello = async (id: string) => {
    const talk = await live.producer('plain');
    talk.send(`!hello {"producer":"${id}"}`);
    return talk;
  };
  for (const id of ['a', 'b', 'c']) await (await hello(id)).says({ type: 'hello' });
  const fourth = await hello('d');
  await fourth.says({ code: 'TOO_MANY_PRODUCERS' });
  expect((await fourth.ends()).code).toBe(1013);
  await (await hello('b')).says({ type: 'hello' });
  expect(await refusals('TOO_MANY_PRODUCERS')).toBe(1);
});
