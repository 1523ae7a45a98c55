// test/support/log-rig.ts — the log's body over a simulated disk, with listeners and producers around it, stepped by a seed.
//
// Nothing here waits: an operation of the disk completes when `completeOne` picks it, time passes when `nowMs` is moved.

import { Counters, counterBytes } from '../../host/counters.ts';
import { type LogLimits, logLimits } from '../../host/limits.ts';
import { type AckMode, LogBody } from '../../host/log/body.ts';
import type { InboxPlace } from '../../host/log/inbox-place.ts';
import { InboxWriter } from '../../host/log/inbox-writer.ts';
import {
  ENTRY_ACCEPTED,
  ENTRY_JSON,
  ENTRY_OPEN,
  SAYS_ADMISSION,
  SAYS_MOVED,
  SAYS_RELEASED,
} from '../../host/log/layout.ts';
import { openLog } from '../../host/log/open-log.ts';
import type { StepResult } from '../../host/thread/body.ts';
import { type EntryRead, entryAt, inboxPlace, pushEntry } from './log-entries.ts';
import type { Random } from './random.ts';
import type { Operation, SimDisk } from './sim-disk.ts';

export const STORE = '00112233445566778899aabbccddeeff';
export const LISTENERS = 2;
export const STREAMS = 2;
const INBOX_BYTES = 4096;
/** No two segments have the same, also of two runs with the same boot (the first one ended before its segment was there). */
let salts = 0;
const SAYS_MAX = 4;

export const SMALL: Partial<LogLimits> = {
  segmentBytes: 4096,
  groupBytesMax: 700,
  groupEntriesMax: 8,
  groupRunsMax: 6,
  unsyncedBytesMax: 1500,
  ballastBytes: 2048,
  rememberedMax: 4,
};

/** What a listener has of one inbox: everything up to `released` was read. */
export interface RigInbox {
  place: InboxPlace;
  writer: InboxWriter;
  released: number;
}

export interface Released extends EntryRead {
  listener: number;
  stream: number;
}

export interface Rig {
  disk: SimDisk;
  body: LogBody;
  inboxes: RigInbox[];
  /** Everything that a listener was given, in the order of its inbox; accepted and refused. */
  released: Released[];
  admissions: number[][];
  moves: { listener: number; stream: number; group: number; producer: number; to: number }[];
  /** The greatest group that each listener heard of. */
  heard: number[];
  nowMs: number;
  pending: { complete: () => void; operation: Operation }[];
  failure: unknown;
  result: StepResult;
}

/** Lets what was resolved run on, up to the next operation of the disk. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function emptyData(disk: SimDisk): SimDisk {
  for (const name of ['STORE', 'quarantine/.keep', 'log/.keep']) disk.put(`data/${name}`, new Uint8Array());
  return disk;
}

/** Recovers what is on the disk, and puts a log's body on it. The disk completes at once until it is done. */
export async function startRig(
  disk: SimDisk,
  ackMode: AckMode = 'durable',
  overrides: Partial<LogLimits> = {},
): Promise<Rig> {
  const limits = logLimits({ ...SMALL, ...overrides });
  disk.schedule = queueMicrotask;
  const opened = await openLog({ disk, data: 'data', store: STORE, limits, scan: 'all' });
  const places = Array.from({ length: LISTENERS * STREAMS }, (_, index) =>
    inboxPlace(INBOX_BYTES, { listener: index % LISTENERS, stream: Math.floor(index / LISTENERS) }),
  );
  const inboxes = places.map((place) => ({ place, writer: new InboxWriter(place), released: 0 }));
  const says: Uint8Array[][] = Array.from({ length: LISTENERS }, () => []);
  const rig = {
    disk,
    inboxes,
    released: [],
    moves: [],
    nowMs: 0,
    pending: [],
    failure: null,
    result: 'idle',
  } as unknown as Rig;
  rig.admissions = says.map(() => []);
  rig.heard = says.map(() => 0);
  rig.body = new LogBody({
    barrierDurable: () => undefined,
    disk,
    data: 'data',
    ackMode,
    limits,
    inboxes: places,
    channels: says.map((queue, listener) => ({
      tryPushBytes: (_, [message]) => {
        if (queue.length === SAYS_MAX) listen(rig, listener, queue);
        queue.push(message!);
        return true;
      },
    })),
    ...opened,
    counters: new Counters(new SharedArrayBuffer(counterBytes(1)), 0),
    nowMs: () => rig.nowMs,
    newSalt: () => ++salts,
    wake: () => undefined,
  });
  disk.schedule = (complete, operation) => rig.pending.push({ complete, operation });
  listening.set(rig, says);
  return rig;
}

const listening = new WeakMap<Rig, Uint8Array[][]>();

