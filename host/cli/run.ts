// host/cli/run.ts — pelton run JOB.ts: one engine in this process, until Ctrl-C, a signal, or --once and the end.
//
// Promises
//   - stdout: with --json JSON lines only ({"event":"ready",…} first), else nothing but what stdout sinks write.
//   - the first Ctrl-C or SIGTERM stops gracefully, the second at once.

import { Engine, type EngineOptions } from '../engine/engine.ts';
import { EngineError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { exitCodeOf, failureText } from './failure.ts';
import { jobUrl } from './job-file.ts';
import { parseMemory } from './memory-size.ts';
import { whenAsked } from './stop-signal.ts';

export interface RunOptions {
  port: string;
  host: string;
  partitions: string;
  listeners: string;
  memory?: string;
  once?: boolean;
  drain?: boolean;
  json?: boolean;
}

/** @returns the exit code */
export async function run(jobFile: string, options: RunOptions): Promise<number> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    const engine = await Engine.start({ jobUrl: jobUrl(jobFile), ...engineOptions(options), log: say });
    announce(engine, options);
    const asked = whenAsked((again) => {
      say(again ? 'stopping at once' : 'stopping: handing on what has been taken in (again to stop at once)');
      if (again) process.exit(130);
      void engine.stop({ drain: options.drain ?? false });
    });
    if (options.once) void engine.whenOutputsEnded().then(() => engine.stop());
    const { openRows } = await engine.ended.finally(asked.forget);
    if (openRows > 0) {
      say(`${openRows} rows in windows that were still open have not been emitted; --drain emits them at a stop`);
    }
    if (options.json) process.stdout.write(`${JSON.stringify({ event: 'stopped', openRows })}\n`);
    return 0;
  } catch (error) {
    say(failureText(error));
    return exitCodeOf(error);
  }
}

/** @throws EngineError OPTION for what is no number or size */
export function engineOptions(options: RunOptions): Omit<EngineOptions, 'jobUrl'> {
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
  };
}

function whole(written: string, option: string, least: number, most: number): number {
  const value = /^\d+$/.test(written) ? Number(written) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new EngineError('OPTION', `${option} ${written}: expected a whole number from ${least} to ${most}`);
}

function announce(engine: Engine, { json }: RunOptions): void {
  const { host, port, plan } = engine;
  const streams = plan.streams.map(({ description }) => description.name);
  const sinks = plan.outputs.flatMap((output) => output.sinks.map(({ name, kind }) => ({ name, kind })));
  if (json) {
    process.stdout.write(`${JSON.stringify({ event: 'ready', port, host, job: plan.job, streams, sinks })}\n`);
    return;
  }
  process.stderr.write(`${readyText(host, port, plan)}\n`);
}

/** What an operator can do now. */
export function readyText(host: string, port: number, plan: Plan): string {
  const at = `${host}:${port}`;
  const lines = [`job ${plan.job} is running on ${at}; nothing is kept when it stops`];
  for (const { description } of plan.streams) lines.push(`  rows in    ws://${at}/v1/streams/${description.name}`);
  for (const { name, kind } of plan.outputs.flatMap(({ sinks }) => sinks)) {
    lines.push(kind === 'websocket' ? `  results    ws://${at}/v1/sinks/${name}` : `  results    ${kind} ${name}`);
  }
  lines.push(`  metrics    http://${at}/metrics`, '  stop       Ctrl-C');
  return lines.join('\n');
}
