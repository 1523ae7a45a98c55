// bench/suites/e2e/totals.ts — result rows by window and key, from each side's own format, and what they must be.

import { tableFromIPC } from '@uwdata/flechette';
import { amountOf, KEY_COUNT, keyIndex, keyIndexOf, type RowsSize, rowCountOf, WINDOW_MS } from './rows.ts';
import { type Message, wordOf } from './subscriber.ts';

export interface Totals {
  n: Float64Array;
  sum: Float64Array;
  min: Float64Array;
  max: Float64Array;
  rows: number;
}

const COLUMNS = ['n', 'sum', 'min', 'max'] as const;

function emptyTotals({ windows }: RowsSize): Totals {
  const column = () => new Float64Array(windows * KEY_COUNT);
  return { n: column(), sum: column(), min: column(), max: column(), rows: 0 };
}

/** What every round's results are, counted by the plainest loop there is. */
export function expectedTotals(size: RowsSize): Totals {
  const totals = emptyTotals(size);
  const { n, sum, min, max } = totals;
  for (let row = 0; row < rowCountOf(size); row++) {
    const at = Math.floor(row / size.rowsPerWindow) * KEY_COUNT + keyIndexOf(row);
    const value = amountOf(row);
    if (n[at] === 0) {
      totals.rows++;
      min[at] = value;
      max[at] = value;
    }
    n[at]!++;
    sum[at]! += value;
    min[at] = Math.min(min[at]!, value);
    max[at] = Math.max(max[at]!, value);
  }
  return totals;
}

/** Result rows that are announced or there: enough to see that none is missing. */
export function countRows(messages: readonly Message[]): number {
  let rows = 0;
  for (const { binary, pieces } of messages) {
    if (binary) continue;
    const word = wordOf(pieces);
    if (word !== null) rows += Number(word.count ?? 0);
    else for (const piece of pieces) for (const byte of piece) if (byte === 0x0a) rows++;
  }
  return rows;
}

/** Every row of every message: Arrow streams are binary, NDJSON is text. */
export function totalsOf(messages: readonly Message[], size: RowsSize, startMs: number): Totals {
  const totals = emptyTotals(size);
  const add = (windowStart: number, key: number, values: readonly number[]) => {
    const window = (windowStart - startMs) / WINDOW_MS;
    const at = window * KEY_COUNT + keyIndex(key);
    const inside = Number.isInteger(window) && window >= 0 && window < size.windows && Number.isInteger(at);
    if (!inside || totals.n[at] !== 0)
      throw new Error(`a second or a strange row for window ${windowStart}, key ${key}`);
    for (const [index, column] of COLUMNS.entries()) totals[column][at] = values[index]!;
    totals.rows++;
  };
  for (const { binary, pieces } of messages) {
    if (binary) {
      const table = tableFromIPC(Buffer.concat(pieces), { useBigInt: false, useDate: false });
      const [starts, keys, ...values] = ['windowStart', 'key', ...COLUMNS].map((name) =>
        table.getChild(name)!.toArray(),
      );
      for (let row = 0; row < table.numRows; row++) {
        add(
          Number(starts![row]),
          Number(keys![row]),
          values.map((column) => Number(column[row])),
        );
      }
    } else if (wordOf(pieces) === null) {
      for (const line of Buffer.concat(pieces).toString().trimEnd().split('\n')) {
        const row = JSON.parse(line) as Record<string, number>;
        add(
          row.windowStart!,
          row.key!,
          COLUMNS.map((column) => row[column]!),
        );
      }
    }
  }
  return totals;
}

export function compareTotals(side: string, totals: Totals, expected: Totals): void {
  if (totals.rows !== expected.rows) throw new Error(`${side}: ${totals.rows} result rows, expected ${expected.rows}`);
  for (const column of COLUMNS) {
    for (let at = 0; at < expected.n.length; at++) {
      if (totals[column][at] === expected[column][at]) continue;
      throw new Error(`${side}: ${column} of result ${at} is ${totals[column][at]}, expected ${expected[column][at]}`);
    }
  }
}