/** A step of the body; a failure stays in `failure`. Then the listeners read what it said. */
export function step(rig: Rig): StepResult {
  try {
    rig.result = rig.body.step();
  } catch (error) {
    rig.failure = error;
    rig.result = 'done';
  }
  for (const [listener, queue] of listening.get(rig)!.entries()) listen(rig, listener, queue);
  return rig.result;
}

export async function completeOne(rig: Rig, index = 0): Promise<void> {
  const [next] = rig.pending.splice(index, 1);
  if (next === undefined) return;
  next.complete();
  await breathe();
}

/** Steps and completes, oldest first, until nothing moves. */
export async function settle(rig: Rig): Promise<void> {
  for (let round = 0; round < 10_000; round++) {
    const result = step(rig);
    await breathe();
    if (result === 'progressed') continue;
    if (rig.pending.length === 0) return;
    await completeOne(rig);
  }
  throw new Error('the log does not come to rest');
}

function listen(rig: Rig, listener: number, queue: Uint8Array[]): void {
  for (const message of queue.splice(0)) {
    const view = new DataView(message.buffer);
    const type = view.getUint32(0, true);
    if (type === SAYS_ADMISSION) rig.admissions[listener]!.push(view.getUint32(4, true));
    if (type === SAYS_MOVED) {
      const [stream, producer] = [4, 16].map((at) => view.getUint32(at, true));
      const to = view.getUint16(20, true);
      if (view.getUint16(22, true) !== listener) continue; // Said to all; it leaves one.
      rig.moves.push({ listener, stream: stream!, group: view.getFloat64(8, true), producer: producer!, to });
    }
    if (type !== SAYS_RELEASED) continue;
    rig.heard[listener] = view.getFloat64(8, true);
    const own = rig.inboxes.filter(({ place }) => place.listener === listener);
    for (const [stream, inbox] of own.entries()) takeUpTo(rig, inbox, view.getInt32(16 + stream * 4, true));
  }
}

function takeUpTo(rig: Rig, inbox: RigInbox, position: number): void {
  const { listener, stream } = inbox.place;
  while (inbox.released !== position) {
    const { entry, next } = entryAt(inbox.place, inbox.released);
    if (((position - next) | 0) < 0) break; // Behind it was nothing but a pad.
    rig.released.push({ ...entry, listener, stream });
    inbox.released = next;
  }
  inbox.released = position;
  inbox.writer.free(position);
}

/** A producer that says hello somewhere, waits for the answer, and sends numbered frames; at times it repeats, skips or moves. */
export class RigProducer {
  readonly id: string;
  readonly stream: number;
  /** All payloads that it ever tried to put in an inbox, by what they are. */
  readonly sent = new Set<string>();
  private listener = 0;
  private connection = 0;
  private epoch = 1;
  private number = 0;
  private next = 0;
  private opening = false;
  private seen = 0;

  constructor(id: string, stream: number) {
    this.id = id;
    this.stream = stream;
  }

  /** It knows nothing any more but its id; a new engine runs. */
  restart(): void {
    this.number = 0;
    this.opening = false;
    this.seen = 0;
    this.epoch++;
  }

  act(rig: Rig, random: Random): void {
    this.look(rig);
    if (this.opening) return;
    if (this.number === 0 || random.chance(0.04)) return this.open(rig, random);
    const sequence = this.next + random.pick([0, 0, 0, 0, 0, 0, 0, -1, -2, 3]);
    if (sequence < 1) return;
    const payload = `${this.id}:${sequence}:`.padEnd((sequence * 37) % 150, '.');
    if (!this.push(rig, { kind: ENTRY_JSON, payload, sequence })) return;
    if (sequence === this.next) this.next++;
  }

  private open(rig: Rig, random: Random): void {
    this.listener = random.below(LISTENERS);
    this.connection++;
    if (random.chance(0.2)) this.epoch++;
    this.opening = this.push(rig, { kind: ENTRY_OPEN, payload: this.id, sequence: 0 });
  }

  private push(rig: Rig, entry: { kind: number; payload: string; sequence: number }): boolean {
    const inbox = rig.inboxes[this.stream * LISTENERS + this.listener]!;
    this.sent.add(entry.payload);
    const { number: producer, epoch, connection } = this;
    return pushEntry(inbox.writer, inbox.place, { ...entry, producer, epoch, connection, ingestMs: rig.nowMs });
  }

  /** Its own answers: the number that it was given, and where to go on. */
  private look(rig: Rig): void {
    for (; this.seen < rig.released.length; this.seen++) {
      const entry = rig.released[this.seen]!;
      if (entry.kind !== ENTRY_OPEN || entry.payload !== this.id || entry.stream !== this.stream) continue;
      this.opening = false;
      if (entry.verdict !== ENTRY_ACCEPTED) continue;
      this.number = entry.producer;
      this.next = entry.value + 1;
    }
  }
}
