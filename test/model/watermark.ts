// test/model/watermark.ts — which watermark each row of one producer is judged by, row by row, from SEMANTICS 1.1.

/** The watermark just before each row; null while there was none. */
export function watermarksBefore(times: readonly number[], delayMs: number): (number | null)[] {
  let greatest: number | null = null;
  return times.map((time) => {
    const before: number | null = greatest === null ? null : greatest - delayMs;
    greatest = greatest === null ? time : Math.max(greatest, time);
    return before;
  });
}
