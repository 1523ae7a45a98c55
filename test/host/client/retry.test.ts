// When a client tries again: on a clock that the test moves.
import { expect, test } from 'vitest';
import { ClientError } from '../../../host/client/client-error.ts';
import { Retry } from '../../../host/client/retry.ts';

const { signal } = new AbortController();
const lost = (afterMs?: number) => new ClientError('CONNECTION_LOST', 'gone', { afterMs });

/** Sleeps pass at once, and are noted. */
function fakeTiming(chances: number[] = []) {
  const timing = {
    slept: [] as number[],
    now: 1000,
    nowMs: () => timing.now,
    sleep: (ms: number) => {
      timing.slept.push(ms);
      timing.now += ms;
      return Promise.resolve();
    },
    chance: () => chances.shift() ?? 1,
  };
  return timing;
}

test('waits are random below a bound that doubles up to the cap', async () => {
  const timing = fakeTiming([1, 0.5, 0, 1, 1, 1, 1]);
  const retry = new Retry({ forMs: 1e6, baseMs: 100, capMs: 1000, timing });
  for (let n = 0; n < 7; n++) await retry.afterFailure(lost(), signal);
  expect(timing.slept).toEqual([100, 100, 0, 800, 1000, 1000, 1000]);
});

test("the engine's word wins over the jitter, and counts against the budget", async () => {
  const timing = fakeTiming();
  const retry = new Retry({ forMs: 10_000, baseMs: 100, capMs: 1000, timing });
  await retry.afterFailure(lost(7000), signal);
  expect(timing.slept).toEqual([7000]);
  await expect(retry.afterFailure(lost(7000), signal)).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: 'gone (tried again once in 7.0 s)',
  });
});

test('the budget runs from the first failure, and progress gives all of it back', async () => {
  const timing = fakeTiming();
  const retry = new Retry({ forMs: 350, baseMs: 100, capMs: 1000, timing });
  await retry.afterFailure(lost(), signal);
  await retry.afterFailure(lost(), signal);
  expect(timing.slept).toEqual([100, 200]);
  retry.progress();
  timing.now += 1e6;
  await retry.afterFailure(lost(), signal);
  await retry.afterFailure(lost(), signal);
  await expect(retry.afterFailure(lost(), signal)).rejects.toThrow('tried again 2 times');
  expect(timing.slept).toEqual([100, 200, 100, 200]);
});

test('what will not pass is not tried again, and nothing is when the budget is 0', async () => {
  const timing = fakeTiming();
  const fenced = new ClientError('FENCED', 'another connection');
  await expect(new Retry({ forMs: 1e6, timing }).afterFailure(fenced, signal)).rejects.toBe(fenced);
  const first = lost();
  await expect(new Retry({ forMs: 0, timing }).afterFailure(first, signal)).rejects.toBe(first);
  expect(timing.slept).toEqual([]);
});
