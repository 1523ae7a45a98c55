// The decoder's promises one by one; decode.model.test.ts shows them in every mixture.
import { expect, test } from 'vitest';
import {
  JSON_DONE,
  JSON_FULL,
  REASON_DEPTH,
  REASON_DUPLICATE,
  REASON_MISSING,
  REASON_NULL,
  REASON_ROW_SIZE,
  REASON_SURROGATE,
  REASON_SYNTAX,
  REASON_TIME_RANGE,
  REASON_TYPE,
  REASON_UTF8,
  REJECTS_LISTED_MAX,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { type Column, createDecoder, emptyDecoded } from '../../support/json-decoder.ts';

const n: Column = { name: 'n', type: TYPE_I64 };
const numbers = createDecoder({ columns: [n] });
const names = createDecoder({ columns: [{ name: 's', type: TYPE_UTF8 }] });
const times = createDecoder({ columns: [{ name: 't', type: TYPE_I64, eventTime: true }] });

const rowsOf = (frame: string | Uint8Array) => numbers.decode(frame).rows.map(([value]) => Number(value));
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));

test('a lone object, an array and lines give the same rows, whatever whitespace stands between them', () => {
  expect(rowsOf('{"n":1}')).toEqual([1]);
  expect(rowsOf(' [ {"n":1} ,\r\n{"n":2}\t] \n')).toEqual([1, 2]);
  expect(rowsOf('{"n":1}\n{"n":2}\r\n\n \n{"n":3} {"n":4}\n')).toEqual([1, 2, 3, 4]);
  expect(rowsOf('{\n  "n" : 1\n}\n{\n  "n"\t:\n2 }')).toEqual([1, 2]);
});

test('an empty frame, a blank one and an empty array have no rows and no rejects', () => {
  for (const frame of ['', ' \r\n\t', '[]', ' [ ] \n']) {
    expect(numbers.decode(frame)).toEqual({ rows: [], rowNumbers: [], rejects: [], rowsSeen: 0, pauses: 0 });
  }
});

test('a broken line is one reject with its byte, and the lines around it are rows with their own numbers', () => {
  const { rows, rowNumbers, rejects } = numbers.decode('{"n":1}\n{"n":\n{"n":3}\n{"n":"x\n{"n":5}\nx\n17\n{"n":8}');
  expect(rows).toEqual([[1n], [3n], [5n], [8n]]);
  expect(rowNumbers).toEqual([0, 2, 4, 7]);
  expect(rejects).toEqual([
    { row: 1, reason: REASON_SYNTAX, column: -1, at: 22 },
    { row: 3, reason: REASON_SYNTAX, column: -1, at: 29 },
    { row: 5, reason: REASON_SYNTAX, column: -1, at: 38 },
    { row: 6, reason: REASON_SYNTAX, column: -1, at: 40 },
  ]);
});

test('a value that its column cannot hold costs an array that row alone', () => {
  const { rows, rejects } = numbers.decode('[{"n":1},{"n":true},{},7,{"n":5}]');
  expect(rows).toEqual([[1n], [5n]]);
  expect(rejects).toEqual([
    { row: 1, reason: REASON_TYPE, column: 0, at: 14 },
    { row: 2, reason: REASON_MISSING, column: 0, at: 20 },
    { row: 3, reason: REASON_SYNTAX, column: -1, at: 23 },
  ]);
});

test('a syntax error in an array keeps the rows before it and ends the frame with one reject', () => {
  const { rows, rejects, rowsSeen } = numbers.decode('[{"n":1},{"n":2,},{"n":3}]');
  expect([rows, rejects, rowsSeen]).toEqual([[[1n]], [{ row: 1, reason: REASON_SYNTAX, column: -1, at: 16 }], 2]);
  for (const frame of [
    '[{"n":1}',
    '[{"n":1},',
    '[{"n":1},]',
    '[{"n":1}] x',
    '[{"n":1} {"n":2}]',
    '[{"n":1}][{"n":2}]',
  ]) {
    const decoded = numbers.decode(frame);
    expect([decoded.rows, decoded.rejects.length, decoded.rowsSeen], frame).toEqual([[[1n]], 1, 2]);
  }
});

