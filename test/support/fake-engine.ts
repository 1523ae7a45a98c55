// test/support/fake-engine.ts — a small server that speaks PROTOCOL.md, for tests of the client's side of the wire.
//
// It keeps every frame, acknowledges when told to (or at once), and notes the largest count of unacknowledged bytes.

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { FieldDescription } from '../../host/job/description.ts';

export interface FakeFrame {
  sequence: number;
  text: boolean;
  bytes: Buffer;
}

export interface FakeOptions {
  credit?: number;
  frameBytesMax?: number;
  fields?: readonly FieldDescription[];
  /** Default: at once. False: only by `acknowledge`. */
  acknowledgeAtOnce?: boolean;
  resume?: number;
  /** What a frame's rows are; default: its lines that are not blank. */
  rowsOf?: (frame: FakeFrame) => number;
  /** Rows of a frame that are refused. */
  rejectsOf?: (frame: FakeFrame) => { row: number; code: string; column: string | null; message: string }[];
  partitions?: number;
  /** What `subscribed` says besides, or instead: an error. */
  onSubscribe?: (from: string | null) => object;
}

export const FLIGHT_FIELDS: readonly FieldDescription[] = [
  { name: 'ts_ms', type: 'timestamp', nullable: false },
  { name: 'origin', type: 'utf8', nullable: false },
  { name: 'destination', type: 'utf8', nullable: true },
  { name: 'delay', type: 'i32', nullable: true },
  { name: 'distance', type: 'i32', nullable: true },
];

const NAMES = { stream: 'flights', sink: 'per-origin' } as const;

export class FakeEngine {
  readonly frames: FakeFrame[] = [];
  readonly controls: string[] = [];
  /** Most bytes that were unacknowledged at one time while more than one frame was. */
  unacknowledgedMost = 0;
  producers: WebSocket[] = [];
  subscribers: WebSocket[] = [];
  /** What each subscriber asked for as `from`. */
  readonly froms: (string | null)[] = [];
  private readonly http: Server;
  private readonly options: FakeOptions;
  private acknowledgedFrames = 0;
  private waiters: (() => void)[] = [];

  private constructor(http: Server, options: FakeOptions) {
    this.http = http;
    this.options = options;
  }

  static async start(options: FakeOptions = {}): Promise<FakeEngine> {
    const http = createServer();
    const engine = new FakeEngine(http, options);
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    http.on('request', (request, response) => {
      const isKnown = request.url === `/v1/streams/${NAMES.stream}`;
      const body = isKnown ? engine.schema() : unknown(request);
      response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    http.on('upgrade', (request, socket, head) => {
      const [path] = (request.url ?? '').split('?');
      if (path !== `/v1/streams/${NAMES.stream}` && path !== `/v1/sinks/${NAMES.sink}`) {
        const body = JSON.stringify(unknown(request));
        socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (opened) => {
        if (path?.includes('/streams/') === true) engine.openProducer(opened);
        else engine.openSubscriber(opened, request);
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return engine;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Rows of all frames, as text. */
  get lines(): string[] {
    return this.frames.filter(({ text }) => text).flatMap(({ bytes }) => linesOf(bytes));
  }

  /** Everything up to this frame is done. */
  acknowledge(sequence: number, credit = this.credit): void {
    let rows = 0;
    let rejected = 0;
    for (const frame of this.frames) {
      if (frame.sequence <= this.acknowledgedFrames || frame.sequence > sequence) continue;
      const rejects = this.options.rejectsOf?.(frame) ?? [];
      for (const reject of rejects) this.say({ type: 'reject', sequence: frame.sequence, ...reject });
      rejected += rejects.length;
      rows += (this.options.rowsOf?.(frame) ?? (frame.text ? linesOf(frame.bytes).length : 0)) - rejects.length;
    }
    this.acknowledgedFrames = sequence;
    this.say({ type: 'ack', sequence, rows, rejected, credit });
  }

  say(message: object): void {
    this.producers.at(-1)?.send(JSON.stringify(message));
  }

  /** Resolves when the condition holds; looked at after every message. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of [...this.producers, ...this.subscribers]) socket.terminate();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  private get credit(): number {
    return this.options.credit ?? 4 * 1024 * 1024;
  }

  private schema(): object {
    const { fields = FLIGHT_FIELDS, frameBytesMax = 4 * 1024 * 1024 } = this.options;
    return { protocol: 1, stream: NAMES.stream, fields, frameBytesMax };
  }

  private openProducer(socket: WebSocket): void {
    this.producers.push(socket);
    const frameBytesMax = this.options.frameBytesMax ?? 4 * 1024 * 1024;
    this.say({ type: 'welcome', protocol: 1, stream: NAMES.stream, credit: this.credit, frameBytesMax });
    let sequence = 0;
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      if (!isBinary && bytes[0] === 0x21) {
        this.controls.push(bytes.toString());
        if (bytes.toString().startsWith('!hello ')) {
          sequence = this.options.resume ?? 0;
          this.acknowledgedFrames = sequence;
          const said = JSON.parse(bytes.toString().slice('!hello '.length)) as object;
          this.say({ type: 'hello', protocol: 1, epoch: 0, ...said, resume: sequence, credit: this.credit });
        }
      } else {
        sequence++;
        this.frames.push({ sequence, text: !isBinary, bytes });
        const open = this.frames.filter((frame) => frame.sequence > this.acknowledgedFrames);
        const openBytes = open.reduce((sum, frame) => sum + frame.bytes.length, 0);
        if (open.length > 1) this.unacknowledgedMost = Math.max(this.unacknowledgedMost, openBytes);
        if (this.options.acknowledgeAtOnce !== false) this.acknowledge(sequence);
      }
      this.wake();
    });
  }

  private openSubscriber(socket: WebSocket, request: IncomingMessage): void {
    this.subscribers.push(socket);
    const { partitions } = this.options;
    const query = new URL(request.url ?? '', 'http://engine').searchParams;
    this.froms.push(query.get('from'));
    const answer = this.options.onSubscribe?.(query.get('from')) ?? {};
    socket.send(
      JSON.stringify({
        type: 'subscribed',
        sink: NAMES.sink,
        format: query.get('format'),
        ...(partitions ? { partitions } : {}),
        ...answer,
      }),
    );
    this.wake();
  }

  private wake(): void {
    for (const wake of this.waiters.splice(0)) wake();
  }
}

const linesOf = (bytes: Buffer): string[] =>
  bytes
    .toString()
    .split('\n')
    .filter((line) => line.trim() !== '');

function unknown({ url = '' }: IncomingMessage): object {
  const what = url.includes('/sinks/') ? 'sink' : 'stream';
  return {
    type: 'error',
    code: `UNKNOWN_${what.toUpperCase()}`,
    message: `no ${what} of this name`,
    known: [NAMES[what]],
  };
}
