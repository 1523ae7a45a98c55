// test/host/listener/behind.sim.test.ts — a listener between a log on a simulated disk and partitions that stop and go, by seed.
//
// Every byte that it puts into the partitions' rings is compared with what another listener puts there that does nothing but
// decode the same log from its beginning.

import { expect, test } from 'vitest';
import { Counters, counterBytes } from '../../../host/counters.ts';
import { job, stream, t, websocket } from '../../../host/index.ts';
import { reserveMemory } from '../../../host/kernel/load.ts';
import { engineLimits, LOG_READ_BYTES, logLimits, MiB } from '../../../host/limits.ts';
import { ListenerBody } from '../../../host/listener/body.ts';
import { type IngestConnection, newConnection, type Replies } from '../../../host/listener/connection.ts';
import { FRAME_JSON, FRAME_SAYS_HELLO, FRAME_SAYS_IDLE, FRAME_SAYS_WATERMARK } from '../../../host/listener/inbox.ts';
import type { ListenerLog } from '../../../host/listener/logged-streams.ts';
import { type AckMode, LogBody } from '../../../host/log/body.ts';
import { openLog } from '../../../host/log/open-log.ts';
import { LogReader } from '../../../host/log/reader.ts';
import { compilePlan } from '../../../host/plan/compile.ts';
import { Channel } from '../../../host/thread/channel.ts';
import { readControl } from '../../../host/thread/control-frame.ts';
import { listenerRings, partitionRings, topology } from '../../../host/thread/topology.ts';
import { type Doorbell, doorbellBytes, openDoorbell } from '../../../ring/doorbell.ts';
import { FRAME_DATA, FRAME_GROUP } from '../../../ring/layout.ts';
import { openConsumer, peek, release, ringBytes } from '../../../ring/spsc.ts';
import { breathe, emptyData, STORE } from '../../support/log-rig.ts';
import { type Random, seededRandom } from '../../support/random.ts';
import { type Operation, SimDisk } from '../../support/sim-disk.ts';

const PARTITIONS = 2;
const PRODUCERS = 3;
const plan = compilePlan(
  job('passing', stream('s', { ts: t.timestamp(), key: t.utf8() }).eventTime('ts', { delay: 0 }).to(websocket('out'))),
);
const topo = topology(1, PARTITIONS, true);
const limits = engineLimits(8 * MiB, PARTITIONS, { ringBytes: 2 ** 14, inboxBytes: 2 ** 14, frameBytesMax: 4096 });
const rings = listenerRings(plan, limits);

/** A listener's body, and what has been taken of its rings. */
class Side {
  readonly body: ListenerBody;
  /** By partition: frames as they came. */
  readonly taken: string[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly doorbells: Doorbell[];
  private readonly consumers;

  constructor(memory: WebAssembly.Memory, log: Pick<ListenerLog, 'replay' | 'openReader' | 'failed'>) {
    const bells = new SharedArrayBuffer(doorbellBytes(topo.threads));
    this.doorbells = Array.from({ length: topo.threads }, (_, thread) => openDoorbell(bells, thread));
    const memories = Array.from({ length: PARTITIONS }, () => reserveMemory(MiB, true));
    this.body = new ListenerBody({
      plan,
      topology: topo,
      listener: 0,
      limits,
      memories,
      doorbells: this.doorbells,
      results: {
        buffer: new SharedArrayBuffer(ringBytes(2 ** 14)),
        place: { baseBytes: 0, capacityBytes: 2 ** 14 },
      },
      counters: new Counters(new SharedArrayBuffer(counterBytes(topo.threads)), 0),
      log: {
        ...log,
        memory,
        doorbell: this.doorbells.at(-1)!,
        wallMs: () => 0,
        handOver: () => undefined,
        movedAway: () => undefined,
        passed: () => undefined,
        wake: () => undefined,
      },
      deliver: () => undefined,
      egressDoorbellRing: () => undefined,
    });
    const [places] = partitionRings(plan, topo, limits.ringBytes).inputs;
    this.consumers = memories.map(({ buffer }) => {
      const { baseBytes, capacityBytes } = places![0]!;
      return {
        bytes: new Uint8Array(buffer),
        view: new DataView(buffer),
        ring: openConsumer(buffer as never, baseBytes, capacityBytes),
      };
    });
  }

  /** One frame of a partition's ring; false when there is none. */
  take(partition: number): boolean {
    const { bytes, view, ring } = this.consumers[partition]!;
    if (!peek(ring)) return false;
    const { kind, payloadOffset, payloadBytes } = ring;
    const image = () => Buffer.from(bytes.slice(payloadOffset, payloadOffset + payloadBytes)).toString('base64');
    const said = () => JSON.stringify(readControl(view, payloadOffset, payloadBytes));
    const payload = kind === FRAME_DATA ? image() : said();
    const isNews = kind !== FRAME_GROUP || !this.taken[partition]!.at(-1)?.startsWith(`${FRAME_GROUP} `);
    // Groups that brought nothing may be named or not.
    if (isNews) this.taken[partition]!.push(`${kind} ${payload}`);
    release(ring);
    return true;
  }
}

const memory = (): WebAssembly.Memory => reserveMemory(rings.endBytes + 8 * MiB + LOG_READ_BYTES, true);

class Bench {
  readonly disk: SimDisk;
  readonly random: Random;
  readonly pending: { complete: () => void; operation: Operation }[] = [];
  readonly side: Side;
  readonly log: LogBody;
  /** Readers that a stream behind has opened. */
  opened = 0;
  failure: unknown = null;

