// host/listener/socket-ingest.ts — a producer's WebSocket: frames in, in order; welcome, acknowledgements, rejects out.
//
// The wire is in PROTOCOL.md. A frame is copied into the inbox before the handler returns (the library takes its
// buffer back then). Frames that come while a hello waits for the control thread's answer are kept aside, bounded.

import type { WebSocket } from 'uWebSockets.js';
import type { Counters, Refusal } from '../counters.ts';
import { ACK_BYTES_MAX, type EngineLimits, FRAME_HELD_BYTES_MIN, HELLO_WAIT_BYTES_MAX } from '../limits.ts';
import { ADMIT_DISK_FULL, ENTRY_ACCEPTED } from '../log/layout.ts';
import type { ListenerBody } from './body.ts';
import { type IngestConnection, newConnection, type Replies, type RowReject } from './connection.ts';
import { CONTROL_PREFIX, type ControlMessage, PROTOCOL_VERSION, parseControl } from './control-text.ts';
import {
  FRAME_ARROW,
  FRAME_JSON,
  FRAME_SAYS_END,
  FRAME_SAYS_HELLO,
  FRAME_SAYS_IDLE,
  FRAME_SAYS_WATERMARK,
} from './inbox.ts';
import { logRefusal } from './log-refusal.ts';
import { ANONYMOUS, type ProducerHandover, type ProducerTime } from './producers.ts';
import type { SocketData } from './server.ts';

type Socket = WebSocket<SocketData & { role: IngestSocket }>;

export interface IngestSocket {
  kind: 'ingest';
  stream: number;
  connection: IngestConnection | null;
  producer: string;
  epoch: number;
  /** The hello's own word on how frames are numbered; null: on from what the engine has. */
  firstSequence: number | null;
  socket: Socket | null;
  state: 'open' | 'waiting' | 'ready' | 'closed';
  /** Frames that came while a hello waited. */
  kept: { bytes: Uint8Array; isBinary: boolean }[];
  keptBytes: number;
  /** On the clock of `tick`: its last whole frame, ping or pong. */
  heardMs: number;
  pinged: boolean;
}

/** What the control thread decides about a hello. */
export type ClaimAnswer = { granted: true; handover?: ProducerHandover } | { granted: false; epoch: number };

export interface SocketIngestOptions {
  body: ListenerBody;
  limits: EngineLimits;
  counters: Counters;
  nowMs: () => number;
  /** There is work for the body. */
  wake: () => void;
  /** How many turns of work this thread has done: frames between two turns came at the same time. */
  turns: () => number;
  /** Asks the control thread for a producer id; its answer comes back through `claimed`. */
  claim: (socket: IngestSocket, done: (answer: ClaimAnswer) => void) => void;
  /** Bytes that one producer may have unacknowledged now. */
  credit: (stream: number) => number;
  stopping: () => boolean;
}

export class SocketIngest {
  private readonly options: SocketIngestOptions;
  private readonly named = new Map<string, IngestSocket>();
  private readonly open_ = new Set<IngestSocket>();
  private readonly openByStream: number[] = [];
  private readonly waitingForPlace = new Map<ProducerTime, (() => void)[]>();
  private clockMs = 0;
  private readonly replies: Replies;
  private turn = -1;
  private turnMs = 0;
  /** Not yet in the counters; see count(). */
  private frames = 0;
  private frameBytes = 0;

  constructor(options: SocketIngestOptions) {
    this.options = options;
    this.replies = {
      acknowledge: (connection) => this.acknowledge(connection),
      rejected: (connection, reject) => this.rejected(connection, reject),
      durable: (connection) => this.sayAck(connection, 0, 0),
      opened: (connection, verdict, number, value) => this.opened(connection, verdict, number, value),
      refused: (connection, verdict, sequence, value) => this.refusedByLog(connection, verdict, sequence, value),
    };
  }

  /** Connections of this stream. */
  openCount(stream: number): number {
    return this.openByStream[stream] ?? 0;
  }

  newSocket(stream: number): IngestSocket {
    return {
      kind: 'ingest',
      stream,
      connection: null,
      producer: ANONYMOUS,
      epoch: 0,
      firstSequence: null,
      socket: null,
      state: 'open',
      kept: [],
      keptBytes: 0,
      heardMs: this.clockMs,
      pinged: false,
    };
  }