test('rows that touch are no lines: the second one is a reject', () => {
  expect(numbers.decode('{"n":1}{"n":2}\n{"n":3}')).toMatchObject({ rows: [[1n], [3n]], rejects: [{ row: 1, at: 7 }] });
});

test('a byte order mark in front of the frame is refused', () => {
  expect(numbers.decode('\ufeff{"n":1}').rejects).toEqual([{ row: 0, reason: REASON_SYNTAX, column: -1, at: 0 }]);
});

test('more rejects than one call lists are handed over in several', () => {
  const count = REJECTS_LISTED_MAX * 3 + 1;
  const { rejects, rows } = numbers.decode(`${'x\n'.repeat(count)}{"n":1}`);
  expect([rejects.length, rejects.at(-1)!.row, rows]).toEqual([count, count - 1, [[1n]]]);
});

test('a key is compared unescaped, and only whole', () => {
  expect(rowsOf('{"\\u006e":1}\n{"n":2}\n{"\\u006E":3}')).toEqual([1, 2, 3]);
  expect(rowsOf(`{"${'\\u006e'.repeat(300)}":1,"n":2}`)).toEqual([2]);
  const near = numbers.decode('{"n":1}\n{"nn":2}\n{"N":2}\n{"n\\u0000":2}\n{"":2}\n{"\\ud800":2}');
  expect(near.rejects.map(({ reason }) => reason)).toEqual(Array(5).fill(REASON_MISSING));
});

test('a field that is read may stand once in a row, any other as often as it likes', () => {
  expect(numbers.decode('{"n":1,"x":1,"x":2,"n":1}').rejects).toEqual([
    { row: 0, reason: REASON_DUPLICATE, column: 0, at: 23 },
  ]);
  expect(numbers.decode('{"n":1,"\\u006e":1}').rejects).toMatchObject([{ reason: REASON_DUPLICATE }]);
  expect(rowsOf('{"n":1,"x":1,"x":2}')).toEqual([1]);
});

test('fields may change places, drop out and come in from row to row', () => {
  const decoder = createDecoder({
    columns: [n, { name: 'b', type: TYPE_BOOL, nullable: true }, { name: 'd', type: TYPE_F64, nullable: true }],
  });
  const { rows } = decoder.decode(
    '{"n":1,"b":true,"d":1.5}\n{"d":2.5,"n":2}\n{"x":0,"b":null,"n":3,"d":-0}\n{"n":4}\n{"n":5,"b":false,"d":1}',
  );
  expect(rows).toEqual([
    [1n, true, 1.5],
    [2n, null, 2.5],
    [3n, null, -0],
    [4n, null, null],
    [5n, false, 1],
  ]);
});

test('rows of more different keys than the decoder expects are read as well', () => {
  const keys = Array.from({ length: 200 }, (_, index) => `"a rather long key that nobody reads ${index}":${index}`);
  const short = Array.from({ length: 200 }, (_, index) => `"k${index}":${index}`);
  expect(rowsOf([keys, short, keys].map((some, index) => `{${some},"n":${index}}`).join('\n'))).toEqual([0, 1, 2]);
});

test('null and absent are null where the column allows it, and named rejects where it does not', () => {
  const { rejects } = createDecoder({ columns: [n, { name: 'i', type: TYPE_I32 }] }).decode(
    '{"n":null,"i":1}\n{"n":1}',
  );
  expect(rejects).toEqual([
    { row: 0, reason: REASON_NULL, column: 0, at: 5 },
    { row: 1, reason: REASON_MISSING, column: 1, at: 17 },
  ]);
  expect(times.decode('{"t":null}\n{}').rejects.map(({ reason }) => reason)).toEqual([REASON_NULL, REASON_MISSING]);
});

