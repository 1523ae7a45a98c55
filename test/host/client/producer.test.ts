// The sending client against a server whose acknowledgements the test decides.
import { afterEach, describe, expect, test } from 'vitest';
import type { Reject } from '../../../host/client/outcome.ts';
import { connectProducer } from '../../../host/client/producer.ts';
import { FakeEngine, type FakeOptions } from '../../support/fake-engine.ts';
import { seededRandom } from '../../support/random.ts';

let engine: FakeEngine;
const start = async (options: FakeOptions = {}) => {
  engine = await FakeEngine.start(options);
  return { url: engine.url, stream: 'flights' };
};
afterEach(() => engine.stop());

test('frames arrive in order, and flush resolves when the last is acknowledged', async () => {
  const producer = await connectProducer(await start({ acknowledgeAtOnce: false }));
  for (let frame = 0; frame < 10; frame++) await producer.send(`{"n":${frame}}`);
  let isFlushed = false;
  const flushed = producer.flush().then(() => {
    isFlushed = true;
  });
  await engine.until(() => engine.frames.length === 10);
  engine.acknowledge(9);
  await producerHears();
  expect(isFlushed).toBe(false);
  engine.acknowledge(10);
  await flushed;
  expect(engine.lines).toEqual(Array.from({ length: 10 }, (_, frame) => `{"n":${frame}}`));
  expect(producer).toMatchObject({ acknowledgedSequence: 10, acknowledgedRows: 10, rejectedRows: 0 });
  await producer.close();
});

test('unacknowledged bytes never exceed the credit, whatever the frames and acknowledgements are', async () => {
  const random = seededRandom(20261120);
  const credit = 5000;
  const producer = await connectProducer(await start({ credit, acknowledgeAtOnce: false }));
  let sent = 0;
  let isOver = false;
  const acknowledging = (async () => {
    while (!isOver) {
      if (engine.frames.length > 0) engine.acknowledge(engine.frames.at(-1)!.sequence);
      await new Promise((resolve) => setTimeout(resolve, random.below(3)));
    }
  })();
  for (; sent < 300; sent++) await producer.send(`"${'x'.repeat(random.below(2500))}"`);
  await producer.flush();
  isOver = true;
  await acknowledging;
  expect(engine.frames, `seed ${random.seed}`).toHaveLength(sent);
  expect(engine.unacknowledgedMost, `seed ${random.seed}`).toBeLessThanOrEqual(credit);
  expect(engine.unacknowledgedMost).toBeGreaterThan(credit / 2); // The credit was in fact used.
  await producer.close();
});

test('a frame larger than the credit goes alone', async () => {
  const producer = await connectProducer(await start({ credit: 100, acknowledgeAtOnce: false }));
  const first = producer.send(`"${'x'.repeat(1000)}"`);
  const second = producer.send('"small"');
  expect(first).toBeUndefined();
  expect(second).toBeInstanceOf(Promise);
  await engine.until(() => engine.frames.length === 1);
  await producerHears();
  expect(engine.frames).toHaveLength(1);
  engine.acknowledge(1);
  await second;
  await engine.until(() => engine.frames.length === 2);
});

test('a credit that shrinks holds the next frame back until enough is acknowledged', async () => {
  const producer = await connectProducer(await start({ credit: 1000, acknowledgeAtOnce: false }));
  await producer.send('x'.repeat(400));
  await producer.send('x'.repeat(400));
  await engine.until(() => engine.frames.length === 2);
  engine.acknowledge(1, 500);
  await producerHears();
  const third = producer.send('x'.repeat(200));
  expect(third).toBeInstanceOf(Promise);
  engine.acknowledge(2, 500);
  await third;
});

test('control messages keep their place behind frames that wait, and take no number', async () => {
  const producer = await connectProducer(await start({ credit: 10, acknowledgeAtOnce: false }));
  await producer.send('"0123456789"');
  const waiting = producer.send('"second"');
  const mark = producer.say('!watermark 978307200000');
  await engine.until(() => engine.frames.length === 1);
  expect(engine.controls).toEqual([]);
  engine.acknowledge(1);
  await Promise.all([waiting, mark, producer.say('!idle'), producer.say('!end')]);
  await engine.until(() => engine.controls.length === 3);
  expect(engine.controls).toEqual(['!watermark 978307200000', '!idle', '!end']);
  expect(producer.sentSequence).toBe(2);
});

