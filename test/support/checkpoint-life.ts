// test/support/checkpoint-life.ts — partitions, a keeper and a coordinator over a simulated disk that may end at any operation.

import { KeeperBody } from '../../host/checkpoint/keeper.ts';
import type { KeeperReport, KeptPart } from '../../host/checkpoint/keeper-message.ts';
import { emptyManifest, type Manifest } from '../../host/checkpoint/manifest.ts';
import type { CheckpointMeta } from '../../host/checkpoint/meta.ts';
import type { OperatorLayout } from '../../host/checkpoint/operators.ts';
import { publishCheckpoint } from '../../host/checkpoint/publish.ts';
import { type RecoverCheckpointOptions, recoverCheckpoint } from '../../host/checkpoint/recover.ts';
import { restoreRecords } from '../../host/checkpoint/restore-source.ts';
import { removeUnneeded } from '../../host/checkpoint/retain.ts';
import { doorbellBytes, openDoorbell } from '../../ring/doorbell.ts';
import { openProducer, type RingProducer, ringBytes } from '../../ring/spsc.ts';
import { type PartitionState, pushFrames, restoredText } from './partition-state.ts';
import type { SimDisk } from './sim-disk.ts';

export const DATA = 'data';
export const STORE = '00112233445566778899aabbccddeeff';
const PLAN_HASH = 'ab'.repeat(32);
const RING_BYTES = 4096;
/** The smallest ring that carries a whole block in one frame. */
export const BLOCK_RING_BYTES = 1024 * 1024;
/** Turns without anything happening, after which a test is stuck. */
const IDLE_TURNS_MAX = 1000;

export const OPERATORS: OperatorLayout[] = [
  {
    id: 'clicks/0',
    kind: 'keyed',
    keys: [{ name: 'page', type: 'utf8' }],
    window: { sizeMs: 1000, offsetMs: 0 },
    aggregates: [
      { name: 'count', function: 'count', of: null },
      { name: 'total', function: 'sum', of: 'i64' },
    ],
  },
];

/** An empty data directory, as openStore leaves it. */
export function prepare(disk: SimDisk): SimDisk {
  for (const room of ['ckpt', 'quarantine', 'log']) disk.put(`${DATA}/${room}/.keep`, new Uint8Array());
  return disk;
}

/** The disk stops at operation `index`, before it takes effect. */
export function haltAt(disk: SimDisk, index: number): Promise<never> {
  return new Promise((_, reject) => {
    disk.fault = (operation) => {
      if (operation.index >= index) {
        disk.halt();
        reject(new Error('halted'));
      }
      return undefined;
    };
  });
}

interface LifeOptions {
  base?: number;
  full?: boolean;
  name?: string;
  published?: () => void;
}

export class CheckpointLife {
  readonly disk: SimDisk;
  readonly partitions: PartitionState[];
  readonly keeper: KeeperBody;
  readonly reports: KeeperReport[] = [];
  manifest: Manifest = emptyManifest(STORE);
  private readonly producers: RingProducer[];
  private readonly halted: Promise<never>;

  constructor(
    disk: SimDisk,
    partitions: PartitionState[],
    halted: Promise<never> = new Promise(() => {}),
    capacityBytes = RING_BYTES,
  ) {
    this.disk = disk;
    this.partitions = partitions;
    this.halted = halted;
    halted.catch(() => {});
    const doorbells = new SharedArrayBuffer(doorbellBytes(1));
    const place = { baseBytes: 0, capacityBytes };
    const buffers = partitions.map(() => new SharedArrayBuffer(ringBytes(capacityBytes)));
    this.producers = buffers.map((buffer) => openProducer(buffer, 0, capacityBytes));
    this.keeper = new KeeperBody({
      disk,
      data: DATA,
      store: STORE,
      rings: buffers.map((buffer) => ({ buffer, place, sender: openDoorbell(doorbells, 0) })),
      wake: () => {},
      report: (report) => void this.reports.push(report),
    });
  }

  /** The state as it is, to the keeper. @returns the parts, or undefined when the checkpoint was aborted */
  async send(id: number, base: number, full = false): Promise<KeptPart[] | undefined> {
    const frames = this.partitions.map((state, partition) => {
      const head = { checkpoint: id, base, full, partition, partitions: this.partitions.length, planHash: PLAN_HASH };
      return [...state.frames(head)];
    });
    for (const state of this.partitions) state.epoch = id + 1;
    const kept: KeptPart[] = [];
    let aborted = false;
    const take = () => {
      for (const report of this.reports.splice(0)) {
        if (report.type === 'checkpointAborted') aborted = true;
        else if (aborted) throw new Error(`a part of ${report.checkpoint} was kept after that was aborted`);
        else kept.push(report.part);
      }
    };
    for (let idle = 0; idle < IDLE_TURNS_MAX; idle++) {
      const sent = frames.map((some, partition) => pushFrames(this.producers[partition]!, some)).every(Boolean);
      const result = this.keeper.step();
      take();
      const isOver = aborted || kept.length === this.partitions.length;
      if (sent && isOver && result === 'idle')
        return aborted ? undefined : kept.sort((one, two) => one.partition - two.partition);
      if (result === 'progressed') idle = 0;
      else await Promise.race([new Promise((resolve) => setImmediate(resolve)), this.halted]);
    }
    throw new Error('nothing happens any more');
  }

  metaOf(id: number, parts: KeptPart[], name: string | null = null): CheckpointMeta {
    return {
      id,
      store: STORE,
      name,
      group: groupOf(id),
      boot: 1,
      planHash: PLAN_HASH,
      operators: OPERATORS,
      parts,
      producers: [],
      prepared: [],
      resultOffsets: [parts.map(() => id)],
    };
  }

  /** From the barrier to the removal of what is no longer kept. @returns whether it is a checkpoint */
  async checkpoint(id: number, options: LifeOptions = {}): Promise<boolean> {
    const base = options.base ?? this.manifest.checkpoints[0]?.id ?? 0;
    const parts = await this.send(id, base, options.full);
    if (parts === undefined) return false;
    const before = this.manifest;
    const meta = this.metaOf(id, parts, options.name ?? null);
    this.manifest = await this.orHalted(publishCheckpoint(this.disk, DATA, before, meta));
    options.published?.();
    await this.orHalted(removeUnneeded(this.disk, DATA, before, this.manifest));
    return true;
  }

  texts(): string[] {
    return this.partitions.map((state) => state.text());
  }

  private orHalted<T>(act: Promise<T>): Promise<T> {
    act.catch(() => {});
    return Promise.race([act, this.halted]);
  }
}

/** The last group of the log in the checkpoint of this id. */
export const groupOf = (id: number): number => id * 10;

export const recover = (disk: SimDisk, options: Partial<RecoverCheckpointOptions> = {}) =>
  recoverCheckpoint({
    disk,
    data: DATA,
    store: STORE,
    log: { firstGroup: 1, lastGroup: 10_000 },
    operators: OPERATORS,
    ...options,
  });

/** What each partition has after a restore of this checkpoint. */
export async function textsOf(disk: SimDisk, meta: CheckpointMeta): Promise<string[]> {
  const texts: string[] = [];
  for (let partition = 0; partition < meta.parts.length; partition++) {
    const share = { partition, partitions: meta.parts.length };
    texts.push(
      await restoredText(restoreRecords(disk, DATA, meta, share, ({ usedBytes }) => new Uint8Array(usedBytes))),
    );
  }
  return texts;
}
