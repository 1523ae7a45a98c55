// A thread that dies or stands still ends the run with its name, closes the port, and lets the process end by itself.
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { ChildEngine, type ChildOptions } from '../../support/child-engine.ts';
import { row } from '../../support/live-engine.ts';
import { Talk } from '../../support/talk.ts';

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Orders the partition behind `orders`, or the listener behind `listened`, to do something. */
async function ordered(stream: string, order: string, options: ChildOptions = {}) {
  const child = new ChildEngine(options);
  const port = await child.ready();
  const subscriber = await Talk.open(`ws://127.0.0.1:${port}/v1/sinks/plain`);
  const producer = await Talk.open(`ws://127.0.0.1:${port}/v1/streams/${stream}`);
  producer.send(row(0, order));
  producer.send(row(3_600_000, 'next'));
  const ending = await child.ends();
  await subscriber.ends();
  return { ...ending, port };
}

test.each([
  ['a job function that ends the partition’s thread', 'orders', 'exit:7', 'THREAD partition-0 ended unasked (exit 7)'],
  ['a job function that ends the listener’s thread', 'listened', 'exit:7', 'THREAD listener-0 ended unasked (exit 7)'],
  ['an error that nobody catches on the listener', 'listened', 'later', 'THREAD listener-0 failed: thrown later'],
])('%s ends the run with its name', async (_what, stream, order, message) => {
  const { code, signal, said, port } = await ordered(stream, order);
  expect(said).toContain(`failed EngineError ${message}`);
  expect([code, signal]).toEqual([1, null]);
  expect(await isOpen(port)).toBe(false);
});

const shortened = { limits: { threadSilentMsMax: 1500 } };

test('a function that never returns on a partition ends the run naming it', async () => {
  const { code, signal, said, port } = await ordered('orders', 'spin', shortened);
  expect(said).toContain('failed EngineError STUCK partition-0 has not finished a step for 1.5 s');
  expect([code, signal]).toEqual([1, null]);
  expect(await isOpen(port)).toBe(false);
});

test('a function that never returns on a listener ends the run naming it, and then the process', async () => {
  const { code, said, port } = await ordered('listened', 'spin', shortened);
  expect(said).toContain('failed EngineError STUCK listener-0 has not finished a step for 1.5 s');
  expect(said).not.toContain('did not end');
  expect(code).not.toBe(0); // Its sockets are closed by no one: Node aborts at the end of the process.
  expect(await isOpen(port)).toBe(false);
});

test('a trap of a module inside a function is a rejected row, not the end of the run', async () => {
  const child = new ChildEngine();
  const port = await child.ready();
  const subscriber = await Talk.open(`ws://127.0.0.1:${port}/v1/sinks/obeyed`);
  const producer = await Talk.open(`ws://127.0.0.1:${port}/v1/streams/orders`);
  producer.send(`${row(0, 'trap')}\n${row(0, 'fine')}`);
  producer.send('!end');
  await subscriber.says({ type: 'end' });
  expect(subscriber.rows.map(({ key }) => key)).toEqual(['fine']);
  child.process.kill('SIGTERM');
  const { code, said } = await child.ends();
  expect(said).toContain('stopped 0');
  expect(code).toBe(0);
});
