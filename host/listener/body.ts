// host/listener/body.ts — a listener thread's work: results to subscribers first, then rows towards the partitions.
//
//   inbox ──take──▶ stream's batch ──flush──▶ partition rings          egress ring ──deliver──▶ subscribers
//
// When a partition's ring is full, unplaced frames stay in the inbox, bounded by the credit that was granted, and the
// listener goes on serving everything else: results, acknowledgements, pings, health.

import type { Doorbell } from '../../ring/doorbell.ts';
import { FRAME_END } from '../../ring/layout.ts';
import { openConsumer, peek, type RingConsumer, release } from '../../ring/spsc.ts';
import type { Counters } from '../counters.ts';
import { ARENA_BASE_MIN, type Kernel, loadKernel, reserveMemory } from '../kernel/load.ts';
import { type EngineLimits, OVER_READ_BYTES } from '../limits.ts';
import type { Plan } from '../plan/plan.ts';
import type { Body, StepResult } from '../thread/body.ts';
import { FLAG_DRAIN, FLAG_LAST } from '../thread/control-frame.ts';
import { stageTarget } from '../thread/targets.ts';
import type { RingPlace, Topology } from '../thread/topology.ts';
import type { IngestConnection } from './connection.ts';
import { Inbox } from './inbox.ts';
import { StreamIngress } from './stream-ingress.ts';

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
  /** Sends one encoded result message to whoever has subscribed; see egress/message.ts for its bytes. */
  deliver: (bytes: Uint8Array) => void;
  egressDoorbellRing: () => void;
}

/** What a step takes from the inbox before it ends: bytes, and so many for each frame, which cost about as much. */
const STEP_WORK = 16 * 1024;
const FRAME_WORK = 64;

/** While frames wait, an acknowledgement covers this much: a sixteenth of the usual credit, several batches. */
const ACK_BYTES = 256 * 1024;

export class ListenerBody implements Body {
  readonly streams: StreamIngress[];
  readonly inbox: Inbox;
  private readonly options: ListenerOptions;
  private readonly kernel: Kernel;
  private readonly results: RingConsumer;
  private readonly resultBytes: Uint8Array;
  private flushing: StreamIngress | null = null;
  /** On the clock that stops while the input is blocked. */
  private inputMs = 0;
  private tickedMs = 0;
  private blockedSinceTick = false;
  private stopping: 'no' | 'stop' | 'drain' = 'no';
  private saidLast = false;
  private resultsEnded = false;

  constructor(options: ListenerOptions) {
    const { plan, topology, listener, limits, memories, doorbells, counters, results } = options;
    this.options = options;
    const memory = reserveMemory(limits.listenerMemoryBytes, false);
    const inboxEnd = ARENA_BASE_MIN + limits.inboxBytes + OVER_READ_BYTES;
    this.kernel = loadKernel({ memory, arenaBase: inboxEnd });
    this.inbox = new Inbox(ARENA_BASE_MIN, limits.inboxBytes);
    this.streams = plan.streams.map((stream) => {
      const targets = stream.flows.map((flow) =>
        stageTarget({
          plan,
          topology,
          limits,
          memories,
          doorbells,
          stage: flow.route.target.kind === 'stage' ? flow.route.target.stage : -1,
          sender: listener,
        }),
      );
      return new StreamIngress(this.kernel, stream, targets, limits, counters);
    });
    this.results = openConsumer(results.buffer, results.place.baseBytes, results.place.capacityBytes);
    this.resultBytes = new Uint8Array(results.buffer);
  }

  step(): StepResult {
    if (this.deliverResult()) return 'progressed';
    if (this.flushing !== null) return this.continueFlush(this.flushing);
    if (this.inbox.length > 0) {
      this.takeFrames();
      return 'progressed';
    }
    const dirty = this.streams.find((stream) => stream.dirty);
    if (dirty !== undefined) {
      this.beginFlush(dirty);
      return 'progressed';
    }
    if (this.stopping !== 'no' && !this.saidLast) return this.sayLast();
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
    const { inbox } = this;
    const frameBytes = bytes === null ? 0 : bytes.byteLength;
    const address = inbox.tryPlace(frameBytes);
    if (address < 0) return false;
    if (bytes !== null) {
      this.kernel.u8.set(bytes, address);
      connection.sequence++;
    }
    inbox.push(connection, kind, frameBytes, value, nowMs);
    connection.inFlightBytes += frameBytes;
    return true;
  }

  /** Called by the shell now and then: idle producers, and what they change. */
  tick(nowMs: number): void {
    if (!this.blockedSinceTick && this.tickedMs > 0) this.inputMs += nowMs - this.tickedMs;
    this.blockedSinceTick = false;
    this.tickedMs = nowMs;
    for (const stream of this.streams) {
      stream.producers.tick(this.inputMs);
      if (!stream.flushing && stream.hasRoom()) stream.sayTime();
    }
  }

  /** No more frames will be taken in; what is here is handed on, then the partitions are told. */
  stop(drain: boolean): void {
    this.stopping = drain ? 'drain' : 'stop';
  }

  get drained(): boolean {
    return this.saidLast;
  }

  get inputNowMs(): number {
    return this.inputMs;
  }

  /** Small frames by the hundred are one step's work, a large one is a step of its own. */
  private takeFrames(): void {
    const { inbox, inputMs } = this;
    let work = 0;
    for (let frame = inbox.peek(); frame !== undefined && work < STEP_WORK; frame = inbox.peek()) {
      work += frame.bytes + FRAME_WORK;
      const { stream } = frame.connection;
      if (!stream.take(frame, inputMs)) return this.beginFlush(stream);
      inbox.shift();
    }
  }

  private beginFlush(stream: StreamIngress): void {
    stream.beginFlush();
    this.flushing = stream;
  }

  private continueFlush(stream: StreamIngress): StepResult {
    if (!stream.hasRoom()) {
      this.blockedSinceTick = true;
      this.options.counters.add('blocked', 1);
      return 'blocked';
    }
    if (stream.advanceFlush()) {
      this.flushing = null;
      if (this.inbox.length === 0 || stream.placedBytes >= ACK_BYTES) stream.drainTouched(acknowledge);
    }
    return 'progressed';
  }

  private deliverResult(): boolean {
    if (!peek(this.results)) return false;
    const { kind, payloadOffset, payloadBytes } = this.results;
    if (kind === FRAME_END) this.resultsEnded = true;
    else this.options.deliver(this.resultBytes.subarray(payloadOffset, payloadOffset + payloadBytes));
    release(this.results);
    this.options.egressDoorbellRing();
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