  private constructor(disk: SimDisk, random: Random, side: Side, log: LogBody) {
    this.disk = disk;
    this.random = random;
    this.side = side;
    this.log = log;
    disk.schedule = (complete, operation) => void this.pending.push({ complete, operation });
  }

  static async start(random: Random, ackMode: AckMode): Promise<Bench> {
    const disk = emptyData(new SimDisk());
    disk.schedule = queueMicrotask;
    const small = logLimits({ segmentBytes: 2 ** 15, groupBytesMax: 2500, unsyncedBytesMax: 6000, ballastBytes: 1024 });
    const opened = await openLog({ disk, data: 'data', store: STORE, limits: small });
    const shared = memory();
    const buffer = shared.buffer as unknown as SharedArrayBuffer;
    const openReader = (from: number): LogReader => {
      bench.opened++;
      return new LogReader(disk, 'data', from);
    };
    const failed = (error: unknown): void => {
      bench.failure = error;
    };
    const side = new Side(shared, { replay: null, openReader, failed });
    const log = new LogBody({
      barrierDurable: () => undefined,
      disk,
      data: 'data',
      ackMode,
      limits: small,
      inboxes: [{ listener: 0, stream: 0, buffer, ...rings.inboxes[0]! }],
      channels: [new Channel(buffer, rings.log, side.doorbells[0]!)],
      ...opened,
      counters: new Counters(new SharedArrayBuffer(counterBytes(1)), 0),
      nowMs: () => 0,
      newSalt: () => random.u32(),
      wake: () => undefined,
    });
    const bench: Bench = new Bench(disk, random, side, log);
    return bench;
  }

  async complete(): Promise<void> {
    // What is asked for after a write is mostly done before it.
    const other = this.pending.findIndex(({ operation }) => operation.name !== 'write');
    const index = other >= 0 ? other : this.random.below(2) - 1;
    if (index >= 0) this.pending.splice(index, 1)[0]?.complete();
    await breathe();
    if (this.failure !== null) throw this.failure;
  }

  /** Until nothing moves any more, with partitions that take everything. */
  async drain(side = this.side): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      for (let partition = 0; partition < PARTITIONS; partition++) if (side.take(partition)) quiet = 0;
      if (side.body.step() === 'progressed') quiet = 0;
      if (this.log.step() === 'progressed') quiet = 0;
      if (this.pending.length > 0) quiet = 0;
      await this.complete();
    }
  }
}

/** One sender, and what it was told. */
class Sender {
  readonly connection: IngestConnection;
  rows = 0;
  rejected = 0;
  sent = { rows: 0, rejected: 0 };
  isOpen: boolean;
  private readonly bench: Bench;
  private readonly id: string | null;
  private readonly frames: Uint8Array[] = [];
  private time = 0;

