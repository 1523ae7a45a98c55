// host/cli/terminal.ts — where words go: colour only on a terminal, numbers as people read them.

import { styleText } from 'node:util';
import type { CliError } from './cli-error.ts';

/** NO_COLOR (any value but the empty one) switches colour off: no-color.org. */
export const isColoured = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && !process.env.NO_COLOR;

/** One line to standard error. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function sayError(command: string, { message, advice }: CliError): void {
  const name = `pelton${command === '' ? '' : ` ${command}`}:`;
  say(`${isColoured(process.stderr) ? styleText('red', name, { validateStream: false }) : name} ${message}`);
  if (advice !== '') say(`  ${advice}`);
}

/** 1234567 → 1,234,567 */
export const countText = (count: number): string => Math.round(count).toLocaleString('en-US');

/** 1234567 → 1.2 MB */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** One row each: `1 row`, `2 rows`. */
export const rowsText = (rows: number): string => `${countText(rows)} ${rows === 1 ? 'row' : 'rows'}`;
