// host/listener/http-checkpoint.ts — POST /v1/checkpoints: a checkpoint now, or with ?name=NAME a savepoint.
//
// Control makes it; the answer comes when it counts.

import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Counters } from '../counters.ts';
import { answerJson, refuse } from './http-reply.ts';

/** What control says of a checkpoint that was asked for: its id, or why there is none. */
export type CheckpointAnswer = { checkpoint: number } | { message: string };

export interface HttpCheckpointOptions {
  counters: Counters;
  /** Null: the engine keeps nothing. */
  checkpoint: ((name: string | null, done: (answer: CheckpointAnswer) => void) => void) | null;
}

const NAME = /^[\w.-]{1,64}$/;

export function postCheckpoint(res: HttpResponse, req: HttpRequest, options: HttpCheckpointOptions): void {
  const { counters, checkpoint } = options;
  const name = req.getQuery('name') ?? null;
  let gone = false;
  res.onAborted(() => {
    gone = true;
  });
  if (checkpoint === null) {
    const message = 'this engine keeps nothing; run it with --data';
    return refuse(res, counters, 409, { code: 'NO_CHECKPOINT', message });
  }
  if (name !== null && !NAME.test(name)) {
    const message = 'a savepoint has a name of 1 to 64 letters, digits, dots, dashes or underscores';
    return refuse(res, counters, 400, { code: 'BAD_QUERY', message });
  }
  checkpoint(name, (answer) => {
    if (gone) return;
    if ('checkpoint' in answer) answerJson(res, 200, { ...answer, name });
    else refuse(res, counters, 409, { code: 'NO_CHECKPOINT', message: answer.message });
  });
}
