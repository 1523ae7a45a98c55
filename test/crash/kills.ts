// test/crash/kills.ts — how an engine is killed with SIGKILL: from outside at any time, or by itself at an operation of its disk.
//
// A kill counts for a stage when the engine was in the middle of it (watched-disk.ts).

import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { EngineLives, KillAt } from './engine-lives.ts';
import type { Stage } from './notes.ts';

/** Before the first start was timed. */
const START_MS = 1000;
const UNDER_LOAD_MS_MAX = 300;
/** An engine that is to kill itself and did not, so long after it was ready, is killed from outside. */
const GIVE_UP_MS = 800;
/** Operations of the log's thread: while it recovers, and under load. */
const RECOVERY_OPERATIONS_MAX = 60;
const LOG_OPERATIONS_MAX = 700;
/** A roll is about eight; the first one is part of the start. */
const ROLL_OPERATIONS_MAX = 40;
const REPLAY_OPERATIONS_MAX = 24;

interface Death {
  fromStartMs?: number;
  fromReadyMs?: number;
  killAt?: KillAt;
}

/** One life of the engine, to its kill. */
export async function liveAndBeKilled(lives: EngineLives, random: Random): Promise<Stage[]> {
  const when = random.pick(['before', 'during'] as const);
  const upTo = (most: number) => 1 + random.below(most);
  const { fromStartMs, fromReadyMs, killAt } = random.pick<Death>([
    { fromStartMs: random.below(lives.recoveryMsMax || START_MS) },
    { fromReadyMs: random.below(UNDER_LOAD_MS_MAX) },
    { fromReadyMs: GIVE_UP_MS, killAt: `log:recovering:${upTo(RECOVERY_OPERATIONS_MAX)}:${when}` },
    { fromReadyMs: GIVE_UP_MS, killAt: `log:operations:${upTo(LOG_OPERATIONS_MAX)}:${when}` },
    { fromReadyMs: GIVE_UP_MS, killAt: `log:rolling:${upTo(ROLL_OPERATIONS_MAX)}:${when}` },
    { fromReadyMs: GIVE_UP_MS, killAt: `replay:replaying:${upTo(REPLAY_OPERATIONS_MAX)}:${when}` },
  ]);
  lives.start(killAt);
  await untilDue(lives, fromStartMs, fromReadyMs);
  const { exitCode } = lives.engine.process;
  if (exitCode !== null) throw new Error(`the engine ended by itself with ${exitCode}: ${lives.engine.said}`);
  return lives.kill();
}

/** So long after its start, or else after it was ready; or until it is gone. */
export async function untilDue(lives: EngineLives, fromStartMs: number | undefined, fromReadyMs = 0): Promise<void> {
  const over = new AbortController();
  const after = (ms: number) => delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
  const due = fromStartMs === undefined ? lives.up().then(() => after(fromReadyMs)) : after(fromStartMs);
  await Promise.race([lives.engine.over, due]);
  over.abort();
}
