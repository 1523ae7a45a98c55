// host/egress/sink.ts — the contract of a sink that egress writes to itself: bytes in, and a word when there is room.
//
// A sink pushes back: while `busy`, egress takes no result of its output from any ring, so the rings fill and the
// partitions wait. (WebSocket subscribers are no such sink: they are cut off instead.)

export interface ByteSink {
  readonly name: string;
  /** Its bound of unwritten bytes is reached: offer nothing more. */
  readonly busy: boolean;
  /** Takes bytes; they are copied or written before the next event-loop turn may reuse them. */
  offer(bytes: Uint8Array): void;
  /** Resolves when all that was offered is written, and closes what was opened. */
  flush(): Promise<void>;
}
