// host/thread/body.ts — what every thread runs: a step function without clock, timer or file of its own.
//
// A body never waits. It says what it did; the shell around it waits, on the thread's one doorbell word
// (shell-sync.ts for threads without an event loop, shell-async.ts for those with one). So the same bodies run
// in production and under a seeded scheduler in tests.

/** PROGRESSED: call again. BLOCKED: there is work, but a ring ahead is full. IDLE: nothing to do. DONE: never again. */
export type StepResult = 'progressed' | 'blocked' | 'idle' | 'done';

export interface Body {
  step(): StepResult;
}
