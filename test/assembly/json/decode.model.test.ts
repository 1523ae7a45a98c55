// The decoder against the model (test/model/json.ts): seeded frames, every truncation, every one-byte mutation.
import { expect, test } from 'vitest';
import {
  REASON_DEPTH,
  REASON_SYNTAX,
  REASON_UTF8,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import { FAULT, modelDecode } from '../../model/json.ts';
import { type Column, createDecoder, type Decoded, type Reject } from '../../support/json-decoder.ts';
import { randomFrame } from '../../support/json-frames.ts';
import { seededRandom } from '../../support/random.ts';

const columns: Column[] = [
  { name: 'time', type: TYPE_I64, eventTime: true },
  { name: 'id', type: TYPE_I64, nullable: true },
  { name: 'small', type: TYPE_I32 },
  { name: 'value', type: TYPE_F64, nullable: true },
  { name: 'flag', type: TYPE_BOOL, nullable: true },
  { name: 'name', type: TYPE_UTF8 },
  { name: 'né"', type: TYPE_UTF8, nullable: true },
];
const SEED = 20010101;

/** Faults are one class in the model; problems carry their exact reason, column and byte. */
const withoutFaults = (rejects: Reject[]) =>
  rejects.map((reject) =>
    reject.column === -1 && [REASON_SYNTAX, REASON_UTF8, REASON_DEPTH].includes(reject.reason)
      ? { ...reject, reason: FAULT, at: -1 }
      : reject,
  );

function compare(decoded: Decoded, bytes: Uint8Array, of: readonly Column[], what: string, bytesMax = 262144) {
  const model = modelDecode(bytes, of, bytesMax);
  const ours = { rows: decoded.rows, rowNumbers: decoded.rowNumbers, rejects: withoutFaults(decoded.rejects) };
  const theirs = { ...model, rejects: withoutFaults(model.rejects) };
  // toEqual compares numbers by Object.is: −0 is not 0.
  expect(ours, what).toEqual(theirs);
  expect(decoded.rowsSeen, what).toBe(model.rows.length + model.rejects.length);
}

test('agrees with the model on seeded frames of every layout, type, problem and fault', () => {
  const decoder = createDecoder({ columns, behind: '"}]1' });
  let rows = 0;
  let rejects = 0;
  for (let index = 0; index < 1500; index++) {
    const random = seededRandom(SEED + index);
    const bytes = Buffer.from(randomFrame(random, random.below(30)));
    const decoded = decoder.decode(bytes);
    compare(decoded, bytes, columns, `seed ${random.seed}: ${bytes}`);
    rows += decoded.rows.length;
    rejects += decoded.rejects.length;
  }
  // Both spaces are visited: a generator that only breaks rows, or never does, would show nothing.
  expect(rows).toBeGreaterThan(3000);
  expect(rejects).toBeGreaterThan(3000);
});

test('a frame over builders of three rows or few bytes gives the rows of one large builder', () => {
  const byRows = createDecoder({ columns, rowsMax: 3 });
  const byBytes = createDecoder({ columns, rowsMax: 64, bytesMax: 80 });
  for (let index = 0; index < 400; index++) {
    const random = seededRandom(SEED + index);
    const bytes = Buffer.from(randomFrame(random, random.below(60)));
    compare(byRows.decode(bytes), bytes, columns, `seed ${random.seed}: ${bytes}`);
    compare(byBytes.decode(bytes), bytes, columns, `seed ${random.seed}: ${bytes}`, 80);
  }
});

const small: Column[] = [
  { name: 't', type: TYPE_I64, eventTime: true },
  { name: 's', type: TYPE_UTF8, nullable: true },
  { name: 'd', type: TYPE_F64, nullable: true },
];
const frames = [
  '{"t":978307200000,"s":"O\\u0052D é","d":-1.5e2}\n{"t":7,"u":[null,{"x":true}]}\r\n{"d":0.1,"t":"2001-01-01T00:00:00Z"}\n',
  '[{"t":1,"s":"a\\"b"}, {"t":12345678,"d":1234.5678} ,{"s":null,"t":3,"x":{}}]',
  ' {\n "t" : 1e3 ,\n "s" : "\\ud83d\\ude00" ,\n "d" : null }\n',
];

test('every truncation of a frame agrees with the model, whatever stands behind it', () => {
  const behinds = ['', '}', ']', '"}\n', '1}', 'null}]', ' '.repeat(64), 'e5,"t":1}]'];
  const decoders = behinds.map((behind) => createDecoder({ columns: small, behind }));
  for (const frame of frames) {
    const bytes = Buffer.from(frame);
    for (let length = 0; length <= bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const answers = decoders.map((decoder) => decoder.decode(cut));
      compare(answers[0]!, cut, small, `cut at ${length}: ${cut}`);
      for (const answer of answers) expect(answer, `cut at ${length}: ${cut}`).toEqual(answers[0]);
    }
  }
});

test('no truncation of a frame, and no row of a few bytes, is read further than 64 bytes behind its end', () => {
  const behinds = ['1', 'a', ' ', '"', '\\', '[', '{"t":', '"t":1,', '"s":"', '"d":1.', ',1', ',"a":1', 'é', '\u001f'];
  for (const behind of behinds) {
    const tail = behind.repeat(64).slice(0, 64 / Buffer.byteLength(behind[0]!));
    const decoder = createDecoder({ columns: small, behind: tail, atMemoryEnd: true });
    for (const frame of [...frames, '{"a long key of thirty-one bytes":1}\n{"t":1}\n{"d":1234567.12345678']) {
      const bytes = Buffer.from(frame);
      for (let length = 0; length <= bytes.length; length++) {
        expect(decoder.decode(bytes.subarray(0, length)).rowsSeen).toBeLessThanOrEqual(4);
        decoder.check(bytes.subarray(0, length));
      }
    }
  }
});

test('every change of one byte of a frame to any other byte agrees with the model', () => {
  const decoder = createDecoder({ columns: small });
  for (const frame of frames) {
    const bytes = Buffer.from(frame);
    for (let at = 0; at < bytes.length; at++) {
      const original = bytes[at]!;
      for (let byte = 0; byte < 256; byte++) {
        bytes[at] = byte;
        compare(decoder.decode(bytes), bytes, small, `byte ${at} is ${byte}: ${bytes}`);
      }
      bytes[at] = original;
    }
  }
});
