// host/log/start.ts — what the log's thread is given at its start, and the messages between it and control.
//
//   control has the lock ──LogStart──▶ recovers ──logRecovered──▶ control notes that the log goes on ──serve──▶ BOOTED ──logReady──▶
//
// Entries never travel by message: they lie in the inboxes, and what is said about them in the rings to the listeners.

import type { LogLimits } from '../limits.ts';
import type { RingPlace } from '../thread/topology.ts';
import type { AckMode } from './body.ts';
import type { InboxPlace } from './inbox-place.ts';

export interface LogStart {
  /** Its doorbell and its row of counters. */
  thread: number;
  /** The data directory, and its id. */
  data: string;
  store: string;
  /** The greatest group that a checkpoint or a clean stop calls durable. */
  durableElsewhere: number;
  ackMode: AckMode;
  limits: LogLimits;
  /** Of all listeners and streams; a listener's own inbox has its index as `listener`. */
  inboxes: InboxPlace[];
  /** Rings of what the log says, by listener. */
  says: { buffer: SharedArrayBuffer; place: RingPlace }[];
  /** By thread; a listener's thread is its index. */
  doorbells: SharedArrayBuffer;
  counters: SharedArrayBuffer;
  /** Of this run; segments' salts are made from it. */
  seed: [number, number];
}

/** Log → control, besides 'failed' (thread/report.ts). */
export type LogMessage =
  /** Recovered; nothing is written before 'serve'. `firstGroup` is the first that is kept, 0 in an empty log. */
  | { type: 'logRecovered'; firstGroup: number; lastGroup: number; producers: number; done: string[] }
  /** This run's BOOTED is durable: its number, and what is served from. */
  | { type: 'logReady'; booted: number; boot: number }
  /** A checkpoint's barrier stands at the end of this group, which is durable. */
  | { type: 'barrierDurable'; checkpoint: number; group: number }
  /** Everything taken in is durable, the segment sealed (unless the disk was full). */
  | { type: 'logDone'; lastGroup: number; isSealed: boolean };

/** Control → log. */
export type LogOrder =
  | { type: 'serve' }
  | { type: 'barrier'; checkpoint: number }
  /** Groups before this one are in every checkpoint that is kept. */
  | { type: 'retain'; group: number }
  /** Listeners have published their last entry. */
  | { type: 'stop' };
