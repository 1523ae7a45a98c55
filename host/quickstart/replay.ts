// host/quickstart/replay.ts — the flights of the quick start, through a running engine and back, over real WebSockets.

import { connectProducer } from '../client/producer.ts';
import type { JsonRows } from '../client/sink-message.ts';
import { type Subscription, subscribe } from '../client/subscriber.ts';
import { monotonicMs } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';

export const REPLAY_STREAM = 'flights';
export const REPLAY_SINK = 'departures';

/** Sender and subscriber share one thread: while it sends it does not read, and all results together are 20 MB. */
export const REPLAY_LIMITS = { subscriberBytesMax: 2 ** 26 };

/** A row of the job's result. */
export type Departures = {
  windowStart: number;
  windowEnd: number;
  origin: string;
  flights: number;
  delaySum: number;
  delayMin: number;
  delayMax: number;
};

export interface Replay {
  /** Rows acknowledged. */
  events: number;
  rejected: number;
  late: number;
  /** Rows that the subscriber received. */
  results: number;
  /** First byte sent to last result. */
  seconds: number;
  eventsPerSecond: number;
  rows: Departures[];
}

/** Sends the frames as fast as credit allows, says that nothing more will follow, and waits for every result. */
export async function replayFlights(engine: Engine, frames: Iterable<{ bytes: Uint8Array }>): Promise<Replay> {
  const url = `ws://${engine.host}:${engine.port}`;
  const subscription = await subscribe({ url, sink: REPLAY_SINK });
  const producer = await connectProducer({ url, stream: REPLAY_STREAM, producer: 'quickstart' });
  const collected = collect(subscription, engine.topology.partitions);
  const startMs = monotonicMs();
  for (const { bytes } of frames) await producer.send(bytes);
  await producer.say('!end');
  const chunks = await collected;
  const seconds = (monotonicMs() - startMs) / 1000;
  await producer.flush();
  const { acknowledgedRows: events, rejectedRows: rejected } = producer;
  await producer.close();
  const late = engine.counters.reduce((sum, row) => sum + row.get('rowsLate') + row.get('rowsClosed'), 0);
  const rows = chunks.flatMap((chunk) => chunk.rows<Departures>());
  return { events, rejected, late, results: rows.length, seconds, eventsPerSecond: events / seconds, rows };
}

/** All result messages, until every partition has said that its input has ended. Rows are parsed after the clock stops. */
async function collect(subscription: Subscription, partitions: number): Promise<JsonRows[]> {
  const chunks: JsonRows[] = [];
  const ended = new Set<number>();
  for await (const message of subscription) {
    if (message.type === 'rows' && message.format === 'json') chunks.push(message);
    if (message.type === 'end') ended.add(message.partition);
    if (ended.size === partitions) break;
  }
  return chunks;
}
