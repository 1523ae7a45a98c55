// Input to frames, without a wire: nothing depends on where the input is cut, and what is no input is refused.
import { dictionary, int32, tableFromArrays, tableFromIPC, tableToIPC, utf8 } from '@uwdata/flechette';
import { describe, expect, test } from 'vitest';
import { arrowFrames } from '../../../host/cli/arrow-frames.ts';
import { csvFrames } from '../../../host/cli/csv-frames.ts';
import type { Frame, FrameBounds, LocalReject } from '../../../host/cli/frame.ts';
import { ndjsonFrames } from '../../../host/cli/ndjson-frames.ts';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { FLIGHT_FIELDS } from '../../support/fake-engine.ts';
import { seededRandom } from '../../support/random.ts';

const BOUNDS: FrameBounds = { rowsMax: 1000, bytesMax: 65536, frameBytesMax: 65536 };

async function* cut(bytes: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const end of [...at, bytes.length]) {
    yield bytes.subarray(from, end);
    from = end;
  }
}

/** In one piece, in single bytes, in two pieces cut anywhere, and in many cut at random. */
function cuts(length: number): number[][] {
  const random = seededRandom(5);
  const every = Array.from({ length: length + 1 }, (_, at) => at);
  return [[], every, ...every.map((at) => [at]), ...every.map(() => every.filter(() => random.chance(0.1)))];
}

/** What came before the input was refused. */
async function beforeRefusal(frames: AsyncIterable<Frame>): Promise<{ frames: Frame[]; error: unknown }> {
  const all: Frame[] = [];
  try {
    for await (const frame of frames) all.push(frame);
    return { frames: all, error: null };
  } catch (error) {
    return { frames: all, error };
  }
}

