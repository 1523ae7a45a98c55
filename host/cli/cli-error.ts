// host/cli/cli-error.ts — an end of a command that is the user's to mend: what was seen and expected, what to do, the code.

import { type ClientError, isClientError } from '../client/client-error.ts';
import { didYouMean } from '../job/suggest.ts';
import {
  EXIT_DATA,
  EXIT_ENGINE,
  EXIT_IO,
  EXIT_LOCKED,
  EXIT_MISSING_SEGMENT,
  EXIT_PERMISSION,
  EXIT_ROWS,
  EXIT_UNAVAILABLE,
  EXIT_USAGE,
} from './exit-codes.ts';

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  readonly advice: string;
  /** A word for --json. */
  readonly code: string;

  constructor(exitCode: number, message: string, advice = '', code = 'ERROR') {
    super(message);
    this.exitCode = exitCode;
    this.advice = advice;
    this.code = code;
  }
}

/** Input that cannot be sent as it is. */
export const dataError = (message: string, advice: string): CliError =>
  new CliError(EXIT_DATA, message, advice, 'DATA');

/** A file or pipe that the system refuses. */
export function ioError(doing: string, error: unknown): CliError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new CliError(EXIT_PERMISSION, `${doing}: permission denied`, 'check who may open it', code);
  }
  const why: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder, expected a file' };
  return new CliError(EXIT_IO, `${doing}: ${why[code ?? ''] ?? message}`, '', code ?? 'IO');
}

/** @param named  what the user called the stream or sink */
export function clientFailure(error: ClientError, named: string): CliError {
  switch (error.code) {
    case 'CONNECT':
    case 'UNEXPECTED_ANSWER':
      return new CliError(
        EXIT_UNAVAILABLE,
        error.message,
        'start one with «pelton run JOB», or say where it is with --url',
        error.code,
      );
    case 'UNKNOWN_STREAM':
    case 'UNKNOWN_SINK': {
      const what = error.code === 'UNKNOWN_SINK' ? 'sink' : 'stream';
      const known = error.known.length > 0 ? `the engine has: ${error.known.join(', ')}` : `the engine has no ${what}`;
      return new CliError(
        EXIT_USAGE,
        `there is no ${what} «${named}»${didYouMean(named, error.known)}`,
        known,
        error.code,
      );
    }
    case 'NOT_SUBSCRIBABLE':
    case 'UNKNOWN_FORMAT':
      return new CliError(EXIT_USAGE, error.message, '', error.code);
    case 'BAD_CONTROL':
      return new CliError(EXIT_USAGE, error.message, '', error.code);
    case 'SUBSCRIBER_TOO_SLOW':
      return new CliError(EXIT_ENGINE, error.message, resumeText(error), error.code);
    default:
      return new CliError(
        error.sentSequence > error.acknowledgedSequence ? EXIT_ROWS : EXIT_ENGINE,
        error.message,
        '',
        error.code,
      );
  }
}

/** Anything a command may throw, as the error that is shown; undefined: a mistake of ours, which keeps its stack. */
export function shownError(error: unknown, named: string): CliError | undefined {
  if (error instanceof Error && error.name === 'CliError') return error as CliError;
  return isClientError(error) ? clientFailure(error, named) : engineFailure(error);
}

/** Operating errors of host/errors.ts, the log, the data directory and the disk, told apart by name and code. */
function engineFailure(error: unknown): CliError | undefined {
  const { name, code = '', message } = error as { name?: string; code?: string; message: string };
  const exitCode = DATA_EXIT_CODES[`${name} ${code}`];
  if (exitCode !== undefined) return new CliError(exitCode, message, '', code);
  if (name === 'DiskError') return new CliError(EXIT_IO, message, '', code);
  if (name === 'JobError') return new CliError(EXIT_DATA, message, '', 'JOB');
  if (name !== 'EngineError') return undefined;
  if (code === 'OPTION') return new CliError(EXIT_USAGE, message, '', code);
  if (code === 'JobError') return new CliError(EXIT_DATA, message, '', 'JOB');
  return new CliError(code === 'PORT' ? EXIT_UNAVAILABLE : EXIT_ENGINE, message, '', code);
}

const DATA_EXIT_CODES: Record<string, number> = {
  'LogStopped LOG_POISONED': EXIT_ENGINE,
  'LogStopped LOG_NOT_WRITABLE': EXIT_PERMISSION,
  'LogError CORRUPT': EXIT_DATA,
  'LogError NEWER_FORMAT': EXIT_DATA,
  'LogError GROUP_GONE': EXIT_DATA,
  'LogError MISSING_SEGMENT': EXIT_MISSING_SEGMENT,
  'StoreError DAMAGED': EXIT_DATA,
  'StoreError NEWER_FORMAT': EXIT_DATA,
  'StoreError NOT_A_STORE': EXIT_USAGE,
  'StoreError LOCKED': EXIT_LOCKED,
  'StoreError PERMISSION': EXIT_PERMISSION,
  'CheckpointError DAMAGED': EXIT_DATA,
  'CheckpointError NEWER_FORMAT': EXIT_DATA,
  'CheckpointError OTHER_STORE': EXIT_DATA,
  'CheckpointError PLAN_INCOMPATIBLE': EXIT_DATA,
  'CheckpointError LOG_GAP': EXIT_MISSING_SEGMENT,
  'CheckpointError UNKNOWN': EXIT_USAGE,
  'CheckpointError NAME_TAKEN': EXIT_USAGE,
  'CheckpointStopped CHECKPOINT_POISONED': EXIT_ENGINE,
  'CheckpointStopped CHECKPOINT_NOT_WRITABLE': EXIT_PERMISSION,
  'DiskError EACCES': EXIT_PERMISSION,
  'DiskError EROFS': EXIT_PERMISSION,
};

function resumeText({ resume }: ClientError): string {
  const offsets = Object.entries(resume).map(([partition, offset]) => `partition ${partition}: ${offset}`);
  return offsets.length === 0 ? '' : `next offsets: ${offsets.join(', ')}`;
}
