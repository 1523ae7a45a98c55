// test/model/json-lines.ts — a batch as JSON lines, in plain TypeScript: what encodeJson must give.

import type { Value } from '../support/batch-rows.ts';

export interface LineField {
  name: string;
  values: readonly Value[];
}

/** Bigints as their digits, everything else as JSON.stringify has it. */
export function jsonLines(fields: readonly LineField[], rows: number): string {
  let lines = '';
  for (let row = 0; row < rows; row++) {
    lines += `{${fields.map(({ name, values }) => `${JSON.stringify(name)}:${jsonValue(values[row]!)}`).join(',')}}\n`;
  }
  return lines;
}

function jsonValue(value: Value): string {
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
}
