// host/engine/silence.ts — which thread has not moved for too long: a step that never ends, a function that waits.
//
// Every thread moves a counter at least four times a second, asleep or not: partitions wake up to look around, the
// others' event loops come round. Pure: counters and time in, a thread's index out.

import type { Counters } from '../counters.ts';

/** Between two looks control itself was at work for at most this share of the limit; the rest it was away. */
const LOOK_SHARE_MAX = 1 / 4;

export class Silence {
  private readonly rows: readonly Counters[];
  private readonly msMax: number;
  private readonly moved: number[];
  private readonly silentMs: number[];

  constructor(rows: readonly Counters[], msMax: number) {
    this.rows = rows;
    this.msMax = msMax;
    this.moved = rows.map(movements);
    this.silentMs = rows.map(() => 0);
  }

  /** The first thread whose silence is over the limit; −1: none. */
  look(sinceMs: number): number {
    const passedMs = Math.min(sinceMs, this.msMax * LOOK_SHARE_MAX);
    for (const [thread, row] of this.rows.entries()) {
      const moved = movements(row);
      this.silentMs[thread] = moved === this.moved[thread] ? this.silentMs[thread]! + passedMs : 0;
      this.moved[thread] = moved;
    }
    return this.silentMs.findIndex((ms) => ms >= this.msMax);
  }
}

const movements = (row: Counters): number =>
  row.get('steps') + row.get('sleeps') + row.get('blocked') + row.get('beats');
