// host/thread/shell-sync.ts — drives a body on a thread that has nothing else to serve: a partition.
//
// Spins briefly when there is nothing to do (two cores are shared by everyone), then sleeps on the doorbell word.

import { cancelSleep, type Doorbell, prepareSleep, sleepSync } from '../../ring/doorbell.ts';
import type { Counters } from '../counters.ts';
import type { Body } from './body.ts';

/** Empty looks before sleeping: about 2 µs, less than half of what a sleep and a wake-up cost (10 µs). */
const SPINS = 20;
/** Wakes up now and then whatever happens, to bring the gauges up to date. */
const SLEEP_MS_MAX = 250;
/** Steps between two looks at the gauges while there is work. */
const STEPS_PER_GAUGE = 256;

/** Runs the body until it is done. */
export function runSync(body: Body, doorbell: Doorbell, counters: Counters, gauge: () => void): void {
  let spins = 0;
  let steps = 0;
  for (;;) {
    const result = body.step();
    if (result === 'done') {
      gauge();
      return;
    }
    if (result === 'progressed') {
      spins = 0;
      counters.add('steps', 1);
      if (++steps % STEPS_PER_GAUGE === 0) gauge();
      continue;
    }
    if (++spins < SPINS) continue;
    spins = 0;
    gauge();
    prepareSleep(doorbell);
    // The last look: what came after the step above and before prepareSleep would ring nobody.
    const last = body.step();
    if (last === 'progressed' || last === 'done') {
      cancelSleep(doorbell);
      continue;
    }
    counters.add(last === 'blocked' ? 'blocked' : 'sleeps', 1);
    sleepSync(doorbell, SLEEP_MS_MAX);
  }
}
