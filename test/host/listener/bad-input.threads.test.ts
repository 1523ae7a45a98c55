// Bad input on one connection: one named answer to its sender, one count, and the neighbour does not notice.
import * as fl from '@uwdata/flechette';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LiveEngine, row } from '../../support/live-engine.ts';
import { RawSocket, upgradeRequest, webSocketFrame } from '../../support/raw-socket.ts';
import type { Talk } from '../../support/talk.ts';

let live: LiveEngine;
let neighbour: Talk;
let results: Talk;
let neighbourRows = 0;

beforeAll(async () => {
  live = await LiveEngine.start();
  neighbour = await live.producer('plain');
  results = await live.subscriber('plain');
});
afterAll(() => live?.stop());

/** The neighbour sends a row, gets its acknowledgement, and the row comes out where it belongs. */
async function neighbourGoesOn(): Promise<void> {
  neighbour.send(row(neighbourRows, 'neighbour', neighbourRows));
  neighbourRows++;
  await neighbour.acked(neighbourRows);
  await results.until(() => results.rows.filter(({ key }) => key === 'neighbour').length === neighbourRows, 'its row');
  const values = results.rows.flatMap(({ key, value }) => (key === 'neighbour' ? [Number(value)] : []));
  expect(values).toEqual(Array.from({ length: neighbourRows }, (_, index) => index));
  expect(neighbour.acknowledged).toEqual({ rows: neighbourRows, rejected: 0 });
}

interface Case {
  what: string;
  /** Beginning of the line in /metrics that goes up. */
  counter: string;
  by?: number;
  does: () => Promise<void>;
}

const refusal = (code: string) => `pelton_refusals_total{thread="listener-0",code="${code}"}`;
const reject = (code: string) => `pelton_rejects_total{thread="listener-0",reason="${code}"}`;

/** Sends one frame; the engine rejects a row or the frame by name and keeps the connection. */
function rejected(what: string, code: string, frame: string | Uint8Array, shown = code): Case {
  return {
    what,
    counter: reject(code),
    does: async () => {
      const talk = await live.producer('orders');
      talk.send(frame);
      expect(await talk.says({ type: 'reject' })).toMatchObject({ code: shown, sequence: 1 });
      await talk.acked(1);
      expect(talk.acknowledged.rejected).toBe(1);
      talk.close();
    },
  };
}

/** Says a control message; the engine answers with the code and the connection goes on. */
function mistaken(what: string, ...messages: string[]): Case {
  return {
    what,
    counter: refusal('BAD_CONTROL'),
    by: messages.length,
    does: async () => {
      const talk = await live.producer('orders');
      for (const message of messages) {
        const from = talk.heard.length;
        talk.send(message);
        expect((await talk.says({ type: 'error' }, from)).code).toBe('BAD_CONTROL');
      }
      talk.send(row(0, 'a'));
      await talk.acked(1);
      talk.close();
    },
  };
}

/** One request, one answer with this status and code. */
function answered(what: string, code: string, status: number, path: string, init?: RequestInit): Case {
  return {
    what,
    counter: refusal(code),
    does: async () => {
      const response = await live.get(path, init);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
    },
  };
}

/** Bytes after the upgrade that end the TCP connection without a close frame. */
function aborted(what: string, ...frames: Uint8Array[]): Case {
  return {
    what,
    counter: 'pelton_connections_aborted_total{thread="listener-0"}',
    does: async () => {
      const raw = await RawSocket.upgraded(live.url, '/v1/streams/orders');
      for (const frame of frames) raw.write(frame);
      await raw.untilClosed();
    },
  };
}

const deep = (levels: number) => `{"ts":0,"key":"a","value":1,"more":${'['.repeat(levels)}${']'.repeat(levels)}}`;
const manyKeys = `{${Array.from({ length: 10_000 }, (_, index) => `"k${index}":${index}`).join(',')},"ts":0,"key":"a"}`;
const arrow = fl.tableToIPC(fl.tableFromArrays({ ts: [0], key: ['a'], value: [1] }), { format: 'stream' })!;
const arrowWith = (name: string, values: unknown[]): Uint8Array =>
  fl.tableToIPC(fl.tableFromArrays({ [name]: values, key: ['a'] }), { format: 'stream' })!;
const MiB = 2 ** 20;

