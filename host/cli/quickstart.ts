// host/cli/quickstart.ts — npm start: the departures job, a million real flights replayed over a real WebSocket.
//
//   engine ◀──ws── replay (data/flights-1m.csv.zst as Arrow frames, full speed)
//          ──ws──▶ subscriber ──▶ the busiest hours as a table
//
// Then it stays up, and says how to send own events, subscribe and stop. With --once it ends after the replay; with
// --json its last line is the replay's summary.

import { extname } from 'node:path';
import { Command } from 'commander';
import { type Producer, connectProducer } from '../client/producer.ts';
import { subscribe, type Subscription } from '../client/subscriber.ts';
import { monotonicMs } from '../clock.ts';
import { Engine } from '../engine/engine.ts';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_ROWS } from './exit-codes.ts';
import type { Finish } from './program.ts';
import { quickstartFrames, QUICKSTART_ROWS } from './quickstart-data.ts';
import { type EngineFlags, engineOptions, readyText, withEngineOptions } from './run.ts';
import { replayProgress } from './progress.ts';
import { whenAsked } from './stop-signal.ts';
import { busiestTable } from './table.ts';
import { countText, say } from './terminal.ts';

const JOB = new URL(`../quickstart/job${extname(import.meta.url)}`, import.meta.url);
const STREAM = 'flights';
const SINK = 'departures';

interface QuickstartOptions extends EngineFlags {
  once?: boolean;
  json?: boolean;
}

/** What --json prints last. */
interface ReplaySummary {
  /** Rows acknowledged. */
  events: number;
  rejected: number;
  late: number;
  /** Rows that the subscriber received. */
  results: number;
  /** First byte sent to last result. */
  seconds: number;
  eventsPerSecond: number;
  /** Process start to the engine's readiness. */
  startSeconds: number;
}

export function command(finish: Finish): Command {
  return withEngineOptions(new Command('quickstart'))
    .description('Replay a million real flights through a job of one-hour windows, and stay up.')
    .option('--once', 'end after the replay')
    .option('--json', 'JSON lines on standard output; the last one sums the replay up')
    .action(async (options: QuickstartOptions) => finish(await quickstart(options)));
}

async function quickstart(options: QuickstartOptions): Promise<number> {
  const engine = await Engine.start({ jobUrl: JOB.href, ...engineOptions(options), log: say });
  const startSeconds = monotonicMs() / 1000;
  const asked = whenAsked((again) => {
    if (again || options.once) process.exit(EXIT_INTERRUPTED);
    say('stopping (again to stop at once)');
    void engine.stop();
  });
  if (options.json) process.stdout.write(`${JSON.stringify({ event: 'ready', port: engine.port })}\n`);
  const { summary, rows } = await replay(engine, startSeconds);
  say(`${busiestTable(rows, { key: 'origin', by: 'flights' })}\n${summaryText(summary)}`);
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  if (options.once) void engine.stop();
  else say(`\n${readyText(engine.host, engine.port, engine.plan)}\n${ownEventsText(engine)}`);
  await engine.ended.finally(asked.forget);
  return summary.rejected === 0 && summary.events === QUICKSTART_ROWS ? EXIT_OK : EXIT_ROWS;
}

async function replay(
  engine: Engine,
  startSeconds: number,
): Promise<{ summary: ReplaySummary; rows: Record<string, unknown>[] }> {
  const url = `ws://${engine.host}:${engine.port}`;
  const subscription = await subscribe({ url, sink: SINK });
  const producer = await connectProducer({ url, stream: STREAM, producer: 'quickstart' });
  const collected = collect(subscription, engine.topology.partitions);
  const startMs = monotonicMs();
  await sendAll(producer);
  const rows = await collected;
  const seconds = (monotonicMs() - startMs) / 1000;
  await producer.flush();
  const { acknowledgedRows: events, rejectedRows: rejected } = producer;
  await producer.close();
  const late = engine.counters.reduce((sum, row) => sum + row.get('rowsLate') + row.get('rowsClosed'), 0);
  return {
    summary: { events, rejected, late, results: rows.length, seconds, eventsPerSecond: events / seconds, startSeconds },
    rows,
  };
}

async function sendAll(producer: Producer): Promise<void> {
  const progress = replayProgress(QUICKSTART_ROWS);
  for await (const { bytes, rows } of quickstartFrames()) {
    await producer.send(bytes);
    progress.add(rows);
  }
  await producer.end();
  progress.stop();
}

/** All result rows, until every partition has said that its input has ended. */
async function collect(subscription: Subscription, partitions: number): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const ended = new Set<number>();
  for await (const message of subscription) {
    if (message.type === 'rows' && message.format === 'json') lines.push(...message.lines());
    if (message.type === 'end') ended.add(message.partition);
    if (ended.size === partitions) break;
  }
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const summaryText = ({ events, rejected, late, results, seconds, eventsPerSecond }: ReplaySummary): string =>
  `${countText(events)} events in, ${countText(results)} results out in ${seconds.toFixed(2)} s ` +
  `(${countText(eventsPerSecond)} events/s over one WebSocket); ${rejected} rejected, ${late} late`;

const ownEventsText = ({ host, port }: Engine): string =>
  [
    'Send events of your own (times before the replay are late: its clock stands in July 2001):',
    `  curl -d '{"ts_ms":1000000000000,"origin":"ZRH","delay":7}' 'http://${host}:${port}/v1/streams/${STREAM}?end'`,
    `  npm -s run pelton -- tail ${SINK} --url ws://${host}:${port}`,
  ].join('\n');