test('text in a number column and numbers in a text column are of the wrong type', () => {
  for (const value of ['"123"', 'true', '[1]', '{}']) {
    expect(numbers.decode(`{"n":${value}}`).rejects, value).toMatchObject([{ reason: REASON_TYPE, column: 0, at: 5 }]);
  }
  for (const value of ['1', 'false', '[]']) {
    expect(names.decode(`{"s":${value}}`).rejects, value).toMatchObject([{ reason: REASON_TYPE, column: 0 }]);
  }
});

test('escapes are decoded, surrogate pairs joined, and half a pair is refused in a field that is read', () => {
  expect(names.decode('{"s":"\\u00e9\\ud83d\\ude00\\n\\u0000\\/"}').rows).toEqual([['é😀\n\u0000/']]);
  for (const half of ['\\ud83d', '\\ude00', '\\ud83dx', '\\ud83d\\n', '\\ud83d\\u0041', '\\ude00\\ud83d']) {
    expect(names.decode(`{"s":"${half}"}`).rejects, half).toEqual([
      { row: 0, reason: REASON_SURROGATE, column: 0, at: 5 },
    ]);
    expect(names.decode(`{"s":"x","u":"${half}"}`).rows, half).toEqual([['x']]);
  }
});

test('bytes that are no UTF-8 are refused in every field, and outside of strings', () => {
  const wrong = [[0xff], [0xc0, 0x80], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0xbf, 0xbf]];
  wrong.push([0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98]);
  for (const sequence of wrong) {
    for (const [frame, at] of [
      [bytes('{"s":"0123456789ab', sequence, '"}\n{"s":"ok"}'), 18],
      [bytes('{"u":"', sequence, '","s":"x"}\n{"s":"ok"}'), 6],
      [bytes('{"s":"x",', sequence, '\n{"s":"ok"}'), 9],
    ] as const) {
      const { rows, rejects } = names.decode(frame);
      expect({ sequence, rows, rejects }).toEqual({
        sequence,
        rows: [['ok']],
        rejects: [{ row: 0, reason: REASON_UTF8, column: -1, at }],
      });
    }
  }
});

test('strings of every length around the sixteen-byte steps come out whole, with and without escapes', () => {
  for (let length = 0; length <= 70; length++) {
    for (const tail of ['', 'é', '😀', '\n', '"']) {
      const value = 'abcdefghij'.repeat(7).slice(0, length) + tail;
      expect(names.decode(`{"s":${JSON.stringify(value)}}`).rows).toEqual([[value]]);
    }
  }
});

test('a field may nest 64 levels deep, no deeper, read or not', () => {
  const nested = (levels: number) => `{"u":${'['.repeat(levels)}${']'.repeat(levels)},"n":1}`;
  expect(rowsOf(nested(64))).toEqual([1]);
  expect(numbers.decode(`${nested(65)}\n{"n":2}`)).toMatchObject({ rows: [[2n]], rejects: [{ reason: REASON_DEPTH }] });
  expect(numbers.decode(`[${nested(65)},{"n":2}]`)).toMatchObject({
    rows: [[2n]],
    rejects: [{ row: 0, reason: REASON_DEPTH, column: -1, at: 6 }],
  });
  expect(numbers.decode(`[${nested(100000)},{"n":2}]`)).toMatchObject({
    rows: [],
    rejects: [{ reason: REASON_DEPTH }],
  });
});

test('a whole text may nest 4,096 levels deep', () => {
  const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
  expect(numbers.check(nested(4096))).toBe(0);
  expect(numbers.check(nested(4098))).toBe(REASON_DEPTH);
});

