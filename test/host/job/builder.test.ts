// What the builder makes, and every definition it refuses, with the words that say how to mend it.
import { expect, test } from 'vitest';
import {
  coalesce,
  col,
  count,
  type Expression,
  first,
  type JobDescription,
  job,
  lit,
  max,
  min,
  type NullKey,
  ndjsonFile,
  stdout,
  stream,
  sum,
  t,
  tumbling,
  websocket,
  when,
} from '../../../host/index.ts';

const source = stream('flights', {
  ts: t.timestamp(),
  origin: t.utf8(),
  delay: t.i32(),
  distance: t.i32().nullable(),
  seats: t.i64(),
  price: t.f64(),
  cancelled: t.bool(),
  windowEnd: t.i32(),
});
const flights = source.eventTime('ts', { delay: '10s' });

const delays = job(
  'delays',
  flights
    .filter(col('delay').ge(15))
    .keyBy('origin')
    .window(tumbling('1h', { offset: '-15m' }))
    .aggregate({ n: count(), total: sum('delay'), worst: max('delay') })
    .to(websocket('per-origin'), ndjsonFile('archive', 'delays.ndjson')),
);

test('a job is its description: stream, steps with the fields they put out, sinks', () => {
  const [pipeline] = delays.pipelines;
  expect(pipeline!.stream.eventTime).toStrictEqual({ field: 'ts', delayMs: 10_000, idleTimeoutMs: null });
  expect(pipeline!.steps.map(({ kind }) => kind)).toStrictEqual(['filter', 'keyBy', 'window', 'aggregate']);
  expect(pipeline!.steps[0]).toMatchObject({
    expression: {
      kind: 'call',
      operator: 'ge',
      operands: [
        { kind: 'column', name: 'delay' },
        { kind: 'literal', value: 15 },
      ],
    },
  });
  expect(pipeline!.steps[2]).toMatchObject({ window: { kind: 'tumbling', sizeMs: 3_600_000, offsetMs: -900_000 } });
  expect(pipeline!.output).toStrictEqual([
    { name: 'windowStart', type: 'timestamp', nullable: false },
    { name: 'windowEnd', type: 'timestamp', nullable: false },
    { name: 'origin', type: 'utf8', nullable: false },
    { name: 'n', type: 'i64', nullable: false },
    { name: 'total', type: 'i64', nullable: false },
    { name: 'worst', type: 'i32', nullable: false },
  ]);
  expect(pipeline!.sinks).toStrictEqual([
    { kind: 'websocket', name: 'per-origin' },
    { kind: 'ndjsonFile', name: 'archive', path: 'delays.ndjson' },
  ]);
});

test('a job without functions survives structuredClone unchanged, and nothing in it can be changed', () => {
  expect(structuredClone(delays)).toStrictEqual(delays);
  const open: unknown[] = [];
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) open.push(value);
    Object.values(value).forEach(visit);
  };
  visit(delays);
  expect(open).toStrictEqual([]);
});

test('a description made by another copy of the package is taken for what it is', () => {
  const clone = structuredClone(delays) as JobDescription;
  expect(job('again', ...clone.pipelines)).toMatchObject({ kind: 'pelton.job', name: 'again' });
});

test('a pipeline may key twice: the second window is over the first one’s results', () => {
  const twice = flights
    .keyBy('origin', 'delay')
    .window(tumbling('1m'))
    .aggregate({ n: count() })
    .select({ origin: col('origin'), n: col('n') })
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ most: max('n') })
    .to(stdout());
  expect(twice.output.map(({ name }) => name)).toStrictEqual(['windowStart', 'windowEnd', 'origin', 'most']);
});

test('a nullable key is null in the result only when nulls are grouped', () => {
  const keyOf = (nullKey: NullKey) =>
    flights.keyBy('distance', { nullKey }).window(tumbling('1h')).aggregate({ n: count() }).fields[2];
  expect(keyOf('group')).toStrictEqual({ name: 'distance', type: 'i32', nullable: true });
  for (const nullKey of ['error', 'drop'] as const) expect(keyOf(nullKey)!.nullable).toBe(false);
});

