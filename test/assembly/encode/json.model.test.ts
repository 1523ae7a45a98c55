// JSON lines against JSON.stringify and String(x). Each failure message names the seed.
import { expect, test } from 'vitest';
import type { ArrowColumn } from '../../../host/encode/arrow-write.ts';
import { jsonLines } from '../../model/json-lines.ts';
import type { Value } from '../../support/batch-rows.ts';
import { jsonEncoder } from '../../support/json-encoder.ts';
import { type Random, seededRandom } from '../../support/random.ts';

const encoder = jsonEncoder();
const SEED = Number(process.env.PELTON_SEED ?? 20260101);
const CHUNK = 20000;

function expectDoubles(doubles: readonly number[], where: string): void {
  for (let from = 0; from < doubles.length; from += CHUNK) {
    const chunk = doubles.slice(from, from + CHUNK);
    const lines = encoder.encode([{ name: 'x', type: 'f64', values: chunk, nullable: false }]).split('\n');
    for (const [index, x] of chunk.entries()) {
      const expected = `{"x":${Number.isFinite(x) ? String(x) : 'null'}}`;
      if (lines[index] !== expected) expect(lines[index], `${where}, ${x}`).toBe(expected);
    }
    expect(lines.length).toBe(chunk.length + 1);
  }
}

test('100,000 doubles of any bits are written as String(x)', () => {
  const random = seededRandom(SEED);
  const bits = new Uint32Array(2);
  const double = new Float64Array(bits.buffer);
  const doubles = Array.from({ length: 100_000 }, () => {
    bits[0] = random.u32();
    bits[1] = random.u32();
    return double[0]!;
  });
  expectDoubles(doubles, `seed ${SEED}`);
});

test('doubles with few decimals, and integers of every length, are written as String(x)', () => {
  const random = seededRandom(SEED + 1);
  const doubles = Array.from({ length: 50_000 }, () => {
    const magnitude = 10 ** random.below(24);
    const whole = Math.floor(random.float() * magnitude);
    return (random.chance(0.5) ? -whole : whole) / 10 ** random.below(12);
  });
  expectDoubles(doubles, `seed ${SEED + 1}`);
});

test('powers of two and ten, their neighbours, and the ends of the range are written as String(x)', () => {
  const doubles = [0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE, 2.2250738585072014e-308];
  doubles.push(
    5e-324,
    1e21,
    1e-6,
    1e-7,
    123456789012345680000,
    1.7976931348623157e308,
    2 ** 53,
    2 ** 53 - 1,
    2 ** 53 + 2,
  );
  doubles.push(4.35, 0.1 + 0.2, 9.5e-7, 1e23, 8.41e21, 2e-44, 5.764607523034235e39, 1.5e-322, 9.109e-31, 299792458);
  for (let exponent = -1074; exponent < 1024; exponent++) doubles.push(...neighbours(2 ** exponent));
  for (let exponent = -323; exponent < 309; exponent++) doubles.push(...neighbours(Number(`1e${exponent}`)));
  expectDoubles(doubles, 'hard cases');
});

test('i64 is written digit for digit at every power of ten and two, and at both ends', () => {
  const powers = [...Array(19).keys()].map((power) => 10n ** BigInt(power));
  powers.push(...[...Array(63).keys()].map((power) => 1n << BigInt(power)), 2n ** 63n - 2n);
  const values = powers.flatMap((power) => [power - 1n, power, power + 1n, -power, 1n - power, -1n - power]);
  values.push(-(2n ** 63n), 1234567890123456789n, 100000000n * 99999999n, 10000000000000000n);
  const column = { name: 'n', type: 'i64', values } as const;
  expect(encoder.encode([column])).toBe(jsonLines([column], values.length));
});

test('text is escaped as JSON.stringify does, at every place of a sixteen-byte chunk', () => {
  const specials = [...Array(0x22).keys(), 0x5c, 0x7f, 0x80, 0xff, 0x2028, 0xfffd, 0x1f600].map((c) =>
    String.fromCodePoint(c),
  );
  const values = specials.flatMap((special) =>
    Array.from({ length: 34 }, (_, at) => `${'a'.repeat(at)}${special}${'b'.repeat(33 - at)}`),
  );
  const column = { name: 's', type: 'utf8', values } as const;
  expect(encoder.encode([column])).toBe(jsonLines([column], values.length));
});

test('batches of all types are written as the model writes them, through output buffers of any size', () => {
  for (let seed = SEED; seed < SEED + 60; seed++) {
    const random = seededRandom(seed);
    const rows = random.below(200);
    const columns = randomColumns(random, rows);
    const outBytes = 1 + random.below(1 << random.below(16));
    const expected = jsonLines(columns.map(asWritten), rows);
    expect(encoder.encode(columns, { outBytes }), `seed ${seed}`).toBe(expected);
  }
});

test('a row begins with its partition and its offset when the plan says so', () => {
  const columns: ArrowColumn[] = [{ name: 'n', type: 'i32', values: [1, 2] }];
  const text = encoder.encode(columns, { at: { partition: 3, base: 2 ** 53 - 2 } });
  expect(text).toBe(
    '{"partition":3,"offset":9007199254740990,"n":1}\n{"partition":3,"offset":9007199254740991,"n":2}\n',
  );
});

test('a row larger than the output is not begun, and its size is told', () => {
  const column = { name: 's', type: 'utf8', values: ['\u0001'.repeat(1000), 'x'] } as const;
  expect(encoder.encode([column], { outBytes: 100 })).toBe(jsonLines([column], 2));
});

function neighbours(x: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  return [-1n, 0n, 1n].map((step) => {
    view.setBigUint64(0, BigInt.asUintN(64, bits + step));
    return view.getFloat64(0);
  });
}

function randomColumns(random: Random, rows: number): ArrowColumn[] {
  const types = ['bool', 'i32', 'i64', 'f64', 'utf8', 'timestamp'] as const;
  return Array.from({ length: 1 + random.below(5) }, (_, index) => {
    const type = random.pick(types);
    const nullChance = random.pick([0, 0.1, 1]);
    const values = Array.from({ length: rows }, (): Value => {
      if (random.chance(nullChance)) return null;
      if (type === 'bool') return random.chance(0.5);
      if (type === 'i32') return random.u32() | 0;
      if (type === 'f64') return random.pick([random.float(), random.below(100), Number.NaN, -1 / random.float()]);
      if (type === 'utf8')
        return Array.from({ length: random.below(30) }, () => random.pick(['a', '"', '\n', 'é', '😀', '\u0007'])).join(
          '',
        );
      return BigInt.asIntN(64, (BigInt(random.u32()) << 32n) | BigInt(random.u32())) >> BigInt(random.below(64));
    });
    return { name: `c"${index}`, type, values };
  });
}

/** JSON.stringify writes NaN and the infinities as null by itself. */
function asWritten({ name, values }: ArrowColumn): { name: string; values: Value[] } {
  return { name, values: Array.from(values) };
}
