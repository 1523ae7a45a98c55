// bench/suites/e2e/subscriber.ts — keeps what a sink sends, in pieces as they came, until the sink says `end`.

import type { Socket } from 'node:net';
import { OP_BINARY, openWebSocket, textOf } from './client.ts';

/** How long the results of a run may take. */
const RUN_MS_MAX = 120_000;

export interface Message {
  binary: boolean;
  pieces: Uint8Array[];
}

export interface Received {
  /** Rows, and in between what announces them. */
  messages: Message[];
  /** The last word: what `end` says. */
  end: Record<string, unknown>;
}

/** The longest message that can be a word about the stream rather than rows. */
const WORD_BYTES_MAX = 256;

export class Subscriber {
  private socket!: Socket;
  private messages: Message[] = [];
  private settle!: { resolve: (received: Received) => void; reject: (error: Error) => void };
  /** Resolves with the `end` of the run. */
  readonly ended: Promise<Received>;

  private constructor() {
    this.ended = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.ended.catch(() => undefined); // Whoever waits for the results sees it.
  }

  static async open(port: number): Promise<Subscriber> {
    const subscriber = new Subscriber();
    subscriber.socket = await openWebSocket(
      port,
      '/v1/sinks/totals?format=arrow',
      (opcode, pieces) => subscriber.hear(opcode === OP_BINARY, pieces),
      (why) => subscriber.settle.reject(new Error(`subscriber: ${why}`)),
    );
    const late = setTimeout(() => subscriber.settle.reject(new Error('subscriber: no end in sight')), RUN_MS_MAX);
    subscriber.ended.finally(() => clearTimeout(late)).catch(() => undefined);
    return subscriber;
  }

  close(): void {
    this.socket.destroy();
  }

  private hear(binary: boolean, pieces: Uint8Array[]): void {
    const word = binary ? null : wordOf(pieces);
    if (word?.type === 'end') this.settle.resolve({ messages: this.messages, end: word });
    else if (word?.type === 'error') this.settle.reject(new Error(`subscriber: ${JSON.stringify(word)}`));
    else this.messages.push({ binary, pieces });
  }
}

/** A message about the stream itself; null for rows. */
export function wordOf(pieces: readonly Uint8Array[]): Record<string, unknown> | null {
  if (pieces.length > 2 || pieces[0]!.length > WORD_BYTES_MAX) return null;
  const text = textOf(pieces);
  return text.startsWith('{"type":') ? (JSON.parse(text) as Record<string, unknown>) : null;
}
