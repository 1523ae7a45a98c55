// host/cli/stop-signal.ts — Ctrl-C and SIGTERM: first a polite request, then an order.
//
// A launcher and a terminal may both deliver one Ctrl-C: what comes within a moment of the first is the same one.

import { monotonicMs } from '../clock.ts';

/** Two deliveries of one key press are closer than this; two presses of a person are not. */
const SAME_PRESS_MS = 200;

/**
 * @param asked  called with false for the first request, with true for every later one
 * @returns forget: the process may end by itself again
 */
export function whenAsked(asked: (again: boolean) => void): { forget: () => void } {
  let firstMs = Number.NEGATIVE_INFINITY;
  const listen = () => {
    const nowMs = monotonicMs();
    if (firstMs === Number.NEGATIVE_INFINITY) {
      firstMs = nowMs;
      asked(false);
    } else if (nowMs - firstMs > SAME_PRESS_MS) asked(true);
  };
  process.on('SIGINT', listen).on('SIGTERM', listen);
  return { forget: () => void process.off('SIGINT', listen).off('SIGTERM', listen) };
}
