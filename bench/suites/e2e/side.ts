// bench/suites/e2e/side.ts — one server under load: what a run of it is, and what it cost.
//
//   load process ─ masked frames ─▶ server process ─ results ─▶ subscriber (this process)
//
// A run is timed from the first byte sent to the last result here. Connections, frames and processes are ready before.

import type { Side } from '../../measure.ts';
import type { Child } from './child.ts';
import type { WireFormat } from './frames.ts';
import type { PreparedAnswer, PrepareQuestion, SendQuestion, SentAnswer } from './load.ts';
import type { RowsSize } from './rows.ts';
import { type Received, Subscriber } from './subscriber.ts';

export interface Server {
  name: string;
  child: Child;
  port: number;
}

export interface Wire {
  load: Child;
  format: WireFormat;
  size: RowsSize;
  connections: number;
  /** How the load is sent; default: as fast as credit allows. */
  send?: SendQuestion;
}

export interface Run extends Received {
  round: number;
  sent: PreparedAnswer;
  load: SentAnswer;
}

export class ServerSide implements Side {
  readonly name: string;
  private readonly server: Server;
  private readonly wire: Wire;
  private readonly check: (run: Run) => void;
  private round: number;
  private subscriber: Subscriber | null = null;
  private sent!: PreparedAnswer;
  private last: Run | null = null;
  private cpuBefore = 0;
  /** Of every run, the first (warm-up) too. */
  readonly serverCpuSeconds: number[] = [];
  readonly loadCpuSeconds: number[] = [];

  /**
   * @param check       looks at every run, outside the timed part
   * @param firstRound  greater than any that the server has had
   */
  constructor(server: Server, wire: Wire, check: (run: Run) => void, firstRound = 0) {
    this.name = server.name;
    this.server = server;
    this.wire = wire;
    this.check = check;
    this.round = firstRound;
  }

  prepare = async (): Promise<void> => {
    await this.finish();
    const { load, format, size, connections } = this.wire;
    this.subscriber = await Subscriber.open(this.server.port);
    const question: PrepareQuestion = {
      type: 'prepare',
      port: this.server.port,
      round: this.round,
      format,
      size,
      connections,
    };
    this.sent = await load.ask<PreparedAnswer>(question);
    this.cpuBefore = await this.cpuSeconds();
  };

  run = async (): Promise<Run> => {
    const [received, load] = await Promise.all([
      this.subscriber!.ended,
      this.wire.load.ask<SentAnswer>(this.wire.send ?? { type: 'go' }),
    ]);
    this.loadCpuSeconds.push(load.cpuSeconds);
    this.last = { ...received, round: this.round, sent: this.sent, load };
    return this.last;
  };

  /** After the timed part of a run: what it cost, whether it was whole. */
  async finish(): Promise<void> {
    if (this.last === null) return;
    this.serverCpuSeconds.push((await this.cpuSeconds()) - this.cpuBefore);
    this.subscriber!.close();
    this.check(this.last);
    this.last = null;
    this.round++;
  }

  get wireBytes(): number {
    return this.sent.wireBytes;
  }

  private async cpuSeconds(): Promise<number> {
    return (await this.server.child.ask<{ cpuSeconds: number }>({ type: 'cpu' })).cpuSeconds;
  }
}
