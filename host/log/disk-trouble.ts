// host/log/disk-trouble.ts — what an error of the disk means to a log that is being written: wait for room, or stop.
//
//   no-room    nothing is lost: wait for room
//   forbidden  stop: a person must act (exit 77)
//   broken     stop: what is on the medium is unknown (exit 70); no file of the log is synced again
//
// Which error is which stands in host/disk/trouble.ts.

import { troubleOf } from '../disk/trouble.ts';

export type LogStoppedCode = 'LOG_POISONED' | 'LOG_NOT_WRITABLE';

/** The log cannot be written any more. Nothing is acknowledged that was not safe before; a restart reads what is there. */
export class LogStopped extends Error {
  override readonly name = 'LogStopped';
  readonly code: LogStoppedCode;
  readonly exitCode: number;

  constructor(code: LogStoppedCode, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
    this.exitCode = code === 'LOG_POISONED' ? 70 : 77;
  }
}

/** Whether the same work may succeed once there is room on the disk, or among the process's open files. */
export function isNoRoom(error: unknown): boolean {
  return troubleOf(error) === 'no-room';
}

/** @param durable  the last group that is safe */
export function stopped(error: unknown, durable: number): LogStopped {
  const seen = error instanceof Error ? error.message : String(error);
  if (troubleOf(error) === 'forbidden') {
    const advice = 'give this user write permission to the data directory, then start again';
    return new LogStopped('LOG_NOT_WRITABLE', `the log cannot be written: ${seen}; ${advice}`, error);
  }
  return new LogStopped(
    'LOG_POISONED',
    `the log cannot be trusted to keep what is written: ${seen}; groups up to ${durable} are safe and nothing later was acknowledged; ` +
      'look at the disk and the system log, then start again: what is on the disk is checked first',
    error,
  );
}
