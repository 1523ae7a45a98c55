// host/cli/failure.ts — an error that ended a command: what the user reads, and the exit code.

import { EXIT } from './exit-codes.ts';

/** Names and codes of operating errors (host/errors.ts, host/client/client-error.ts); told apart by name. */
export function exitCodeOf(error: unknown): number {
  const { name, code } = (error ?? {}) as { name?: string; code?: string };
  if (name === 'JobError' || code === 'JobError') return EXIT.DATA;
  if (name === 'ClientError') return EXIT.UNAVAILABLE;
  if (name === 'EngineError' && code === 'OPTION') return EXIT.USAGE;
  if (name === 'EngineError' && code === 'PORT') return EXIT.UNAVAILABLE;
  return EXIT.SOFTWARE;
}

/** One line for what the world did wrong; the stack for what we did. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return `pelton: ${String(error)}`;
  const operating = ['JobError', 'EngineError', 'ClientError', 'StateFullError'].includes(error.name);
  return `pelton: ${operating ? error.message : (error.stack ?? error.message)}`;
}
