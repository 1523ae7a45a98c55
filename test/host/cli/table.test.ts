// The tables that people see.
import { expect, test } from 'vitest';
import { busiestTable, rowTable, windowText } from '../../../host/cli/table.ts';
import { seededRandom } from '../../support/random.ts';

const HOUR_MS = 3_600_000;
/** The cells of each line between the borders. */
const cells = (table: string) =>
  table
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test('the busiest windows are those of a full sort, ties by time and then by key', () => {
  const random = seededRandom(7);
  const rows = Array.from({ length: 5000 }, () => {
    const windowStart = random.below(50) * HOUR_MS;
    return {
      origin: `K${random.below(40)}`,
      windowStart,
      windowEnd: windowStart + HOUR_MS,
      count: random.below(60),
      avg_delay: 1.5,
    };
  });
  const sorted = rows.toSorted(
    (a, b) => b.count - a.count || a.windowStart - b.windowStart || (a.origin < b.origin ? -1 : 1),
  );
  const [head, ...body] = cells(busiestTable(rows, { key: 'origin' }));
  expect(head).toEqual(['origin', 'window (UTC)', 'count', 'avg_delay']);
  expect(body, `seed ${random.seed}`).toEqual(
    sorted
      .slice(0, 10)
      .map((row) => [row.origin, windowText(row.windowStart, row.windowEnd), String(row.count), '1.5']),
  );
});

test.each([
  [978307200000, 978310800000, '2001-01-01 00:00–01:00'],
  [978390000000, 978393600000, '2001-01-01 23:00–2001-01-02 00:00'],
  [978307200000, 978307210000, '2001-01-01 00:00–00:00:10'],
  [978307200000, 978307200500, '2001-01-01 00:00–00:00:00.500'],
])('the window from %d to %d is %s', (start, end, text) => {
  expect(windowText(start, end)).toBe(text);
});

test('any rows: columns of the first, nulls empty, long texts cut', () => {
  const table = cells(
    rowTable([
      { a: null, b: 'x'.repeat(100), c: 1234567, d: 978307200000123 },
      { a: 1, b: 'y', c: 2, d: 3 },
    ]),
  );
  expect(table).toEqual([
    ['a', 'b', 'c', 'd'],
    ['', `${'x'.repeat(39)}…`, '1,234,567', '978307200000123'],
    ['1', 'y', '2', '3'],
  ]);
});
