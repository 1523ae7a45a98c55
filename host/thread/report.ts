// host/thread/report.ts — a thread's last word when something unexpected happens: to control, which ends the run.

import { parentPort } from 'node:worker_threads';
import type { ThreadMessage } from './start.ts';

export function tell(message: ThreadMessage): void {
  parentPort!.postMessage(message);
}

export function tellFailure(error: unknown): void {
  const failure: Error & { code?: unknown } = error instanceof Error ? error : new Error(String(error));
  const { name, message, stack = '', code } = failure;
  tell({ type: 'failed', name, message, stack, ...(typeof code === 'string' ? { code } : {}) });
}
