// host/thread/shell-async.ts — drives a body on a thread whose event loop has sockets or files to serve.
//
// A turn is a bounded number of steps; then the loop looks at its sockets, and the next turn comes with setImmediate.
// When the body has nothing to do the thread sleeps in its event loop, on its doorbell word (Atomics.waitAsync).

import { cancelSleep, type Doorbell, prepareSleep, sleepAsync } from '../../ring/doorbell.ts';
import type { Counters } from '../counters.ts';
import type { Body } from './body.ts';

export class AsyncShell {
  /** Turns so far. */
  turns = 0;
  private readonly body: Body;
  private readonly doorbell: Doorbell;
  private readonly stepsPerTurn: number;
  private readonly counters: Counters;
  private readonly whenDone: () => void;
  private readonly whenFailed: (error: unknown) => void;
  private scheduled = false;
  private waiting: Promise<unknown> | null = null;
  private over = false;

  constructor(options: {
    body: Body;
    doorbell: Doorbell;
    stepsPerTurn: number;
    counters: Counters;
    whenDone: () => void;
    whenFailed: (error: unknown) => void;
  }) {
    this.body = options.body;
    this.doorbell = options.doorbell;
    this.stepsPerTurn = options.stepsPerTurn;
    this.counters = options.counters;
    this.whenDone = options.whenDone;
    this.whenFailed = options.whenFailed;
  }

  /** There may be work: a frame came in, a timer ran, a file was written. */
  wake(): void {
    if (this.scheduled || this.over) return;
    this.scheduled = true;
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.scheduled = false;
    this.turns++;
    if (this.over) return;
    cancelSleep(this.doorbell);
    try {
      if (this.run()) this.wake();
      else if (!this.over) this.sleep();
    } catch (error) {
      this.over = true;
      this.whenFailed(error);
    }
  }

  /** True when the turn ended with work left. */
  private run(): boolean {
    for (let steps = 0; steps < this.stepsPerTurn; steps++) {
      const result = this.body.step();
      if (result === 'done') {
        this.over = true;
        this.whenDone();
        return false;
      }
      if (result !== 'progressed') return false;
      this.counters.add('steps', 1);
    }
    return true;
  }

  private sleep(): void {
    prepareSleep(this.doorbell);
    // The last look: what came after the step above and before prepareSleep would ring nobody.
    const last = this.body.step();
    if (last === 'progressed' || last === 'done') {
      cancelSleep(this.doorbell);
      this.wake();
      return;
    }
    this.counters.add('sleeps', 1);
    const rung = sleepAsync(this.doorbell);
    if (rung === null) this.wake();
    else if (rung !== this.waiting) {
      this.waiting = rung;
      void rung.then(() => {
        this.waiting = null;
        this.wake();
      });
    }
  }
}