test('a common beginning may be used twice', () => {
  const late = flights.filter(col('delay').gt(0));
  const made = job('two', late.select('origin').to(stdout('a')), late.select('delay').to(stdout('b')));
  expect(made.pipelines.map(({ steps }) => steps.length)).toStrictEqual([2, 2]);
});

test('expressions nest: what a select computes has the type its parts give it', () => {
  const { output } = flights
    .select({
      filled: coalesce(col('distance'), 0),
      kind: when(col('delay').gt(0), 'late', 'early'),
      whole: col('price').toI64(),
      moved: col('ts').sub(60_000),
      rate: col('seats').div(col('delay')),
    })
    .to(stdout());
  expect(output).toStrictEqual([
    { name: 'filled', type: 'i32', nullable: false },
    { name: 'kind', type: 'utf8', nullable: false },
    { name: 'whole', type: 'i64', nullable: true },
    { name: 'moved', type: 'timestamp', nullable: true },
    { name: 'rate', type: 'f64', nullable: true },
  ]);
});

/** Definitions as a job file without a type check may hold them. */
const untyped = flights as unknown as Record<string, (...args: unknown[]) => typeof untyped>;
const untypedStream = stream as unknown as (...args: unknown[]) => typeof untyped;
const keyed = () => flights.keyBy('origin');
const windowed = () => keyed().window(tumbling('1h'));
const ofFields = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, t.i32()]));

