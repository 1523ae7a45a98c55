// test/crash/kills.ts — an engine killed with SIGKILL again and again under load, its producers never; then one calm life to its end.
//
// Half of the kills come from outside at any time, from the start of the process on; half from inside, at an operation of the
// disk that the seed names. A kill counts for a stage when the engine was in the middle of it (watched-disk.ts).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Random, seededRandom } from '../support/random.ts';
import { WsProducer } from '../support/ws-producer.ts';
import { WsSubscriber } from '../support/ws-subscriber.ts';
import { EngineLives, type KillAt } from './engine-lives.ts';
import { JournalingProducer } from './journaling-producer.ts';
import { STAGES, type Stage } from './notes.ts';
import { judgeRun, outOfBounds } from './verdicts.ts';

const PARTITIONS = 2;
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
const STARTS_OVER = 0.05;

interface Death {
  fromStartMs?: number;
  fromReadyMs?: number;
  killAt?: KillAt;
}

export interface KillOptions {
  kills: number;
  seed: number;
  producers: number;
  /** Whether producers forget everything at times, and begin a new epoch. */
  epochs: boolean;
}

export async function killAgainAndAgain({ kills, seed, producers: count, epochs }: KillOptions) {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'pelton-kills-'));
  const lives = new EngineLives({ data: join(folder, 'data'), notes: join(folder, 'notes') });
  try {
    const startsOver = () => epochs && random.chance(STARTS_OVER);
    const producers = Array.from({ length: count }, (_, index) => new JournalingProducer(index, lives.up, startsOver));
    const landed = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
    for (let kill = 0; kill < kills; kill++) {
      for (const stage of await liveAndDie(lives, random)) landed[stage]++;
    }
    lives.start();
    const results = new WsSubscriber(`ws://127.0.0.1:${await lives.up()}/v1/sinks/rows`);
    await results.ready();
    await Promise.all(producers.map((producer) => producer.finish()));
    await results.ended(PARTITIONS);
    const rows = results.byOffset();
    const counts = results.csv('windowStart', 'k', 'n');
    const said = [...results.violations];
    await lives.stop();
    results.close();
    const judged = await judgeRun(join(folder, 'data'), producers, counts);
    const complaints = [...judged.complaints, ...outOfBounds(producers, counts), ...said];
    const recoveryMsMax = Math.round(lives.recoveryMsMax);
    const reconnects = producers.reduce((sum, producer) => sum + producer.reconnects, 0);
    return { seed, kills, producers: count, landed, reconnects, recoveryMsMax, ...judged, complaints, rows };
  } finally {
    await lives.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One life of the engine, to its kill. */
async function liveAndDie(lives: EngineLives, random: Random): Promise<Stage[]> {
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
  const { engine } = lives;
  const over = new AbortController();
  const after = (ms: number) => delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
  const due = fromStartMs === undefined ? lives.up().then(() => after(fromReadyMs ?? 0)) : after(fromStartMs);
  await Promise.race([engine.over, due]);
  over.abort();
  const ending = engine.process.exitCode;
  if (ending !== null) throw new Error(`the engine ended by itself with ${ending}: ${engine.said}`);
  return lives.kill();
}

/** The same frames of one producer to an engine that nothing happens to: its results, row by row. */
export async function uncrashed(frames: Iterable<string>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pelton-kills-'));
  const lives = new EngineLives({ data: join(folder, 'data'), notes: join(folder, 'notes') });
  try {
    lives.start();
    const port = await lives.up();
    const results = new WsSubscriber(`ws://127.0.0.1:${port}/v1/sinks/rows`);
    await results.ready();
    const producer = new WsProducer(`ws://127.0.0.1:${port}/v1/streams/rows`);
    await producer.says('welcome');
    await producer.hello('p0');
    await producer.put(...frames);
    producer.say('!end');
    await results.ended(PARTITIONS);
    await lives.stop();
    return results.byOffset();
  } finally {
    await lives.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
