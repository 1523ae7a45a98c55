// The quick start's data: every row of the file is in a frame, as a plain reader sees it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { tableFromIPC } from '@uwdata/flechette';
import { expect, test } from 'vitest';
import { QUICKSTART_ROWS, quickstartFrames } from '../../../host/cli/quickstart-data.ts';

const source = join(import.meta.dirname, '../../../data/flights-1m.csv.zst');
const NAMES = ['ts_ms', 'origin', 'destination', 'delay', 'distance'] as const;

/** Every value of a column, mixed into one number: order counts, and so does what is above 32 bits. */
const mix = (sum: number, value: number) => (Math.imul(sum, 31) + value + Math.floor(value / 2 ** 32) * 7) | 0;
const codeNumber = (code: string) => [...code].reduce((sum, letter) => mix(sum, letter.charCodeAt(0)), 0);
const numberOf = (value: unknown) => (typeof value === 'string' ? codeNumber(value) : Number(value));

test('the frames hold every row of the file, in order', { timeout: 60_000 }, async () => {
  const expected = NAMES.map(() => 0);
  const lines = zstdDecompressSync(readFileSync(source)).toString('latin1').trimEnd().split('\n').slice(1);
  for (const line of lines) {
    const cells = line.split(',');
    for (let column = 0; column < 5; column++) {
      const cell = cells[column]!;
      expected[column] = mix(expected[column]!, column === 1 || column === 2 ? codeNumber(cell) : Number(cell));
    }
  }
  const seen = NAMES.map(() => 0);
  const sizes: number[] = [];
  for await (const { bytes, rows, rowNumber } of quickstartFrames()) {
    expect(rowNumber(0)).toBe(sizes.reduce((sum, size) => sum + size, 0) + 1);
    sizes.push(rows);
    const table = tableFromIPC(bytes);
    for (const [column, name] of NAMES.entries()) {
      for (const value of table.getChild(name)) seen[column] = mix(seen[column]!, numberOf(value));
    }
  }
  expect(lines).toHaveLength(QUICKSTART_ROWS);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(QUICKSTART_ROWS);
  expect(sizes.slice(0, -1).every((size) => size === 16_384)).toBe(true);
  expect(seen).toEqual(expected);
});

const HEADER = 'ts_ms,origin,destination,delay,distance\n';
const read = async (csv: string | Buffer) => {
  const file = join(tmpdir(), `pelton-flights-${process.pid}.csv.zst`);
  writeFileSync(file, typeof csv === 'string' ? zstdCompressSync(csv) : csv);
  let rows = 0;
  try {
    for await (const frame of quickstartFrames({ file, frameRows: 2 })) rows += frame.rows;
    return rows;
  } finally {
    rmSync(file);
  }
};

test('a small file is read to its end', async () => {
  expect(await read(`${HEADER}1,A,BB,-1,2\n2,A,BB,1,2\n3,A,BB,-1,0\n`)).toBe(3);
});

test.each([
  ['another header', 'ts,origin\n1,A\n', 'header'],
  ['a number with a letter in it', `${HEADER}1,A,B,1,2\n2,A,B,1x,2\n`, 'row 2 is not'],
  ['a column too few', `${HEADER}1,A,1,2\n2,A,B,1,2\n`, 'row 1 is not'],
  ['no end of the last line', `${HEADER}1,A,B,1,2\n2,A,B,1`, 'in the middle of a row'],
  ['another packing', Buffer.from('not zstd at all'), 'data is broken'],
])('%s is told as a broken copy', async (_, csv, seen) => {
  await expect(read(csv)).rejects.toMatchObject({
    name: 'CliError',
    exitCode: 65,
    message: expect.stringContaining(seen),
  });
});
