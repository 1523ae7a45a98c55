// host/cli/run.ts — pelton run JOB.ts: one engine in this process, until Ctrl-C, a signal, or --once and the end.
//
// Promises
//   - stdout: with --json JSON lines only ({"event":"ready",…} first), else nothing but what stdout sinks write.
//   - the first Ctrl-C or SIGTERM stops gracefully, the second at once.

import { Command, Option } from 'commander';
import { DEFAULT_PORT } from '../client/address.ts';
import { Engine, type EngineOptions } from '../engine/engine.ts';
import { EngineError } from '../errors.ts';
import { type Duration, durationMs } from '../job/duration.ts';
import type { AckMode } from '../log/body.ts';
import type { Plan } from '../plan/plan.ts';
import { EXIT_INTERRUPTED, EXIT_OK } from './exit-codes.ts';
import { jobUrl } from './job-file.ts';
import { parseMemory } from './memory-size.ts';
import type { Finish } from './program.ts';
import { whenAsked } from './stop-signal.ts';
import { say } from './terminal.ts';

/** As commander hands them over. */
export interface EngineFlags {
  port: string;
  host: string;
  partitions: string;
  listeners: string;
  memory?: string;
  data?: string;
  ack: string;
  checkpointEvery: string;
}

interface RunOptions extends EngineFlags {
  once?: boolean;
  drain?: boolean;
  json?: boolean;
}

export function command(finish: Finish): Command {
  return withEngineOptions(new Command('run').argument('<job>', 'a module with «export default job(…)», .ts or .js'))
    .description('Run a job: one engine in this process, until Ctrl-C.')
    .option('--once', 'stop when every producer has said that nothing more will follow')
    .option('--drain', 'emit windows that are still open when the engine stops')
    .option('--json', 'JSON lines on standard output: {"event":"ready","port":…} first')
    .addHelpText('after', EXAMPLES)
    .action(async (job: string, options: RunOptions) => finish(await run(job, options)));
}

const EXAMPLES = `
Examples:
  pelton run job.ts
  pelton run job.ts --port 0 --json
  pelton run job.ts --partitions 2 --memory 8GiB
`;

/** Options of every command that starts an engine. */
export function withEngineOptions(command: Command): Command {
  return command
    .option('--port <port>', 'where to listen; 0: any free port', String(DEFAULT_PORT))
    .option('--host <address>', 'address to listen on; others than 127.0.0.1 let the network in', '127.0.0.1')
    .option('--partitions <n>', 'partition threads', '1')
    .option('--listeners <n>', 'listener threads', '1')
    .option('--data <directory>', 'keep what is taken in there, in a log; without it nothing survives the end')
    .addOption(
      new Option('--ack <when>', 'with --data: when a frame is acknowledged')
        .choices(['durable', 'written', 'received'])
        .default('durable'),
    )
    .option(
      '--checkpoint-every <time>',
      'with --data: how much a restart decodes again at most; 0: none by itself',
      '10s',
    )
    .option('--memory <size>', 'what the partitions share, e.g. 4GiB; default: half of what this process may use');
}

/** @returns the exit code */
async function run(jobFile: string, options: RunOptions): Promise<number> {
  const engine = await Engine.start({ jobUrl: jobUrl(jobFile), ...engineOptions(options), log: say });
  announce(engine, options);
  const asked = whenAsked((again) => {
    if (again) return void engine.abandon();
    say('stopping: handing on what has been taken in (again to stop at once)');
    void engine.stop({ drain: options.drain ?? false });
  });
  if (options.once) void engine.whenOutputsEnded().then(() => engine.stop());
  const ended = await engine.ended.finally(asked.forget).catch((error: { code?: string }) => {
    if (error.code === 'ABANDONED') return null;
    throw error;
  });
  if (ended === null) return EXIT_INTERRUPTED;
  const { openRows } = ended;
  if (openRows > 0) {
    say(`${openRows} rows in windows that were still open have not been emitted; --drain emits them at a stop`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ event: 'stopped', openRows })}\n`);
  return EXIT_OK;
}

/** @throws EngineError OPTION for what is no number or size */
export function engineOptions(options: EngineFlags): Omit<EngineOptions, 'jobUrl'> {
  const memoryBytes = options.memory === undefined ? undefined : parseMemory(options.memory);
  if (memoryBytes === null) {
    throw new EngineError('OPTION', `--memory ${options.memory}: expected a size such as 512MiB or 4GiB`);
  }
  return {
    host: options.host,
    port: whole(options.port, '--port', 0, 65535),
    partitions: whole(options.partitions, '--partitions', 1, 128),
    listeners: whole(options.listeners, '--listeners', 1, 16),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(options.data === undefined ? {} : keptOptions(options.data, options)),
  };
}

function keptOptions(data: string, { ack, checkpointEvery }: EngineFlags): Partial<EngineOptions> {
  try {
    const checkpointMs = checkpointEvery === '0' ? 0 : durationMs(checkpointEvery as Duration, '--checkpoint-every');
    return { data, ack: ack as AckMode, checkpointMs };
  } catch (error) {
    throw new EngineError('OPTION', (error as Error).message);
  }
}

function whole(written: string, option: string, least: number, most: number): number {
  const value = /^\d+$/.test(written) ? Number(written) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new EngineError('OPTION', `${option} ${written}: expected a whole number from ${least} to ${most}`);
}

function announce(engine: Engine, { json, data }: RunOptions): void {
  const { host, port, plan } = engine;
  const streams = plan.streams.map(({ description }) => description.name);
  const sinks = plan.outputs.flatMap((output) => output.sinks.map(({ name, kind }) => ({ name, kind })));
  if (json) {
    process.stdout.write(`${JSON.stringify({ event: 'ready', port, host, job: plan.job, streams, sinks })}\n`);
    return;
  }
  say(readyText(host, port, plan, data));
}

/** What an operator can do now. */
export function readyText(host: string, port: number, plan: Plan, data?: string): string {
  const at = `${host}:${port}`;
  const kept =
    data === undefined ? 'nothing is kept when it stops (--data keeps it)' : `what comes in is kept in ${data}`;
  const lines = [`job ${plan.job} is running on ${at}; ${kept}`];
  for (const { description } of plan.streams) lines.push(`  rows in    ws://${at}/v1/streams/${description.name}`);
  for (const { name, kind } of plan.outputs.flatMap(({ sinks }) => sinks)) {
    lines.push(kind === 'websocket' ? `  results    ws://${at}/v1/sinks/${name}` : `  results    ${kind} ${name}`);
  }
  lines.push(`  metrics    http://${at}/metrics`, '  stop       Ctrl-C');
  return lines.join('\n');
}
