// Streams that are cut, changed or crafted: always a named answer, never a trap, never a byte of the surroundings. The
// driver lays each stream at the very end of the memory, so that reading behind it traps. Failures name the seed.
import { isDeepStrictEqual } from 'node:util';
import * as fl from '@uwdata/flechette';
import { expect, test } from 'vitest';
import * as layout from '../../../assembly/layout.ts';
import { arrowErrorText } from '../../../host/decode/arrow-errors.ts';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { randomTable } from '../../support/arrow-columns.ts';
import { type ArrowDriver, arrowDriver, type DecoderColumn } from '../../support/arrow-decoder.ts';
import { readStream } from '../../support/arrow-testing.ts';
import { seededRandom } from '../../support/random.ts';

const SEED = Number(process.env.PELTON_SEED ?? 20260103);
const { BUILDER_NULLABLE, TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } = layout;

const COLUMNS: DecoderColumn[] = [
  { name: 't', type: TYPE_I64, flags: layout.BUILDER_EVENT_TIME },
  { name: 's', type: TYPE_UTF8, flags: BUILDER_NULLABLE },
  { name: 'd', type: TYPE_UTF8, flags: BUILDER_NULLABLE },
  { name: 'b', type: TYPE_BOOL, flags: BUILDER_NULLABLE },
];

/** Text, a dictionary, nulls and three batches, about 3 KB. */
function sample(): Uint8Array {
  const rows = 20;
  const column = (value: (row: number) => unknown, type: fl.DataType) =>
    fl.columnFromArray(
      Array.from({ length: rows }, (_, row) => value(row)),
      type,
      { maxBatchRows: 8, useBigInt: true },
    );
  const table = fl.tableFromColumns([
    ['t', column((row) => BigInt(row * 1000), fl.int64())],
    ['s', column((row) => (row % 5 === 0 ? null : `é${row}`), fl.utf8())],
    ['list', column((row) => [row], fl.list(fl.int32()))],
    ['d', column((row) => ['x', 'yy', 'zzz', null][row % 4], fl.dictionary(fl.utf8(), fl.int16()))],
    ['b', column((row) => row % 3 === 0, fl.bool())],
  ]);
  return fl.tableToIPC(table, { format: 'stream' })!;
}

test('a stream cut at any byte is refused as truncated, or ends at a message and gives the rows before', () => {
  const stream = sample();
  const driver = arrowDriver(COLUMNS);
  const whole = driver.decode(stream);
  expect(whole.code).toBe(layout.ARROW_OK);
  expect(whole.rowsSeen).toBe(20);
  const ends = new Set<number>();
  for (let length = 0; length < stream.length; length++) {
    const { code, columns, rowsSeen } = driver.decode(stream.slice(0, length), 0xff);
    if (code === layout.ARROW_OK) {
      ends.add(rowsSeen);
      expect(columns, `cut at ${length}`).toEqual(whole.columns.map((values) => values.slice(0, rowsSeen)));
    } else {
      expect(code, `cut at ${length}`).toBe(layout.ARROW_TRUNCATED);
      expect(rowsSeen).toBe(0);
    }
  }
  expect([...ends]).toEqual([0, 8, 16, 20]);
});

test('any one byte changed gives an answer with a name, the same whatever surrounds the stream', () => {
  const stream = sample();
  const driver = arrowDriver(COLUMNS, { rowsMax: 5, bytesMax: 64 });
  const random = seededRandom(SEED);
  const codes = new Set<number>();
  for (let at = 0; at < stream.length; at++) {
    for (const value of [random.below(256), 0, 0xff, stream[at]! ^ (1 << random.below(8))]) {
      const changed = stream.slice();
      changed[at] = value;
      const decoded = driver.decode(changed, 0xff);
      codes.add(decoded.code);
      const again = driver.decode(changed, 0x00);
      if (!isDeepStrictEqual(again, decoded)) expect(again, `seed ${SEED}, byte ${at} = ${value}`).toEqual(decoded);
    }
  }
  expect(codes.size).toBeGreaterThan(12);
  for (const code of codes) expect(arrowErrorText({ code, detail: 0 })).not.toMatch(/unknown code [^0]/);
});

test('random tables with bytes changed at random never trap', () => {
  for (let seed = SEED; seed < SEED + 150; seed++) {
    const random = seededRandom(seed);
    const { columns, stream } = randomTable(random, 1 + random.below(4), random.below(40));
    const driver = arrowDriver(
      columns.map(({ name, targets }) => ({ name, type: random.pick(targets), flags: BUILDER_NULLABLE })),
      { rowsMax: 16, bytesMax: 256 },
    );
    for (let round = 0; round < 60; round++) {
      const changed = stream.slice();
      for (let count = 1 + random.below(4); count > 0; count--)
        changed[random.below(changed.length)] = random.below(256);
      decodeOrTell(driver, changed, `seed ${seed}, round ${round}`);
    }
  }
});

test('nested streams of other libraries with bytes changed at random never trap', () => {
  const random = seededRandom(SEED + 1);
  for (const name of [
    'generated_recursive_nested',
    'generated_union',
    'generated_binary_view',
    'generated_run_end_encoded',
  ]) {
    const stream = readStream(`cpp-21.0.0/${name}`);
    const driver = arrowDriver([{ name: 'bool', type: TYPE_BOOL, flags: BUILDER_NULLABLE }]);
    for (let round = 0; round < 500; round++) {
      const changed = stream.slice();
      for (let count = 1 + random.below(3); count > 0; count--) changed[random.below(1000)] = random.below(256);
      decodeOrTell(driver, changed, `seed ${SEED + 1}, ${name}, round ${round}`);
    }
  }
});

