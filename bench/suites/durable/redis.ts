// bench/suites/durable/redis.ts — Redis Streams on the same disk: a server of its own for every run, every write synced.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { freePort } from '../../../host/engine/port.ts';
import type { Side } from '../../measure.ts';
import { Child } from '../e2e/child.ts';
import type { Wire } from '../e2e/side.ts';

const READY_MS_MAX = 5000;

/** The server of the Debian package redis-server, or any other on the PATH; null when there is none. */
export function findRedis(): string | null {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'));
  return paths.find((path) => existsSync(path)) ?? null;
}

export class RedisSide implements Side {
  readonly name = 'redis';
  private readonly program: string;
  private readonly directory: string;
  private readonly wire: Wire;
  private server: ChildProcess | null = null;
  private load: Child | null = null;

  constructor(program: string, root: string, wire: Wire) {
    this.program = program;
    this.directory = join(root, 'redis');
    this.wire = wire;
  }

  prepare = async (): Promise<void> => {
    await this.endServer();
    mkdirSync(this.directory);
    const port = await freePort('127.0.0.1', 0);
    const settings = `--bind 127.0.0.1 --port ${port} --save --appendonly yes --appendfsync always --auto-aof-rewrite-percentage 0`;
    const args = settings.split(' ').toSpliced(settings.split(' ').indexOf('--save') + 1, 0, '');
    this.server = spawn(this.program, [...args, '--dir', this.directory], { stdio: ['ignore', 'ignore', 2] });
    await answers(port);
    this.load ??= (await Child.start('../durable/redis-load.ts')).child;
    await this.load.ask({ type: 'prepare', port, size: this.wire.size });
  };

  /** Ends with the last reply; returns how many frames are in the stream. */
  run = async (): Promise<number> => (await this.load!.ask<{ added: number }>({ type: 'go' })).added;

  async finish(): Promise<void> {
    await this.endServer();
    await this.load?.kill();
    this.load = null;
  }

  private async endServer(): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
    rmSync(this.directory, { recursive: true });
  }
}

/** Resolves when the server takes connections. */
async function answers(port: number): Promise<void> {
  const late = AbortSignal.timeout(READY_MS_MAX);
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    late.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