async function collect(frames: AsyncIterable<Frame>): Promise<Frame[]> {
  const all: Frame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

const linesOf = (frames: readonly Frame[]) =>
  frames.flatMap(({ bytes }) => Buffer.from(bytes).toString().split(/\r?\n/)).filter((line) => line.trim() !== '');
const numbersOf = (frames: readonly Frame[]) =>
  frames.flatMap(({ rows, rowNumber }) => Array.from({ length: rows }, (_, index) => rowNumber(index)));
const rowsOf = (frames: readonly Frame[]) => frames.flatMap(({ bytes }) => tableFromIPC(bytes).toArray() as object[]);

describe('ndjson', () => {
  test('lines and their numbers are the same wherever the input is cut', async () => {
    const text = Buffer.from('\uFEFF\r\n{"n":1}\r\n\r\n {"n":"é€😀"}\n\n!end\n{"n":3}');
    for (const at of cuts(text.length)) {
      const frames = await collect(ndjsonFrames(cut(text, at), BOUNDS));
      expect(
        linesOf(frames).map((line) => line.trim()),
        `cut at ${at}`,
      ).toEqual(['{"n":1}', '{"n":"é€😀"}', '!end', '{"n":3}']);
      expect(numbersOf(frames), `cut at ${at}`).toEqual([1, 2, 3, 4]);
      expect(frames.every(({ bytes }) => bytes[0] !== 0x21)).toBe(true); // A control message begins so.
    }
  });

  test('frames are at most as large as asked for, and hold more than one line if they can', async () => {
    const text = Buffer.from(Array.from({ length: 500 }, (_, n) => `"${'x'.repeat(n % 90)}"\n`).join(''));
    const frames = await collect(ndjsonFrames(cut(text, []), { ...BOUNDS, bytesMax: 100 }));
    expect(frames.every(({ bytes, rows }) => bytes.length <= 100 && rows >= 1)).toBe(true);
    expect(frames.some(({ rows }) => rows > 2)).toBe(true);
    expect(Buffer.concat(frames.map(({ bytes }) => bytes))).toEqual(text);
  });

  test('nothing is no frame', async () => {
    expect(await collect(ndjsonFrames(cut(Buffer.from('\n \r\n'), []), BOUNDS))).toEqual([]);
  });

  test('the lines in front of one that is refused are frames, and none behind it is', async () => {
    const bytes = Buffer.from('{"n":1}\n\n{"n":2}\n{"n":"\xe9"}\n{"n":4}\n', 'latin1');
    const { frames, error } = await beforeRefusal(ndjsonFrames(cut(bytes, []), BOUNDS));
    expect(linesOf(frames)).toEqual(['{"n":1}', '{"n":2}']);
    expect(error).toMatchObject({ message: 'row 3 is not UTF-8' });
  });

  test.each([
    ['a JSON array', Buffer.from(' [{"n":1}]'), /begins with \[: a JSON array/],
    ['bytes that are not UTF-8', Buffer.from('{"n":1}\n\n{"n":"\xe9"}\n', 'latin1'), /^row 2 is not UTF-8$/],
    ['a line that is too long', Buffer.from(`{}\n"${'x'.repeat(70_000)}"`), /^line 2 is longer than 65536 bytes/],
  ])('%s is refused', async (_, bytes, seen) => {
    await expect(collect(ndjsonFrames(cut(bytes, []), BOUNDS))).rejects.toMatchObject({
      exitCode: 65,
      message: expect.stringMatching(seen),
    });
  });
});

describe('csv', () => {
  const convert = async (text: Buffer, at: number[] = [], bounds = BOUNDS) => {
    const rejects: LocalReject[] = [];
    const onReject = (reject: LocalReject) => rejects.push(reject);
    const frames = await collect(csvFrames(cut(text, at), { fields: FLIGHT_FIELDS, bounds, onReject }));
    return { frames, rejects };
  };

  test('rows are the same wherever the input is cut', async () => {
    const text = Buffer.from(
      '\uFEFForigin,ts_ms,"destination"\r\n"é,\r\n""q""",1,""\r\n\r\nB"B",2,\n"",3,"x"\r\n€,4,\n',
    );
    for (const at of cuts(text.length)) {
      const { frames, rejects } = await convert(text, at);
      expect(rowsOf(frames), `cut at ${at}`).toEqual([
        { ts_ms: 1, origin: 'é,\r\n"q"', destination: '' },
        { ts_ms: 2, origin: 'B"B"', destination: null },
        { ts_ms: 3, origin: '', destination: 'x' },
        { ts_ms: 4, origin: '€', destination: null },
      ]);
      expect(rejects).toEqual([]);
    }
  });

  test('a row that is left out shifts no other row’s number', async () => {
    const { frames, rejects } = await convert(Buffer.from('ts_ms,origin,delay\n1,A,1\n2,B,x\n3,C,3\n4,D\n5,F,5\n'));
    expect(numbersOf(frames)).toEqual([1, 3, 5]);
    expect(rowsOf(frames)).toEqual([1, 3, 5].map((n, index) => ({ ts_ms: n, origin: 'ACF'[index], delay: n })));
    expect(rejects).toMatchObject([
      { row: 2, code: 'TYPE', column: 'delay' },
      { row: 4, code: 'CSV', column: null },
    ]);
  });

  test('rows that together are larger than a frame may be are divided, one that is alone is left out', async () => {
    const bounds = { ...BOUNDS, frameBytesMax: 2000 };
    const lines = Array.from({ length: 40 }, (_, n) => `${n},${'x'.repeat(n === 17 ? 3000 : 100)}`);
    const { frames, rejects } = await convert(Buffer.from(`ts_ms,origin\n${lines.join('\n')}`), [], bounds);
    expect(frames.every(({ bytes }) => bytes.length <= 2000)).toBe(true);
    expect(numbersOf(frames)).toEqual(lines.map((_, n) => n + 1).filter((row) => row !== 18));
    expect(rejects).toMatchObject([{ row: 18, code: 'ROW_SIZE' }]);
  });

  test.each([
    ['bool', ['true', 'FALSE', '1', ' 0 '], [true, false, true, false]],
    ['i32', ['-2147483648', '+7', '2147483647'], [-2147483648, 7, 2147483647]],
    ['i64', ['-9223372036854775808', '9223372036854775807', '12'], [-(2n ** 63n), 2n ** 63n - 1n, 12n]],
    ['f64', ['1.5', '-1e300', '.5', '5.'], [1.5, -1e300, 0.5, 5]],
    ['timestamp', ['-1', '2001-01-01T00:00:00Z', '2001-01-01 01:00:00.5+01:00'], [-1, 978307200000, 978307200500]],
  ] as const)('a %s cell may be written %j', async (type, cells, values) => {
    const fields = [{ name: 'v', type, nullable: false }];
    const text = Buffer.from(`v\n${cells.join('\n')}\n`);
    const frames = await collect(
      csvFrames(cut(text, []), { fields, bounds: BOUNDS, onReject: (reject) => expect.fail(reject.message) }),
    );
    const column = frames.flatMap(({ bytes }) => [...tableFromIPC(bytes, { useBigInt: true }).getChild('v')]);
    expect(column).toEqual(values);
  });

  test.each([
    ['bool', ['yes', '2', ' ']],
    ['i32', ['2147483648', '-2147483649', '1.0', '1e3', '0x1', 'x', ' ']],
    ['i64', ['9223372036854775808', '99999999999999999999', '1.5']],
    ['f64', ['1e400', 'NaN', 'Infinity', '0x1', '1,', '--1', ' ']],
    ['timestamp', ['2001-01-01', '2001-01-01T00:00:00', '2001-13-01T00:00:00Z', '1.5']],
  ] as const)('no %s cell may be written %j', async (type, cells) => {
    const rejects: LocalReject[] = [];
    const text = Buffer.from(`v\n${cells.map((cell) => `"${cell}"`).join('\n')}\n`);
    const fields = [{ name: 'v', type, nullable: false }];
    await collect(csvFrames(cut(text, []), { fields, bounds: BOUNDS, onReject: (reject) => rejects.push(reject) }));
    expect(rejects.map(({ row, code }) => `${row} ${code}`)).toEqual(cells.map((_, index) => `${index + 1} TYPE`));
  });

  test('the rows in front of a mistake are frames', async () => {
    const frames = csvFrames(cut(Buffer.from('ts_ms,origin\n1,A\n2,B\n3,"C'), []), {
      fields: FLIGHT_FIELDS,
      bounds: BOUNDS,
      onReject: () => undefined,
    });
    const before = await beforeRefusal(frames);
    expect(numbersOf(before.frames)).toEqual([1, 2]);
    expect(before.error).toMatchObject({ message: 'record 4: a quote is never closed' });
  });

  test.each([
    ['a header without a field that the stream needs', 'ts_ms,orign\n1,A\n', '«origin» (did you mean "orign"?)'],
    ['a name that stands twice', 'ts_ms,origin,origin\n1,A,B\n', '«origin» twice'],
    ['a quote that is never closed', 'ts_ms,origin\n1,"A\n', 'record 2: a quote is never closed'],
    ['text behind a closing quote', 'ts_ms,origin\n1,"A"B\n', 'record 2: "B\\n" behind a closing quote'],
    ['bytes that are not UTF-8', Buffer.from('ts_ms,origin\n1,\xe9\n', 'latin1'), 'not UTF-8'],
    ['half a character at the end', Buffer.from('ts_ms,origin\n1,é').subarray(0, -1), 'not UTF-8'],
    ['no line at all', '', 'the input is empty'],
  ])('%s is refused', async (_, text, seen) => {
    await expect(convert(Buffer.from(text as string))).rejects.toMatchObject({
      exitCode: 65,
      message: expect.stringContaining(seen),
    });
  });
});

describe('arrow', () => {
  const stream = (from: number, to: number, batchRowsMax = 100) =>
    Buffer.from(
      writeArrow([{ name: 'n', type: 'i32', values: Array.from({ length: to - from }, (_, n) => from + n) }], {
        batchRowsMax,
      }),
    );
  const split = (bytes: Buffer, bounds: Partial<FrameBounds> = {}, at: number[] = []) =>
    collect(arrowFrames(cut(bytes, at), { rowsMax: Infinity, bytesMax: 65536, frameBytesMax: 65536, ...bounds }));

  test('every frame is a complete stream, and the rows are the same wherever the input is cut', async () => {
    const bytes = Buffer.concat([stream(0, 9, 2), stream(9, 20, 5)]);
    for (const at of cuts(bytes.length)) {
      const frames = await split(bytes, { bytesMax: 500 }, at);
      expect(rowsOf(frames), `cut at ${at}`).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })));
      expect(numbersOf(frames)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    }
  });

  test('batches share a frame up to its bounds', async () => {
    const whole = await split(stream(0, 1000));
    expect(whole.map(({ rows }) => rows)).toEqual([1000]);
    expect((await split(stream(0, 1000), { rowsMax: 250 })).map(({ rows }) => rows)).toEqual([200, 200, 200, 200, 200]);
    const small = await split(stream(0, 1000), { bytesMax: 1500 });
    expect(small.length).toBeGreaterThan(2);
    expect(small.every(({ bytes }) => bytes.length <= 1500)).toBe(true);
  });

  test('the end of a stream may be absent', async () => {
    const frames = await split(Buffer.concat([stream(0, 10).subarray(0, -8), stream(10, 20).subarray(0, -8)]));
    expect(rowsOf(frames)).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })));
  });

  test('every frame has the dictionaries that its batches need', async () => {
    const words = (prefix: string) => Array.from({ length: 50 }, (_, n) => `${prefix}${n % 3}`);
    const table = (prefix: string) =>
      tableFromArrays(
        { word: words(prefix), n: words(prefix).map((_, n) => n) },
        { types: { word: dictionary(utf8()), n: int32() }, maxBatchRows: 10 },
      );
    const bytes = Buffer.concat(
      ['a', 'b'].map((prefix) => Buffer.from(tableToIPC(table(prefix), { format: 'stream' })!)),
    );
    const frames = await split(bytes, { rowsMax: 10 });
    expect(frames).toHaveLength(10);
    expect(rowsOf(frames)).toEqual([...words('a'), ...words('b')].map((word, n) => ({ word, n: n % 50 })));
  });

  test('a batch that is larger than the engine takes is refused with the rows that fit', async () => {
    await expect(split(stream(0, 500, 500), { frameBytesMax: 1000 })).rejects.toMatchObject({
      exitCode: 65,
      message: expect.stringMatching(
        /begins with row 1 has 500 rows and makes a frame of \d+ bytes; the engine takes at most 1000/,
      ),
      advice: expect.stringMatching(/about \d{2,3} rows/),
    });
  });

  test('an input that is cut at any byte gives the batches before the cut, and is refused inside a message', async () => {
    const bytes = stream(0, 30, 10);
    const bounds = { rowsMax: Infinity, bytesMax: 65536, frameBytesMax: 65536 };
    let most = 0;
    let refused = 0;
    for (let length = 0; length < bytes.length; length++) {
      const { frames, error } = await beforeRefusal(arrowFrames(cut(bytes.subarray(0, length), []), bounds));
      const rows = rowsOf(frames);
      expect(rows, `cut to ${length}`).toEqual(Array.from({ length: rows.length }, (_, n) => ({ n })));
      expect(rows.length % 10 === 0 && rows.length >= most, `cut to ${length}`).toBe(true);
      most = rows.length;
      if (error === null) continue;
      expect(error, `cut to ${length}`).toMatchObject({ name: 'CliError', exitCode: 65 });
      refused++;
    }
    expect(most).toBe(30);
    expect(bytes.length - refused).toBe(4); // Whole behind the schema and behind each of three batches.
  });

  test.each([
    ['the file format', Buffer.from('ARROW1\0\0rest'), /Arrow IPC file/],
    ['JSON', Buffer.from('{"n":1}\n{"n":2}'), /looks like JSON/],
    ['bytes that are nothing', Buffer.alloc(64, 7), /no Arrow IPC stream/],
    ['nothing', Buffer.alloc(0), /is empty/],
  ])('%s is refused', async (_, bytes, seen) => {
    await expect(split(bytes)).rejects.toMatchObject({ exitCode: 65, message: expect.stringMatching(seen) });
  });
});
