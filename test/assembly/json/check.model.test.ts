// jsonCheck against JSON.parse over fatal UTF-8: generated values, whole and damaged.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TYPE_I64 } from '../../../assembly/layout.ts';
import { loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { isJson } from '../../model/json.ts';
import { createDecoder } from '../../support/json-decoder.ts';

const kernel = loadKernel({ memory: reserveMemory(128 * 1024 * 1024, false) });
const decoder = createDecoder({ columns: [{ name: 'n', type: TYPE_I64 }], behind: '0"}]}]}', kernel });
const SEED = 1789;

const texts = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom('', ' ', '\n', '\t\r\n'))
  .map(([value, indent]) => new TextEncoder().encode(JSON.stringify(value, null, indent)));

function expectVerdict(bytes: Uint8Array): void {
  expect(decoder.check(bytes) === 0, new TextDecoder().decode(bytes)).toBe(isJson(bytes, 0, bytes.length));
}

test('a text is not completed by what stands behind it', () => {
  for (const whole of ['true', 'false', 'null', '"text"', '{"a":1}', '[1,[]]', '-1', '"\\u00e9"', '"é"', '{"a":{}}']) {
    const bytes = Buffer.from(whole);
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const accepted = createDecoder({ columns: [], behind: bytes.subarray(length), kernel }).check(cut) === 0;
      expect({ whole, length, accepted }).toEqual({ whole, length, accepted: isJson(cut, 0, length) });
    }
  }
});

test('any value that JSON.stringify writes is one JSON text', () => {
  fc.assert(
    fc.property(texts, (bytes) => {
      expect(decoder.check(bytes), new TextDecoder().decode(bytes)).toBe(0);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('a text with one byte changed, put in or left out gets the verdict of JSON.parse', () => {
  const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), kind: fc.constantFrom(0, 1, 2) });
  fc.assert(
    fc.property(texts, damage, (bytes, { at, byte, kind }) => {
      const from = at % bytes.length;
      const rest = bytes.subarray(kind === 1 ? from : from + 1);
      expectVerdict(Buffer.concat([bytes.subarray(0, from), kind === 2 ? Buffer.of() : Buffer.of(byte), rest]));
    }),
    { seed: SEED, numRuns: 5000 },
  );
});

test('every text of up to four of the tokens that matter gets the verdict of JSON.parse', () => {
  const tokens = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '1',
    '-',
    '0',
    '.',
    'e',
    '+',
    'true',
    'nul',
    ' ',
    '\\',
    'é',
  ];
  const grow = (text: string, left: number): void => {
    expectVerdict(Buffer.from(text));
    if (left > 0) for (const token of tokens) grow(text + token, left - 1);
  };
  grow('', 3);
  for (const start of ['{"a":', '[1', '"']) grow(start, 3);
});
