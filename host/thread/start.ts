// host/thread/start.ts — what every thread is given at its start, and the messages between threads and control.
//
// Everything a thread shares lies in memory that is handed over here; the rows themselves never travel by message.

import { type Doorbell, openDoorbell } from '../../ring/doorbell.ts';
import type { CheckpointMeta } from '../checkpoint/meta.ts';
import type { EngineLimits } from '../limits.ts';
import type { Move } from '../listener/log-link.ts';
import type { KeptProducer, ProducerHandover } from '../listener/producers.ts';
import type { RingPlace, Topology } from './topology.ts';

export interface ThreadStart {
  thread: number;
  /** The job module, imported by every thread. */
  jobUrl: string;
  /** Of the plan that control compiled; a thread that compiles another one refuses to start. */
  planHash: string;
  topology: Topology;
  limits: EngineLimits;
  /** By partition. */
  memories: WebAssembly.Memory[];
  doorbells: SharedArrayBuffer;
  counters: SharedArrayBuffer;
  subscriptions: SharedArrayBuffer;
  /** Rings of encoded results, by listener. */
  results: { buffer: SharedArrayBuffer; place: RingPlace }[];
  seed: [number, number];
  host: string;
  port: number;
  /** Null: nothing is kept. */
  log: LogShare | null;
}

/** What listeners and partitions know of the log. */
export interface LogShare {
  /** The data directory. */
  directory: string;
  /** By listener: shared with the log, which reads the inboxes in them. */
  memories: WebAssembly.Memory[];
  /** One i32: the last complete checkpoint of this run, 0 when there is none. */
  base: SharedArrayBuffer;
  /** The checkpoint that state begins from; null: empty. */
  restore: CheckpointMeta | null;
  /** The data directory's id. */
  store: string;
  /** Groups up to `after` are in the state already; those up to `through` are read from the log. */
  replay: { after: number; through: number };
}

/** Thread → control. */
export type ThreadMessage =
  | { type: 'ready' }
  | { type: 'failed'; name: string; message: string; stack: string; code?: string }
  | { type: 'done'; openRows: number }
  | { type: 'closed' }
  | { type: 'outputEnded'; output: number }
  | { type: 'refused'; stage: string; reason: number; detail: string }
  | { type: 'handOver'; move: Move; time: ProducerHandover }
  /** A listener has decoded everything before the barrier of one stream. */
  | { type: 'barrierPassed'; checkpoint: number; stream: number; producers: readonly KeptProducer[] }
  | { type: 'claim'; id: number; stream: number; producer: string; epoch: number }
  | { type: 'released'; id: number; handover: ProducerHandover | null };

/** Control → listener. */
export type ListenerOrder =
  | { type: 'granted'; id: number; handover: ProducerHandover | null }
  | { type: 'fenced'; id: number; epoch: number }
  | { type: 'arrives'; move: Move; time: ProducerHandover }
  | { type: 'release'; id: number; stream: number; producer: string }
  | { type: 'stop'; drain: boolean }
  | { type: 'close' };

export const openDoorbells = (start: Pick<ThreadStart, 'doorbells' | 'topology'>): Doorbell[] =>
  Array.from({ length: start.topology.threads }, (_, thread) => openDoorbell(start.doorbells, thread));
