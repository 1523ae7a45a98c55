// host/errors.ts — the operating errors: one class per kind, each with what was seen, what was expected and the fix.
//
// Told apart by `name`, never by instanceof: two copies of the package may meet in one process.
// Not here  mistakes of ours: those are assertions.

/** A job definition that cannot run. Thrown while the job is being built, so a stack trace ends at the job file. */
export class JobError extends Error {
  override readonly name = 'JobError';
}

/** A partition's memory is full of state; the run stops, because the watermark that would free it stands behind. */
export class StateFullError extends Error {
  override readonly name = 'StateFullError';
  constructor(stage: string, memoryBytes: number, partitions: number) {
    super(
      `the state of stage ${stage} no longer fits the ${Math.round(memoryBytes / 1048576)} MiB of its partition; ` +
        `${partitions * 2} partitions of that size would hold twice as much: give more --memory (at most 4 GiB a partition) ` +
        'and --partitions, a shorter window, or fewer keys',
    );
  }
}

/** The machine cannot run the job as asked, or a thread of the run failed. `code` is stable. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
