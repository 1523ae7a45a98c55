// host/checkpoint/checkpoint-stopped.ts — an error of the disk under a checkpoint that ends the run: what was seen, what to do.
//
// Not here  a full disk: that costs one checkpoint (keeper.ts, publish.ts).

import { troubleOf } from '../disk/trouble.ts';

export type CheckpointStoppedCode = 'CHECKPOINT_POISONED' | 'CHECKPOINT_NOT_WRITABLE';

/** Checkpoints that a manifest names are as they were; a start verifies what it restores. */
export class CheckpointStopped extends Error {
  override readonly name = 'CheckpointStopped';
  readonly code: CheckpointStoppedCode;

  constructor(code: CheckpointStoppedCode, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What the run ends with: a disk's error in an operator's words, any other as it is. */
export function stopped(error: unknown): unknown {
  const { name, message } = error as Error;
  if (name !== 'DiskError') return error;
  if (troubleOf(error) === 'forbidden') {
    const advice = 'give this user write permission to the data directory, then start again';
    return new CheckpointStopped(
      'CHECKPOINT_NOT_WRITABLE',
      `no checkpoint can be written: ${message}; ${advice}`,
      error,
    );
  }
  const advice = 'look at the disk and the system log, then start again: what is on the disk is verified first';
  return new CheckpointStopped('CHECKPOINT_POISONED', `a checkpoint cannot be trusted: ${message}; ${advice}`, error);
}
