// test/support/raw-socket.ts — bytes to the engine's port as no library would send them, and what came back.

import { connect, type Socket } from 'node:net';

export class RawSocket {
  private readonly socket: Socket;
  private bytes = Buffer.alloc(0);
  private closed = false;
  private wake: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.moved();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.moved();
    });
  }

  static open(url: string): Promise<RawSocket> {
    const [host, port] = url.split(':');
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), host, () => resolve(new RawSocket(socket)));
      socket.once('error', reject);
    });
  }

  /** A WebSocket whose frames are then written by hand. */
  static async upgraded(url: string, path: string): Promise<RawSocket> {
    const raw = await RawSocket.open(url);
    raw.write(upgradeRequest(path));
    await raw.until((text) => text.includes('"type"'));
    return raw;
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** What has come so far, as Latin-1: bytes are characters. */
  get text(): string {
    return this.bytes.toString('latin1');
  }

  async until(holds: (text: string) => boolean, timeoutMs = 15_000): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.moved();
    }, timeoutMs);
    while (!holds(this.text)) {
      if (late || this.closed) break;
      await new Promise<void>((resolve) => this.wake.push(resolve));
    }
    clearTimeout(timer);
    if (!holds(this.text))
      throw new Error(`${late ? 'too late' : 'closed'}; seen ${JSON.stringify(this.text.slice(-300))}`);
    return this.text;
  }

  /** Everything up to the end of the connection. */
  async untilClosed(timeoutMs = 15_000): Promise<string> {
    await Promise.race([
      new Promise<void>((resolve) => {
        if (this.closed) resolve();
        else this.socket.once('close', () => resolve());
      }),
      new Promise((_, reject) => setTimeout(() => reject(new Error('the connection stays open')), timeoutMs).unref()),
    ]);
    return this.text;
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.socket.pause();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  private moved(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const resolve of waiting) resolve();
  }
}

export function upgradeRequest(path: string, headers: Record<string, string | null> = {}): string {
  const all: Record<string, string | null> = {
    Host: 'test',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

export interface FrameShape {
  opcode?: number;
  fin?: boolean;
  masked?: boolean;
  /** What the header says; default: what follows. */
  declaredBytes?: number | bigint;
  reservedBits?: number;
}

/** One WebSocket frame as a client writes it (mask 0, so the payload is readable), or as it should not. */
export function webSocketFrame(payload: string | Uint8Array, shape: FrameShape = {}): Buffer {
  const { opcode = 1, fin = true, masked = true, reservedBits = 0 } = shape;
  const body = Buffer.from(payload);
  const declared = BigInt(shape.declaredBytes ?? body.byteLength);
  const head = Buffer.alloc(14);
  head[0] = (fin ? 0x80 : 0) | (reservedBits << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  let at = 2;
  if (declared < 126n) head[1] = maskBit | Number(declared);
  else if (declared < 65536n) {
    head[1] = maskBit | 126;
    head.writeUInt16BE(Number(declared), 2);
    at = 4;
  } else {
    head[1] = maskBit | 127;
    head.writeBigUInt64BE(declared, 2);
    at = 10;
  }
  if (masked) at += 4;
  return Buffer.concat([head.subarray(0, at), body]);
}
