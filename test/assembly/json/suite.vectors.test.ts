// JSONTestSuite (N. Seriot, MIT; licence beside the files): 95 texts that must parse, 188 that must not, 35 that may.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TYPE_I64 } from '../../../assembly/layout.ts';
import { isJson } from '../../model/json.ts';
import { createDecoder } from '../../support/json-decoder.ts';

const folder = fileURLToPath(new URL('../../fixtures/JSONTestSuite/test_parsing/', import.meta.url));
const files = readdirSync(folder).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
const decoder = createDecoder({ columns: [{ name: 'n', type: TYPE_I64 }], behind: '1]}"1]}"1]}' });
const named = (prefix: string) => files.filter(({ name }) => name.startsWith(prefix));

/** The file as a field that nobody reads, between two rows that are whole. */
const inRow = (bytes: Uint8Array) =>
  Buffer.concat([Buffer.from('[{"n":1},{"n":2,"unread":'), bytes, Buffer.from('},{"n":3}]')]);

const isWhole = (bytes: Uint8Array) => isJson(bytes, 0, bytes.length);

test('the suite is whole: 95, 188 and 35 files', () => {
  expect([named('y_').length, named('n_').length, named('i_').length]).toEqual([95, 188, 35]);
});

test('every text that must parse is accepted, bare', () => {
  expect(named('y_').filter(({ bytes }) => decoder.check(bytes) !== 0)).toEqual([]);
});

test('every text that must not parse is refused, bare', () => {
  expect(named('n_').filter(({ bytes }) => decoder.check(bytes) === 0)).toEqual([]);
});

test('every value that must parse leaves its row and the rows beside it whole', () => {
  for (const { name, bytes } of named('y_')) {
    const { rows, rejects } = decoder.decode(inRow(bytes));
    expect({ name, rows, rejects }).toEqual({ name, rows: [[1n], [2n], [3n]], rejects: [] });
  }
});

test('every value that must not parse costs its row and the rest of the array, never the row before', () => {
  // These are no JSON texts, but they make the array around them one.
  const completed = files.filter(({ bytes }) => isWhole(inRow(bytes))).map(({ name }) => name);
  for (const { name, bytes } of named('n_')) {
    if (completed.includes(name)) continue;
    const { rows, rejects } = decoder.decode(inRow(bytes));
    expect({ name, first: rows[0], rejects: rejects.length }).toEqual({ name, first: [1n], rejects: 1 });
  }
});

test('texts that may or may not parse get an answer, and the rows before them stay', () => {
  for (const { name, bytes } of named('i_')) {
    expect(decoder.check(bytes), name).toBeGreaterThanOrEqual(0);
    const { rows, rowsSeen } = decoder.decode(inRow(bytes));
    expect({ name, first: rows[0] }).toEqual({ name, first: [1n] });
    expect(rowsSeen, name).toBeGreaterThanOrEqual(2);
  }
});

test('every text of the suite, its transforms included, gets the verdict of JSON.parse over strict UTF-8', () => {
  const transforms = fileURLToPath(new URL('../../fixtures/JSONTestSuite/test_transform/', import.meta.url));
  const more = readdirSync(transforms).map((name) => ({ name, bytes: readFileSync(join(transforms, name)) }));
  expect(more.length).toBe(22);
  for (const { name, bytes } of [...files, ...more]) {
    expect({ name, accepted: decoder.check(bytes) === 0 }).toEqual({ name, accepted: isWhole(bytes) });
  }
});

test('an empty text, a lone space and a text that its trailing bytes would complete are no JSON texts', () => {
  for (const text of ['', ' ', '[', '"', '[1,', '-', '{"a":']) expect(decoder.check(text), text).toBe(1);
});