const cases: Case[] = [
  rejected('a missing time', 'MISSING', '{"key":"a","value":1}'),
  rejected('a null time', 'NULL', '{"ts":null,"key":"a","value":1}'),
  rejected('a time that is a word', 'TYPE', '{"ts":"soon","key":"a","value":1}'),
  rejected('a time beyond the calendar', 'TIME_RANGE', '{"ts":8640000000000001,"key":"a","value":1}'),
  rejected('an integer beyond 64 bits', 'RANGE', '{"ts":0,"key":"a","value":9223372036854775808}'),
  rejected('an integer with a fraction', 'RANGE', '{"ts":0,"key":"a","value":1.5}'),
  rejected('a number as a key', 'TYPE', '{"ts":0,"key":7,"value":1}'),
  rejected('a field twice', 'DUPLICATE', '{"ts":0,"ts":1,"key":"a","value":1}'),
  rejected('half a surrogate pair', 'SURROGATE', '{"ts":0,"key":"\\ud800","value":1}'),
  rejected('a key of 16,385 bytes', 'KEY_SIZE', row(0, 'k'.repeat(16_385))),
  rejected('a row that does not fit a batch', 'ROW_SIZE', row(0, 'k'.repeat(MiB))),
  rejected('100,000 open brackets', 'DEPTH', `{"ts":0,"key":"a","value":1,"more":${'['.repeat(100_000)}`),
  rejected('65 levels of arrays', 'DEPTH', deep(65)),
  rejected('10,000 fields and one missing', 'MISSING', manyKeys),
  rejected('a byte order mark', 'SYNTAX', `\uFEFF${row(0, 'a')}`),
  rejected('a NUL between tokens', 'SYNTAX', '{"ts":0,\u0000"key":"a","value":1}'),
  rejected('a scalar', 'SYNTAX', '42'),
  rejected('single quotes', 'SYNTAX', "{'ts':0}"),
  rejected('binary that is no Arrow', 'SYNTAX', new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9]), 'ARROW_NOT_STREAM'),
  {
    ...rejected('Arrow that is cut in half', 'SYNTAX', arrow.subarray(0, arrow.length / 2), 'ARROW_TRUNCATED'),
    counter: refusal('ARROW'),
  },
  rejected('Arrow whose time is text', 'SYNTAX', arrowWith('ts', ['soon']), 'ARROW_COLUMN_TYPE'),
  rejected('Arrow without the time', 'SYNTAX', arrowWith('when', [0]), 'ARROW_COLUMN_MISSING'),
  {
    what: 'a good row between two bad ones',
    counter: reject('SYNTAX'),
    by: 2,
    does: async () => {
      const talk = await live.producer('orders');
      talk.send(`{"ts":\n${row(0, 'a')}\nnonsense`);
      await talk.acked(1);
      expect(talk.acknowledged).toEqual({ rows: 1, rejected: 2 });
      expect(talk.heard.filter(({ type }) => type === 'reject').map(({ row }) => row)).toEqual([0, 2]);
      talk.close();
    },
  },
  {
    what: 'fields named like parts of every object change nothing',
    counter: 'pelton_events_total',
    does: async () => {
      const talk = await live.producer('orders');
      talk.send('{"__proto__":{"polluted":1},"constructor":2,"toString":3,"":4,"ts":0,"key":"a","value":1}');
      await talk.acked(1);
      expect(talk.acknowledged).toEqual({ rows: 1, rejected: 0 });
      talk.close();
    },
  },
  mistaken(
    'control messages that are none',
    '!',
    '!frobnicate',
    '!HELLO {}',
    '!hello',
    '!hello {',
    '!hello []',
    '!hello null',
    '!hello {"producer":7}',
    `!hello {"producer":"${'p'.repeat(129)}"}`,
    '!hello {"producer":"p","epoch":-1}',
    '!hello {"producer":"p","epoch":1e99}',
    '!watermark',
    '!watermark soon',
    '!watermark 99999999999999999',
    '!watermark 8640000000000001',
    '! watermark 1',
  ),
  {
    what: 'a hello after a frame, and a second hello',
    counter: refusal('LATE_HELLO'),
    by: 2,
    does: async () => {
      const talk = await live.producer('orders');
      talk.send(row(0, 'a'));
      talk.send('!hello {"producer":"late"}');
      await talk.says({ code: 'LATE_HELLO' });
      const twice = await live.producer('orders');
      twice.send('!hello {"producer":"twice"}');
      twice.send('!hello {"producer":"twice"}');
      await twice.says({ code: 'LATE_HELLO' });
      talk.close();
      twice.close();
    },
  },
  {
    what: 'an epoch that is over',
    counter: refusal('FENCED'),
    by: 2,
    does: async () => {
      const newer = await live.producer('orders');
      newer.send('!hello {"producer":"f","epoch":5}');
      await newer.says({ type: 'hello' });
      const older = await live.producer('orders');
      older.send('!hello {"producer":"f","epoch":4}');
      await older.says({ code: 'FENCED' });
      expect(await older.ends()).toEqual({ code: 4409, reason: 'FENCED' });
      // The same id once more: the newer connection goes on.
      const again = await live.producer('orders');
      again.send('!hello {"producer":"f","epoch":5}');
      await again.says({ type: 'hello' });
      expect((await newer.ends()).code).toBe(4409);
      again.send(row(0, 'a'));
      await again.acked(1);
      again.close();
    },
  },
  {
    what: 'a frame over the limit',
    counter: refusal('FRAME_TOO_LARGE'),
    does: async () => {
      const talk = await live.producer('orders');
      talk.send('x'.repeat(4 * MiB + 1));
      await talk.says({ code: 'FRAME_TOO_LARGE' });
      expect(await talk.ends()).toEqual({ code: 1009, reason: 'FRAME_TOO_LARGE' });
    },
  },
  {
    what: 'a sender that ignores its credit while nothing can be placed',
    counter: refusal('CREDIT_EXCEEDED'),
    does: async () => {
      const talk = await live.producer('orders');
      talk.send(`!hello {"producer":"greedy"}`);
      const text = 'x'.repeat(3 * MiB); // Nothing is placed of it while its claim is decided.
      talk.send(text);
      await talk.says({ code: 'CREDIT_EXCEEDED' });
      expect((await talk.ends()).code).toBe(1008);
    },
  },
  {
    what: 'empty frames, ten thousand of them',
    counter: 'pelton_frames_received_total{thread="listener-0"}',
    by: 10_000,
    does: async () => {
      const talk = await live.producer('orders');
      for (let frame = 0; frame < 10_000; frame++) talk.send('');
      await talk.acked(10_000);
      expect(talk.acknowledged.rows).toBe(0);
      talk.close();
    },
  },
  {
    what: 'a subscriber that talks',
    counter: refusal('UNEXPECTED_MESSAGE'),
    does: async () => {
      const talk = await live.subscriber('plain');
      talk.send('hello');
      await talk.says({ code: 'UNEXPECTED_MESSAGE' });
      talk.close();
    },
  },
  aborted('a frame over the library’s own limit', webSocketFrame('', { declaredBytes: 9 * MiB })),
  aborted('a declared length of 2^63', webSocketFrame('', { declaredBytes: 2n ** 63n })),
  aborted('a text frame that is not UTF-8', webSocketFrame(new Uint8Array([0xc0, 0xaf]))),
  aborted('reserved bits', webSocketFrame('a', { reservedBits: 7 })),
  aborted('a reserved opcode', webSocketFrame('a', { opcode: 3 })),
  aborted('a ping of 126 bytes', webSocketFrame('p'.repeat(126), { opcode: 9 })),
  aborted('a ping in two parts', webSocketFrame('p', { opcode: 9, fin: false })),
  aborted('a continuation of nothing', webSocketFrame('a', { opcode: 0 })),
  aborted('a message inside a message', webSocketFrame('a', { fin: false }), webSocketFrame('b')),
  {
    what: 'a connection reset in the middle of a frame',
    counter: 'pelton_connections_aborted_total{thread="listener-0"}',
    does: async () => {
      const raw = await RawSocket.upgraded(live.url, '/v1/streams/orders');
      raw.write(webSocketFrame('{"ts":', { declaredBytes: 1000 }));
      await new Promise((resolve) => setTimeout(resolve, 50));
      raw.reset();
    },
  },
  {
    what: 'a flood of pings is answered or ends, and costs the neighbour nothing',
    counter: 'pelton_connections_aborted_total{thread="listener-0"}',
    does: async () => {
      const raw = await RawSocket.upgraded(live.url, '/v1/streams/orders');
      raw.write(Buffer.concat(Array.from({ length: 20_000 }, () => webSocketFrame('p'.repeat(100), { opcode: 9 }))));
      await neighbourGoesOn();
      raw.reset();
    },
  },
  answered('an unknown stream', 'UNKNOWN_STREAM', 404, '/v1/streams/nobody', { method: 'POST', body: '{}' }),
  answered('an unknown sink', 'UNKNOWN_SINK', 404, '/v1/sinks/nobody'),
  answered('an unknown path', 'UNKNOWN_PATH', 404, '/v2/streams'),
  answered('a name that is wrongly encoded', 'UNKNOWN_STREAM', 404, '/v1/streams/%E0%A4%A'),
  answered('a sink’s name that is wrongly encoded', 'UNKNOWN_SINK', 404, '/v1/sinks/%ff'),
  answered('a name with NUL', 'UNKNOWN_STREAM', 404, '/v1/streams/orders%00'),
  answered('a name with a path in it', 'UNKNOWN_STREAM', 404, '/v1/streams/..%2f..%2fetc%2fpasswd'),
  answered('a method that the route has not', 'METHOD_NOT_ALLOWED', 405, '/v1/streams/orders', { method: 'DELETE' }),
  answered('rows to a sink', 'METHOD_NOT_ALLOWED', 405, '/v1/sinks/plain', { method: 'POST', body: row(0, 'a') }),
  answered('a watermark in the query that is none', 'BAD_QUERY', 400, '/v1/streams/orders?watermark=soon', {
    method: 'POST',
    body: '',
  }),
  answered('a body over the limit', 'FRAME_TOO_LARGE', 413, '/v1/streams/orders', {
    method: 'POST',
    body: 'x'.repeat(5 * MiB),
  }),
  {
    what: 'a POST of which no row is good',
    counter: reject('SYNTAX'),
    does: async () => {
      const response = await live.get('/v1/streams/orders', { method: 'POST', body: 'nonsense' });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ rows: 0, rejected: 1, errors: [{ row: 0, code: 'SYNTAX' }] });
    },
  },
  {
    what: 'a body that is broken off half way',
    counter: 'pelton_connections_aborted_total{thread="listener-0"}',
    does: async () => {
      const raw = await RawSocket.open(live.url);
      raw.write('POST /v1/streams/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"ts":0,');
      await new Promise((resolve) => setTimeout(resolve, 50));
      raw.reset();
    },
  },
  {
    what: 'two lengths for one body',
    counter: refusal('BAD_REQUEST'),
    does: async () => {
      const raw = await RawSocket.open(live.url);
      raw.write('POST /v1/streams/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello');
      expect(await raw.until((text) => text.includes('}'))).toContain('400 Bad Request');
      raw.close();
    },
  },
  {
    what: 'an upgrade of another version',
    counter: refusal('WEBSOCKET_VERSION'),
    does: async () => {
      const raw = await RawSocket.open(live.url);
      raw.write(upgradeRequest('/v1/streams/orders', { 'Sec-WebSocket-Version': '8' }));
      expect(await raw.until((text) => text.includes('}'))).toContain('426 Upgrade Required');
      raw.close();
    },
  },
  {
    what: 'an upgrade to a stream that is not there',
    counter: refusal('UNKNOWN_STREAM'),
    does: async () => {
      const raw = await RawSocket.open(live.url);
      raw.write(upgradeRequest('/v1/streams/nobody'));
      expect(await raw.until((text) => text.includes('}'))).toContain('"known":["orders","plain","listened"]');
      raw.close();
    },
  },
  {
    what: 'a format that is not known',
    counter: refusal('UNKNOWN_FORMAT'),
    does: async () => {
      const raw = await RawSocket.open(live.url);
      raw.write(upgradeRequest('/v1/sinks/plain?format=xml'));
      expect(await raw.until((text) => text.includes('}'))).toContain('expected json or arrow');
      raw.close();
    },
  },
  {
    what: 'path traversal',
    counter: refusal('UNKNOWN_PATH'),
    does: async () => {
      const raw = await RawSocket.open(live.url);
      raw.write('GET /v1/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await raw.until((text) => text.includes('}'))).toContain('404 Not Found');
      raw.close();
    },
  },
  {
    what: 'a query of 3,000 bytes is no harm',
    counter: refusal('UNKNOWN_PATH'),
    does: async () => {
      expect((await live.get(`/v1/streams?${'q=1&'.repeat(750)}`)).status).toBe(200);
      expect((await live.get(`/nowhere?${'q=1&'.repeat(750)}`)).status).toBe(404);
    },
  },
];

