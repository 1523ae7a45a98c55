// host/listener/body.ts — a listener thread's work: results to subscribers first, then rows towards the partitions.
//
//   inbox ──take──▶ stream's batch ──flush──▶ partition rings          egress ring ──deliver──▶ subscribers
//
// When a partition's ring is full, unplaced frames stay in their stream's inbox, bounded by the credit that was granted,
// and the listener goes on serving everything else: other streams, results, acknowledgements, pings, health.

import type { Doorbell } from '../../ring/doorbell.ts';
import { FRAME_END } from '../../ring/layout.ts';
import { openConsumer, peek, type RingConsumer, release, takeRefusal } from '../../ring/spsc.ts';
import type { Counters } from '../counters.ts';
import { type CopyInto, copyInto } from '../kernel/copy-into.ts';
import { type Kernel, loadKernel, reserveMemory } from '../kernel/load.ts';
import type { EngineLimits } from '../limits.ts';
import type { Plan } from '../plan/plan.ts';
import type { Body, StepResult } from '../thread/body.ts';
import { FLAG_DRAIN, FLAG_LAST } from '../thread/control-frame.ts';
import { stageTarget } from '../thread/targets.ts';
import { listenerRings, type RingPlace, type Topology } from '../thread/topology.ts';
import type { IngestConnection } from './connection.ts';
import { creditBytesOf, FRAME_SAYS_WATERMARK, Inbox } from './inbox.ts';
import { LoggedInbox } from './logged-inbox.ts';
import { type ListenerLog, LoggedStreams } from './logged-streams.ts';
import { StreamIngress } from './stream-ingress.ts';
import { takeFrames } from './take-frames.ts';

export interface ListenerOptions {
  plan: Plan;
  topology: Topology;
  listener: number;
  limits: EngineLimits;
  memories: readonly WebAssembly.Memory[];
  doorbells: readonly Doorbell[];
  /** Ring of encoded results, egress → this listener. */
  results: { buffer: SharedArrayBuffer; place: RingPlace };
  counters: Counters;
  log?: ListenerLog;
  /** Sends one encoded result message to whoever has subscribed; see egress/message.ts for its bytes. */
  deliver: (bytes: Uint8Array) => void;
  egressDoorbellRing: () => void;
}

/** While frames wait, an acknowledgement covers this much: a sixteenth of the usual credit, several batches. */
const ACK_BYTES = 256 * 1024;

export class ListenerBody implements Body {
  readonly streams: StreamIngress[];
  readonly logged: LoggedStreams | null;
  private readonly options: ListenerOptions;
  private readonly kernel: Kernel;
  private readonly copyIn: CopyInto;
  private readonly results: RingConsumer;
  private readonly resultBytes: Uint8Array;
  /** Streams are served in turn. */
  private next = 0;
  private tickedMs = 0;
  private stopping: 'no' | 'stop' | 'drain' = 'no';
  private saidLast = false;
  private resultsEnded = false;

  constructor(options: ListenerOptions) {
    const { plan, topology, listener, limits, memories, doorbells, counters, results, log } = options;
    this.options = options;
    const rings = listenerRings(plan, limits);
    const memory = log?.memory ?? reserveMemory(rings.endBytes + limits.listenerMemoryBytes, false);
    this.kernel = loadKernel({ memory, arenaBase: rings.endBytes });
    this.copyIn = copyInto(memory);
    this.logged = log === undefined ? null : new LoggedStreams({ ...log, listener, rings, kernel: this.kernel });
    this.streams = plan.streams.map((stream, index) => {
      const place = rings.inboxes[index]!;
      const inbox = this.logged?.newInbox(index, place) ?? new Inbox(place.baseBytes, place.capacityBytes);
      const targets = stream.flows.map((flow) =>
        stageTarget({
          plan,
          topology,
          limits,
          memories,
          doorbells,
          stage: flow.route.target.kind === 'stage' ? flow.route.target.stage : -1,
          sender: listener,
          memory,
        }),
      );
      const ingress = new StreamIngress(this.kernel, stream, inbox, targets, limits, counters, log !== undefined);
      if (inbox instanceof LoggedInbox) this.logged!.add(ingress, inbox);
      return ingress;
    });
    this.results = openConsumer(results.buffer, results.place.baseBytes, results.place.capacityBytes);
    this.resultBytes = new Uint8Array(results.buffer);
  }