  /** A whole message, ping or pong came. */
  heard(role: IngestSocket): void {
    role.heardMs = this.clockMs;
    role.pinged = false;
  }

  /**
   * Asks silent connections for a sign of life, and closes those that give none: one that sends a frame byte by byte
   * cannot answer a ping, while the socket library takes every byte for life.
   */
  tick(sinceMs: number): void {
    // A listener that was away itself has not heard anyone.
    this.clockMs += Math.min(sinceMs, HEARING_MS_MAX);
    const { connectionSilentMsMax } = this.options.limits;
    for (const role of this.open_) {
      const silentMs = this.clockMs - role.heardMs;
      if (silentMs > connectionSilentMsMax) {
        const message = `no whole frame and no pong for ${Math.round(connectionSilentMsMax / 1000)} s`;
        this.end(role, 'FRAME_UNFINISHED', message, 1008);
      } else if (silentMs > connectionSilentMsMax / 2 && !role.pinged) {
        role.pinged = true;
        role.socket?.ping();
      }
    }
  }

  open(socket: Socket): void {
    const { role } = socket.getUserData();
    if (this.options.stopping()) return socket.end(1012, 'SHUTTING_DOWN');
    role.socket = socket;
    this.open_.add(role);
    this.openByStream[role.stream] = this.openCount(role.stream) + 1;
    const { body, limits } = this.options;
    socket.send(
      JSON.stringify({
        type: 'welcome',
        protocol: PROTOCOL_VERSION,
        stream: body.streams[role.stream]!.plan.description.name,
        credit: this.options.credit(role.stream),
        frameBytesMax: limits.frameBytesMax,
      }),
    );
  }

  message(role: IngestSocket, message: ArrayBuffer, isBinary: boolean): void {
    this.heard(role);
    if (role.state === 'closed') return;
    const bytes = new Uint8Array(message);
    if (role.state === 'waiting') return this.keep(role, bytes, isBinary);
    this.take(role, bytes, isBinary);
  }

  close(role: IngestSocket): void {
    role.state = 'closed';
    role.socket = null;
    if (role.connection !== null) role.connection.stream.inbox.forget(role.connection);
    if (this.open_.delete(role)) this.openByStream[role.stream]!--;
    if (this.named.get(this.key(role)) === role) this.named.delete(this.key(role));
  }

  /**
   * A producer id goes on at another listener: its connection here is fenced, and when all that came over it is placed
   * its time and sequence are handed over. Earlier, frames under way would be sent again and count twice.
   */
  release(stream: number, producer: string, handOver: (handover: ProducerHandover | undefined) => void): void {
    const role = this.named.get(`${stream}/${producer}`);
    if (role !== undefined) this.fence(role);
    const { producers } = this.options.body.streams[stream]!;
    this.whenPlaced(producers.get(producer), () => handOver(producers.leave(producer)));
  }

  /** The engine stops: what is in the inbox is still placed and acknowledged, what comes now is refused. */
  refuseMore(): void {
    for (const role of this.open_) {
      this.sayError(role, 'SHUTTING_DOWN', 'the engine stops; frames from here on are not taken');
      role.state = 'closed';
    }
  }

  /** Every producer is told, then closed. */
  closeAll(): void {
    for (const { socket } of [...this.open_]) socket?.end(1012, 'SHUTTING_DOWN');
  }

  /** Brings the counters up to date: now and then, for frames come by the million. */
  count(): void {
    const { counters } = this.options;
    counters.add('framesReceived', this.frames);
    counters.add('bytesReceived', this.frameBytes);
    this.frames = 0;
    this.frameBytes = 0;
  }

  private nowMs(): number {
    const turn = this.options.turns();
    if (turn !== this.turn) {
      this.turn = turn;
      this.turnMs = this.options.nowMs();
    }
    return this.turnMs;
  }

