// host/cli/quickstart.ts — npm start: the departures job, a million real flights replayed over a real WebSocket.
//
//   engine ◀──ws── replay (data/flights-1m.csv.zst as Arrow frames, full speed)
//          ──ws──▶ subscriber ──▶ the busiest hours as a table
//
// Then it stays up, and says how to send own events, subscribe and stop. With --once it ends after the replay; with
// --json its last line is the replay's summary.

import { extname } from 'node:path';
import { Command } from 'commander';
import { monotonicMs } from '../clock.ts';
import { Engine } from '../engine/engine.ts';
import { REPLAY_LIMITS, REPLAY_SINK, REPLAY_STREAM, type Replay, replayFlights } from '../quickstart/replay.ts';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_ROWS } from './exit-codes.ts';
import type { Frame } from './frame.ts';
import type { Finish } from './program.ts';
import { replayProgress } from './progress.ts';
import { QUICKSTART_ROWS, quickstartFrames } from './quickstart-data.ts';
import { type EngineFlags, engineOptions, readyText, withEngineOptions } from './run.ts';
import { whenAsked } from './stop-signal.ts';
import { busiestTable } from './table.ts';
import { countText, say } from './terminal.ts';

const JOB = new URL(`../quickstart/job${extname(import.meta.url)}`, import.meta.url);

interface QuickstartOptions extends EngineFlags {
  once?: boolean;
  json?: boolean;
}

/** What --json prints last. */
type ReplaySummary = Omit<Replay, 'rows'> & {
  /** Process start to the engine's readiness. */
  startSeconds: number;
};

export function command(finish: Finish): Command {
  return withEngineOptions(new Command('quickstart'))
    .description('Replay a million real flights through a job of one-hour windows, and stay up.')
    .option('--once', 'end after the replay')
    .option('--json', 'JSON lines on standard output; the last one sums the replay up')
    .action(async (options: QuickstartOptions) => finish(await quickstart(options)));
}

async function quickstart(options: QuickstartOptions): Promise<number> {
  const engine = await Engine.start({
    jobUrl: JOB.href,
    ...engineOptions(options),
    limits: REPLAY_LIMITS,
    log: say,
  });
  const startSeconds = monotonicMs() / 1000;
  let interrupted = false;
  const asked = whenAsked((again) => {
    interrupted = true;
    if (again) return void engine.abandon();
    say('stopping (again to stop at once)');
    void engine.stop();
  });
  if (options.json) process.stdout.write(`${JSON.stringify({ event: 'ready', port: engine.port })}\n`);
  try {
    const { rows, ...counts } = await replayFlights(engine, await allFrames());
    const summary: ReplaySummary = { ...counts, startSeconds };
    say(`${busiestTable(rows, { key: 'origin', by: 'flights' })}\n${summaryText(summary)}`);
    if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    if (options.once) void engine.stop();
    else say(`\n${readyText(engine.host, engine.port, engine.plan)}\n${ownEventsText(engine)}`);
    await engine.ended;
    return summary.rejected === 0 && summary.events === QUICKSTART_ROWS ? EXIT_OK : EXIT_ROWS;
  } catch (error) {
    if (interrupted) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    asked.forget();
    await engine.abandon(); // No more than a formality when it has ended.
  }
}

/** Read before the clock starts: what is measured is the engine, not a CSV reader. */
async function allFrames(): Promise<Frame[]> {
  const frames: Frame[] = [];
  const progress = replayProgress('reading', QUICKSTART_ROWS);
  for await (const frame of quickstartFrames()) {
    frames.push(frame);
    progress.add(frame.rows);
  }
  progress.stop();
  return frames;
}

const summaryText = ({ events, rejected, late, results, seconds, eventsPerSecond }: ReplaySummary): string =>
  `${countText(events)} events in, ${countText(results)} results out in ${seconds.toFixed(2)} s ` +
  `(${countText(eventsPerSecond)} events/s over one WebSocket); ${rejected} rejected, ${late} late`;

const ownEventsText = ({ host, port }: Engine): string =>
  [
    'Send events of your own (times before the replay are late: its clock stands in July 2001):',
    `  curl -d '{"ts_ms":1000000000000,"origin":"ZRH","delay":7}' 'http://${host}:${port}/v1/streams/${REPLAY_STREAM}?end'`,
    `  npm -s run pelton -- tail ${REPLAY_SINK} --url ws://${host}:${port}`,
  ].join('\n');