  step(): StepResult {
    if (this.deliverResult() || this.logged?.hear()) return 'progressed';
    let blocked = false;
    for (let tried = 0; tried < this.streams.length; tried++) {
      const result = this.stepStream(this.next);
      this.next = (this.next + 1) % this.streams.length;
      if (result === 'progressed') return result;
      blocked ||= result === 'blocked';
    }
    if (blocked) {
      this.options.counters.add('blocked', 1);
      return 'blocked';
    }
    if (this.stopping !== 'no' && !this.saidLast && this.logged?.isDone !== false) return this.sayLast();
    return this.resultsEnded ? 'done' : 'idle';
  }

  /**
   * Takes a frame in, or says that there is no room for it.
   *
   * @param kind  FRAME_JSON or FRAME_ARROW with its bytes; the FRAME_SAYS_ kinds with none
   */
  tryTakeIn(
    connection: IngestConnection,
    kind: number,
    bytes: Uint8Array | null,
    value: number,
    nowMs: number,
  ): boolean {
    const { inbox } = connection.stream;
    const frameBytes = bytes === null ? 0 : bytes.byteLength;
    let address = inbox.tryPlace(frameBytes);
    if (address < 0 && this.logged?.letGo(connection.stream.plan.index)) address = inbox.tryPlace(frameBytes);
    if (address < 0) return false;
    if (bytes !== null) this.copyIn(bytes, address);
    if (kind < FRAME_SAYS_WATERMARK) connection.sequence++;
    inbox.push(connection, kind, frameBytes, value, nowMs);
    connection.inFlightBytes += creditBytesOf(kind, frameBytes);
    if (this.logged !== null) this.logged.published();
    else connection.producer!.waitingFrames++;
    return true;
  }

  /** Called by the shell now and then: idle producers, and what they change. */
  tick(nowMs: number): void {
    const sinceMs = this.tickedMs > 0 ? nowMs - this.tickedMs : 0;
    this.tickedMs = nowMs;
    for (const stream of this.streams) {
      stream.tick(sinceMs, (producer) => this.logged?.tryLogIdle(stream, producer) ?? false);
    }
  }

  /** No more frames will be taken in; what is here is handed on, then the partitions are told. */
  stop(drain: boolean): void {
    this.stopping = drain ? 'drain' : 'stop';
  }

  /** Bytes of frames that wait, all streams together. */
  get inboxBytes(): number {
    return this.streams.reduce((sum, { inbox }) => sum + inbox.heldBytes, 0);
  }

  /** Groups of the log that are still to be decoded from it: by streams that have fallen behind, or after a restart. */
  get groupsBehind(): number {
    return this.logged?.groupsBehind ?? 0;
  }

  private stepStream(index: number): StepResult {
    const stream = this.streams[index]!;
    if (stream.flushing) return this.continueFlush(stream);
    if (this.logged !== null) return this.logged.step(index);
    if (stream.inbox.peek() !== undefined) {
      takeFrames(stream, stream.inbox);
      return 'progressed';
    }
    if (!stream.dirty) return 'idle';
    stream.beginFlush();
    return 'progressed';
  }

  private continueFlush(stream: StreamIngress): StepResult {
    if (!stream.hasRoom()) {
      stream.blockedSinceTick = true;
      if (stream.isLogged) stream.sayDurable();
      return 'blocked';
    }
    if (stream.advanceFlush() && (stream.inbox.peek() === undefined || stream.placedBytes >= ACK_BYTES)) {
      stream.drainTouched(acknowledge);
    }
    return 'progressed';
  }

  private deliverResult(): boolean {
    if (!peek(this.results)) return false;
    const { kind, payloadOffset, payloadBytes } = this.results;
    if (kind === FRAME_END) this.resultsEnded = true;
    else this.options.deliver(this.resultBytes.subarray(payloadOffset, payloadOffset + payloadBytes));
    release(this.results);
    if (takeRefusal(this.results)) this.options.egressDoorbellRing();
    return true;
  }

  private sayLast(): StepResult {
    if (!this.streams.every((stream) => stream.hasRoom())) return 'blocked';
    const flags = FLAG_LAST | (this.stopping === 'drain' ? FLAG_DRAIN : 0);
    for (const stream of this.streams) stream.say(FRAME_END, flags);
    this.saidLast = true;
    return 'progressed';
  }
}

const acknowledge = (connection: IngestConnection): void => connection.replies.acknowledge(connection);
