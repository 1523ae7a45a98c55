// Doubles and integers against JSON.parse and BigInt: seeded, and the cases that are known to be hard.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { REASON_RANGE, TYPE_F64, TYPE_I64 } from '../../../assembly/layout.ts';
import { createDecoder } from '../../support/json-decoder.ts';
import { seededRandom } from '../../support/random.ts';

const doubles = createDecoder({ columns: [{ name: 'v', type: TYPE_F64 }], behind: '000' });
const integers = createDecoder({ columns: [{ name: 'v', type: TYPE_I64 }], behind: '000' });
const SEED = 4711;

/** Decodes all texts as one frame and compares each with JSON.parse, to the last bit; infinity is REASON_RANGE. */
function expectDoubles(texts: string[]): void {
  for (let from = 0; from < texts.length; from += 500) {
    const some = texts.slice(from, from + 500);
    const { rows, rowNumbers, rejects } = doubles.decode(some.map((text) => `{"v":${text}}`).join('\n'));
    const answers = new Map(rowNumbers.map((number, index) => [number, rows[index]![0] as number]));
    for (const reject of rejects) answers.set(reject.row, reject.reason === REASON_RANGE ? Infinity : NaN);
    some.forEach((text, index) => {
      const expected = JSON.parse(text) as number;
      expect(answers.get(index), text).toBe(Number.isFinite(expected) ? expected : Infinity);
    });
  }
}

/** The exact decimal digits of a double, and of the point halfway to the next larger one. */
function exactDecimal(value: number, half: boolean): string {
  const bits = new BigUint64Array(new Float64Array([value]).buffer)[0]!;
  const field = Number(bits >> 52n);
  const mantissa = (bits & 0xfffffffffffffn) | (field === 0 ? 0n : 1n << 52n);
  const doubled = mantissa * 2n + (half ? 1n : 0n);
  const exponent = (field === 0 ? 1 : field) - 1076;
  if (exponent >= 0) return String(doubled << BigInt(exponent));
  // n / 2^k = n × 5^k / 10^k
  const digits = String(doubled * 5n ** BigInt(-exponent)).padStart(-exponent + 1, '0');
  return `${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}

test('every power of ten from 1e-400 to 1e400, and its neighbours, equals JSON.parse', () => {
  const texts: string[] = [];
  for (let e = -400; e <= 400; e++) {
    texts.push(`1e${e}`, `-9.999999999999999e${e}`, `1.0000000000000002E${e}`, `123456789012345678901234567890e${e}`);
  }
  expectDoubles(texts);
});

test('random doubles in their shortest form equal JSON.parse, subnormal ones included', () => {
  const random = seededRandom(SEED);
  const view = new DataView(new ArrayBuffer(8));
  const texts: string[] = [];
  while (texts.length < 20000) {
    view.setUint32(0, texts.length % 4 === 0 ? random.u32() & 0x801fffff : random.u32());
    view.setUint32(4, random.u32());
    const value = view.getFloat64(0);
    if (Number.isFinite(value)) texts.push(JSON.stringify(value), value.toExponential(), value.toPrecision(17));
  }
  expectDoubles(texts);
});

test('halfway points, and one digit above and below them, round to even as JSON.parse does', () => {
  const random = seededRandom(SEED);
  const view = new DataView(new ArrayBuffer(8));
  const values = [0, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1, 4503599627370497, Number.MAX_VALUE];
  while (values.length < 250) {
    view.setUint32(0, random.u32() & 0x7fffffff);
    view.setUint32(4, random.u32());
    if (Number.isFinite(view.getFloat64(0))) values.push(view.getFloat64(0));
  }
  const texts = values.flatMap((value) => {
    const half = exactDecimal(value, true);
    const point = half.includes('.') ? '' : '.0';
    return [exactDecimal(value, false), half, `${half}${point}0001`, `${half}${point}${'0'.repeat(800)}1`, below(half)];
  });
  expectDoubles(texts);
});

test('halfway points short enough for one product round to even as JSON.parse does', () => {
  const random = seededRandom(SEED);
  const texts: string[] = [];
  for (let exponent = -4; exponent <= 22; exponent++) {
    for (let count = 0; count < 40; count++) {
      // An odd number of 54 bits, times a power of two: exactly between two doubles.
      const five = 5n ** BigInt(Math.abs(exponent));
      const odd = (2n ** 53n + BigInt(random.u32()) * 2097152n + BigInt(random.below(2097152))) | 1n;
      const digits = exponent < 0 ? odd * five : odd / five + (1n - ((odd / five) % 2n));
      texts.push(`${digits}e${exponent}`);
      if (exponent < 0) texts.push(`${digits}`.replace(new RegExp(`(\\d{${-exponent}})$`), '.$1'));
    }
  }
  expectDoubles(texts);
});

/** A little less: the last digit that is not 0 counted down, nines behind it. */
function below(text: string): string {
  const last = text.search(/[1-9](?=[0.]*$)/);
  return `${text.slice(0, last)}${Number(text[last]) - 1}${text.slice(last + 1).replaceAll('0', '9')}`;
}

test('numbers of 17 to 800 random digits equal JSON.parse', () => {
  const random = seededRandom(SEED);
  const texts = Array.from({ length: 3000 }, () => {
    const count = random.chance(0.8) ? 15 + random.below(12) : 17 + random.below(784);
    const digits = Array.from({ length: count }, () => random.below(10)).join('');
    const point = random.below(count);
    const exponent = random.chance(0.7) ? `e${random.below(700) - 350}` : '';
    return `${random.below(9) + 1}${digits.slice(0, point)}.${digits.slice(point)}1${exponent}`;
  });
  expectDoubles(texts);
});

test('any double in the forms people write equals JSON.parse (fast-check)', () => {
  const text = fc
    .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 1, max: 21 }))
    .map(([value, digits]) => value.toPrecision(digits).replace('e+', 'e'));
  fc.assert(
    fc.property(text, (written) => expectDoubles([written])),
    { seed: SEED, numRuns: 2000 },
  );
});

test('an i64 is exact to its last digit, and the numbers behind its edges are refused', () => {
  const edge = 2n ** 63n;
  const values = [1n, -1n, edge - 1n, -edge, 2n ** 53n + 1n, -(2n ** 53n) - 1n];
  for (let digits = 1; digits <= 18; digits++) values.push(10n ** BigInt(digits), 10n ** BigInt(digits) - 1n);
  for (const value of values) {
    for (const text of [`${value}`, `${value}.0`, `${value}0e-1`, `${value}000.000E-3`]) {
      expect(integers.decode(`{"v":${text}}`).rows, text).toEqual([[value]]);
    }
  }
  for (const text of ['0', '-0', '0.00', '0e9', '-0E-9']) {
    expect(integers.decode(`{"v":${text}}`).rows, text).toEqual([[0n]]);
  }
  for (const text of [`${edge}`, `${-edge - 1n}`, '1e19', '99999999999999999999', '1.5', '1e-1', '0.1e0', '1e400']) {
    expect(integers.decode(`{"v":${text}}`).rejects, text).toEqual([
      { row: 0, reason: REASON_RANGE, column: 0, at: 5 },
    ]);
  }
  expect(integers.decode(`{"v":0.${'0'.repeat(400)}12e402}`).rows).toEqual([[12n]]);
  expect(integers.decode(`{"v":12${'0'.repeat(400)}e-401}`).rejects).toMatchObject([{ reason: REASON_RANGE }]);
});
