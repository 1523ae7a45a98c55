// test/support/talk.ts — one WebSocket to the engine, with everything that it said: for tests of single words.

import { WebSocket } from 'ws';

export interface Said {
  type?: string;
  code?: string;
  sequence?: number;
  rows?: number;
  rejected?: number;
  credit?: number;
  message?: string;
  [more: string]: unknown;
}

export class Talk {
  readonly socket: WebSocket;
  readonly heard: Said[] = [];
  /** Lines behind the header of each message of results. */
  readonly rows: Record<string, unknown>[] = [];
  closed: { code: number; reason: string } | null = null;
  private wake: (() => void)[] = [];

  private constructor(url: string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 });
    this.socket.on('message', (data: Buffer, isBinary: boolean) => this.hear(data, isBinary));
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.moved();
    });
  }

  /** A connection that has been welcomed or subscribed. */
  static async open(url: string): Promise<Talk> {
    const talk = new Talk(url);
    await talk.until(() => talk.heard.length > 0, 'the first word');
    return talk;
  }

  send(frame: string | Uint8Array): void {
    this.socket.send(frame, { binary: typeof frame !== 'string' });
  }

  /** The first message that was said from the `from`-th on and fits. */
  async says(fits: Partial<Said>, from = 0): Promise<Said> {
    const found = () =>
      this.heard.slice(from).find((said) => Object.entries(fits).every(([name, value]) => said[name] === value));
    await this.until(() => found() !== undefined, JSON.stringify(fits));
    return found()!;
  }

  /** Every frame up to this number is acknowledged. */
  async acked(sequence: number): Promise<void> {
    await this.until(() => this.ackedSequence >= sequence, `the acknowledgement of frame ${sequence}`);
  }

  get ackedSequence(): number {
    return this.heard.reduce((last, { type, sequence }) => (type === 'ack' ? Math.max(last, sequence!) : last), 0);
  }

  /** Sums of all acknowledgements. */
  get acknowledged(): { rows: number; rejected: number } {
    const acks = this.heard.filter(({ type }) => type === 'ack');
    const sum = (name: 'rows' | 'rejected') => acks.reduce((total, ack) => total + ack[name]!, 0);
    return { rows: sum('rows'), rejected: sum('rejected') };
  }

  async ends(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.closed !== null, 'the close');
    return this.closed!;
  }

  async until(holds: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
    const late = setTimeout(() => {
      this.lateFor = what;
      this.moved();
    }, timeoutMs);
    try {
      while (!holds()) {
        if (this.lateFor !== null) throw new Error(`${this.lateFor} did not come; last heard ${this.lastHeard()}`);
        if (this.closed !== null && what !== 'the close')
          throw new Error(`closed ${this.closed.code} before ${what} came; last heard ${this.lastHeard()}`);
        await new Promise<void>((resolve) => this.wake.push(resolve));
      }
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.socket.close();
  }

  private lateFor: string | null = null;

  private lastHeard(): string {
    return JSON.stringify(this.heard.slice(-3)).slice(0, 400);
  }

  private hear(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      const [header = '', ...lines] = data.toString().split('\n');
      this.heard.push(JSON.parse(header) as Said);
      for (const line of lines) if (line !== '') this.rows.push(JSON.parse(line) as Record<string, unknown>);
    }
    this.moved();
  }

  private moved(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const resolve of waiting) resolve();
  }
}
