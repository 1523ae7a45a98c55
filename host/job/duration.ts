// host/job/duration.ts — lengths of time as jobs write them: '250ms', '10s', '1m', '1h', '7d', or milliseconds.

import { JobError } from '../errors.ts';

export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Longer than event times reach: |TIME_MIN| … TIME_MAX is 17.28e15 ms. */
const DURATION_MS_MAX = 17_280_000_000_000_000;

/**
 * Whole milliseconds of a duration, negative ones too (an offset may be).
 *
 * @param what  names the option in the message: `size`, `delay`
 * @throws JobError when it is no duration or no whole number of milliseconds
 */
export function durationMs(duration: Duration, what: string): number {
  const ms = typeof duration === 'number' ? duration : parse(duration);
  if (!Number.isInteger(ms) || Math.abs(ms) > DURATION_MS_MAX) {
    const seen = typeof duration === 'string' ? `"${duration}"` : String(duration);
    throw new JobError(
      `${what} is ${seen}, expected whole milliseconds or a text such as '250ms', '10s', '1m', '1h', '7d'`,
    );
  }
  return ms + 0;
}

function parse(text: unknown): number {
  const match = typeof text === 'string' ? /^\s*([+-]?\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text) : null;
  return match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

/** The shortest exact way to write it: 3600000 → '1h'. */
export function durationText(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms !== 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}
