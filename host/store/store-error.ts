// host/store/store-error.ts — why a data directory cannot be opened: what was seen, what was expected, what to do.
//
// Told apart by `name` and `code`, never by instanceof.

export type StoreErrorCode =
  /** May not be written, is no directory, or is a symbolic link. */
  | 'PERMISSION'
  /** Another engine has it. */
  | 'LOCKED'
  /** Something else lies there. */
  | 'NOT_A_STORE'
  | 'DAMAGED'
  | 'NEWER_FORMAT';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly path: string;

  constructor(code: StoreErrorCode, path: string, what: string, advice: string) {
    super(`${path}: ${what}; ${advice}`);
    this.code = code;
    this.path = path;
  }
}
