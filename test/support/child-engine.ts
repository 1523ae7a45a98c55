// test/support/child-engine.ts — starts engine-process.ts and hears its words: for ends that must not take the tests along.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineOptions } from '../../host/engine/engine.ts';

export interface ChildOptions extends Omit<EngineOptions, 'jobUrl' | 'log'> {
  /** Relative to test/support. */
  job?: string;
  stdio?: StdioOptions;
  /** Options of node itself. */
  nodeArgs?: string[];
  environment?: Record<string, string>;
}

export interface Ending {
  code: number | null;
  signal: string | null;
  said: string;
}

export class ChildEngine {
  readonly process: ChildProcess;
  said = '';
  /** When it is over; a process that does not end by itself is killed and says so. */
  readonly over: Promise<Ending>;

  constructor({
    job = '../jobs/puppet.mjs',
    stdio = ['ignore', 'ignore', 'pipe'],
    nodeArgs = [],
    environment = {},
    ...options
  }: ChildOptions = {}) {
    const script = fileURLToPath(new URL('engine-process.ts', import.meta.url));
    const args = [...nodeArgs, script, JSON.stringify({ job, ...options })];
    this.process = spawn(process.execPath, args, { stdio, env: { ...process.env, ...environment } });
    this.process.stderr!.on('data', (chunk) => {
      this.said += String(chunk);
    });
    this.over = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve({ code, signal, said: this.said }));
    });
  }

  /** The port, once it says that it is ready. */
  async ready(): Promise<number> {
    for (let tries = 0; tries < 1500; tries++) {
      const match = /^ready (\d+)$/m.exec(this.said);
      if (match) return Number(match[1]);
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`not ready: ${this.said}`);
  }

  async ends(timeoutMs = 15_000): Promise<Ending> {
    const late = setTimeout(() => {
      this.said += '\n(did not end by itself)';
      this.process.kill('SIGKILL');
    }, timeoutMs);
    return await this.over.finally(() => clearTimeout(late));
  }
}
