// test/crash/storm.ts — an engine that comes to its end again and again under load, its producers never; then one calm life,
// in which everything is acknowledged, counted and judged.

import { monotonicMs } from '../../host/clock.ts';
import { type Random, seededRandom } from '../support/random.ts';
import { WsProducer } from '../support/ws-producer.ts';
import { WsSubscriber } from '../support/ws-subscriber.ts';
import { EngineLives } from './engine-lives.ts';
import { JournalingProducer } from './journaling-producer.ts';
import { STAGES, type Stage } from './notes.ts';
import { judgeRun, outOfBounds } from './verdicts.ts';

/** As engine-lives.ts starts them. */
const PARTITIONS = 2;
/** How often a producer that connects again has forgotten everything. */
const STARTS_OVER = 0.05;

export interface StormOptions {
  data: string;
  notes: string;
  ends: number;
  seed: number;
  producers: number;
  /** Whether producers forget everything at times, and begin a new epoch. */
  epochs: boolean;
  /** 0: none, and the whole log is kept. Else the log is cut off behind them, and results are judged by the journals alone. */
  checkpointMs?: number;
  /** One life, from the start of an engine to its end. @returns what it was in the middle of; null: that was the last one */
  liveAndEnd: (lives: EngineLives, random: Random) => Promise<Stage[] | null>;
}

export async function storm(options: StormOptions) {
  const { data, notes, ends, seed, producers: count, epochs, checkpointMs = 0, liveAndEnd } = options;
  const startedMs = monotonicMs();
  const random = seededRandom(seed);
  const lives = new EngineLives({ data, notes, options: { checkpointMs } });
  try {
    const startsOver = () => epochs && random.chance(STARTS_OVER);
    const producers = Array.from({ length: count }, (_, index) => new JournalingProducer(index, lives.up, startsOver));
    const landed = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
    let ended = 0;
    while (ended < ends) {
      const stages = await liveAndEnd(lives, random);
      if (stages === null) break;
      ended++;
      for (const stage of stages) landed[stage]++;
    }
    lives.start();
    const results = await subscribe(await lives.up());
    await Promise.all(producers.map((producer) => producer.finish()));
    await results.ended(PARTITIONS);
    const counts = results.csv('windowStart', 'k', 'n');
    await lives.stop();
    results.close();
    const judged = await judgeRun(data, producers, counts, checkpointMs === 0);
    return {
      seed,
      ends: ended,
      producers: count,
      landed,
      reconnects: producers.reduce((sum, { reconnects }) => sum + reconnects, 0),
      recoveryMsMax: Math.round(lives.recoveryMsMax),
      ...judged,
      complaints: [...judged.complaints, ...outOfBounds(producers, counts), ...results.violations],
      rows: results.byOffset(),
      seconds: Math.round((monotonicMs() - startedMs) / 1000),
    };
  } finally {
    await lives.kill();
  }
}

/** The same frames of one producer to an engine that nothing happens to: its results, row by row. */
export async function calm(data: string, notes: string, frames: Iterable<string>): Promise<string[]> {
  const lives = new EngineLives({ data, notes, options: { checkpointMs: 0 } });
  try {
    lives.start();
    const port = await lives.up();
    const results = await subscribe(port);
    const producer = new WsProducer(`ws://127.0.0.1:${port}/v1/streams/rows`);
    await producer.says('welcome');
    await producer.hello('p0');
    await producer.put(...frames);
    producer.say('!end');
    await results.ended(PARTITIONS);
    producer.close();
    results.close();
    await lives.stop();
    return results.byOffset();
  } finally {
    await lives.kill();
  }
}

async function subscribe(port: number): Promise<WsSubscriber> {
  const results = new WsSubscriber(`ws://127.0.0.1:${port}/v1/sinks/rows`);
  await results.ready();
  return results;
}
