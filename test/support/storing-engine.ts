// test/support/storing-engine.ts — a small server that stores frames by (producer, sequence) and fails when told to.
//
// `meet` decides at every point of a connection's life what happens there: nothing, a cut without a word, or a close.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { FLIGHT_FIELDS } from './fake-engine.ts';

/** Where a connection is: before it speaks, before and behind its hello, and at each frame before and behind storing it. */
export type Point = 'upgrade' | 'open' | 'hello' | 'greeted' | 'frame' | 'stored' | 'acked' | 'closing';

export type Fate = undefined | 'cut' | { close: number; say?: object } | { refuse: object } | 'silent';

export interface Meeting {
  point: Point;
  /** From 1. */
  connection: number;
  /** Of the frame. */
  sequence: number;
}

export interface StoredFrame {
  sequence: number;
  bytes: Buffer;
  text: boolean;
}

interface Producer {
  frames: StoredFrame[];
  epoch: number;
}

export class StoringEngine {
  meet: (meeting: Meeting) => Fate = () => undefined;
  producers = new Map<string, Producer>();
  readonly controls: string[] = [];
  /** Every frame that came, stored or not. */
  readonly heard: { connection: number; sequence: number }[] = [];
  connections = 0;
  credit = 4 * 1024 * 1024;
  /** False: only by `acknowledge`. */
  acknowledgesAtOnce = true;
  answersPings = true;
  private sockets: WebSocket[] = [];
  private http!: Server;
  private port = 0;
  private waiters: (() => void)[] = [];

  static async start(): Promise<StoringEngine> {
    const engine = new StoringEngine();
    await engine.listen();
    return engine;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Frames of all producers; tests have one. */
  get stored(): StoredFrame[] {
    return [...this.producers.values()].flatMap(({ frames }) => frames);
  }

  get texts(): string[] {
    return this.stored.map(({ bytes }) => bytes.toString());
  }

  /** Acknowledges on the newest connection. */
  say(message: object): void {
    this.sockets.at(-1)!.send(JSON.stringify(message));
  }

  acknowledge(sequence: number, more: object = {}): void {
    this.say({ type: 'ack', sequence, rows: 0, rejected: 0, credit: this.credit, ...more });
  }

  cut(): void {
    this.sockets.at(-1)!.terminate();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  /** Nothing listens any more; what was stored stays. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  /** Again, on the same port. */
  async listen(): Promise<void> {
    const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, autoPong: false });
    this.http = createServer((_request, response) => {
      const body = { protocol: 1, stream: 'flights', fields: FLIGHT_FIELDS, frameBytesMax: 1024 * 1024 };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    this.http.on('upgrade', (request, socket, head) => {
      const connection = ++this.connections;
      if (this.meet({ point: 'upgrade', connection, sequence: 0 }) === 'cut') return socket.destroy();
      server.handleUpgrade(request, socket, head, (opened) => this.open(opened, connection));
    });
    await new Promise<void>((resolve) => this.http.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.http.address() as AddressInfo).port;
  }

  private open(socket: WebSocket, connection: number): void {
    this.sockets.push(socket);
    new StoringConnection(this, socket, connection).open();
    this.wake();
  }

  wake(): void {
    for (const wake of this.waiters.splice(0)) wake();
  }
}

class StoringConnection {
  private readonly engine: StoringEngine;
  private readonly socket: WebSocket;
  private readonly connection: number;
  private producer: Producer = { frames: [], epoch: 0 };
  private sequence = 0;
  private isCut = false;

  constructor(engine: StoringEngine, socket: WebSocket, connection: number) {
    this.engine = engine;
    this.socket = socket;
    this.connection = connection;
  }

  open(): void {
    if (this.fails('open')) return;
    const { credit } = this.engine;
    this.say({ type: 'welcome', protocol: 1, stream: 'flights', credit, frameBytesMax: 1024 * 1024 });
    this.socket.on('ping', () => this.engine.answersPings && this.socket.pong());
    this.socket.on('message', (data, isBinary) => {
      if (!this.isCut) this.hear(data as Buffer, isBinary);
      this.engine.wake();
    });
  }

  private hear(bytes: Buffer, isBinary: boolean): void {
    if (isBinary || bytes[0] !== 0x21) return this.frame(bytes, !isBinary);
    const text = bytes.toString();
    if (!text.startsWith('!hello ')) {
      this.engine.controls.push(text);
      return;
    }
    if (this.fails('hello')) return;
    const said = JSON.parse(text.slice('!hello '.length)) as { producer: string; epoch?: number };
    this.producer = this.engine.producers.get(said.producer) ?? { frames: [], epoch: 0 };
    this.engine.producers.set(said.producer, this.producer);
    const { epoch = 0 } = said;
    if (epoch < this.producer.epoch) {
      this.say({ type: 'error', code: 'FENCED', message: `epoch ${epoch} is over` });
      this.socket.close(4409, 'FENCED');
      return;
    }
    this.producer.epoch = epoch;
    this.sequence = this.producer.frames.length;
    this.say({ type: 'hello', protocol: 1, epoch, ...said, resume: this.sequence, credit: this.engine.credit });
    this.fails('greeted');
  }

  private frame(bytes: Buffer, text: boolean): void {
    const sequence = ++this.sequence;
    this.engine.heard.push({ connection: this.connection, sequence });
    if (this.fails('frame', sequence)) return;
    const expected = this.producer.frames.length + 1;
    if (sequence > expected) {
      this.say({ type: 'error', code: 'OUT_OF_SEQUENCE', message: `expected ${expected}`, sequence, expected });
      return;
    }
    // A copy at an address of its own: readers of Arrow want it aligned.
    if (sequence === expected) {
      this.producer.frames.push({ sequence, bytes: Buffer.from(new Uint8Array(bytes).buffer), text });
    }
    if (this.fails('stored', sequence)) return;
    if (!this.engine.acknowledgesAtOnce) return;
    const rows = text ? bytes.toString().trimEnd().split('\n').length : 1;
    this.say({ type: 'ack', sequence, rows, rejected: 0, credit: this.engine.credit });
    this.fails('acked', sequence);
  }

  private fails(point: Point, sequence = 0): boolean {
    const fate = this.engine.meet({ point, connection: this.connection, sequence });
    if (fate === undefined) return false;
    if (fate === 'silent') return true;
    if (fate === 'cut') this.socket.terminate();
    else if ('close' in fate) {
      if (fate.say !== undefined) this.say(fate.say);
      this.socket.close(fate.close);
    } else {
      this.say(fate.refuse);
      return true;
    }
    this.isCut = true;
    return true;
  }

  private say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}
