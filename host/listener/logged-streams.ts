// host/listener/logged-streams.ts — a listener's side of the log: hears it, and lets every stream take what is released.

import { type Doorbell, ring } from '../../ring/doorbell.ts';
import type { KeptProducer } from '../checkpoint/meta.ts';
import type { Kernel } from '../kernel/load.ts';
import { LOG_READ_BYTES } from '../limits.ts';
import { NOBODY } from '../log/producer-table.ts';
import type { LogReader } from '../log/reader.ts';
import type { StepResult } from '../thread/body.ts';
import { need } from '../thread/flow.ts';
import type { ListenerRings, RingPlace } from '../thread/topology.ts';
import { newConnection } from './connection.ts';
import { SILENT, SilentSenders } from './entry-senders.ts';
import { LogLink, type LogListener, type Move } from './log-link.ts';
import { LogSource, type LogSourceOptions } from './log-source.ts';
import { type Behind, LoggedInbox } from './logged-inbox.ts';
import { LoggedStream } from './logged-stream.ts';
import { type ProducerHandover, type ProducerTime, producerNumberOf } from './producers.ts';
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
  } | null;
  /** @param from  the first group that is wanted */
  openReader: (from: number) => LogReader;
  wake: () => void;
  failed: (error: unknown) => void;
}

export interface LoggedStreamsOptions extends ListenerLog {
  listener: number;
  rings: ListenerRings;
  kernel: Kernel;
}

/** Which entries, and who they are decoded for. */
type LogPart = Pick<LogSourceOptions, 'listener' | 'senders' | 'after' | 'skip' | 'through'>;

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
    const { replay, handOver, passed, listener } = this.options;
    if (replay !== null) ingress.producers.restore(replay.producers[ingress.plan.index] ?? [], ingress.nowMs);
    inbox.open({ ...newConnection(ingress, null, SILENT), tag: NOBODY });
    let address = 0;
    const read = (what: LogPart): LogSource => {
      // Once for each stream, when it is first needed: the memory is touched by what is read.
      if (address === 0) address = need(this.options.kernel.exports.reserve(LOG_READ_BYTES), 'what is read of the log');
      return this.openSource(ingress, address, what);
    };
    const readBehind = ({ after, skip }: Behind): LogSource =>
      read({ listener, senders: inbox, after, skip, through: () => inbox.behind!.through });
    const readReplay = ({ after, through }: { after: number; through: number }): LogSource =>
      read({ listener: null, senders: new SilentSenders(ingress), after, skip: 0, through: () => through });
    this.ingresses.push(ingress);
    this.streams.push(
      new LoggedStream({ ingress, inbox, handOver, passed, replay: replay && readReplay(replay), readBehind }),
    );
  }

  /** Hears one word of the log; false when there is none. */
  hear(): boolean {
    return this.link.hear(this);
  }

  /** Groups that streams have yet to decode from the log, all of them together. */
  get groupsBehind(): number {
    return this.streams.reduce((sum, { groupsBehind }) => sum + groupsBehind, 0);
  }

  /** Makes room in a stream's inbox; false when that cannot be. */
  letGo(stream: number): boolean {
    return this.streams[stream]!.letGo();
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
    for (const [index, stream] of this.streams.entries()) stream.released(group, positions[index]!, barrier);
  }

  moved(move: Move): void {
    const { listener, movedAway } = this.options;
    if (move.to === listener) this.ingresses[move.stream]!.arrivals.expect(move.producer, move.group);
    if (move.from !== listener) return;
    this.streams[move.stream]!.leaves(move);
    movedAway(move);
  }

  private openSource(stream: StreamIngress, address: number, what: LogPart): LogSource {
    const { memory, openReader, wake, failed } = this.options;
    const place = { buffer: memory.buffer, address, bytes: LOG_READ_BYTES };
    return new LogSource({ ...what, ...place, reader: openReader(what.after + 1), stream, wake, failed });
  }
}