test.each(cases)('$what', async ({ counter, by = 1, does }) => {
  const before = await live.metric(counter);
  await does();
  await expect.poll(async () => (await live.metric(counter)) - before, { timeout: 5000 }).toBe(by);
  await neighbourGoesOn();
});

test.each([
  ['what is no HTTP', 'hello there\r\n\r\n'],
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a hundred and one headers', `GET / HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(101)}\r\n`],
  ['a header of 64 KiB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`],
  [
    'a length and chunks at once',
    'POST /v1/streams/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a negative length', 'POST /v1/streams/orders HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n'],
])('the port answers 4xx to %s, or ends the connection', async (_what, bytes) => {
  const raw = await RawSocket.open(live.url);
  raw.write(Buffer.from(bytes, 'latin1'));
  const text = await raw.until((seen) => seen.includes('\r\n\r\n')).catch(() => raw.untilClosed());
  expect(text === '' || / 4\d\d /.test(text.slice(0, 16)) || / 505 /.test(text.slice(0, 16))).toBe(true);
  raw.close();
  await neighbourGoesOn();
});

test('a frame without a mask is taken for what its bytes say, and refused as that', async () => {
  const raw = await RawSocket.upgraded(live.url, '/v1/streams/orders');
  raw.write(Buffer.concat([webSocketFrame(row(0, 'a'), { masked: false }), Buffer.alloc(4)]));
  await Promise.race([raw.until((text) => text.includes('"reject"')), raw.untilClosed()]);
  raw.close();
  await neighbourGoesOn();
});
