// test/crash/engine-lives.ts — one engine after another on the same data directory, each ended by whatever ends it.

import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../host/clock.ts';
import { ChildEngine, type ChildOptions } from '../support/child-engine.ts';
import { type Role, readNotes, type Stage, stagesOf } from './notes.ts';

/** Small, so that segments are rolled all the time, and every kind of moment is met. */
const LOG_LIMITS = {
  segmentBytes: 32 * 1024,
  groupBytesMax: 8 * 1024,
  unsyncedBytesMax: 16 * 1024,
  ballastBytes: 64 * 1024,
  producersMax: 100,
  expiredMax: 100,
};
const PRELOAD = fileURLToPath(new URL('watch.preload.ts', import.meta.url));

export interface LivesOptions {
  data: string;
  /** For the notes; outlives the engine and the data directory's disk. */
  notes: string;
  options?: ChildOptions;
}

/** The engine kills itself there: see watched-disk.ts. `operations` is every stage. */
export type KillAt = `${Role}:${Stage | 'operations'}:${number}:${'before' | 'during'}`;

export class EngineLives {
  engine!: ChildEngine;
  starts = 0;
  recoveryMsMax = 0;
  private readonly options: LivesOptions;
  private port: Promise<number> = new Promise(() => undefined);

  constructor(options: LivesOptions) {
    this.options = options;
  }

  /** Where the engine of now listens, once it does; of a later one when this one is gone. */
  readonly up = async (): Promise<number> => {
    for (;;) {
      const asked = this.port;
      const port = await Promise.race([asked, this.changed]);
      if (port !== undefined && asked === this.port) return port;
    }
  };

  private changed: Promise<undefined> = Promise.resolve(undefined);
  private change: () => void = () => undefined;

  start(killAt?: KillAt): void {
    const { data, notes, options } = this.options;
    rmSync(notes, { recursive: true, force: true });
    mkdirSync(notes, { recursive: true });
    this.starts++;
    const startedMs = monotonicMs();
    this.engine = new ChildEngine({
      job: '../jobs/counted.ts',
      data,
      partitions: 2,
      listeners: 2,
      logLimits: LOG_LIMITS,
      ...options,
      nodeArgs: ['--import', PRELOAD],
      environment: { PELTON_WATCH: notes, ...(killAt === undefined ? {} : { PELTON_KILL_AT: killAt }) },
    });
    const { engine } = this;
    this.port = engine.ready().then(
      (port) => {
        this.recoveryMsMax = Math.max(this.recoveryMsMax, monotonicMs() - startedMs);
        return port;
      },
      () => new Promise<number>(() => undefined), // Ended before it was ready: the next life says its own.
    );
    this.change();
    this.changed = new Promise((resolve) => {
      this.change = () => resolve(undefined);
    });
  }

  /** kill -9, unless it is gone already. @returns what it was in the middle of */
  async kill(): Promise<Stage[]> {
    this.engine.process.kill('SIGKILL');
    await this.engine.over;
    return stagesOf(this.options.notes);
  }

  operationsOf(role: Role): number {
    return readNotes(this.options.notes, role).operations;
  }

  /** A graceful stop, to its end. */
  async stop(): Promise<void> {
    this.engine.process.kill('SIGTERM');
    const { said } = await this.engine.ends(60_000);
    if (!/^stopped/m.test(said)) throw new Error(`the engine did not stop as asked: ${said}`);
  }
}