  private take(role: IngestSocket, bytes: Uint8Array, isBinary: boolean): void {
    if (!isBinary && bytes[0] === CONTROL_PREFIX)
      return this.control(role, parseControl(Buffer.from(bytes).toString()));
    const { limits, counters } = this.options;
    this.frames++;
    this.frameBytes += bytes.byteLength;
    if (bytes.byteLength > limits.frameBytesMax) {
      counters.add('framesOversize', 1);
      counters.add('framesRefused', 1);
      const message = `a frame of ${bytes.byteLength} bytes; at most ${limits.frameBytesMax} are taken, send smaller frames`;
      return this.end(role, 'FRAME_TOO_LARGE', message, 1009);
    }
    this.takeIn(role, isBinary ? FRAME_ARROW : FRAME_JSON, bytes, 0);
  }

  private takeIn(role: IngestSocket, kind: number, bytes: Uint8Array | null, value: number): void {
    const { body, limits, wake } = this.options;
    const connection = this.ready(role);
    if (body.logged?.admission === ADMIT_DISK_FULL) return this.refuseFull(role, connection, kind);
    const isFar = connection.inFlightBytes > limits.creditBytesMax + limits.frameBytesMax;
    if (isFar || !body.tryTakeIn(connection, kind, bytes, value, this.nowMs()))
      return this.refuseCredit(role, connection);
    wake();
  }

  /** The connection of a socket; without a hello it speaks for the anonymous producer. */
  private ready(role: IngestSocket): IngestConnection {
    if (role.connection === null) {
      const stream = this.options.body.streams[role.stream]!;
      const producer = stream.isLogged ? null : stream.producers.join(role.producer, stream.nowMs);
      role.connection = newConnection(stream, producer, this.replies);
      stream.inbox.register(role.connection);
      socketOf.set(role.connection, role);
    }
    role.state = 'ready';
    return role.connection;
  }

  private control(role: IngestSocket, message: ControlMessage): void {
    if (message.type === 'mistake') return this.sayError(role, 'BAD_CONTROL', message.message);
    if (message.type === 'hello') return this.hello(role, message);
    if (message.type === 'sequence') return this.numberFrom(role, message.sequence);
    const kind =
      message.type === 'watermark' ? FRAME_SAYS_WATERMARK : message.type === 'idle' ? FRAME_SAYS_IDLE : FRAME_SAYS_END;
    this.takeIn(role, kind, null, message.type === 'watermark' ? message.time : 0);
  }

  private hello(role: IngestSocket, message: Extract<ControlMessage, { type: 'hello' }>): void {
    if (role.connection !== null) {
      return this.sayError(role, 'LATE_HELLO', '!hello must come before anything else');
    }
    const { producer, epoch } = message;
    const { producers } = this.options.body.streams[role.stream]!;
    if (producers.count >= this.options.limits.producersMax && producers.get(producer) === undefined) {
      const message = `${producers.count} producers have said hello here; ids are for senders that come back, not for connections`;
      return this.end(role, 'TOO_MANY_PRODUCERS', message, 1013);
    }
    role.producer = producer;
    role.epoch = epoch;
    role.firstSequence = message.sequence;
    if (this.options.body.logged !== null) return this.sayHelloToLog(role);
    role.state = 'waiting';
    this.options.claim(role, (answer) => this.claimed(role, answer));
  }

  private claimed(role: IngestSocket, answer: ClaimAnswer): void {
    const { producers, nowMs } = this.options.body.streams[role.stream]!;
    // Whoever asked may be gone by now; the producer is here all the same, and holds time.
    if (answer.granted && answer.handover !== undefined) producers.join(role.producer, nowMs, answer.handover);
    if (role.state === 'closed') return;
    if (!answer.granted) {
      const message = `epoch ${role.epoch} of producer ${role.producer} is over; epoch ${answer.epoch} has been seen`;
      return this.end(role, 'FENCED', message, 4409);
    }
    const older = this.named.get(this.key(role));
    if (older !== undefined) this.fence(older);
    this.named.set(this.key(role), role);
    this.whenPlaced(producers.get(role.producer), () => this.welcomed(role));
  }

