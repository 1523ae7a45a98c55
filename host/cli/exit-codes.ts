// host/cli/exit-codes.ts — what every command's exit code means. The one table; --help prints it.
//
// Numbers from 64 on are those of BSD's sysexits.h; 130 is 128 + SIGINT, as shells say it.

export const EXIT_OK = 0;
/** Rows were rejected, or not acknowledged. */
export const EXIT_ROWS = 1;
export const EXIT_USAGE = 64;
/** A job file, input rows, or a log, that are wrong. */
export const EXIT_DATA = 65;
export const EXIT_MISSING_SEGMENT = 66;
export const EXIT_UNAVAILABLE = 69;
export const EXIT_ENGINE = 70;
export const EXIT_IO = 74;
/** Another engine has the data directory: it may be free later. */
export const EXIT_LOCKED = 75;
export const EXIT_PERMISSION = 77;
/** bin/pelton.mjs answers with it before anything of ours is loaded. */
export const EXIT_CONFIG = 78;
export const EXIT_INTERRUPTED = 130;

export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT_OK, 'done; every row acknowledged, none rejected'],
  [EXIT_ROWS, 'rows were rejected or not acknowledged'],
  [EXIT_USAGE, 'a wrong command, option, or name of a stream or sink'],
  [EXIT_DATA, 'a job, input data, or a log that cannot be used'],
  [EXIT_MISSING_SEGMENT, 'a file of the log is missing'],
  [EXIT_UNAVAILABLE, 'no engine can be reached'],
  [EXIT_ENGINE, 'the engine failed, or cut the connection off'],
  [EXIT_IO, 'a file could not be read or written'],
  [EXIT_LOCKED, 'another engine has the data directory'],
  [EXIT_PERMISSION, 'a file may not be opened'],
  [EXIT_CONFIG, 'this Node or this machine cannot run Pelton'],
  [EXIT_INTERRUPTED, 'interrupted'],
];

/** For the end of a --help text. */
export function exitCodesText(): string {
  const lines = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}\n`;
}
