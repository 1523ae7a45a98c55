// host/client/retry.ts — when to try again after a failure: full jitter, a cap, a budget, and the engine's own word.
//
//   wait before try n    random below min(cap, base · 2^n); what the engine said (afterMs) wins over it
//   budget               from the first failure on; progress gives all of it back
//
// Source  Brooker, "Exponential Backoff And Jitter" (2015). Packages for it wrap one call that is repeated; here the
//         failure comes long after the call has succeeded, and the engine may say how long to wait.

import { setTimeout as timer } from 'node:timers/promises';
import { chance } from '../chance.ts';
import { monotonicMs } from '../clock.ts';
import { ClientError, mayPass } from './client-error.ts';
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS } from './limits.ts';

/** What the world gives; tests give another. */
export interface Timing {
  nowMs(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 ≤ x < 1 */
  chance(): number;
}

export const REAL_TIMING: Timing = {
  nowMs: monotonicMs,
  sleep: (ms, signal) => timer(ms, undefined, { signal }),
  chance,
};

export interface RetryOptions {
  /** How long in all, from the first failure to the last try; 0: not at all. */
  forMs: number;
  baseMs?: number;
  capMs?: number;
  timing?: Timing;
}

export class Retry {
  private readonly forMs: number;
  private readonly baseMs: number;
  private readonly capMs: number;
  private readonly timing: Timing;
  private failures = 0;
  private sinceMs = 0;

  constructor({ forMs, baseMs = BACKOFF_BASE_MS, capMs = BACKOFF_CAP_MS, timing = REAL_TIMING }: RetryOptions) {
    this.forMs = forMs;
    this.baseMs = baseMs;
    this.capMs = capMs;
    this.timing = timing;
  }

  /** Something went well: the next failure is a first one. */
  progress(): void {
    this.failures = 0;
  }

  /**
   * Resolves when it is time to try again.
   *
   * @throws ClientError the failure itself, when it will not pass, or when the budget is spent
   */
  async afterFailure(error: ClientError, signal: AbortSignal): Promise<void> {
    if (!mayPass(error) || this.forMs === 0) throw error;
    const nowMs = this.timing.nowMs();
    if (this.failures === 0) this.sinceMs = nowMs;
    const jitterMs = this.timing.chance() * Math.min(this.capMs, this.baseMs * 2 ** this.failures);
    const waitMs = error.afterMs ?? jitterMs;
    const spentMs = nowMs - this.sinceMs;
    if (spentMs + waitMs > this.forMs) throw exhausted(error, this.failures, spentMs);
    this.failures++;
    await this.timing.sleep(waitMs, signal);
  }
}

function exhausted(error: ClientError, tries: number, spentMs: number): ClientError {
  if (tries === 0) return error;
  const seconds = (spentMs / 1000).toFixed(spentMs < 10_000 ? 1 : 0);
  const often = tries === 1 ? 'once' : `${tries} times`;
  return new ClientError(error.code, `${error.message} (tried again ${often} in ${seconds} s)`, {
    ...error,
    cause: error,
  });
}
