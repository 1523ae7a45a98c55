// bench/suites/e2e/client.ts — the client's side of a WebSocket over a raw socket: cheap enough to measure a server with.
//
// Frames go out as bytes that were prebuilt (frames.ts); frames of the server come in as the pieces in which TCP
// delivered them, so a large one is never copied.

import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export const OP_TEXT = 1;
export const OP_BINARY = 2;
const OP_CLOSE = 8;

export type OnFrame = (opcode: number, pieces: Uint8Array[]) => void;

/** Opens a WebSocket; what the server sends is handed to `onFrame`, a close or an error to `onEnd`. */
export function openWebSocket(
  port: number,
  path: string,
  onFrame: OnFrame,
  onEnd: (why: string) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let head = Buffer.alloc(0);
    let reader: FrameReader | undefined;
    socket.on('error', (error) => {
      reject(error);
      onEnd(error.message);
    });
    socket.on('close', () => onEnd('the connection ended'));
    socket.on('connect', () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      ),
    );
    socket.on('data', (chunk: Buffer) => {
      if (reader !== undefined) return reader.push(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      if (!head.toString('latin1', 0, end).includes(accept)) return reject(new Error(head.toString()));
      reader = new FrameReader((opcode, pieces) => {
        if (opcode === OP_CLOSE) onEnd(`closed by the server: ${textOf(pieces)}`);
        else if (opcode <= OP_BINARY) onFrame(opcode, pieces);
      });
      resolve(socket);
      reader.push(head.subarray(end + 4));
    });
  });
}

export const textOf = (pieces: readonly Uint8Array[]): string => Buffer.concat(pieces).toString();

/** Unmasked frames out of a stream of chunks. A server of ours does not fragment messages. */
class FrameReader {
  private readonly onFrame: OnFrame;
  private header = Buffer.alloc(0);
  private opcode = 0;
  private missingBytes = 0;
  private pieces: Uint8Array[] = [];

  constructor(onFrame: OnFrame) {
    this.onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.missingBytes === 0) {
        // A header may be cut by the chunk's end: what there is of it waits for the rest.
        const bytes = this.header.length > 0 ? Buffer.concat([this.header, chunk.subarray(at)]) : chunk.subarray(at);
        const headerBytes = headerBytesOf(bytes);
        if (headerBytes > bytes.length) {
          this.header = Buffer.from(bytes);
          return;
        }
        this.opcode = bytes[0]! & 15;
        this.missingBytes = payloadBytesOf(bytes);
        at += headerBytes - this.header.length;
        this.header = Buffer.alloc(0);
      }
      const taken = Math.min(this.missingBytes, chunk.length - at);
      if (taken > 0) this.pieces.push(chunk.subarray(at, at + taken));
      at += taken;
      this.missingBytes -= taken;
      if (this.missingBytes > 0) return;
      const { pieces } = this;
      this.pieces = [];
      this.onFrame(this.opcode, pieces);
    }
  }
}

function headerBytesOf(bytes: Buffer): number {
  if (bytes.length < 2) return 2;
  const short = bytes[1]! & 127;
  return short === 126 ? 4 : short === 127 ? 10 : 2;
}

function payloadBytesOf(bytes: Buffer): number {
  const short = bytes[1]! & 127;
  return short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
}
