// host/log/log-error.ts — what is wrong with a log at rest: which file, from where to where, and what to do about it.
//
// Told apart by `name` and `code`, never by instanceof.

export type LogErrorCode =
  /** Bytes that were durable are damaged; nothing was changed. */
  | 'CORRUPT'
  | 'MISSING_SEGMENT'
  /** A newer Pelton wrote it. */
  | 'NEWER_FORMAT'
  /** The group asked for is before the first that is kept. */
  | 'GROUP_GONE';

export class LogError extends Error {
  override readonly name = 'LogError';
  readonly code: LogErrorCode;
  readonly path: string;
  /** Where the trouble begins and ends in the file. */
  readonly fromByte: number;
  readonly toByte: number;

  constructor(code: LogErrorCode, path: string, fromByte: number, toByte: number, what: string, advice = '') {
    const where = toByte > fromByte ? ` bytes ${fromByte} to ${toByte}:` : '';
    super(`${path}:${where} ${what}${advice === '' ? '' : `; ${advice}`}`);
    this.code = code;
    this.path = path;
    this.fromByte = fromByte;
    this.toByte = toByte;
  }
}
