// bench/suites/durable/fresh-side.ts — an engine that is new for every run, with a new data directory when it keeps a log.
//
//   prepare   the last engine is ended and its directory removed ▶ a new one ▶ a warm-up of a tenth of the rows      untimed
//   run       the whole load, from the first byte sent to the last result                                            timed
//
// So no run meets the segments of another, and the disk holds one run's log at a time. Without a log it is the same.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Side } from '../../measure.ts';
import { Child } from '../e2e/child.ts';
import { type Run, ServerSide, type Wire } from '../e2e/side.ts';
import type { ServerTotals } from './serve.ts';

export interface FreshOptions {
  name: string;
  /** Where data directories go; null: no log. */
  root: string | null;
  warmUp: Wire;
  wire: Wire;
  check: (run: Run) => void;
}

/** What one run put into the log. */
export interface LogUse {
  groups: number;
  bytes: number;
  syncs: number;
  /** As much as one sync covered, on average. */
  syncBytes: number;
}

export class FreshSide implements Side {
  readonly name: string;
  private readonly options: FreshOptions;
  private child: Child | null = null;
  private side: ServerSide | null = null;
  private before!: ServerTotals;
  readonly serverCpuSeconds: number[] = [];
  /** Of the last run that is finished. */
  use: LogUse = { groups: 0, bytes: 0, syncs: 0, syncBytes: 0 };

  constructor(options: FreshOptions) {
    this.name = options.name;
    this.options = options;
  }

  prepare = async (): Promise<void> => {
    await this.finish();
    const { warmUp, wire, check } = this.options;
    const { directory } = this;
    if (directory !== null) mkdirSync(directory);
    const { child, hello } = await Child.start('../durable/serve.ts', directory === null ? [] : [directory]);
    this.child = child;
    const server = { name: this.name, child, port: hello.port as number };
    const warm = new ServerSide(server, warmUp, () => undefined);
    await warm.prepare();
    await warm.run();
    await warm.finish();
    this.side = new ServerSide(server, wire, check, 1);
    await this.side.prepare();
    this.before = await child.ask<ServerTotals>({ type: 'totals' });
  };

  run = (): Promise<Run> => this.side!.run();

  /** After a run: it was whole; what it wrote; its engine and directory are gone. Safe to call twice. */
  async finish(): Promise<void> {
    const { child, side, before } = this;
    if (child === null) return;
    this.child = null;
    try {
      const after = await child.ask<ServerTotals>({ type: 'totals' });
      this.serverCpuSeconds.push(after.cpuSeconds - before.cpuSeconds);
      const bytes = after.logBytes - before.logBytes;
      const syncs = after.syncs - before.syncs;
      this.use = {
        groups: after.groups - before.groups,
        bytes,
        syncs,
        syncBytes: Math.ceil(bytes / Math.max(1, syncs)),
      };
      await side!.finish();
    } finally {
      await child.kill();
      if (this.directory !== null) rmSync(this.directory, { recursive: true });
    }
  }

  private get directory(): string | null {
    return this.options.root === null ? null : join(this.options.root, 'data');
  }
}
