// host/listener/entry-senders.ts — whom an entry of the log is decoded for: its own connection, or somebody who stands for it.
//
// Entries keep their connection's tag on the disk. While the process lives that took them in, the tag still leads to whoever
// waits for their rows to be counted (logged-inbox.ts); after a restart nobody is there.

import { type IngestConnection, newConnection, type Replies } from './connection.ts';
import type { StreamIngress } from './stream-ingress.ts';

export interface EntrySenders {
  /** What is added to an ingest time to come to this process's clock, in which latencies are counted. */
  readonly clockOffsetMs: number;
  senderOf(tag: number, producer: number, listener: number): IngestConnection;
  /** An entry of it has been decoded. */
  decoded(connection: IngestConnection): void;
}

/** Connections that ended with an earlier process. */
export class SilentSenders implements EntrySenders {
  readonly clockOffsetMs = 0;
  private readonly stream: StreamIngress;
  private readonly byName = new Map<string, IngestConnection>();

  constructor(stream: StreamIngress) {
    this.stream = stream;
  }

  senderOf(_tag: number, producer: number, listener: number): IngestConnection {
    const name = producer === 0 ? `@${listener}` : `#${producer}`;
    let connection = this.byName.get(name);
    if (connection === undefined) {
      connection = newConnection(this.stream, null, SILENT);
      this.byName.set(name, connection);
    }
    return connection;
  }

  decoded(): void {}
}

/** Of whoever is not there to be answered. */
export const SILENT: Replies = {
  acknowledge: () => undefined,
  rejected: () => undefined,
  durable: () => undefined,
  opened: () => undefined,
  refused: () => undefined,
};
