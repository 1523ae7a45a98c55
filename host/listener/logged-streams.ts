// host/listener/logged-streams.ts — a listener's side of the log: hears it, and lets every stream take what is released.

import { type Doorbell, ring } from '../../ring/doorbell.ts';
import type { Kernel } from '../kernel/load.ts';
import { LOG_READ_BYTES } from '../limits.ts';
import { NOBODY } from '../log/producer-table.ts';
import type { LogReader } from '../log/reader.ts';
import type { StepResult } from '../thread/body.ts';
import { need } from '../thread/flow.ts';
import type { ListenerRings, RingPlace } from '../thread/topology.ts';
import { newConnection } from './connection.ts';
import { LogLink, type LogListener, type Move } from './log-link.ts';
import { LogSource, SILENT } from './log-source.ts';
import { LoggedInbox } from './logged-inbox.ts';
import { LoggedStream } from './logged-stream.ts';
import { type KeptProducer, type ProducerHandover, type ProducerTime, producerNumberOf } from './producers.ts';
import type { StreamIngress } from './stream-ingress.ts';

/** What a listener needs when there is a log. */
export interface ListenerLog {
  /** Shared with the log, which reads the inboxes in it. */
  memory: WebAssembly.Memory;
  /** The log's. */
  doorbell: Doorbell;
  wallMs: () => number;
  /** A producer goes on at another listener. */
  handOver: (move: Move, time: ProducerHandover) => void;
  /** Every frame before this checkpoint's barrier has been decoded: whose time stands where. */
  passed: (checkpoint: number, stream: number, producers: readonly KeptProducer[]) => void;
  /** A producer said hello at another listener: whoever speaks for it here is fenced. */
  movedAway: (move: Move) => void;
  /** Groups after `after` up to `through` lie in the log and are this listener's to decode. */
  replay: {
    after: number;
    through: number;
    /** By stream: whose time stood where behind group `after`. */
    producers: readonly (readonly KeptProducer[])[];
    openReader: () => LogReader;
  } | null;
  wake: () => void;
  failed: (error: unknown) => void;
}

export interface LoggedStreamsOptions extends ListenerLog {
  listener: number;
  rings: ListenerRings;
  kernel: Kernel;
}

export class LoggedStreams implements LogListener {
  private readonly options: LoggedStreamsOptions;
  private readonly link: LogLink;
  private readonly streams: LoggedStream[] = [];
  private readonly ingresses: StreamIngress[] = [];

  constructor(options: LoggedStreamsOptions) {
    this.options = options;
    const buffer = options.memory.buffer as unknown as SharedArrayBuffer;
    this.link = new LogLink(buffer, options.rings.log, options.rings.inboxes.length);
  }

  get admission(): number {
    return this.link.admission;
  }

  /** Everything that was taken in is in the log, decoded and named. */
  get isDone(): boolean {
    return this.streams.every(({ isDone }) => isDone);
  }

  newInbox(stream: number, place: RingPlace): LoggedInbox {
    const { memory, listener, wallMs } = this.options;
    const buffer = memory.buffer as unknown as SharedArrayBuffer;
    return new LoggedInbox(buffer, place, listener, stream, wallMs);
  }

  add(ingress: StreamIngress, inbox: LoggedInbox): void {
    const { replay, memory, kernel, handOver, passed, wake, failed } = this.options;
    inbox.open({ ...newConnection(ingress, null, SILENT), tag: NOBODY });
    const stream = new LoggedStream({ ingress, inbox, handOver, passed });
    if (replay !== null) {
      const { after, through, openReader } = replay;
      ingress.producers.restore(replay.producers[ingress.plan.index] ?? [], ingress.nowMs);
      const address = need(kernel.exports.reserve(LOG_READ_BYTES), 'what is read of the log');
      const place = { buffer: memory.buffer, address, bytes: LOG_READ_BYTES };
      const what = { reader: openReader(), stream: ingress, ...place, listener: null, through };
      stream.replayFrom(new LogSource({ ...what, wake, failed }, after));
    }
    this.ingresses.push(ingress);
    this.streams.push(stream);
  }

  /** Hears one word of the log; false when there is none. */
  hear(): boolean {
    return this.link.hear(this);
  }

  step(stream: number): StepResult {
    return this.streams[stream]!.step();
  }

  /** Something has been put into an inbox. */
  published(): void {
    ring(this.options.doorbell);
  }

  tryLogIdle(ingress: StreamIngress, producer: ProducerTime): boolean {
    const index = this.ingresses.indexOf(ingress);
    const isLogged = this.streams[index]!.inbox.tryPushIdle(producerNumberOf(producer.id));
    if (isLogged) this.published();
    return isLogged;
  }

  arrive(move: Move, time: ProducerHandover): void {
    this.ingresses[move.stream]!.arrivals.arrive(move.producer, move.group, time);
  }

  released(group: number, positions: Int32Array, barrier: number): void {
    for (const [stream, { inbox }] of this.streams.entries()) inbox.release(group, positions[stream]!, barrier);
  }

  moved(move: Move): void {
    const { listener, movedAway } = this.options;
    if (move.to === listener) this.ingresses[move.stream]!.arrivals.expect(move.producer, move.group);
    if (move.from !== listener) return;
    this.streams[move.stream]!.leaves(move);
    movedAway(move);
  }
}