test('a named producer says hello first and numbers on from where it was acknowledged', async () => {
  const options = await start({ resume: 17 });
  const producer = await connectProducer({ ...options, producer: 'sensor-7', epoch: 3 });
  expect(engine.controls).toEqual(['!hello {"producer":"sensor-7","epoch":3}']);
  await producer.send('{}');
  await producer.flush();
  expect(producer).toMatchObject({ resumedAt: 17, sentSequence: 18, acknowledgedSequence: 18 });
});

test('a rejected row is told with frame, row, code, column and message', async () => {
  const reject = { row: 1, code: 'TYPE', column: 'delay', message: 'the value has another type' };
  const heard: Reject[] = [];
  const options = await start({ rejectsOf: () => [reject] });
  const producer = await connectProducer({ ...options, onReject: (told) => heard.push(told) });
  await producer.send('{"delay":1}\n{"delay":"x"}');
  await producer.flush();
  expect(heard).toEqual([{ type: 'reject', sequence: 1, ...reject }]);
  expect(producer).toMatchObject({ acknowledgedRows: 1, rejectedRows: 1 });
});

describe('a connection that ends', () => {
  test('rejects everything that waits, and names the last acknowledged frame', async () => {
    const producer = await connectProducer(await start({ credit: 100, acknowledgeAtOnce: false }));
    for (let frame = 0; frame < 5; frame++) await producer.send('"twelve byte"');
    const flushed = producer.flush();
    await engine.until(() => engine.frames.length === 5);
    engine.acknowledge(3, 10);
    await producerHears();
    const waiting = producer.send('"twelve byte"') as Promise<void>;
    engine.producers[0]!.terminate();
    const lost = { name: 'ClientError', code: 'CONNECTION_LOST', acknowledgedSequence: 3, sentSequence: 5 };
    await expect(flushed).rejects.toMatchObject(lost);
    await expect(waiting).rejects.toMatchObject(lost);
    await expect(producer.closed).rejects.toMatchObject(lost);
    await expect(producer.send('{}')).rejects.toMatchObject(lost);
  });

  test.each([
    ['CREDIT_EXCEEDED', 1008],
    ['FENCED', 4409],
    ['FRAME_TOO_LARGE', 1009],
    ['SHUTTING_DOWN', 1012],
  ])('is called %s when the engine said so before it closed', async (code, closeCode) => {
    const producer = await connectProducer(await start({ acknowledgeAtOnce: false }));
    await producer.send('{}');
    const flushed = producer.flush();
    engine.say({ type: 'error', code, message: `because of ${code}` });
    engine.producers[0]!.close(closeCode, code);
    await expect(flushed).rejects.toMatchObject({ code, message: expect.stringContaining(`because of ${code}`) });
  });

  test('an error after which the engine goes on is told and nothing more', async () => {
    const told: string[] = [];
    const options = await start({ acknowledgeAtOnce: false });
    const producer = await connectProducer({ ...options, onMistake: ({ code }) => told.push(code) });
    await producer.send('{}');
    const flushed = producer.flush();
    engine.say({ type: 'error', code: 'BAD_CONTROL', message: 'unknown control message' });
    engine.acknowledge(1);
    await flushed;
    expect(told).toEqual(['BAD_CONTROL']);
  });
});

test('an unknown stream is refused with the names that are known', async () => {
  const { url } = await start();
  await expect(connectProducer({ url, stream: 'fligths' })).rejects.toMatchObject({
    code: 'UNKNOWN_STREAM',
    known: ['flights'],
  });
});

test('an engine that is not there is a CONNECT error that names the address', async () => {
  const { url } = await start();
  await engine.stop();
  await expect(connectProducer({ url, stream: 'flights' })).rejects.toMatchObject({
    code: 'CONNECT',
    message: `cannot reach an engine at ${url}: nothing listens there`,
  });
});

/** Long enough for a message on its way to be heard. */
const producerHears = () => new Promise((resolve) => setTimeout(resolve, 30));
