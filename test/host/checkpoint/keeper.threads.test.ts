// The keeper as a thread, on the disk of this machine: two partitions send, control publishes, a start restores.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, expect, test } from 'vitest';
import type { KeptPart, PartHead } from '../../../host/checkpoint/keeper-message.ts';
import { emptyManifest } from '../../../host/checkpoint/manifest.ts';
import type { CheckpointMeta } from '../../../host/checkpoint/meta.ts';
import { publishCheckpoint } from '../../../host/checkpoint/publish.ts';
import { recoverCheckpoint } from '../../../host/checkpoint/recover.ts';
import { restoreRecords } from '../../../host/checkpoint/restore-source.ts';
import { removeUnneeded } from '../../../host/checkpoint/retain.ts';
import type { KeeperStart, KeeperThreadMessage } from '../../../host/checkpoint/thread.ts';
import { counterBytes } from '../../../host/counters.ts';
import { realDisk } from '../../../host/disk/real-disk.ts';
import { openStore } from '../../../host/store/store.ts';
import { doorbellBytes, openDoorbell, ring } from '../../../ring/doorbell.ts';
import { openProducer, ringBytes } from '../../../ring/spsc.ts';
import { OPERATORS, STORE } from '../../support/checkpoint-life.ts';
import { PartitionState, pushFrames, restoredText } from '../../support/partition-state.ts';
import { seededRandom } from '../../support/random.ts';

const KEEPER = new URL('../../../host/checkpoint/thread.ts', import.meta.url);
const RING_BYTES = 1024 * 1024;
const PARTITIONS = 2;
const BLOCKS = 40;
const PLAN_HASH = 'cd'.repeat(32);
/** Of the test's own thread, which is both partitions and control. */
const HERE = 0;
const KEEPER_THREAD = 1;

const root = mkdtempSync(join(tmpdir(), 'pelton-keeper-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

class KeeperThread {
  readonly doorbells = new SharedArrayBuffer(doorbellBytes(2));
  readonly buffers = Array.from({ length: PARTITIONS }, () => new SharedArrayBuffer(ringBytes(RING_BYTES)));
  readonly producers = this.buffers.map((buffer) => openProducer(buffer, 0, RING_BYTES));
  readonly heard: KeeperThreadMessage[] = [];
  readonly worker: Worker;
  readonly ended: Promise<number>;

  constructor(data: string) {
    const place = { baseBytes: 0, capacityBytes: RING_BYTES };
    const workerData: KeeperStart = {
      thread: KEEPER_THREAD,
      doorbells: this.doorbells,
      counters: new SharedArrayBuffer(counterBytes(2)),
      data,
      store: STORE,
      rings: this.buffers.map((buffer) => ({ buffer, place, sender: HERE })),
    };
    this.worker = new Worker(KEEPER, { workerData });
    this.worker.on('message', (message: KeeperThreadMessage) => void this.heard.push(message));
    this.ended = new Promise((resolve) => this.worker.once('exit', resolve));
  }

  async keep(id: number, base: number, states: readonly PartitionState[]): Promise<KeptPart[]> {
    const frames = states.map((state, partition) => {
      const head: PartHead = {
        checkpoint: id,
        base,
        full: false,
        partition,
        partitions: PARTITIONS,
        planHash: PLAN_HASH,
      };
      return [...state.frames(head)];
    });
    for (const state of states) state.epoch = id + 1;
    const kept: KeptPart[] = [];
    while (kept.length < PARTITIONS) {
      for (const [partition, some] of frames.entries()) pushFrames(this.producers[partition]!, some);
      ring(openDoorbell(this.doorbells, KEEPER_THREAD));
      await new Promise((resolve) => setImmediate(resolve));
      for (const message of this.heard.splice(0)) {
        if (message.type === 'partKept') kept.push(message.part);
        else expect(message.type).toBe('ready');
      }
    }
    return kept.sort((one, two) => one.partition - two.partition);
  }
}

const metaOf = (id: number, parts: KeptPart[]): CheckpointMeta => ({
  id,
  store: STORE,
  name: null,
  group: id,
  boot: 1,
  planHash: PLAN_HASH,
  operators: OPERATORS,
  parts,
  producers: [],
  prepared: [],
  resultOffsets: [],
});

test('ten checkpoints of 5 MB, most of each unchanged, are written, published and restored', async () => {
  const data = join(root, 'ten');
  const disk = realDisk();
  const store = await openStore({ disk, directory: data, newId: () => STORE, nowMs: 1 });
  const random = seededRandom(11);
  const states = Array.from({ length: PARTITIONS }, () => new PartitionState());
  const blockOf = () => new Uint8Array(65536).map(() => random.below(256));
  for (const state of states) for (let index = 0; index < BLOCKS; index++) state.block('clicks/0', 0, index, blockOf());
  const thread = new KeeperThread(data);
  let manifest = emptyManifest(STORE);
  for (let id = 1; id <= 10; id++) {
    for (const state of states) state.block('clicks/0', 0, random.below(BLOCKS), blockOf());
    const parts = await thread.keep(id, manifest.checkpoints[0]?.id ?? 0, states);
    if (id > 1) expect(parts.every(({ refers }) => refers.length > 0)).toBe(true);
    const before = manifest;
    manifest = await publishCheckpoint(disk, data, before, metaOf(id, parts));
    await removeUnneeded(disk, data, before, manifest);
  }
  thread.worker.postMessage({ type: 'stop' });
  expect(await thread.ended).toBe(0);

  const log = { firstGroup: 1, lastGroup: 10 };
  const { from } = await recoverCheckpoint({ disk, data, store: store.id, log, operators: OPERATORS });
  expect(from?.id).toBe(10);
  const shared = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer);
  for (const [partition, state] of states.entries()) {
    const share = { partition, partitions: PARTITIONS };
    const records = restoreRecords(disk, data, from!, share, ({ usedBytes }) => shared.subarray(0, usedBytes));
    expect(await restoredText(records)).toBe(state.text());
  }
  await store.release();
}, 30_000);

test('a keeper that finds no place to write ends with the error', async () => {
  const thread = new KeeperThread(join(root, 'nowhere'));
  const failed = new Promise((resolve) => {
    thread.worker.on('message', (message: { type: string }) => message.type === 'failed' && resolve(message));
  });
  void thread.keep(1, 0, [new PartitionState(), new PartitionState()]).catch(() => {});
  expect(await failed).toMatchObject({ type: 'failed', name: 'CheckpointStopped' });
  await thread.worker.terminate();
});