  constructor(bench: Bench, id: string | null) {
    this.bench = bench;
    this.id = id;
    const { streams } = bench.side.body;
    const replies: Replies = {
      acknowledge: ({ rows, rejectedRows, placedSequence, ackedSequence }) => {
        this.rows += rows;
        this.rejected += rejectedRows;
        expect(placedSequence).toBeLessThanOrEqual(ackedSequence);
      },
      rejected: () => undefined,
      durable: () => undefined,
      opened: (connection, verdict, number) => {
        expect(verdict).toBe(0);
        connection.number = number;
        this.isOpen = true;
      },
      refused: (_, verdict) => expect(verdict).toBe('accepted'),
    };
    this.connection = newConnection(streams[0]!, null, replies);
    this.isOpen = id === null;
    streams[0]!.inbox.register(this.connection);
    this.connection.epoch = 1;
    if (id !== null) this.put(FRAME_SAYS_HELLO, Buffer.from(id));
    if (id === null) this.connection.epoch = 0;
  }

  /** Something at random: rows, the same rows again, a word about time. */
  send(): boolean {
    const { random } = this.bench;
    const { connection } = this;
    if (!this.isOpen) return true;
    if (random.below(10) === 0) {
      if (random.below(2) === 0) return this.put(FRAME_SAYS_IDLE, null);
      return this.put(FRAME_SAYS_WATERMARK, null, this.time - 5);
    }
    const back = Math.min(random.below(4), connection.sequence);
    if (this.id !== null && back > 0 && random.below(8) === 0) {
      const { sequence } = connection;
      connection.sequence -= back;
      const put = this.put(FRAME_JSON, this.frames[connection.sequence]!);
      connection.sequence = sequence;
      return put;
    }
    const count = random.below(4) === 0 ? 40 + random.below(40) : 1 + random.below(4);
    const lines = Array.from({ length: count }, () => {
      this.time += random.below(3);
      const ts = random.below(20) === 0 ? this.time - 50 : this.time;
      return JSON.stringify({ ts, key: 'k'.repeat(random.below(20)) });
    });
    const isWrong = random.below(10) === 0;
    const frame = Buffer.from([...lines, ...(isWrong ? ['{"ts":"?"}'] : [])].join('\n'));
    if (!this.put(FRAME_JSON, frame)) return false;
    this.frames.push(frame);
    this.sent.rows += count;
    this.sent.rejected += isWrong ? 1 : 0;
    return true;
  }

  private put(kind: number, bytes: Uint8Array | null, value = 0): boolean {
    return this.bench.side.body.tryTakeIn(this.connection, kind, bytes, value, 0);
  }
}

const cases = (['durable', 'written', 'received'] as const).flatMap((mode, index) =>
  Array.from({ length: 8 }, (_, seed) => [mode, index * 100 + seed] as const),
);

test.each(cases)(
  'partitions that stop and go: what is decoded is what a replay decodes (%s, seed %i)',
  async (mode, seed) => {
    const random = seededRandom(seed);
    const bench = await Bench.start(random, mode);
    const { side, log } = bench;
    const senders = Array.from({ length: PRODUCERS }, (_, index) => new Sender(bench, `p${index}`));
    senders.push(new Sender(bench, null));
    let stands = false;
    let behindMost = 0;
    for (let step = 0; step < 6000; step++) {
      if (random.below(stands ? 400 : 300) === 0) stands = !stands;
      const choice = random.below(10);
      if (choice < 2) random.pick(senders).send();
      else if (choice < 6) side.body.step();
      else if (choice < 8) log.step();
      else await bench.complete();
      if (!stands) side.take(random.below(PARTITIONS));
      behindMost = Math.max(behindMost, side.body.groupsBehind);
    }
    await bench.drain();
    expect(bench.opened).toBeGreaterThan(0);
    expect(behindMost).toBeGreaterThan(0);
    expect(side.body.groupsBehind).toBe(0);
    expect(side.body.inboxBytes).toBe(0);
    for (const { rows, rejected, sent, connection } of senders) {
      expect({ rows, rejected }).toEqual(sent);
      expect(connection.placedSequence).toBe(connection.sequence);
      expect(connection.entries).toBe(0);
      expect(connection.inFlightBytes).toBe(0);
    }

    const through = log.lastGroup;
    const again = new Side(memory(), {
      replay: { after: 0, through, producers: [] },
      openReader: (from) => new LogReader(bench.disk, 'data', from),
      failed: (error) => {
        bench.failure = error;
      },
    });
    await bench.drain(again);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(side.taken[partition]!.length).toBeGreaterThan(100);
      expect(side.taken[partition]).toEqual(again.taken[partition]);
    }
  },
);
