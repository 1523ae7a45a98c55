// host/log/under-way.ts — one piece of work at the disk: it is started in a step, and its outcome waits for a later one.
//
// So nothing of the log's state changes between two steps, and what order things happen in is the steps' order.

export type Outcome<T> = { is: 'done'; value: T } | { is: 'failed'; error: unknown };

export class UnderWay<T = void> {
  private readonly wake: () => void;
  private running = false;
  private outcome: Outcome<T> | undefined;

  constructor(wake: () => void) {
    this.wake = wake;
  }

  /** From `start` until its outcome was taken. */
  get isBusy(): boolean {
    return this.running;
  }

  start(work: Promise<T>): void {
    if (this.running) throw new Error('a second piece of work was started before the first was over');
    this.running = true;
    work.then(
      (value) => this.end({ is: 'done', value }),
      (error: unknown) => this.end({ is: 'failed', error }),
    );
  }

  /** Once, when it is over. */
  take(): Outcome<T> | undefined {
    const { outcome } = this;
    if (outcome === undefined) return undefined;
    this.outcome = undefined;
    this.running = false;
    return outcome;
  }

  private end(outcome: Outcome<T>): void {
    this.outcome = outcome;
    this.wake();
  }
}
