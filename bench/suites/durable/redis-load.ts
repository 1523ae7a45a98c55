// bench/suites/durable/redis-load.ts — the load generator for Redis, a process of its own: the frames of the Arrow load as XADD values.
//
// As many bytes are under way as the engine's credit allows; one write takes as much as fits.

import { connect, type Socket } from 'node:net';
import { MiB } from '../../../host/limits.ts';
import { answerQuestions } from '../e2e/child.ts';
import { buildFrames, type Frames, FrameWriter } from '../e2e/frames.ts';
import { type RowsSize, roundStartMs } from '../e2e/rows.ts';

const UNDER_WAY_BYTES_MAX = 4 * MiB;
const REPLY_BEGIN = 0x24; // $, of a bulk string; an id holds none.

/** XADD rows * f <payload>, as the protocol writes it. */
class CommandWriter extends FrameWriter {
  override open(_opcode: number, payloadBytes: number): number {
    return this.put(`*5\r\n$4\r\nXADD\r\n$4\r\nrows\r\n$1\r\n*\r\n$1\r\nf\r\n$${payloadBytes}\r\n`);
  }

  override close(from: number, payloadBytes: number): void {
    this.at = from + payloadBytes;
    this.put('\r\n');
    this.note(payloadBytes);
  }

  private put(text: string): number {
    this.at += Buffer.from(this.bytes.buffer, this.bytes.byteOffset).write(text, this.at, 'latin1');
    return this.at;
  }
}

let frames: Frames | null = null;
let socket: Socket | null = null;

async function prepare(port: number, size: RowsSize): Promise<Record<string, unknown>> {
  frames ??= buildFrames('arrow', size, roundStartMs(1, size), 0, 1, CommandWriter);
  socket?.destroy();
  socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve, reject) => socket!.once('connect', resolve).once('error', reject));
  return {};
}

function go(socket: Socket, { bytes, ends }: Frames): Promise<Record<string, unknown>> {
  let sent = 0;
  let replied = 0;
  const endOf = (count: number) => (count === 0 ? 0 : ends[count - 1]!);
  const pump = () => {
    const begin = endOf(sent);
    while (sent < ends.length && ends[sent]! - endOf(replied) <= UNDER_WAY_BYTES_MAX) sent++;
    if (endOf(sent) > begin) socket.write(bytes.subarray(begin, endOf(sent)));
  };
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('redis closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('-ERR')) return reject(new Error(chunk.toString()));
      for (const byte of chunk) if (byte === REPLY_BEGIN) replied++;
      if (replied === ends.length) resolve({ added: replied });
      else pump();
    });
    pump();
  });
}

answerQuestions({ ready: true }, (question) =>
  question.type === 'prepare' ? prepare(question.port as number, question.size as RowsSize) : go(socket!, frames!),
);