const refusals: [what: string, define: () => unknown, message: string][] = [
  [
    'an unknown field',
    () => untyped.filter!(col('dely').ge(15)),
    'stream "flights", step 1, filter(): unknown field "dely" (did you mean "delay"?); the fields here are ts, origin',
  ],
  [
    'a field gone since a select',
    () =>
      flights
        .select('origin')
        .filter(col('origin').eq('a'))
        .select('delay' as 'origin'),
    'step 3, select(): "delay": unknown field "delay"; the fields here are origin',
  ],
  [
    'text against a number',
    () => untyped.filter!(col('origin').ge(15)),
    'ge does not take utf8 and number; expected two numbers or times',
  ],
  [
    'a comparison with null',
    () => untyped.filter!(col('delay').eq(lit(null))),
    'eq with null is never true; write isNull()',
  ],
  ['a condition that is no bool', () => untyped.filter!(col('delay')), 'the condition is i32, expected bool'],
  ['a condition that is no expression', () => untyped.filter!(true), 'takes an expression or a function, seen boolean'],
  [
    'a fraction beside an integer',
    () => untyped.select!({ x: col('delay').add(0.5) }),
    '"x": the literal 0.5 is no whole number, but meets i32; write toF64() of the i32',
  ],
  [
    'a literal too large for i32',
    () => flights.select({ x: col('delay').add(3e9) }),
    'the literal 3000000000 does not fit i32; write 3000000000n',
  ],
  ['a literal beyond 2^53', () => flights.select({ x: col('seats').add(2 ** 60) }), 'write 1152921504606846976n'],
  ['a bigint beyond i64', () => flights.select({ x: lit(2n ** 63n) }), 'does not fit an i64'],
  ['half a surrogate pair', () => flights.filter(col('origin').eq('\ud800')), 'half a surrogate pair'],
  ['a null without a type', () => untyped.select!({ x: lit(null) }), 'a null alone has no type'],
  [
    'an object as literal',
    () => untyped.filter!(col('delay').eq({} as never)),
    'a literal is a boolean, number, bigint, string or null, seen an object',
  ],
  [
    'idiv of f64',
    () => untyped.select!({ x: col('price').idiv(2) }),
    'idiv does not take f64 and number; expected integers',
  ],
  [
    'a product of times',
    () => untyped.select!({ x: col('ts').mul(2) }),
    'mul does not take timestamp and number; expected timestamp ± integer',
  ],
  [
    'branches of two types',
    () => untyped.select!({ x: when(true, col('origin'), 1) }),
    'when does not take utf8 and number; expected values of one type',
  ],
  ['an empty in', () => untyped.filter!(col('delay').in([])), 'in() with 0 values, expected 1 … 1000'],
  ['an expression without a name', () => untyped.select!(col('delay')), 'takes named expressions'],
  ['a select of nothing', () => flights.select({}), 'select() has 0 fields, expected 1 … 512'],
  ['a value for an expression', () => untyped.select!({ x: 1 }), '"x" is number, expected an expression'],
  ['the same field twice', () => flights.select('delay', 'delay'), 'the field "delay" stands there twice'],
  ['an empty schema', () => stream('a', {}), 'stream "a" has 0 fields, expected 1 … 512'],
  ['513 fields', () => stream('a', ofFields(513)), '513 fields, expected 1 … 512'],
  ['an empty field name', () => stream('a', { '': t.i32() }), 'has 0 bytes, expected 1 … 128'],
  ['a field name of 129 bytes', () => stream('a', { ['ä'.repeat(65)]: t.i32() }), 'has 130 bytes, expected 1 … 128'],
  ['__proto__', () => stream('a', JSON.parse('{"__proto__": {"type": "i32"}}')), '"__proto__" is reserved'],
  ['a field without a type', () => untypedStream('a', { x: 'i32' }), 'the field "x" needs a type: t.bool()'],
  ['a stream without a name', () => stream('', { x: t.i32() }), 'the stream name "" must be'],
  ['no producers', () => stream('a', { x: t.i32() }, { producers: 0 }), 'producers is 0, expected 1 … 65536'],
  ['an event time that is no field', () => source.eventTime('tz' as 'ts'), 'unknown field "tz" (did you mean "ts"?)'],
  ['an event time of i32', () => source.eventTime('delay' as 'ts'), 'is i32, expected t.timestamp(), never null'],
  ['a negative delay', () => source.eventTime('ts', { delay: -1 }), 'delay is -1 ms, expected 0 or more'],
  [
    'a delay that is no duration',
    () => source.eventTime('ts', { delay: '10 sec' as '10s' }),
    `delay is "10 sec", expected whole milliseconds or a text such as '250ms'`,
  ],
  [
    'an idle timeout of 0',
    () => source.eventTime('ts', { idleTimeout: 0 }),
    'idleTimeout is 0 ms, expected more than 0',
  ],
  [
    'keys without event time',
    () => source.keyBy('origin'),
    `no event time, which windows need: stream(…).eventTime('field'`,
  ],
  [
    'a window without keys',
    () => untyped.window!(tumbling('1h')),
    `a window needs keys before it: keyBy('field').window(…)`,
  ],
  [
    'an aggregate without a window',
    () => (keyed() as unknown as typeof untyped).aggregate!({ n: count() }),
    'an aggregate needs a window before it',
  ],
  [
    'a filter between keys and window',
    () => (keyed() as unknown as typeof untyped).filter!(col('delay').gt(0)),
    'keyBy must be followed by window()',
  ],
  [
    'an end between keys and window',
    () => (keyed() as unknown as typeof untyped).to!(stdout()),
    'keyBy must be followed by window()',
  ],
  ['no key', () => flights.keyBy(), 'keyBy() with 0 fields, expected 1 … 16'],
  [
    '17 keys',
    () =>
      stream('a', { ...ofFields(17), ts: t.timestamp() })
        .eventTime('ts')
        .keyBy(...(Object.keys(ofFields(17)) as 'ts'[])),
    'keyBy() with 17 fields, expected 1 … 16',
  ],
  ['a key twice', () => flights.keyBy('origin', 'origin'), 'the field "origin" stands there twice'],
  [
    'an unknown rule for null keys',
    () => flights.keyBy('origin', { nullKey: 'skip' as 'drop' }),
    `nullKey is "skip", expected 'error', 'drop' or 'group'`,
  ],
  ['a size of 0', () => tumbling(0), 'tumbling(): size is 0 ms, expected more than 0'],
  ['a negative size', () => tumbling('-1h'), 'size is -3600000 ms, expected more than 0'],
  ['a size of NaN', () => tumbling(Number.NaN), 'size is NaN, expected whole milliseconds'],
  [
    'an offset of a whole size',
    () => tumbling('1h', { offset: '1h' }),
    'offset is 1h, expected less than the size (1h) either way; 0ms gives the same windows',
  ],
  [
    'an offset beyond the size',
    () => tumbling('1h', { offset: '-90m' }),
    'offset is -90m, expected less than the size (1h) either way; -30m gives the same windows',
  ],
  ['no aggregates', () => windowed().aggregate({}), '0 aggregates, expected 1 … 64'],
  [
    '65 aggregates',
    () => windowed().aggregate(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`n${i}`, count()]))),
    '65 aggregates, expected 1 … 64',
  ],
  [
    'a sum over text',
    () => windowed().aggregate({ x: sum('origin') } as never),
    '"x": sum does not take utf8 "origin", expected a number',
  ],
  ['a sum over times', () => windowed().aggregate({ x: sum('ts') } as never), 'sum does not take timestamp "ts"'],
  [
    'a first over bool',
    () => windowed().aggregate({ x: first('cancelled') } as never),
    'first does not take bool "cancelled", expected a number or timestamp; select toI32()',
  ],
  [
    'an aggregate of an unknown field',
    () => windowed().aggregate({ x: min('dely') } as never),
    'unknown field "dely" (did you mean "delay"?)',
  ],
  [
    'an expression as aggregate',
    () => windowed().aggregate({ x: sum(col('delay') as never) } as never),
    `sum() takes a field's name`,
  ],
  [
    'a key called windowEnd',
    () => flights.keyBy('windowEnd').window(tumbling('1h')).aggregate({ n: count() }),
    `"windowEnd" is the window's own field`,
  ],
  [
    'an aggregate called like its key',
    () => windowed().aggregate({ origin: count() }),
    '"origin" is a key field and an aggregate',
  ],
  ['no sink', () => (flights as unknown as typeof untyped).to!(), 'no sink: to(stdout())'],
  [
    'a sink that is none',
    () => (flights as unknown as typeof untyped).to!({ write() {} }),
    'to() takes sinks: websocket',
  ],
  ['a sink without a name', () => flights.to(websocket('')), 'the sink name "" must be 1 … 128 letters'],
  ['a file without a path', () => ndjsonFile('a', ''), 'the sink "a" has no path'],
  ['a job of nothing', () => job('a'), 'job "a" has 0 pipelines'],
  [
    'a pipeline that is not ended',
    () => job('a', flights as never),
    'pipeline 1 is not ended; end it with .to(stdout())',
  ],
  [
    'two sinks of one name',
    () => job('a', flights.to(stdout()), flights.to(stdout())),
    'two sinks are called "stdout"',
  ],
  [
    'one stream, two schemas',
    () => job('a', flights.to(stdout('x')), stream('flights', { n: t.i32() }).to(stdout('y'))),
    'two streams are called "flights", with different fields',
  ],
  ['a job without a name', () => job('a b', flights.to(stdout())), 'the job name "a b" must be'],
];

for (const [what, define, message] of refusals) {
  test(`${what} is refused: ${message}`, () => {
    let seen: unknown = 'nothing was thrown';
    try {
      define();
    } catch (error) {
      seen = error;
    }
    expect(seen).toMatchObject({ name: 'JobError', message: expect.stringContaining(message) });
  });
}

test('an expression of more than 1,000 nodes is refused before it costs anything', () => {
  let doubled: Expression<unknown> = col('delay').toI64();
  for (let depth = 0; depth < 40; depth++) doubled = doubled.add(doubled);
  expect(() => untyped.select!({ doubled })).toThrow('at most 1000; split it with select()');
});
