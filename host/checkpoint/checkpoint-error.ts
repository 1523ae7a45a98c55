// host/checkpoint/checkpoint-error.ts — why a checkpoint cannot be used: what was seen, what was expected, what to do.
//
// Told apart by `name` and `code`, never by instanceof.

export type CheckpointErrorCode =
  /** Bytes at rest are not what was written, or are not there. */
  | 'DAMAGED'
  /** A newer Pelton wrote it. */
  | 'NEWER_FORMAT'
  /** It belongs to another data directory. */
  | 'OTHER_STORE'
  /** The job's keys, windows, types or operators are not those of the state. */
  | 'PLAN_INCOMPATIBLE'
  /** The log no longer has, or never had, the groups that follow it. */
  | 'LOG_GAP'
  /** No checkpoint or savepoint of this id or name. */
  | 'UNKNOWN'
  /** A savepoint has it. */
  | 'NAME_TAKEN';

export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly code: CheckpointErrorCode;
  readonly path: string;

  constructor(code: CheckpointErrorCode, path: string, what: string, advice = '') {
    super(`${path}: ${what}${advice === '' ? '' : `; ${advice}`}`);
    this.code = code;
    this.path = path;
  }
}
