// A listener's body between its inboxes and the partitions' rings, without threads or sockets.
import { expect, test } from 'vitest';
import { Counters, counterBytes } from '../../../host/counters.ts';
import { count, job, stream, t, tumbling, websocket } from '../../../host/index.ts';
import { reserveMemory } from '../../../host/kernel/load.ts';
import { engineLimits, MiB } from '../../../host/limits.ts';
import { ListenerBody } from '../../../host/listener/body.ts';
import { type IngestConnection, newConnection } from '../../../host/listener/connection.ts';
import { FRAME_JSON, FRAME_SAYS_WATERMARK } from '../../../host/listener/inbox.ts';
import { ANONYMOUS } from '../../../host/listener/producers.ts';
import { compilePlan } from '../../../host/plan/compile.ts';
import { partitionRings, topology } from '../../../host/thread/topology.ts';
import { doorbellBytes, openDoorbell } from '../../../ring/doorbell.ts';
import { FRAME_DATA, FRAME_WATERMARK } from '../../../ring/layout.ts';
import { openConsumer, peek, release, ringBytes } from '../../../ring/spsc.ts';

const counted = (name: string) =>
  stream(name, { ts: t.timestamp(), key: t.utf8() })
    .eventTime('ts')
    .keyBy('key')
    .window(tumbling('1s'))
    .aggregate({ n: count() })
    .to(websocket(`${name}-counts`));

const RING_BYTES = 2 ** 18;

class Bench {
  readonly body: ListenerBody;
  readonly acks: string[] = [];
  private readonly consumers;

  constructor() {
    const plan = compilePlan(job('two', counted('first'), counted('second')));
    const topo = topology(1, 1);
    const limits = engineLimits(32 * MiB, 1, { ringBytes: RING_BYTES, inboxBytes: 4 * MiB, frameBytesMax: MiB / 2 });
    const memory = reserveMemory(limits.partitionMemoryBytes, true);
    const bells = new SharedArrayBuffer(doorbellBytes(topo.threads));
    this.body = new ListenerBody({
      plan,
      topology: topo,
      listener: 0,
      limits,
      memories: [memory],
      doorbells: [0, 1, 2].map((thread) => openDoorbell(bells, thread)),
      results: {
        buffer: new SharedArrayBuffer(ringBytes(RING_BYTES)),
        place: { baseBytes: 0, capacityBytes: RING_BYTES },
      },
      counters: new Counters(new SharedArrayBuffer(counterBytes(topo.threads)), 0),
      deliver: () => undefined,
      egressDoorbellRing: () => undefined,
    });
    const buffer = memory.buffer as unknown as SharedArrayBuffer;
    this.consumers = partitionRings(plan, topo, RING_BYTES).inputs.map(([place]) =>
      openConsumer(buffer, place!.baseBytes, place!.capacityBytes),
    );
  }

  connection(stream: number, name: string): IngestConnection {
    const ingress = this.body.streams[stream]!;
    return newConnection(ingress, ingress.producers.join(ANONYMOUS, 0), {
      acknowledge: ({ ackedSequence }) => void this.acks.push(`${name} ${ackedSequence}`),
      rejected: () => undefined,
      durable: () => undefined,
      opened: () => undefined,
      refused: () => undefined,
    });
  }

  send(connection: IngestConnection, ...rows: { ts: number; key: string }[]): boolean {
    const text = rows.map((row) => JSON.stringify(row)).join('\n');
    return this.body.tryTakeIn(connection, FRAME_JSON, new TextEncoder().encode(text), 0, 0);
  }

  /** Steps until there is nothing to do or no room. */
  run(): string {
    for (;;) {
      const result = this.body.step();
      if (result !== 'progressed') return result;
    }
  }

  /** Frees one frame of a stream's ring; its kind, undefined when there is none. */
  next(stream: number): number | undefined {
    const consumer = this.consumers[stream]!;
    if (!peek(consumer)) return undefined;
    const { kind } = consumer;
    release(consumer);
    return kind;
  }
}

const wide = (ts: number) => ({ ts, key: 'x'.repeat(3000) });

test('time never overtakes the rows that moved it, whenever the clock ticks', () => {
  const bench = new Bench();
  const connection = bench.connection(0, 'a');
  bench.send(connection, { ts: 0, key: 'a' });
  bench.send(connection, { ts: 5000, key: 'a' });
  bench.body.step(); // Taken into the batch that is open, which has not left yet.
  bench.body.step();
  bench.body.tick(1000);
  bench.run();
  expect([bench.next(0), bench.next(0), bench.next(0)]).toEqual([FRAME_DATA, FRAME_WATERMARK, undefined]);
});

test('a stream whose ring is full holds up its own frames in order, and no other stream', () => {
  const bench = new Bench();
  const stuck = bench.connection(0, 'stuck');
  const free = bench.connection(1, 'free');
  let sent = 0;
  while (bench.run() !== 'blocked') {
    bench.send(stuck, wide(0), wide(0));
    sent++;
  }
  const acked = bench.acks.length;
  bench.send(stuck, wide(0));
  bench.send(free, { ts: 0, key: 'a' });
  expect(bench.run()).toBe('blocked');
  expect(bench.acks.slice(acked)).toEqual(['free 1']);

  while (stuck.ackedSequence < sent + 1) {
    bench.next(0);
    bench.run();
  }
  expect(bench.run()).toBe('idle');
});

test('a stream that sends without end leaves its neighbour every other step', () => {
  const bench = new Bench();
  const busy = bench.connection(0, 'busy');
  const other = bench.connection(1, 'other');
  bench.send(other, { ts: 0, key: 'a' });
  for (let step = 0; step < 12; step++) {
    bench.send(busy, { ts: 0, key: 'a' });
    bench.body.step();
  }
  expect(bench.acks).toEqual(['other 1']);
});

test('frames behind a full ring fill their own inbox, and then are refused: the neighbour still finds room', () => {
  const bench = new Bench();
  const stuck = bench.connection(0, 'stuck');
  const free = bench.connection(1, 'free');
  let frames = 0;
  while (bench.send(stuck, wide(0)) && frames < 10_000) {
    frames++;
    bench.run();
  }
  expect(frames).toBeLessThan(10_000);
  expect(bench.body.inboxBytes).toBeLessThanOrEqual(2 * MiB);
  expect(bench.send(free, { ts: 0, key: 'a' })).toBe(true);
  bench.run();
  expect(free.ackedSequence).toBe(1);
});

test('watermarks that nobody can place fill their inbox like rows, and then are refused', () => {
  const bench = new Bench();
  const stuck = bench.connection(0, 'stuck');
  while (bench.run() !== 'blocked') bench.send(stuck, wide(0), wide(0));
  let said = 0;
  while (bench.body.tryTakeIn(stuck, FRAME_SAYS_WATERMARK, null, said, 0) && said < 100_000) said++;
  expect(said).toBeLessThan(100_000);
  expect(stuck.inFlightBytes).toBeGreaterThan(said * 64);
});
