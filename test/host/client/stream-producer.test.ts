// A producer that goes on: the connection is lost at every point of its life, and every outcome is told, once and rightly.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../host/client/outcome.ts';
import { type OpenProducerOptions, openProducer, type StreamProducer } from '../../../host/client/stream-producer.ts';
import { type Fate, type Meeting, type Point, StoringEngine } from '../../support/storing-engine.ts';

let engine: StoringEngine;
let producer: StreamProducer | undefined;
beforeEach(async () => {
  engine = await StoringEngine.start();
});
afterEach(async () => {
  await producer?.close({ forMs: 0 }).catch(() => undefined);
  producer = undefined;
  await engine.stop();
});

/** Waits are nothing, chance is not. */
const atOnce = { nowMs: () => 0, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)), chance: () => 1 };
const open = async (options: Partial<OpenProducerOptions> = {}) => {
  producer = await openProducer({ url: engine.url, stream: 'flights', timing: atOnce, ...options });
  return producer;
};
/** As meet: once, when it comes to this point of this connection at this frame. */
const once = (point: Point, fate: Fate, { connection = 1, sequence = 0 } = {}) => {
  let isLeft = true;
  return (meeting: Meeting): Fate => {
    const isIt = meeting.point === point && meeting.connection === connection && meeting.sequence === sequence;
    if (!isLeft || !isIt) return undefined;
    isLeft = false;
    return fate;
  };
};
const outcomesOf = (count: number) => {
  const outcomes: Outcome['outcome'][] = Array.from({ length: count });
  const { promise: first, resolve } = Promise.withResolvers<void>();
  const told = (index: number) => (outcome: Outcome) => {
    expect(outcomes[index], `frame ${index} was told twice`).toBeUndefined();
    outcomes[index] = outcome.outcome;
    resolve();
  };
  return { outcomes, told, first };
};
const texts = (count: number) => Array.from({ length: count }, (_, n) => `{"n":${n}}`);

