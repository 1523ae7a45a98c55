// host/listener/connection.ts — what a listener knows of one sender of frames, WebSocket or HTTP alike.

import type { ProducerTime } from './producers.ts';
import type { StreamIngress } from './stream-ingress.ts';

/** How the sender is answered; the listener's body knows nothing of sockets. */
export interface Replies {
  /** Everything up to `sequence` is placed or rejected by name. */
  acknowledge(connection: IngestConnection): void;
  rejected(connection: IngestConnection, reject: RowReject): void;
}

export interface RowReject {
  sequence: number;
  /** The row's index in its frame; −1: the frame as a whole. */
  row: number;
  code: string;
  column: string | null;
  message: string;
}

export interface IngestConnection {
  readonly stream: StreamIngress;
  readonly replies: Replies;
  producer: ProducerTime;
  /** Number of the last frame taken in. */
  sequence: number;
  /** Number of the last frame whose every row is placed or rejected; ≤ decodedSequence ≤ sequence. */
  ackedSequence: number;
  decodedSequence: number;
  /** Since the last acknowledgement. */
  rows: number;
  rejectedRows: number;
  rejectsNamed: number;
  /** Bytes taken in and not acknowledged. */
  inFlightBytes: number;
  decodedBytes: number;
  /** When the oldest frame of those about to be acknowledged came in. */
  oldestMs: number;
  decodedFrames: number;
  /** It is in its stream's list of connections to acknowledge. */
  touched: boolean;
}

export function newConnection(stream: StreamIngress, producer: ProducerTime, replies: Replies): IngestConnection {
  return {
    stream,
    replies,
    producer,
    sequence: 0,
    ackedSequence: 0,
    decodedSequence: 0,
    rows: 0,
    rejectedRows: 0,
    rejectsNamed: 0,
    inFlightBytes: 0,
    decodedBytes: 0,
    oldestMs: 0,
    decodedFrames: 0,
    touched: false,
  };
}
