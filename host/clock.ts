// host/clock.ts — the only file that reads the time. Bodies get times as arguments; shells ask here.

/** Epoch milliseconds; may jump. */
export const wallClockMs = (): number => Date.now();

/** Milliseconds from an arbitrary start; never goes back. */
export const monotonicMs = (): number => performance.now();