  /** With a log, its thread decides who speaks for a producer: the hello is an entry like any other. */
  private sayHelloToLog(role: IngestSocket): void {
    const connection = this.ready(role);
    connection.epoch = role.epoch;
    connection.sequence = role.firstSequence ?? 0; // 0: behind what the log has.
    role.state = 'waiting';
    const id = Buffer.from(role.producer);
    if (this.options.body.tryTakeIn(connection, FRAME_SAYS_HELLO, id, 0, this.nowMs())) return this.options.wake();
    this.end(role, 'RETRY_LATER', 'the inbox is full; try again in a moment', 1013);
  }

  /** The log's answer to a hello. */
  private opened(connection: IngestConnection, verdict: number, number: number, value: number): void {
    const role = socketOf.get(connection);
    if (role === undefined || role.state === 'closed') return;
    if (verdict !== ENTRY_ACCEPTED) {
      const { code, message, closeCode } = logRefusal(verdict, { ...role, sequence: 0, value });
      return this.end(role, code, message, closeCode ?? 1008); // What it sends next would have no number.
    }
    const older = this.named.get(this.key(role));
    if (older !== undefined) this.fence(older);
    this.named.set(this.key(role), role);
    connection.number = number;
    this.greet(role, connection, value);
  }

  /** Another listener's connection speaks for this producer now. */
  movedAway(stream: number, number: number): void {
    for (const role of this.named.values()) {
      if (role.stream === stream && role.connection?.number === number) return this.fence(role);
    }
  }

  private refusedByLog(connection: IngestConnection, verdict: number, sequence: number, value: number): void {
    const role = socketOf.get(connection);
    if (role === undefined || role.state === 'closed') return;
    this.options.counters.add('framesRefused', 1);
    const { code, message, details, closeCode } = logRefusal(verdict, { ...role, sequence, value });
    if (closeCode === null) this.sayError(role, code, message, details);
    else this.end(role, code, message, closeCode);
  }

  /** The producer says which number its next frame has. */
  private numberFrom(role: IngestSocket, sequence: number): void {
    if (this.options.body.logged === null) {
      return this.sayError(role, 'BAD_CONTROL', '!sequence needs a log to compare with: run with --data');
    }
    this.ready(role).sequence = sequence - 1;
  }

  /** The producer goes on with this connection, unless that ended, or was fenced, while it waited. */
  private welcomed(role: IngestSocket): void {
    if (role.state === 'closed') return;
    const connection = this.ready(role);
    this.greet(role, connection, connection.producer!.sequence);
  }

  /** Tells a producer where it goes on, then takes what it has sent without waiting. */
  private greet(role: IngestSocket, connection: IngestConnection, sequence: number): void {
    role.state = 'ready';
    connection.sequence = (role.firstSequence ?? sequence + 1) - 1;
    connection.ackedSequence = sequence;
    connection.decodedSequence = sequence;
    connection.placedSequence = sequence;
    connection.saidSequence = sequence;
    this.say(role, {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      producer: role.producer,
      epoch: role.epoch,
      resume: sequence,
      credit: this.options.credit(role.stream),
    });
    this.options.wake();
    const { kept } = role;
    role.kept = [];
    role.keptBytes = 0;
    for (const { bytes, isBinary } of kept) if (!isClosed(role)) this.take(role, bytes, isBinary);
  }

  /** Runs `go` when no frame of the producer waits any more: frames of an older connection, which come first. */
  private whenPlaced(producer: ProducerTime | undefined, go: () => void): void {
    if (producer === undefined || producer.waitingFrames === 0) return go();
    this.waitingForPlace.set(producer, [...(this.waitingForPlace.get(producer) ?? []), go]);
  }

  private allPlaced(producer: ProducerTime): void {
    const waiting = this.waitingForPlace.get(producer) ?? [];
    this.waitingForPlace.delete(producer);
    for (const go of waiting) go();
  }

  private keep(role: IngestSocket, bytes: Uint8Array, isBinary: boolean): void {
    role.keptBytes += Math.max(FRAME_HELD_BYTES_MIN, bytes.byteLength);
    if (role.keptBytes > HELLO_WAIT_BYTES_MAX) {
      return this.end(role, 'CREDIT_EXCEEDED', 'wait for the answer to !hello: it says how much you may send', 1008);
    }
    role.kept.push({ bytes: bytes.slice(), isBinary });
  }

