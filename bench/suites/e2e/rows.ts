// bench/suites/e2e/rows.ts — the rows of the end-to-end benches, by index: no two rows of a round are alike, and no
// process has to be fed by another. A round's event times begin where the round before ended.

export const WINDOW_MS = 10_000;
/** How far rows may be out of order; the job and every server wait that much longer before a window closes. */
export const DELAY_MS = 1000;
export const KEY_COUNT = 100_000;
const START_MS = 978_307_200_000;
/** Key index × this = key: nine digits, and still a small integer, which a JavaScript Map likes best. */
const KEY_STEP = 7919;

export interface RowsSize {
  windows: number;
  rowsPerWindow: number;
}

export const rowCountOf = ({ windows, rowsPerWindow }: RowsSize): number => windows * rowsPerWindow;

export const roundStartMs = (round: number, { windows }: RowsSize): number => START_MS + round * windows * WINDOW_MS;

export const timeOf = (row: number, startMs: number, { rowsPerWindow }: RowsSize): number =>
  startMs + Math.floor((row * WINDOW_MS) / rowsPerWindow);

export const keyIndexOf = (row: number): number => mix(row) % KEY_COUNT;
export const keyOf = (row: number): number => keyIndexOf(row) * KEY_STEP;
export const keyIndex = (key: number): number => key / KEY_STEP;
export const amountOf = (row: number): number => (mix(row + 0x40000000) % 2_000_001) - 1_000_000;

/** A permutation of the 32-bit numbers ("lowbias32", Wellons). */
function mix(x: number): number {
  let z = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  z = Math.imul(z ^ (z >>> 15), 0x846ca68b);
  return (z ^ (z >>> 16)) >>> 0;
}
