// Connections that are cut at random against an engine that stores by (producer, sequence): nothing acked is lost, nothing is
// stored twice, and the order holds.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../host/client/outcome.ts';
import { openProducer } from '../../../host/client/stream-producer.ts';
import { seededRandom } from '../../support/random.ts';
import { type Fate, StoringEngine } from '../../support/storing-engine.ts';

const RUNS = 60;
const SEED = 20261120;

/** What may happen at every point, each with this probability in a hundred. */
const weather = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  cut: fc.integer({ min: 0, max: 12 }),
  refuse: fc.integer({ min: 0, max: 6 }),
  credit: fc.constantFrom(10, 60, 4 * 1024 * 1024),
  frames: fc.integer({ min: 1, max: 60 }),
  /** From this connection on the engine is gone for good; 0: never. */
  goneAt: fc.constantFrom(0, 0, 0, 2, 4),
});

test('whatever is cut: what is acked is stored once and in order, what is rejected is not stored', async () => {
  const seen = { acked: 0, unknown: 0, rejected: 0, cuts: 0 };
  await fc.assert(
    fc.asyncProperty(weather, async ({ seed, cut, refuse, credit, frames, goneAt }) => {
      const engine = await StoringEngine.start();
      const random = seededRandom(seed);
      let isStormy = true;
      engine.credit = credit;
      engine.meet = ({ point, connection, sequence }): Fate => {
        if (goneAt > 0 && connection >= goneAt) return 'cut';
        if (!isStormy || (connection === 1 && sequence === 0)) return undefined;
        if (random.below(100) < cut) {
          seen.cuts++;
          return 'cut';
        }
        if (point !== 'frame' || random.below(100) >= refuse) return undefined;
        const isStored = engine.stored.some((frame) => frame.sequence === sequence);
        return isStored
          ? undefined
          : { refuse: { type: 'error', code: 'RETRY_LATER', message: 'later', sequence, afterMs: 0 } };
      };
      let now = 0;
      const producer = await openProducer({
        url: engine.url,
        stream: 'flights',
        retryForMs: goneAt > 0 ? 400 : 1e9,
        timing: { nowMs: () => (now += 10), sleep: () => new Promise(setImmediate), chance: random.float },
      });
      const outcomes: Outcome['outcome'][] = [];
      for (let n = 0; n < frames; n++) {
        const told = ({ outcome }: Outcome) => {
          expect(outcomes[n]).toBeUndefined();
          outcomes[n] = outcome;
        };
        await producer.send(`{"n":${n}}`, { told })?.catch(() => undefined);
      }
      await producer.flush().catch(() => undefined);
      isStormy = false;
      await producer.close().catch(() => undefined);
      await engine.stop();
      const stored = engine.texts;
      for (let n = 0; n < frames; n++) {
        const times = stored.filter((text) => text === `{"n":${n}}`).length;
        seen[outcomes[n]!]++;
        if (outcomes[n] === 'acked') expect(times, `frame ${n} is acked`).toBe(1);
        if (outcomes[n] === 'rejected') expect(times, `frame ${n} is rejected`).toBe(0);
        expect(times, `frame ${n} is stored`).toBeLessThanOrEqual(1);
      }
      expect(stored).toEqual(stored.toSorted((one, other) => Number(one.slice(5, -1)) - Number(other.slice(5, -1))));
      if (goneAt === 0) expect(outcomes).toEqual(Array(frames).fill('acked'));
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // The weather was in fact bad.
  expect(seen.cuts).toBeGreaterThan(RUNS);
  expect(Math.min(seen.acked, seen.unknown, seen.rejected)).toBeGreaterThan(0);
});