describe('a connection that is lost', () => {
  const points: [string, Point, { connection?: number; sequence?: number }][] = [
    ['in the middle of the frames, one of them not stored', 'frame', { sequence: 3 }],
    ['behind frames that are stored and not acknowledged', 'stored', { sequence: 3 }],
    ['behind an acknowledgement', 'acked', { sequence: 5 }],
  ];
  test.each(points)('%s: every frame is acked, and stored once', async (_, point, where) => {
    engine.meet = once(point, 'cut', where);
    const sender = await open();
    const { outcomes, told } = outcomesOf(5);
    for (const [n, text] of texts(5).entries()) await sender.send(text, { told: told(n), rows: 1 });
    await sender.flush();
    expect(outcomes).toEqual(Array(5).fill('acked'));
    expect(engine.texts).toEqual(texts(5));
    expect(sender).toMatchObject({ acknowledgedSequence: 5, ackedRows: 5, failure: null });
  });

  const early: [string, Point][] = [
    ['before the handshake', 'upgrade'],
    ['before the welcome', 'open'],
    ['before the hello is answered', 'hello'],
    ['behind the hello', 'greeted'],
  ];
  test.each(early)('again, %s of the connection that follows: the next one goes on', async (_, point) => {
    const second = once(point, 'cut', { connection: 2 });
    const first = once('stored', 'cut', { sequence: 2 });
    engine.meet = (meeting) => first(meeting) ?? second(meeting);
    const sender = await open();
    for (const text of texts(4)) await sender.send(text);
    await sender.flush();
    expect(engine.texts).toEqual(texts(4));
    expect(engine.connections).toBe(3);
  });

  test('is a failure at once when it is the first and nobody asked to wait', async () => {
    engine.meet = once('open', 'cut');
    await expect(open()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('is waited for when that was asked', async () => {
    engine.meet = once('open', 'cut');
    await open({ firstRetryForMs: 1000 });
    expect(engine.connections).toBe(2);
  });

  test('and never comes back: what left is unknown, what did not is rejected, and both are told', async () => {
    engine.acknowledgesAtOnce = false;
    engine.credit = 16;
    const sender = await open({ retryForMs: 500, timing: { ...atOnce, nowMs: clockOf(20) } });
    const { outcomes, told, first } = outcomesOf(4);
    for (const [n, text] of texts(4).entries()) void sender.send(text, { told: told(n) });
    const flushed = sender.flush();
    flushed.catch(() => undefined);
    await engine.until(() => engine.stored.length === 2);
    engine.acknowledge(1, { credit: 7 }); // The second frame has used it up.
    await first;
    await engine.stop();
    await expect(flushed).rejects.toMatchObject({ code: 'CONNECT' });
    expect(outcomes).toEqual(['acked', 'unknown', 'rejected', 'rejected']);
    await expect(sender.send('{}')).rejects.toBe(sender.failure);
    await engine.listen();
  });
});

describe('an engine that refuses', () => {
  const slept: number[] = [];
  const noting = {
    ...atOnce,
    sleep: (ms: number) => {
      slept.push(ms);
      return atOnce.sleep();
    },
  };
  beforeEach(() => void slept.splice(0));

  test.each([
    ['RETRY_LATER', { sequence: 2, afterMs: 1234 }],
    ['READ_ONLY', { sequence: 2, afterMs: 1234 }],
    ['OUT_OF_SEQUENCE', { sequence: 2, expected: 2, afterMs: 1234 }],
  ])('%s: the frame and those behind it are sent again, after as long as the engine said', async (code, more) => {
    engine.meet = once('frame', { refuse: { type: 'error', code, message: 'not now', ...more } }, { sequence: 2 });
    const sender = await open({ timing: noting });
    const { outcomes, told } = outcomesOf(4);
    for (const [n, text] of texts(4).entries()) await sender.send(text, { told: told(n) });
    await sender.flush();
    expect(outcomes).toEqual(Array(4).fill('acked'));
    expect(engine.texts).toEqual(texts(4));
    expect(slept).toEqual([1234]);
  });

  test('for longer than the budget: its frames are certainly not stored, and not unknown', async () => {
    engine.meet = ({ point, sequence }) =>
      point === 'frame' && sequence > 1
        ? { refuse: { type: 'error', code: 'RETRY_LATER', message: 'disk full', sequence: 2, afterMs: 5 } }
        : undefined;
    const sender = await open({ retryForMs: 50, timing: { ...atOnce, nowMs: clockOf(20) } });
    const { outcomes, told } = outcomesOf(3);
    for (const [n, text] of texts(3).entries()) await sender.send(text, { told: told(n) });
    await expect(sender.flush()).rejects.toMatchObject({ code: 'RETRY_LATER' });
    expect(outcomes).toEqual(['acked', 'rejected', 'rejected']);
    expect(engine.texts).toEqual(texts(1));
  });

  test('FENCED ends it at once: another speaks for this producer', async () => {
    engine.meet = once(
      'frame',
      { close: 4409, say: { type: 'error', code: 'FENCED', message: 'another connection' } },
      { sequence: 2 },
    );
    const sender = await open({ producer: 'sensor-7', epoch: 3 });
    const { outcomes, told } = outcomesOf(2);
    for (const [n, text] of texts(2).entries()) await sender.send(text, { told: told(n) });
    await expect(sender.flush()).rejects.toMatchObject({ code: 'FENCED' });
    expect(outcomes).toEqual(['acked', 'unknown']);
    expect(engine.connections).toBe(1);
    await expect(open({ producer: 'sensor-7', epoch: 2 })).rejects.toMatchObject({ code: 'FENCED' });
  });

  test.each([
    ['DUP_MISMATCH', { sequence: 2 }, 'rejected'],
    ['UNKNOWN_PRODUCER', {}, 'unknown'],
  ])('%s is not tried again', async (code, more, outcome) => {
    engine.meet = once('frame', { refuse: { type: 'error', code, message: 'no', ...more } }, { sequence: 2 });
    const sender = await open();
    const { outcomes, told } = outcomesOf(2);
    for (const [n, text] of texts(2).entries()) await sender.send(text, { told: told(n) });
    await expect(sender.flush()).rejects.toMatchObject({ code });
    expect(outcomes).toEqual(['acked', outcome]);
    expect(engine.connections).toBe(1);
  });
});

test('an engine that has forgotten what it acknowledged is told by name, and gets what follows', async () => {
  const events: string[] = [];
  const sender = await open({ producer: 'sensor-7', onEvent: (event) => events.push(event.type) });
  for (const text of texts(3)) await sender.send(text);
  await sender.flush();
  engine.producers.clear();
  engine.cut();
  await sender.send('{"n":3}', { rows: 1 });
  await sender.flush();
  engine.cut(); // Its numbers are not ours any more, and still meet.
  await sender.send('{"n":4}', { rows: 1 });
  await sender.flush();
  expect(engine.texts).toEqual(['{"n":3}', '{"n":4}']);
  expect(sender).toMatchObject({ forgottenFrames: 3, acknowledgedSequence: 5, ackedRows: 5 });
  expect(events).toEqual(['connected', 'lost', 'forgotten', 'connected', 'lost', 'connected']);
});

test('an engine that has frames which were not sent here means that somebody else uses the id', async () => {
  const sender = await open({ producer: 'sensor-7' });
  await sender.send('{}');
  await sender.flush();
  for (let sequence = 2; sequence < 4; sequence++) {
    engine.producers.get('sensor-7')!.frames.push({ sequence, bytes: Buffer.from('{}'), text: true });
  }
  engine.cut();
  await sender.send('{}');
  await expect(sender.flush()).rejects.toMatchObject({ code: 'FENCED', message: /somebody else/ });
});

test('an engine that shows no sign of life is left, and found again', async () => {
  const sender = await open({ silentMsMax: 60 });
  engine.acknowledgesAtOnce = false;
  engine.answersPings = false;
  await sender.send('{}');
  const flushed = sender.flush();
  await engine.until(() => engine.connections === 2);
  await flushed;
  expect(engine.texts).toEqual(['{}']);
});

describe('control messages', () => {
  test('are said again on a new connection until a frame behind them is acknowledged, the last of each kind', async () => {
    const sender = await open();
    sender.watermark(1);
    sender.watermark(2);
    await sender.send('{"n":0}');
    await sender.flush();
    sender.watermark(3);
    sender.idle();
    await engine.until(() => engine.controls.length === 4);
    engine.controls.length = 0;
    engine.cut();
    await engine.until(() => engine.controls.length === 2);
    expect(engine.controls).toEqual(['!watermark 3', '!idle']);
  });

  test('a producer with a made name says idle when it closes, one that has ended or has a name does not', async () => {
    await (await open()).close();
    expect(engine.controls).toEqual(['!idle']);
    const ended = await open();
    ended.end();
    await ended.close();
    expect(engine.controls).toEqual(['!idle', '!end']);
    await (await open({ producer: 'sensor-7' })).close();
    expect(engine.controls).toHaveLength(2);
  });

  test('close resolves when everything is acknowledged and said, over as many connections as it takes', async () => {
    const cuts = [once('stored', 'cut', { sequence: 2 }), once('greeted', 'cut', { connection: 2 })];
    engine.meet = (meeting) => cuts.map((cut) => cut(meeting)).find((fate) => fate !== undefined);
    const sender = await open();
    for (const text of texts(3)) await sender.send(text);
    sender.end();
    await sender.close();
    expect(engine.texts).toEqual(texts(3));
    expect(engine.controls.at(-1)).toBe('!end');
    await expect(sender.send('{}')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('close does not wait for an engine that has gone when there is nothing to tell it but idle', async () => {
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    const never = { ...atOnce, sleep: () => new Promise<void>(() => undefined) };
    const sender = await open({ timing: never, onEvent: ({ type }) => type === 'lost' && resolve() });
    await engine.stop();
    await lost;
    await sender.close();
    expect(sender.failure).toBeNull();
    await engine.listen();
  });

  test('close gives up when it was told to: what was sent is unknown', async () => {
    engine.acknowledgesAtOnce = false;
    const sender = await open();
    const { outcomes, told } = outcomesOf(1);
    await sender.send('{}', { told: told(0) });
    await engine.until(() => engine.stored.length === 1);
    await sender.close({ forMs: 1 });
    expect(outcomes).toEqual(['unknown']);
  });
});

test('a frame is safe by its sequence, and its outcome is told when its rows are counted', async () => {
  engine.acknowledgesAtOnce = false;
  const sender = await open();
  const outcomes: Outcome[] = [];
  for (const text of texts(2)) await sender.send(text, { told: (outcome) => outcomes.push(outcome), rows: 1 });
  await engine.until(() => engine.stored.length === 2);
  engine.acknowledge(2, { placed: 1, rows: 1 });
  await expect.poll(() => outcomes.length).toBe(1);
  expect(sender).toMatchObject({ acknowledgedSequence: 2, ackedRows: 1 });
  engine.say({ type: 'reject', sequence: 2, row: 0, code: 'TYPE', column: 'delay', message: 'no i32' });
  engine.acknowledge(2, { placed: 2, rejected: 1 });
  await sender.flush();
  expect(outcomes[1]).toMatchObject({ outcome: 'acked', unnamed: 0, rejects: [{ row: 0, code: 'TYPE' }] });
});

describe('bounds', () => {
  test('at the bound a promise of room is given, and beyond twice of it nothing is taken', async () => {
    engine.acknowledgesAtOnce = false;
    const sender = await open({ pendingBytesMax: 3000 });
    const frame = `"${'x'.repeat(998)}"`;
    expect(sender.send(frame)).toBeUndefined();
    expect(sender.send(frame)).toBeUndefined();
    const waits = [3, 4, 5, 6].map(() => sender.send(frame));
    expect(waits.every((wait) => wait instanceof Promise)).toBe(true);
    const { outcomes, told } = outcomesOf(1);
    await expect(sender.send(frame, { told: told(0) })).rejects.toMatchObject({ code: 'PENDING_FULL' });
    expect(outcomes).toEqual(['rejected']);
    await engine.until(() => engine.stored.length === 6);
    engine.acknowledge(4);
    await Promise.all(waits);
    expect(sender.pendingBytes).toBe(2000);
  });

  test('frames that are empty, too large, or look like control messages are refused before anything is sent', async () => {
    const sender = await open();
    expect(() => sender.send('')).toThrow('0 bytes');
    expect(() => sender.send(new Uint8Array(1024 * 1024 + 1))).toThrow('expected 1 to 1048576');
    expect(() => sender.send('!end')).toThrow('control message');
  });
});

/** A clock that goes on by so much with each look. */
function clockOf(stepMs: number) {
  let now = 0;
  return () => {
    now += stepMs;
    return now;
  };
}
