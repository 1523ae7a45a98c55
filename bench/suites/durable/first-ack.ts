// bench/suites/durable/first-ack.ts — from the start of the process to the first acknowledgement of a new frame.
//
//   killed    the log of an engine that was killed under load, some hundred MiB to be decoded again
//   stopped   the same log after a stop
//   empty     a new data directory
//
// Timed from the spawn of the command itself, Node's own start included; `node` is a process that does nothing. The command
// is the package as it is built for its users, and the job JavaScript: stripping types would be half of the time.
// Every start gets a copy of its directory, synced, so that all find the same.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../../host/clock.ts';
import { freePort } from '../../../host/engine/port.ts';
import { type BenchResult, isWanted, median, type SuiteOptions, show } from '../../measure.ts';
import { Child } from '../e2e/child.ts';
import { openWebSocket, textOf } from '../e2e/client.ts';
import { textFrame } from '../e2e/frames.ts';
import type { Load } from './arrow.ts';
import type { ServerTotals } from './serve.ts';

const RUNS = 5;
const ANSWER_MS_MAX = 30_000;
/** Of the load, when the engine is killed. */
const KILLED_AT = 0.9;
const RETRY_MS = 2;
const LOOK_MS = 5;
const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAM = join(REPOSITORY, 'dist/host/main.js');

export async function firstAckCase(root: string, load: Load, options: SuiteOptions): Promise<BenchResult[]> {
  const name = 'durable/first-ack';
  if (!isWanted(name, options)) return [];
  const job = buildPackage(root);
  const states = [
    { state: 'killed', logBytes: await fill(join(root, 'killed'), load, 'kill') },
    { state: 'stopped', logBytes: await fill(join(root, 'stopped'), load, 'stop') },
    { state: 'empty', logBytes: 0 },
  ];
  mkdirSync(join(root, 'empty'));
  const runs = options.smoke ? 1 : RUNS;
  const taken = new Map<string, number[]>([
    ['node', []],
    ...states.map(({ state }) => [state, []] as [string, number[]]),
  ]);
  for (let round = 0; round < runs; round++) {
    taken.get('node')!.push(await nodeStartMs());
    for (const { state } of states) taken.get(state)!.push(await firstAckMs(root, state, job));
  }
  const baselineValue = median(taken.get('node')!);
  return states.map(({ state, logBytes }) => {
    const value = median(taken.get(state)!);
    const row: BenchResult = {
      name: `${name}/${state}`,
      value,
      unit: 'ms',
      better: 'lower',
      baseline: 'node',
      baselineValue,
      ratio: value / baselineValue,
    };
    show(row);
    return { ...row, logBytes, everyRun: taken.get(state) };
  });
}

/** Builds what users install; returns the job's file, which imports it. */
function buildPackage(root: string): string {
  const { status } = spawnSync(process.execPath, [join(REPOSITORY, 'scripts/build-package.mjs')], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error(`the package could not be built (exit ${status})`);
  const job = join(root, 'job.mjs');
  const source = readFileSync(join(REPOSITORY, 'bench/jobs/tumbling.ts'), 'utf8');
  writeFileSync(job, source.replace('../../host/index.ts', join(REPOSITORY, 'dist/host/index.js')));
  return job;
}

/** Leaves a log of most of the load; returns its bytes. */
async function fill(directory: string, { wire }: Load, end: 'kill' | 'stop'): Promise<number> {
  mkdirSync(directory);
  const { child, hello } = await Child.start('../durable/serve.ts', [directory]);
  const { load, ...wireOf } = wire;
  const prepared = await load.ask<{ payloadBytes: number }>({ type: 'prepare', port: hello.port, round: 1, ...wireOf });
  const sent = load.ask({ type: 'go' }).catch(() => null); // The engine is killed under it.
  let logBytes = 0;
  while (logBytes < KILLED_AT * prepared.payloadBytes) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    ({ logBytes } = await child.ask<ServerTotals>({ type: 'totals' }));
  }
  if (end === 'stop') {
    await sent;
    ({ logBytes } = await child.ask<ServerTotals>({ type: 'stop' }));
  }
  await child.kill();
  await sent;
  return logBytes;
}

async function firstAckMs(root: string, state: string, job: string): Promise<number> {
  const directory = join(root, 'started');
  cpSync(join(root, state), directory, { recursive: true });
  syncFiles(directory);
  const port = await freePort('127.0.0.1', 0);
  const beginMs = monotonicMs();
  const program = spawn(process.execPath, [PROGRAM, 'run', job, '--data', directory, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  program.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const gone = new Promise<void>((resolve) => program.once('exit', () => resolve()));
  try {
    await Promise.race([
      acknowledged(port),
      gone.then(() => {
        throw new Error(`the engine ended before it acknowledged: ${said}`);
      }),
    ]);
    return monotonicMs() - beginMs;
  } finally {
    program.kill('SIGKILL');
    await gone;
    rmSync(directory, { recursive: true });
  }
}

/** Connects as soon as somebody listens, says hello, sends one row; resolves when it is acknowledged. */
async function acknowledged(port: number): Promise<void> {
  const late = AbortSignal.timeout(ANSWER_MS_MAX);
  for (;;) {
    const done = new Promise<void>((resolve, reject) => {
      const opened = openWebSocket(
        port,
        '/v1/streams/rows',
        (_opcode, pieces) => {
          const { type } = JSON.parse(textOf(pieces)) as { type: string };
          if (type === 'hello') {
            void opened.then((socket) => socket.write(textFrame('{"ts":978307200000,"key":1,"value":1}')));
          } else if (type === 'ack') {
            void opened.then((socket) => socket.destroy());
            resolve();
          } else if (type !== 'welcome') reject(new Error(textOf(pieces)));
        },
        () => reject(NOBODY_LISTENS),
      );
      opened.then((socket) => socket.write(textFrame('!hello {"producer":"fresh","epoch":1}')), reject);
    });
    const outcome = await done.then(
      () => null,
      (error: unknown) => error,
    );
    if (outcome === null) return;
    if (late.aborted) throw outcome;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

const NOBODY_LISTENS = new Error('nobody listens there yet');

async function nodeStartMs(): Promise<number> {
  const beginMs = monotonicMs();
  const idle: ChildProcess = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await new Promise((resolve) => idle.once('exit', resolve));
  return monotonicMs() - beginMs;
}

function syncFiles(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = openSync(join(entry.parentPath, entry.name), 'r');
    fsyncSync(file);
    closeSync(file);
  }
}
