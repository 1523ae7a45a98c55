// host/listener/connection.ts — what a listener knows of one sender of frames, WebSocket or HTTP alike.

import type { ProducerTime } from './producers.ts';
import type { StreamIngress } from './stream-ingress.ts';

/** How the sender is answered; the listener's body knows nothing of sockets. */
export interface Replies {
  /** Everything up to `sequence` is placed or rejected by name. */
  acknowledge(connection: IngestConnection): void;
  rejected(connection: IngestConnection, reject: RowReject): void;
  /** Everything up to `ackedSequence` is in the log; its rows cannot be placed yet. */
  durable(connection: IngestConnection): void;
  /** The log has heard its hello: it speaks for producer `number` behind sequence `value`, or was refused (ENTRY_ verdicts). */
  opened(connection: IngestConnection, verdict: number, number: number, value: number): void;
  /** The log did not take frame `sequence`, and why; see the verdicts in log/layout.ts. */
  refused(connection: IngestConnection, verdict: number, sequence: number, value: number): void;
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
  /** Null until its first frame is decoded, when there is a log: joining is part of time, and time follows the log. */
  producer: ProducerTime | null;
  /** With a log: its producer's number and epoch there (0: anonymous), its tag, and how many of its entries are under way. */
  number: number;
  epoch: number;
  tag: number;
  entries: number;
  isOver: boolean;
  /** Number of the last frame taken in. */
  sequence: number;
  /** Number of the last acknowledged frame: without a log every row of it is placed or rejected, with one it is in the log. */
  ackedSequence: number;
  decodedSequence: number;
  /** As far as acknowledgements have told: acknowledged, and rows counted. */
  saidSequence: number;
  placedSequence: number;
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

export function newConnection(
  stream: StreamIngress,
  producer: ProducerTime | null,
  replies: Replies,
): IngestConnection {
  return {
    stream,
    replies,
    producer,
    number: 0,
    epoch: 0,
    tag: 0,
    entries: 0,
    isOver: false,
    sequence: 0,
    ackedSequence: 0,
    decodedSequence: 0,
    saidSequence: 0,
    placedSequence: 0,
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
