// test/crash/journaling-producer.ts — a producer that outlives every engine, and knows what it sent and what was acknowledged.
//
// Its frames are a function of (producer, epoch, sequence), so the journal is two numbers per epoch: sent up to, acknowledged up to.

import { WebSocket } from 'ws';

/** Frames without an answer; few, so that an engine's life is many groups. */
const UNANSWERED_MAX = 6;
/** So many frames at full speed per connection, then one at a time: the log of a long run stays small. */
const FRAMES_FAST = 400;
const ROWS_MAX = 3;
const KEYS = 13;

export interface EpochJournal {
  epoch: number;
  sent: number;
  acked: number;
}

export interface Row {
  ts: number;
  k: string;
}

/** All rows lie within an hour, so none is ever late. */
export function rowsOf(producer: number, epoch: number, sequence: number): Row[] {
  return Array.from({ length: 1 + ((sequence + producer) % ROWS_MAX) }, (_, index) => ({
    ts: ((epoch * 7919 + sequence) * 40 + index * 3) % 600_000,
    k: `k${(sequence * 31 + index * 7 + producer) % KEYS}`,
  }));
}

/** No two frames have the same text. */
export function frameOf(producer: number, epoch: number, sequence: number): string {
  const name = `${producer}/${epoch}/${sequence}`;
  return rowsOf(producer, epoch, sequence)
    .map((row) => JSON.stringify({ ...row, name }))
    .join('\n');
}

/** Where the engine listens; waits until there is one. */
export type Up = () => Promise<number>;

export class JournalingProducer {
  readonly index: number;
  readonly epochs: EpochJournal[] = [{ epoch: 1, sent: 0, acked: 0 }];
  /** What the engine said that it must not say. */
  readonly surprises: string[] = [];
  reconnects = 0;
  private readonly up: Up;
  private readonly startsOver: () => boolean;
  private isFinishing = false;
  private readonly life: Promise<void>;

  /** @param startsOver  asked at each connection: whether the producer has forgotten everything and begins a new epoch */
  constructor(index: number, up: Up, startsOver: () => boolean) {
    this.index = index;
    this.up = up;
    this.startsOver = startsOver;
    this.life = this.live();
  }

  get id(): string {
    return `p${this.index}`;
  }

  get journal(): EpochJournal {
    return this.epochs.at(-1)!;
  }

  /** Sends nothing new; resolves when everything of this epoch is acknowledged, and its end was said. */
  finish(): Promise<void> {
    this.isFinishing = true;
    return this.life;
  }

  private async live(): Promise<void> {
    while (!(await this.connect(await this.up()))) {
      this.reconnects++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** @returns whether everything was said to the end */
  private connect(port: number): Promise<boolean> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/streams/rows`, { perMessageDeflate: false });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let isGreeted = false;
    let next = 0;
    let count = 0;
    const pump = () => {
      const { journal } = this;
      const most = count < FRAMES_FAST ? UNANSWERED_MAX : 1;
      while (isGreeted && next - 1 - journal.acked < most) {
        if (this.isFinishing && next > journal.sent) break;
        count++;
        journal.sent = Math.max(journal.sent, next);
        socket.send(frameOf(this.index, journal.epoch, next++));
      }
      if (isGreeted && this.isFinishing && journal.acked === journal.sent) {
        socket.send('!end');
        resolve(true);
      }
    };
    socket.on('open', () => socket.send(this.hello()));
    socket.on('message', (data) => {
      const said = JSON.parse(String(data)) as { type: string; code?: string; resume?: number; sequence?: number };
      const { journal } = this;
      if (said.type === 'hello') {
        if (said.resume! < journal.acked || said.resume! > journal.sent) this.surprises.push(`resume: ${data}`);
        journal.acked = Math.max(journal.acked, said.resume!);
        next = said.resume! + 1;
        isGreeted = true;
      } else if (said.type === 'ack') {
        if (said.sequence! > journal.sent) this.surprises.push(`acknowledged beyond ${journal.sent}: ${data}`);
        journal.acked = Math.max(journal.acked, said.sequence!);
      } else if (said.type === 'reject') this.surprises.push(String(data));
      else if (said.type === 'error' && said.code !== 'SHUTTING_DOWN') this.surprises.push(String(data));
      pump();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(false));
    return promise;
  }

  private hello(): string {
    const { journal } = this;
    const isNew = !this.isFinishing && journal.sent > 0 && this.startsOver();
    if (isNew) this.epochs.push({ epoch: journal.epoch + 1, sent: 0, acked: 0 });
    const { epoch } = this.journal;
    return `!hello ${JSON.stringify({ producer: this.id, epoch, ...(isNew ? { sequence: 1 } : {}) })}`;
  }
}
