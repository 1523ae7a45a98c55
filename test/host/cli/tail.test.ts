// `pelton tail` as a user runs it: what is printed, when it ends, and what a lost connection is called.
import type { ChildProcess } from 'node:child_process';
import { tableFromIPC } from '@uwdata/flechette';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { subscribe } from '../../../host/client/subscriber.ts';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { type CliRun, pelton } from '../../support/cli.ts';
import { FakeEngine } from '../../support/fake-engine.ts';

let engine: FakeEngine;
beforeEach(async () => {
  engine = await FakeEngine.start({ partitions: 2 });
});
afterEach(() => engine.stop());

const row = (n: number) => JSON.stringify({ origin: `A${n}`, windowStart: n * 3600000, count: n });
const jsonRows = (partition: number, offset: number, rows: string[]) =>
  `${JSON.stringify({ type: 'rows', partition, offset, count: rows.length })}\n${rows.join('\n')}\n`;
const time = (type: string, partition: number, watermark: number) => JSON.stringify({ type, partition, watermark });

/** Runs tail, and `say` once it has subscribed. */
async function tail(
  options: string[],
  say: (send: (message: string | Uint8Array) => void, child: ChildProcess) => void,
): Promise<CliRun> {
  return pelton(['tail', 'per-origin', '--url', engine.url, ...options], {
    during: async (child) => {
      await engine.until(() => engine.subscribers.length === 1);
      const socket = engine.subscribers[0]!;
      say((message) => socket.send(message), child);
    },
  });
}

test('rows come as they are, one line each, and nothing else reaches standard output', async () => {
  const { stdout, stderr, exitCode } = await tail(['--until-end'], (send) => {
    send(jsonRows(0, 0, [row(1), row(2)]));
    send(time('watermark', 0, 7200000));
    send(jsonRows(1, 0, [row(3)]));
    send(time('end', 0, 7200000));
    send(time('end', 1, 7200000));
  });
  expect(stdout).toBe(`${row(1)}\n${row(2)}\n${row(3)}\n`);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
});

test('the end of one partition is not the end', async () => {
  const { stdout } = await tail(['--until-end'], (send) => {
    send(time('end', 0, 1));
    send(jsonRows(1, 0, [row(1)]));
    send(time('end', 1, 1));
  });
  expect(stdout).toBe(`${row(1)}\n`);
});

test('--limit stops inside a message', async () => {
  const { stdout, exitCode } = await tail(['--limit', '3'], (send) => {
    send(jsonRows(0, 0, [row(1), row(2)]));
    send(jsonRows(0, 2, [row(3), row(4)]));
  });
  expect(stdout).toBe(`${row(1)}\n${row(2)}\n${row(3)}\n`);
  expect(exitCode).toBe(0);
});

test('-v puts watermarks on standard error', async () => {
  const { stdout, stderr } = await tail(['-v', '--limit', '1'], (send) => {
    send(time('watermark', 0, 978310800000));
    send(jsonRows(0, 0, [row(1)]));
  });
  expect(stderr).toBe('subscribed to per-origin (2 partitions)\npartition 0: watermark 2001-01-01T01:00:00.000Z\n');
  expect(stdout).toBe(`${row(1)}\n`);
});

test('arrow writes the streams as they came, and they decode', async () => {
  const streams = [1, 2].map((n) => writeArrow([{ name: 'count', type: 'i32', values: [n, n + 10] }]));
  const { stdoutBytes } = await tail(['--format', 'arrow', '--limit', '4'], (send) => {
    for (const [index, stream] of streams.entries()) {
      send(JSON.stringify({ type: 'rows', format: 'arrow', partition: 0, offset: index * 2, count: 2 }));
      send(stream);
    }
  });
  expect(stdoutBytes).toEqual(Buffer.concat(streams));
  expect(tableFromIPC(stdoutBytes.subarray(0, streams[0]!.length)).toArray()).toEqual([{ count: 1 }, { count: 11 }]);
});

test('table draws the columns of the rows', async () => {
  const { stdout } = await tail(['--format', 'table', '--limit', '2'], (send) =>
    send(jsonRows(0, 0, [row(1), row(2)])),
  );
  expect(stdout).toMatch(/origin.*windowStart.*count/);
  expect(stdout).toMatch(/A2.*7,200,000.*2/);
  expect(stdout).not.toContain('\x1b');
});

