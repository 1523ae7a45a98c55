// host/listener/connection-tags.ts — a number for each sender of frames, by which an entry of the log finds its way back.
//
// An entry lies in shared memory and cannot hold an object. A tag is good until its connection is over and none of its
// entries is under way.

import type { IngestConnection } from './connection.ts';

export class ConnectionTags {
  private readonly byTag = new Map<number, IngestConnection>();
  private last = 0;

  /** @param clock  stands for the listener itself: its entries are heeded, and answered to nobody */
  constructor(clock: IngestConnection) {
    this.byTag.set(clock.tag, clock);
  }

  add(connection: IngestConnection): void {
    do this.last = (this.last + 1) >>> 0;
    while (this.last === 0 || this.byTag.has(this.last));
    connection.tag = this.last;
    this.byTag.set(this.last, connection);
  }

  get(tag: number): IngestConnection {
    const connection = this.byTag.get(tag);
    if (connection === undefined) throw new Error(`an entry of connection ${tag}, which is not known any more`);
    return connection;
  }

  /** The connection sends nothing more; its tag goes when its last entry has been dealt with. */
  close(connection: IngestConnection): void {
    connection.isOver = true;
    this.settle(connection);
  }

  settle(connection: IngestConnection): void {
    if (connection.isOver && connection.entries === 0) this.byTag.delete(connection.tag);
  }
}
