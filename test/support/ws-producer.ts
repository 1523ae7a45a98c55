// test/support/ws-producer.ts — one producer's WebSocket: frames within the credit, acknowledgements counted.

import { WebSocket } from 'ws';

export type Frame = string | Uint8Array;

/** Messages of the server that are neither ack nor reject: welcome, hello, error. */
export interface ServerSays {
  type: string;
  code?: string;
  resume?: number;
}

export class WsProducer {
  /** Rows and refused rows by the acknowledgements so far. */
  rows = 0;
  rejected = 0;
  readonly rejects: Record<string, unknown>[] = [];
  private readonly socket: WebSocket;
  private readonly unacknowledged: { sequence: number; bytes: number }[] = [];
  private inFlightBytes = 0;
  private credit = 0;
  private sequence = 0;
  private closed: Error | null = null;
  private readonly said: ServerSays[] = [];
  private heard: (() => void)[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('message', (data) => this.hear(JSON.parse(data.toString())));
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('close', (code, reason) => this.end(new Error(`closed ${code} ${reason.toString()}`)));
  }

  /** Resolves with the next message of this type, or the first that came before. */
  async says(type: string): Promise<ServerSays> {
    await this.until(() => this.said.some((message) => message.type === type));
    return this.said.find((message) => message.type === type)!;
  }

  /** Names the producer; resolves with the frame to go on behind. */
  async hello(producer: string, epoch = 1): Promise<number> {
    this.socket.send(`!hello ${JSON.stringify({ producer, epoch })}`);
    this.sequence = (await this.says('hello')).resume!;
    return this.sequence;
  }

  /** Sends as far as the credit goes; resolves when the last frame has been sent. */
  async send(frames: Iterable<Frame>): Promise<void> {
    await this.says('welcome');
    for (const frame of frames) {
      const bytes = frame.length;
      await this.until(() => this.inFlightBytes === 0 || this.inFlightBytes + bytes <= this.credit);
      this.unacknowledged.push({ sequence: ++this.sequence, bytes });
      this.inFlightBytes += bytes;
      this.socket.send(frame);
    }
  }

  /** A control message: `!end`, `!idle`, `!watermark 5`. It keeps its place among the frames. */
  say(text: string): void {
    this.socket.send(text);
  }

  /** Some frame is acknowledged. */
  async acknowledged(): Promise<void> {
    await this.until(() => this.rows + this.rejected > 0);
  }

  /** Every frame sent so far is acknowledged. */
  async flushed(): Promise<void> {
    await this.until(() => this.unacknowledged.length === 0);
  }

  /** Sends and waits for the acknowledgement. */
  async put(...frames: Frame[]): Promise<void> {
    await this.send(frames);
    await this.flushed();
  }

  /** Cuts the connection without a close frame, as a crash would. */
  async vanish(): Promise<void> {
    this.socket.terminate();
    await this.ended();
  }

  async ended(): Promise<Error> {
    await this.until(() => this.closed !== null).catch(() => undefined);
    return this.closed!;
  }

  close(): void {
    this.socket.close();
  }

  private hear(message: ServerSays & { sequence?: number; rows?: number; rejected?: number; credit?: number }): void {
    if (message.credit !== undefined) this.credit = message.credit;
    if (message.type === 'ack') {
      this.rows += message.rows!;
      this.rejected += message.rejected!;
      while (this.unacknowledged.length > 0 && this.unacknowledged[0]!.sequence <= message.sequence!) {
        this.inFlightBytes -= this.unacknowledged.shift()!.bytes;
      }
    } else if (message.type === 'reject') this.rejects.push({ ...message });
    else this.said.push(message);
    this.wake();
  }

  private end(error: Error): void {
    this.closed ??= error;
    this.wake();
  }

  private wake(): void {
    const { heard } = this;
    this.heard = [];
    for (const resolve of heard) resolve();
  }

  /** Looks again after each message; a closed connection can say nothing more. */
  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed !== null) throw this.closed;
      await new Promise<void>((resolve) => this.heard.push(resolve));
    }
  }
}
