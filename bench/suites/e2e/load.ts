// bench/suites/e2e/load.ts — the load generator, a process of its own: prebuilt frames over raw sockets, within credit.
//
//   prepare   builds the round's frames (once per round), connects, says hello     untimed
//   go        sends every frame once, then !end; answers when all is acknowledged
//   paced     the same, but frame i is due at a time fixed beforehand, whatever the server does (open loop); answers with
//             how long after that each frame was acknowledged
//
// It keeps every connection's unacknowledged payload bytes within the credit of the last welcome, hello or ack, and
// writes many frames at once: one call for as much as the credit allows, up to WRITE_BYTES_MAX.

import type { Socket } from 'node:net';
import { monotonicMs } from '../../../host/clock.ts';
import { answerQuestions, cpuSeconds } from './child.ts';
import { openWebSocket, textOf } from './client.ts';
import { buildFrames, type Frames, textFrame, type WireFormat } from './frames.ts';
import { type RowsSize, roundStartMs } from './rows.ts';

/** One write: large enough that its call costs nothing beside its bytes. */
const WRITE_BYTES_MAX = 512 * 1024;

export interface PrepareQuestion {
  type: 'prepare';
  port: number;
  round: number;
  format: WireFormat;
  size: RowsSize;
  connections: number;
}

export interface PreparedAnswer extends Record<string, unknown> {
  frames: number;
  payloadBytes: number;
  wireBytes: number;
}

export type SendQuestion = { type: 'go' } | { type: 'paced'; framesPerSecond: number };

export interface SentAnswer extends Record<string, unknown> {
  cpuSeconds: number;
  /** From the first frame to the last acknowledgement. */
  seconds: number;
  /** Of a paced load: from the time a frame was due to its acknowledgement, in milliseconds, by frame. */
  ackMs: number[];
}

/** How often a paced connection looks which frames are due. */
const LOOK_EVERY_MS = 1;

class Connection {
  private readonly frames: Frames;
  private socket!: Socket;
  private credit = 0;
  /** The number of the last frame before this run: what the server remembers of this producer. */
  private base = -1;
  private sent = 0;
  private acked = 0;
  private running = false;
  /** Of a paced load: when the first frame is due, the time to the next; all are due at once otherwise. */
  private firstMs = 0;
  private stepMs = 0;
  readonly ackMs: number[] = [];
  private settle!: { resolve: () => void; reject: (error: Error) => void };

  constructor(frames: Frames) {
    this.frames = frames;
  }

  /** Resolves when the server has answered our hello. */
  async open(port: number, producer: string): Promise<void> {
    const greeted = new Promise<void>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.socket = await openWebSocket(
      port,
      '/v1/streams/rows',
      (_opcode, pieces) => this.hear(pieces),
      (why) => this.settle.reject(new Error(why)),
    );
    this.socket.on('drain', () => this.pump());
    this.socket.write(textFrame(`!hello ${JSON.stringify({ producer, epoch: 1 })}`));
    await greeted;
  }

  send(framesPerSecond = Number.POSITIVE_INFINITY): Promise<void> {
    this.firstMs = monotonicMs();
    this.stepMs = 1000 / framesPerSecond;
    const looking = this.stepMs > 0 ? setInterval(() => this.pump(), LOOK_EVERY_MS) : undefined;
    return new Promise<void>((resolve, reject) => {
      this.settle = { resolve, reject };
      this.running = true;
      this.pump();
    }).finally(() => clearInterval(looking));
  }

  close(): void {
    this.settle = { resolve: () => undefined, reject: () => undefined };
    this.socket.destroy();
  }

  /** Acks come by the thousand: everything else is rare. */
  private hear(pieces: Uint8Array[]): void {
    const text = textOf(pieces);
    const message = JSON.parse(text) as { type: string; sequence?: number; resume?: number; credit?: number };
    if (message.type === 'reject' || message.type === 'error') return this.settle.reject(new Error(text));
    this.credit = message.credit!;
    if (message.type === 'hello') {
      this.base = message.resume!;
      this.settle.resolve();
    }
    if (message.type !== 'ack') return;
    const { acked } = this;
    this.acked = message.sequence! - this.base;
    if (this.stepMs > 0) {
      const nowMs = monotonicMs();
      for (let frame = acked; frame < this.acked; frame++) this.ackMs.push(nowMs - this.firstMs - frame * this.stepMs);
    }
    if (this.acked === this.frames.ends.length) this.settle.resolve();
    else this.pump();
  }

  private pump(): void {
    const { bytes, ends, payloads } = this.frames;
    while (this.running && this.sent < ends.length && !this.socket.writableNeedDrain) {
      const ackedBytes = this.acked === 0 ? 0 : payloads[this.acked - 1]!;
      const begin = this.sent === 0 ? 0 : ends[this.sent - 1]!;
      const mayBytes = countUpTo(payloads, ackedBytes + this.credit);
      const to = Math.max(Math.min(mayBytes, countUpTo(ends, begin + WRITE_BYTES_MAX), this.due()), this.sent);
      if (to === this.sent) return;
      // A write worth its call: small credit comes back in small pieces.
      const pieceBytes = ends[to - 1]! - begin;
      const waits = this.stepMs === 0 && to < ends.length && this.acked < this.sent;
      if (waits && pieceBytes < Math.min(WRITE_BYTES_MAX, this.credit) / 4) return;
      this.socket.write(bytes.subarray(begin, ends[to - 1]!));
      this.sent = to;
      if (to === ends.length) this.socket.write(textFrame('!end'));
    }
  }

  /** How many frames should be on their way by now. */
  private due(): number {
    if (this.stepMs === 0) return this.frames.ends.length;
    return Math.floor((monotonicMs() - this.firstMs) / this.stepMs) + 1;
  }
}

/** How many of these ascending numbers are at most `limit`. */
function countUpTo(ascending: Float64Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

let built: { round: number; frames: Frames[] } = { round: -1, frames: [] };
let connections: Connection[] = [];

async function prepare(question: PrepareQuestion): Promise<PreparedAnswer> {
  for (const connection of connections) connection.close();
  const { round, format, size, port } = question;
  if (built.round !== round) {
    built = { round, frames: [] }; // The old frames go before the new ones are built.
    const startMs = roundStartMs(round, size);
    for (let index = 0; index < question.connections; index++) {
      built.frames.push(buildFrames(format, size, startMs, index, question.connections));
    }
  }
  connections = built.frames.map((frames) => new Connection(frames));
  await Promise.all(connections.map((connection, index) => connection.open(port, `p${index}`)));
  const sum = (of: (frames: Frames) => number) => built.frames.reduce((total, frames) => total + of(frames), 0);
  return {
    frames: sum(({ ends }) => ends.length),
    payloadBytes: sum(({ payloads }) => payloads.at(-1)!),
    wireBytes: sum(({ bytes }) => bytes.length),
  };
}

async function send(question: SendQuestion): Promise<SentAnswer> {
  const before = cpuSeconds();
  const beginMs = monotonicMs();
  const rate = question.type === 'paced' ? question.framesPerSecond / connections.length : undefined;
  await Promise.all(connections.map((connection) => connection.send(rate)));
  const seconds = (monotonicMs() - beginMs) / 1000;
  return { cpuSeconds: cpuSeconds() - before, seconds, ackMs: connections.flatMap(({ ackMs }) => ackMs) };
}

answerQuestions({ ready: true }, (question) =>
  question.type === 'prepare' ? prepare(question as unknown as PrepareQuestion) : send(question as SendQuestion),
);