test('an event time is an integer or RFC 3339, rounded down, within what a Date can hold', () => {
  const at = (value: string) => times.decode(`{"t":${value}}`).rows.map(([time]) => Number(time))[0];
  expect(at('978307200000')).toBe(978307200000);
  expect(at('"2001-01-01T00:00:00Z"')).toBe(978307200000);
  expect(at('"2001-01-01T01:30:00.9999+01:30"')).toBe(978307200999);
  expect(at('"1969-12-31T23:59:59.9999Z"')).toBe(-1);
  expect(at('"0000-03-01T00:00:00-23:59"')).toBe(Date.parse('0000-03-01T23:59:00Z'));
  expect(at('"9999-12-31t23:59:59z"')).toBe(Date.parse('9999-12-31T23:59:59Z'));
  for (const value of ['8640000000000001', '-8640000000000001', '1e16', '1e400', '9223372036854775808']) {
    expect(times.decode(`{"t":${value}}`).rejects, value).toEqual([
      { row: 0, reason: REASON_TIME_RANGE, column: 0, at: 5 },
    ]);
  }
  const days = ['2001-02-29', '1900-02-29', '2100-02-29', '2001-04-31', '2001-13-01', '2001-00-01', '2001-01-00'];
  const wrong = ['', 'now', '2001-01-01T24:00:00Z', '2001-01-01T00:00:00', '2001-01-01', '2001-01-01T00:00:00.Z'];
  for (const text of [...wrong, ...days.map((day) => `${day}T00:00:00Z`)]) {
    expect(times.decode(`{"t":"${text}"}`).rejects, text).toEqual([{ row: 0, reason: REASON_TYPE, column: 0, at: 5 }]);
  }
});

test('every day from 1600 to 2400 in RFC 3339 is the day that Date says', () => {
  const days = Array.from({ length: 800 * 365 }, (_, day) => Date.UTC(1600, 0, 1) + day * 86_400_000);
  for (let from = 0; from < days.length; from += 20_000) {
    const some = days.slice(from, from + 20_000);
    const frame = some.map((day) => `{"t":"${new Date(day).toISOString()}"}`).join('\n');
    expect(times.decode(frame).rows.map(([time]) => Number(time))).toEqual(some);
  }
});

test('a row larger than an empty builder is a reject, one that only lacks room comes with the next', () => {
  const decoder = createDecoder({ columns: [{ name: 's', type: TYPE_UTF8 }], bytesMax: 10 });
  const decoded = decoder.decode('{"s":"123456"}\n{"s":"12345"}\n{"s":"12345678901"}\n{"s":"1234567890"}\n{"s":""}');
  expect(decoded.rows).toEqual([['123456'], ['12345'], ['1234567890'], ['']]);
  expect(decoded.rejects).toEqual([{ row: 2, reason: REASON_ROW_SIZE, column: -1, at: 29 }]);
  expect(decoder.decode('{"s":"\\u0031234567890x"}').rejects).toMatchObject([{ reason: REASON_ROW_SIZE }]);
});

test('decoders of one kernel take turns in the middle of their frames', () => {
  const kernel = loadKernel({ memory: reserveMemory(16 * 1024 * 1024, false) });
  const lines = createDecoder({ columns: [n], rowsMax: 1, kernel });
  const array = createDecoder({ columns: [{ name: 's', type: TYPE_UTF8 }], bytesMax: 2, kernel });
  const [fromLines, fromArray] = [emptyDecoded(), emptyDecoded()];
  lines.begin('{"n":1}\n{"n":2}\n{"n":3}');
  array.begin('[{"s":"aa"},{"s":"bb"},{"s":"cc"}]');
  const statuses = [0, 1, 2].map(() => [lines.next(fromLines), array.next(fromArray)]);
  expect(statuses).toEqual([
    [JSON_FULL, JSON_FULL],
    [JSON_FULL, JSON_FULL],
    [JSON_DONE, JSON_DONE],
  ]);
  expect([fromLines.rows, fromArray.rows]).toEqual([
    [[1n], [2n], [3n]],
    [['aa'], ['bb'], ['cc']],
  ]);
});

test('an arena that cannot hold the decoder refuses it with 0', () => {
  const { exports, u32 } = loadKernel({ memory: reserveMemory(131072, false), arenaEnd: 70000 });
  const plan = exports.reserve(64) >>> 2;
  u32.set([1, 16, 16, TYPE_I64, 0], plan);
  const builder = exports.builderCreate(plan << 2);
  expect(builder).not.toBe(0);
  u32.set([builder, 1, 1, 20, 1, 0x6e], plan);
  expect(exports.jsonCreate(plan << 2)).toBe(0);
});
