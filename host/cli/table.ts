// host/cli/table.ts — result rows as a table for people: any rows (tail), and the busiest windows (the quick start).

import Table from 'cli-table3';
import { countText, isColoured } from './terminal.ts';

/** Widest cell; what is longer ends in …. */
const CELL_CHARS_MAX = 40;

/** Columns are those of the first row. Numbers stand right. */
export function rowTable(rows: readonly Record<string, unknown>[]): string {
  const names = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => names.map((name) => cellText(row[name])));
  const isNumeric = names.map((name) => rows.every((row) => row[name] === null || typeof row[name] === 'number'));
  return draw(names, isNumeric, cells);
}

export interface BusiestOptions {
  /** The column of the key. */
  key: string;
  /** The column that orders, largest first; ties by time, then by key. */
  by?: string;
  rows?: number;
}

/** The rows with the largest counts; windowStart and windowEnd (epoch ms) become one column of UTC hours. */
export function busiestTable(
  rows: readonly Record<string, unknown>[],
  { key, by = 'count', rows: most = 10 }: BusiestOptions,
): string {
  const top = busiest(rows, key, by, most);
  const others = Object.keys(top[0] ?? {}).filter((name) => ![key, by, 'windowStart', 'windowEnd'].includes(name));
  const names = [key, 'window (UTC)', by, ...others];
  const cells = top.map((row) => [
    cellText(row[key]),
    windowText(Number(row.windowStart), Number(row.windowEnd)),
    cellText(row[by]),
    ...others.map((name) => cellText(row[name])),
  ]);
  return draw(names, [false, false, true, ...others.map((name) => typeof top[0]?.[name] === 'number')], cells);
}

/** Keeps only the `most` largest at any time: all results of a long run may be given. */
function busiest(
  rows: readonly Record<string, unknown>[],
  key: string,
  by: string,
  most: number,
): Record<string, unknown>[] {
  const order = (a: Record<string, unknown>, b: Record<string, unknown>) =>
    Number(b[by]) - Number(a[by]) ||
    Number(a.windowStart) - Number(b.windowStart) ||
    (String(a[key]) < String(b[key]) ? -1 : 1);
  let top: Record<string, unknown>[] = [];
  for (const row of rows) {
    const least = top.length < most ? -Infinity : Number(top.at(-1)![by]);
    if (Number(row[by]) < least) continue;
    top = [...top, row].sort(order).slice(0, most);
  }
  return top;
}

/** 2001-01-05 17:00–18:00; with the second date when it is another day. */
export function windowText(startMs: number, endMs: number): string {
  const [startDay, startTime] = dayAndTime(startMs);
  const [endDay, endTime] = dayAndTime(endMs);
  return endDay === startDay ? `${startDay} ${startTime}–${endTime}` : `${startDay} ${startTime}–${endDay} ${endTime}`;
}

function dayAndTime(timeMs: number): [day: string, time: string] {
  const text = new Date(timeMs).toISOString();
  const [day = '', time = ''] = text.split('T');
  return [day, timeMs % 60_000 === 0 ? time.slice(0, 5) : time.replace(/(\.000)?Z$/, '')];
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e12 ? countText(value) : String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > CELL_CHARS_MAX ? `${text.slice(0, CELL_CHARS_MAX - 1)}…` : text;
}

function draw(names: readonly string[], isNumeric: readonly boolean[], cells: readonly string[][]): string {
  const table = new Table({
    head: [...names],
    colAligns: isNumeric.map((numeric) => (numeric ? 'right' : 'left')),
    style: isColoured(process.stdout) ? { head: ['bold'], border: ['gray'] } : { head: [], border: [] },
  });
  table.push(...cells.map((row) => [...row]));
  return table.toString();
}
