// What TypeScript infers and refuses. `npm run check` compiles this file, which is the test; the bodies run as well.
import { expect, expectTypeOf, test } from 'vitest';
import {
  avg,
  coalesce,
  col,
  count,
  first,
  lit,
  max,
  min,
  type RowOf,
  stdout,
  stream,
  sum,
  t,
  tumbling,
  when,
} from '../../../host/index.ts';

const flights = stream('flights', {
  ts: t.timestamp(),
  origin: t.utf8(),
  delay: t.i32(),
  distance: t.i32().nullable(),
  seats: t.i64(),
  price: t.f64(),
  cancelled: t.bool(),
}).eventTime('ts', { delay: '10s' });

test('rows of a stream have the types of its schema', () => {
  expectTypeOf<RowOf<typeof flights>>().toEqualTypeOf<{
    readonly ts: number;
    readonly origin: string;
    readonly delay: number;
    readonly distance: number | null;
    readonly seats: bigint;
    readonly price: number;
    readonly cancelled: boolean;
  }>();
});

test('a result has the window, the keys and the aggregates, each with its type', () => {
  const delays = flights
    .filter(col('delay').ge(15))
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({
      n: count(),
      total: sum('delay'),
      worst: max('delay'),
      far: min('distance'),
      mean: avg('distance'),
      spent: sum('price'),
      one: first('ts'),
    })
    .to(stdout());
  expectTypeOf<RowOf<typeof delays>>().toEqualTypeOf<{
    readonly windowStart: number;
    readonly windowEnd: number;
    readonly origin: string;
    readonly n: bigint;
    readonly total: bigint;
    readonly worst: number;
    readonly far: number | null;
    readonly mean: number | null;
    readonly spent: number;
    readonly one: number;
  }>();
});

test('select infers type and nullability of every expression', () => {
  const selected = flights.select({
    sum: col('delay').add(1),
    sumOfNull: col('delay').add(col('distance')),
    sumOfLong: col('seats').add(1n),
    ratio: col('delay').div(col('seats')),
    hours: col('delay').div(60),
    rest: col('delay').mod(60),
    late: col('delay').gt(0).and(col('distance').gt(100.5)),
    known: col('distance').isNotNull(),
    filled: coalesce(col('distance'), 0),
    chosen: when(col('cancelled'), lit(null), col('origin')),
    constant: lit(1),
    next: col('ts').add(3_600_000),
    gap: col('ts').sub(col('ts')),
    small: col('seats').toI32(),
    near: col('delay').between(0, 10),
    hub: col('origin').in(['ORD', 'ATL']),
  });
  expectTypeOf<RowOf<typeof selected>>().toEqualTypeOf<{
    readonly sum: bigint;
    readonly sumOfNull: bigint | null;
    readonly sumOfLong: bigint | null;
    readonly ratio: number | null;
    readonly hours: number;
    readonly rest: bigint;
    readonly late: boolean | null;
    readonly known: boolean;
    readonly filled: number;
    readonly chosen: string | null;
    readonly constant: number;
    readonly next: number | null;
    readonly gap: bigint | null;
    readonly small: number | null;
    readonly near: boolean;
    readonly hub: boolean;
  }>();
  // The builder's own rules (typing.ts) say the same as the compiler's (shape.ts).
  expect(
    selected.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? ' | null' : ''}`),
  ).toStrictEqual([
    'sum: i64',
    'sumOfNull: i64 | null',
    'sumOfLong: i64 | null',
    'ratio: f64 | null',
    'hours: f64',
    'rest: i64',
    'late: bool | null',
    'known: bool',
    'filled: i32',
    'chosen: utf8 | null',
    'constant: f64',
    'next: timestamp | null',
    'gap: i64 | null',
    'small: i32 | null',
    'near: bool',
    'hub: bool',
  ]);
});

test('functions see typed rows', () => {
  flights.filter((row) => {
    expectTypeOf(row.seats).toEqualTypeOf<bigint>();
    expectTypeOf(row.distance).toEqualTypeOf<number | null>();
    return row.delay > 0;
  });
  const mapped = flights.map({ length: t.i32().nullable() }, (row) => ({ length: row.distance }));
  expectTypeOf<RowOf<typeof mapped>>().toEqualTypeOf<{ readonly length: number | null }>();
  // @ts-expect-error: null is not declared
  flights.map({ length: t.i32() }, (row) => ({ length: row.distance }));
});

test('a null key reaches the result only as a group', () => {
  const grouped = flights.keyBy('distance', { nullKey: 'group' }).window(tumbling('1m')).aggregate({ n: count() });
  expectTypeOf<RowOf<typeof grouped>['distance']>().toEqualTypeOf<number | null>();
  const dropped = flights.keyBy('distance', { nullKey: 'drop' }).window(tumbling('1m')).aggregate({ n: count() });
  expectTypeOf<RowOf<typeof dropped>['distance']>().toEqualTypeOf<number>();
  const twoKeys = flights.keyBy('distance', 'origin').window(tumbling('1m')).aggregate({ n: count() });
  expectTypeOf<keyof RowOf<typeof twoKeys>>().toEqualTypeOf<
    'windowStart' | 'windowEnd' | 'distance' | 'origin' | 'n'
  >();
});

test('wrong names and ill-typed expressions are refused by the compiler and by name at run time', () => {
  // @ts-expect-error: Ill<'unknown field "dely"'>
  expect(() => flights.filter(col('dely').ge(15))).toThrow('did you mean "delay"');
  // @ts-expect-error: Ill<'ge does not take utf8 and number'>
  expect(() => flights.filter(col('origin').ge(15))).toThrow('ge does not take utf8 and number');
  // @ts-expect-error: Ill<'a filter takes a bool, not i64'>
  expect(() => flights.filter(col('delay').add(1))).toThrow('expected bool');
  // @ts-expect-error: Ill<'unknown field "dely"'>
  expect(() => flights.select({ x: col('dely') })).toThrow('did you mean "delay"');
  // @ts-expect-error: Ill<'the literal 0.5 is no whole number; write toF64() of the integer'>
  expect(() => flights.select({ x: col('delay').mul(0.5) })).toThrow('0.5 is no whole number');
  // @ts-expect-error: no such field
  expect(() => flights.select('origin', 'dely')).toThrow('did you mean "delay"');
  // @ts-expect-error: no such field
  expect(() => flights.keyBy('orgin')).toThrow('did you mean "origin"');
  const windowed = flights.keyBy('origin').window(tumbling('1h'));
  // @ts-expect-error: Ill<'sum does not take utf8 "origin"'>
  expect(() => windowed.aggregate({ x: sum('origin') })).toThrow('sum does not take utf8');
  // @ts-expect-error: Ill<'unknown field "dely"'>
  expect(() => windowed.aggregate({ x: sum('dely') })).toThrow('did you mean "delay"');
  // @ts-expect-error: a window needs keys
  expect(() => flights.window(tumbling('1h'))).toThrow('keys before it');
  // @ts-expect-error: an aggregate needs a window
  expect(() => flights.keyBy('origin').aggregate({ n: count() })).toThrow('window before it');
  // @ts-expect-error: not a timestamp
  expect(() => stream('a', { n: t.i32() }).eventTime('n')).toThrow('expected t.timestamp()');
});
