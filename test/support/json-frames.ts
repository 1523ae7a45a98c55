// test/support/json-frames.ts — seeded frames of JSON rows: good ones, problems, faults, in every layout.

import type { Random } from './random.ts';

const spaces = ['', '', '', ' ', '\n', '\t', '\r\n', '  \n '];
const unread = [
  'null',
  '[]',
  '{}',
  '[1,[2,{"id":3}]]',
  '"text"',
  '"\\ud800"',
  '1e999',
  '-0.5E-7',
  '{"id":1,"id":2}',
  '"é😀\\u00e9"',
  'true',
  '12345678901234567890123',
  `${'['.repeat(64)}${']'.repeat(64)}`,
  `${'[{"a":'.repeat(33)}1${'}]'.repeat(33)}`,
];
const integers = [
  '0',
  '-0',
  '7',
  '-12',
  '1234567',
  '12345678',
  '123456789',
  '978307200000',
  '1.0',
  '1e3',
  '12.5',
  '2147483648',
];
const wides = [
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '9007199254740993',
  '1234567890123456',
  '12345678901234567',
  '1e18',
  '1e19',
  '0.1e1',
  '10e-1',
  '1.5',
  '0e99999999999999999999',
  '1e-99999999999999999999',
];
const doubles = [
  '0.1',
  '-0',
  '-0.0',
  '1e308',
  '1e309',
  '5e-324',
  '2e-324',
  '123456.789',
  '0.30000000000000004',
  '1E+2',
];
const times = [
  '978307200000',
  '-1',
  '8640000000000000',
  '8640000000000001',
  '99999999999999999999999',
  '1.5',
  '"2001-01-01T00:00:00Z"',
  '"1969-12-31T23:59:59.9995+00:00"',
  '"2001-02-29T00:00:00Z"',
  '"2000-02-29t23:59:60z"',
  '"0000-01-01 00:00:00.1-23:59"',
  '"2001-01-01T00:00:00"',
  '"2001-01-01T00:00:00\\u005a"',
];
const strings = [
  '""',
  '"ORD"',
  '"a string of more than sixteen bytes, and more than thirty-two"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '"\\u00e9\\ud83d\\ude00\\u0000"',
  '"é😀ÿ"',
  '"\\ud83d"',
  '"\\ude00\\ud83d"',
  '"{\\"id\\":1}\\n"',
];
const wrong = [
  'null',
  '"123"',
  '[]',
  '{"id":1}',
  'false',
  'tru',
  '01',
  '1.',
  '"\\x"',
  '+1',
  '.5',
  '"\u0001"',
  "'a'",
  '',
];

/** The columns that these frames speak of: time, id (i64), small (i32), value (f64), flag (bool), name (utf8). */
function value(random: Random, key: string): string {
  if (random.chance(0.03)) return random.pick(wrong);
  if (key === 'time') return random.pick(times.slice(0, random.chance(0.8) ? 3 : times.length));
  if (key === 'id') return random.pick(random.chance(0.5) ? integers.slice(0, 10) : wides);
  if (key === 'small') return random.pick(random.chance(0.9) ? integers.slice(0, 8) : integers);
  if (key === 'value')
    return random.chance(0.3) ? random.pick(doubles) : String(random.float() * 10 ** random.below(20));
  if (key === 'flag') return random.pick(['true', 'false']);
  if (key === 'name' || key === 'né"') return random.pick(strings.slice(0, random.chance(0.9) ? 6 : strings.length));
  return random.pick(random.chance(0.97) ? unread : wrong);
}

const KEYS = [
  'time',
  'id',
  'small',
  'value',
  'flag',
  'name',
  'né"',
  'other',
  'a key that is longer than thirty-two bytes',
];

function keyText(random: Random, key: string): string {
  const text = JSON.stringify(key);
  if (!random.chance(0.1)) return text;
  return `"${[...key].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}

function row(random: Random, compact: boolean): string {
  const space = () => (compact ? '' : random.pick(spaces));
  const keys = KEYS.filter(() => !random.chance(0.04));
  if (random.chance(0.2)) keys.sort(() => (random.chance(0.5) ? 1 : -1));
  if (random.chance(0.03)) keys.push(random.pick(KEYS));
  const members = keys.map(
    (key) => `${space()}${keyText(random, key)}${space()}:${space()}${value(random, key)}${space()}`,
  );
  return `{${members.join(',')}${random.chance(0.01) ? ',' : ''}}`;
}

/** One frame: lines, an array, or a lone object; sometimes cut off or with rubbish between its rows. */
export function randomFrame(random: Random, rowCount: number): string {
  const compact = random.chance(0.5);
  const rows = Array.from({ length: rowCount }, () =>
    random.chance(0.02) ? random.pick(['17', '"row"', '[{}]', '{', '}', '{"id":', 'x']) : row(random, compact),
  );
  const layout = random.pick(['lines', 'array', 'crlf']);
  const rubbish = random.chance(0.05) ? random.pick([',', 'x', '"', ']', '\u00a0']) : '';
  const frame =
    layout === 'array'
      ? `${random.pick(spaces)}[${rows.join(`${random.pick(spaces)},${random.pick(spaces)}`)}]${rubbish}${random.pick(spaces)}`
      : `${rows.join(layout === 'crlf' ? '\r\n' : random.pick(['\n', '\n\n', ' ', '\n \n']))}${rubbish}${random.pick(['', '\n'])}`;
  return random.chance(0.05) ? frame.slice(0, random.below(frame.length)) : frame;
}
