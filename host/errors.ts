// host/errors.ts — the operating errors: one class per kind, each with what was seen, what was expected and the fix.
//
// Told apart by `name`, never by instanceof: two copies of the package may meet in one process.
// Not here  mistakes of ours: those are assertions.

/** A job definition that cannot run. Thrown while the job is being built, so a stack trace ends at the job file. */
export class JobError extends Error {
  override readonly name = 'JobError';
}