  /** Nothing can be kept now. The frame has had its number: a named producer goes back to it, an anonymous one hears of its loss. */
  private refuseFull(role: IngestSocket, connection: IngestConnection, kind: number): void {
    if (kind < FRAME_SAYS_WATERMARK) connection.sequence++;
    this.options.counters.add('framesRefused', 1);
    const { sequence } = connection;
    const message = `the disk of the log is full; frame ${sequence} was not taken, send it again later`;
    this.sayError(role, 'RETRY_LATER', message, { sequence, afterMs: RETRY_MS });
  }

  private refuseCredit(role: IngestSocket, connection: IngestConnection): void {
    this.options.counters.add('framesRefused', 1);
    const message =
      `${connection.inFlightBytes} bytes are unacknowledged, more than was granted; frame ${connection.sequence + 1} was not taken. ` +
      `Connect again and go on behind the last acknowledged frame`;
    this.end(role, 'CREDIT_EXCEEDED', message, 1008, connection.sequence);
  }

  private fence(role: IngestSocket): void {
    this.end(role, 'FENCED', `another connection speaks for producer ${role.producer}`, 4409);
  }

  private acknowledge(connection: IngestConnection): void {
    const { counters, nowMs } = this.options;
    if (connection.decodedFrames > 0)
      counters.latency((nowMs() - connection.oldestMs) / 1000, connection.decodedFrames);
    const { producer, stream } = connection;
    if (!stream.isLogged && producer!.waitingFrames === 0) this.allPlaced(producer!);
    this.sayAck(connection, connection.rows, connection.rejectedRows);
  }

  private sayAck(connection: IngestConnection, rows: number, rejected: number): void {
    const role = socketOf.get(connection);
    if (role === undefined) return;
    const { stream, ackedSequence, placedSequence } = connection;
    const placed = stream.isLogged ? `,"placed":${placedSequence}` : '';
    const credit = this.options.credit(stream.plan.index);
    this.write(
      role,
      `{"type":"ack","sequence":${ackedSequence}${placed},"rows":${rows},"rejected":${rejected},"credit":${credit}}`,
    );
  }

  private rejected(connection: IngestConnection, reject: RowReject): void {
    const role = socketOf.get(connection);
    if (role !== undefined) this.say(role, { type: 'reject', ...reject });
  }

  private say(role: IngestSocket, message: object): void {
    this.write(role, JSON.stringify(message));
  }

  /** One that does not read what it is told is told once more, and closed. */
  private write(role: IngestSocket, text: string): void {
    const { socket } = role;
    if (socket === null) return;
    if (socket.getBufferedAmount() <= ACK_BYTES_MAX) {
      socket.send(text);
      return;
    }
    this.options.counters.refuse('ACKS_UNREAD');
    const message = `more than ${ACK_BYTES_MAX} bytes of answers wait unread; read while you send`;
    socket.send(JSON.stringify({ type: 'error', code: 'ACKS_UNREAD', message }));
    role.state = 'closed';
    socket.end(1008, 'ACKS_UNREAD');
  }

  private sayError(role: IngestSocket, code: Refusal, message: string, details: object = {}): void {
    this.options.counters.refuse(code);
    this.say(role, { type: 'error', code, ...details, message });
  }

  private end(role: IngestSocket, code: Refusal, message: string, closeCode: number, accepted?: number): void {
    const { socket } = role;
    if (socket === null) return;
    this.options.counters.refuse(code);
    this.say(role, { type: 'error', code, message, ...(accepted === undefined ? {} : { accepted }) });
    role.state = 'closed';
    if (role.socket !== null) socket.end(closeCode, code); // Telling it may have closed it.
  }

  private key(role: IngestSocket): string {
    return `${role.stream}/${role.producer}`;
  }
}

/** When a producer may try again while the disk is full. */
const RETRY_MS = 1000;

/** Between two ticks a listener has heard its sockets for at most this long: the rest it was away. */
const HEARING_MS_MAX = 250;

/** Asked afresh each time: taking a frame may close the socket. */
const isClosed = (role: IngestSocket): boolean => role.state === 'closed';

/** From a connection to its socket; a connection may outlive it while its frames are on their way. */
const socketOf = new WeakMap<IngestConnection, IngestSocket>();