describe('the end of a connection', () => {
  test('a reader that goes away ends tail quietly', async () => {
    const { stderr, exitCode } = await tail([], (send, child) => {
      child.stdout!.destroy();
      const more = setInterval(() => send(jsonRows(0, 0, [row(1)])), 5);
      child.once('exit', () => clearInterval(more));
    });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  });

  test('a subscriber that was cut off is told where to go on, and ends with 70', async () => {
    const { stdout, stderr, exitCode } = await tail([], (send) => {
      send(jsonRows(1, 116, [row(1), row(2)]));
      send(
        JSON.stringify({ type: 'error', code: 'SUBSCRIBER_TOO_SLOW', message: 'too much waited', resume: { 1: 118 } }),
      );
      engine.subscribers[0]!.close(1013);
    });
    expect(stdout).toBe(`${row(1)}\n${row(2)}\n`);
    expect(stderr).toBe('pelton tail: too much waited\n  next offset by partition: 1: 118\n');
    expect(exitCode).toBe(70);
  });

  test('a lost connection is 70, an engine that stops is not', async () => {
    const lost = await tail([], () => engine.subscribers[0]!.terminate());
    expect(lost.stderr).toMatch(/connection to the engine was lost[\s\S]*no row had come/);
    expect(lost.exitCode).toBe(70);
    engine.subscribers = [];
    const stopped = await tail([], () => engine.subscribers[0]!.close(1012));
    expect(stopped).toMatchObject({ exitCode: 0, stderr: 'the engine has stopped\n' });
  });

  test('an engine that stops before the end that was asked for is a failure', async () => {
    const { exitCode, stderr } = await tail(['--until-end'], () => engine.subscribers[0]!.close(1012));
    expect(stderr).toContain('before the end came');
    expect(exitCode).toBe(70);
  });

  test('Ctrl-C ends with 130', async () => {
    const { exitCode } = await tail([], (_send, child) => void setTimeout(() => child.kill('SIGINT'), 100));
    expect(exitCode).toBe(130);
  });
});

describe('going on', () => {
  test('--from asks for results from there, and rows that are missing are said, with 1', async () => {
    const { stdout, stderr, exitCode } = await tail(['--from', '{"0":5,"1":0}', '--until-end'], (send) => {
      send(jsonRows(0, 7, [row(1)]));
      send(jsonRows(1, 0, [row(2)]));
      send(time('end', 0, 0));
      send(time('end', 1, 0));
    });
    expect(engine.froms).toEqual(['{"0":5,"1":0}']);
    expect(stdout).toBe(`${row(1)}\n${row(2)}\n`);
    expect({ stderr, exitCode }).toEqual({ stderr: 'partition 0: results are missing, offsets 5 to 6\n', exitCode: 1 });
  });

  test('--retry-for gets a lost connection back, and no row is printed twice', async () => {
    const { stdout, exitCode } = await tail(['--retry-for', '30', '--limit', '2'], (send) => {
      send(jsonRows(0, 0, [row(1)]));
      engine.subscribers[0]!.close(1012);
      void engine
        .until(() => engine.subscribers.length === 2)
        .then(() => engine.subscribers[1]!.send(jsonRows(0, 1, [row(2)])));
    });
    expect(stdout).toBe(`${row(1)}\n${row(2)}\n`);
    expect(exitCode).toBe(0);
    expect(engine.froms).toEqual([null, '{"0":1}']);
  });

  test('Ctrl-C says how to', async () => {
    const { stderr, exitCode } = await tail([], (send, child) => {
      child.stdout!.once('data', () => child.kill('SIGINT'));
      send(jsonRows(1, 116, [row(1), row(2)]));
    });
    expect(stderr).toBe(`go on with --from '{"1":118}'\n`);
    expect(exitCode).toBe(130);
  });

  test.each(['{"0":-1}', '[1]', 'x', '{"a":1}'])('--from %s is refused', async (from) => {
    const { stderr, exitCode } = await pelton(['tail', 'per-origin', '--url', engine.url, '--from', from]);
    expect(stderr).toContain('Expected a JSON object of offsets by partition');
    expect(exitCode).toBe(64);
  });
});

test('an unknown sink is answered with the names that are known', async () => {
  const { exitCode, stderr } = await pelton(['tail', 'per-orgin', '--url', engine.url]);
  expect(stderr).toBe(
    'pelton tail: there is no sink «per-orgin» (did you mean "per-origin"?)\n  the engine has: per-origin\n',
  );
  expect(exitCode).toBe(64);
});

test('a subscription yields messages in order, with offsets, and rows only when asked for', async () => {
  const subscription = await subscribe({ url: engine.url, sink: 'per-origin' });
  await engine.until(() => engine.subscribers.length === 1);
  const [socket] = engine.subscribers;
  socket!.send(jsonRows(1, 5, [row(1), row(2)]));
  socket!.send(time('idle', 1, 0));
  socket!.send(time('end', 1, 9));
  const seen: unknown[] = [];
  for await (const message of subscription) {
    seen.push(message.type === 'rows' && message.format === 'json' ? message.rows() : message);
    if (message.type === 'end') break;
  }
  expect(seen).toEqual([
    [JSON.parse(row(1)), JSON.parse(row(2))],
    { type: 'idle', partition: 1, watermark: 0 },
    { type: 'end', partition: 1, watermark: 9 },
  ]);
  expect(subscription.resume).toEqual({ 1: 7 });
});