test('bytes behind the end of the stream are refused, not dropped', () => {
  const stream = writeArrow([{ name: 'a', type: 'i32', values: [1] }]);
  const twice = new Uint8Array([...stream, ...stream]);
  expect(arrowDriver([]).decode(twice).code).toBe(layout.ARROW_TRAILING);
});

test('what is no Arrow at all is told apart from a broken stream', () => {
  const code = (text: string) => arrowDriver([]).decode(new TextEncoder().encode(text)).code;
  expect(code('{"a":1}\n{"a":2}\n')).toBe(layout.ARROW_NOT_STREAM);
  expect(code('PAR1 and the rest of it')).toBe(layout.ARROW_NOT_STREAM);
  expect(code('\0\0\0\0 zeros first')).toBe(layout.ARROW_NOT_STREAM);
  expect(code('')).toBe(layout.ARROW_TRUNCATED);
});

test('an error names its column, and the text says what that column takes', () => {
  const stream = writeArrow([
    { name: 'a', type: 'i32', values: [1] },
    { name: 'b', type: 'utf8', values: ['x'] },
  ]);
  const columns = [
    { name: 'a', type: TYPE_I32, flags: 0 },
    { name: 'b', type: TYPE_F64, flags: 0 },
  ];
  const { code, errorColumn, errorDetail } = arrowDriver(columns).decode(stream);
  expect([code, errorColumn]).toEqual([layout.ARROW_COLUMN_TYPE, 1]);
  expect(arrowErrorText({ code, detail: errorDetail, column: columns[errorColumn] })).toBe(
    'column «b» has the type utf8; expected a floating point or integer type: cast it before writing',
  );
  const missing = arrowDriver([{ name: 'z', type: TYPE_I32, flags: 0 }]).decode(stream);
  expect([missing.code, missing.errorColumn]).toEqual([layout.ARROW_COLUMN_MISSING, 0]);
});

test('every code has a text of its own', () => {
  const codes = Object.entries(layout).filter(
    ([name]) => /^ARROW_/.test(name) && !/^ARROW_(OK|DONE|FULL|REJECTS_FULL|.*_MAX)$/.test(name),
  );
  const texts = codes.map(([, code]) => arrowErrorText({ code, detail: 0, column: { name: 'c', type: TYPE_I64 } }));
  expect(codes.length).toBe(24);
  expect(new Set(texts).size).toBe(codes.length);
  expect(texts.filter((text) => text.includes('unknown code'))).toEqual([]);
});

test('a row whose text is larger than a batch is refused alone', () => {
  const values = ['a', 'b'.repeat(300), null, 'c'.repeat(200), 'd'.repeat(100)];
  const stream = writeArrow([{ name: 's', type: 'utf8', values }]);
  const decoded = arrowDriver([{ name: 's', type: TYPE_UTF8, flags: BUILDER_NULLABLE }], { bytesMax: 256 }).decode(
    stream,
  );
  expect(decoded.columns[0]).toEqual([values[0], values[2], values[3], values[4]]);
  expect(decoded.rejects).toEqual([{ row: 1, reason: layout.REASON_ROW_SIZE, column: -1 }]);
});

test('text that is not UTF-8 refuses its row alone, also when a character spans two rows', () => {
  const stream = writeArrow([{ name: 's', type: 'utf8', values: ['ok', '####', 'fine', 'xé', 'é'] }]);
  const at = (text: string) => Buffer.from(stream).indexOf(text);
  stream.set([0xf0, 0x9f, 0x98], at('####')); // three bytes of four
  const driver = arrowDriver([{ name: 's', type: TYPE_UTF8, flags: 0 }]);
  const decoded = driver.decode(stream);
  expect(decoded.columns[0]).toEqual(['ok', 'fine', 'xé', 'é']);
  expect(decoded.rejects).toEqual([{ row: 1, reason: layout.REASON_UTF8, column: 0 }]);
  const split = writeArrow([{ name: 's', type: 'utf8', values: ['ab', 'cd'] }]);
  split.set([0x61, 0xc3, 0xa9, 0x64], Buffer.from(split).indexOf('abcd')); // é across the boundary
  expect(driver.decode(split).rejects.map(({ row }) => row)).toEqual([0, 1]);
});

test('more rejects than the list holds are all told, and the good rows between them built', () => {
  const rows = 5 * layout.REJECTS_LISTED_MAX;
  const values = Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? row : 2 ** 40));
  const stream = writeArrow([{ name: 'n', type: 'i64', values }]);
  const decoded = arrowDriver([{ name: 'n', type: TYPE_I32, flags: 0 }]).decode(stream);
  expect(decoded.rejects.length).toBe(rows / 2);
  expect(decoded.columns[0]).toEqual(values.filter((_, row) => row % 2 === 0));
});

function decodeOrTell(driver: ArrowDriver, stream: Uint8Array, where: string): void {
  try {
    driver.decode(stream, 0xff);
  } catch (error) {
    throw new Error(`${where}: ${error}`, { cause: error });
  }
}
