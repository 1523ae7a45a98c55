// host/thread/report.ts — a thread's last word when something unexpected happens: to control, which ends the run.

import { parentPort } from 'node:worker_threads';
import type { ThreadMessage } from './start.ts';

export function tell(message: ThreadMessage): void {
  parentPort!.postMessage(message);
}

export function tellFailure(error: unknown): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  tell({ type: 'failed', name, message, stack: stack ?? '' });
}
