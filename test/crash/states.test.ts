// Crash states of the log by the thousand; `npm run test:states` goes on for as many as one likes.
import { expect, test } from 'vitest';
import { enumerateStates } from './states.ts';

test('whatever a power cut leaves of a log is recovered rightly, and every kind of end is met', async () => {
  const report = await enumerateStates(4000, 2);
  expect(report.states).toBe(4000);
  for (const [name, count] of Object.entries(report)) expect(count, name).toBeGreaterThan(0);
});

test('the same seed meets the same states', async () => {
  expect(await enumerateStates(500, 7)).toEqual(await enumerateStates(500, 7));
});
