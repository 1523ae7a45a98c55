// host/checkpoint/keeper.ts — the keeper's body: takes the parts of all partitions, and gives a checkpoint up by name when it must.
//
// Promises
//   - a part is said to be kept when its file is on the medium; the directory and the names are control's (publish.ts).
//   - a full disk costs the checkpoint that was being written and nothing else: its files are removed, partitions are not held up.
//   - any other failure of the disk, of a sync above all, ends the run: `step` throws it.
// Not here  clock, thread, when to make a checkpoint.

import { type Doorbell, ring } from '../../ring/doorbell.ts';
import { openConsumer, type RingConsumer, takeRefusal } from '../../ring/spsc.ts';
import type { Disk } from '../disk/disk.ts';
import { troubleOf } from '../disk/trouble.ts';
import { checkpointChunkBytes } from '../limits.ts';
import type { Body, StepResult } from '../thread/body.ts';
import type { RingPlace } from '../thread/topology.ts';
import { stopped } from './checkpoint-stopped.ts';
import type { AbortCode, KeeperReport } from './keeper-message.ts';
import { PartKeeping } from './part-keeping.ts';
import { unfinishedDirectory } from './place.ts';
import { removeTree } from './remove-tree.ts';

export interface KeeperOptions {
  disk: Disk;
  data: string;
  store: string;
  /** By partition: where its ring to the keeper lies, and how it is told of room. */
  rings: { buffer: SharedArrayBuffer; place: RingPlace; sender: Doorbell }[];
  /** The disk has answered: there may be something to do. */
  wake: () => void;
  report: (report: KeeperReport) => void;
}

export class KeeperBody implements Body {
  private readonly options: KeeperOptions;
  private readonly consumers: RingConsumer[];
  private readonly keepings: PartKeeping[];
  private next = 0;
  /** The last checkpoint that was given up; ids only grow. */
  private aborted = 0;
  private removals = 0;
  private failure: unknown;
  private stopping = false;

  constructor(options: KeeperOptions) {
    const { disk, data, store, rings, wake, report } = options;
    this.options = options;
    this.consumers = rings.map(({ buffer, place }) => openConsumer(buffer, place.baseBytes, place.capacityBytes));
    this.keepings = rings.map(
      ({ buffer }, partition) =>
        new PartKeeping({
          disk,
          data,
          store,
          partition,
          ring: this.consumers[partition]!,
          memory: new Uint8Array(buffer),
          chunkBytes: checkpointChunkBytes(rings.length),
          wake,
          isAborted: (checkpoint) => checkpoint <= this.aborted,
          kept: (checkpoint, part) => report({ type: 'partKept', checkpoint, part }),
        }),
    );
  }

  /** One frame of the next partition that has one. @throws what ends the run */
  step(): StepResult {
    if (this.failure !== undefined) throw this.failure;
    let blocked = false;
    for (let tried = 0; tried < this.keepings.length; tried++) {
      const partition = this.next;
      this.next = (this.next + 1) % this.keepings.length;
      const result = this.stepOf(partition);
      if (result === 'progressed') return result;
      blocked ||= result === 'blocked';
    }
    if (blocked || this.removals > 0) return 'blocked';
    return this.stopping && this.keepings.every(({ isIdle }) => isIdle) ? 'done' : 'idle';
  }

  /** Nothing of the checkpoint stays on the disk; reported when that is so. */
  abort(checkpoint: number, code: AbortCode, reason: string): void {
    if (checkpoint <= this.aborted) return;
    this.aborted = checkpoint;
    this.removals++;
    this.giveUp(checkpoint)
      .then(() => this.options.report({ type: 'checkpointAborted', checkpoint, code, reason }))
      .catch((error: unknown) => {
        this.failure = stopped(error);
      })
      .finally(() => {
        this.removals--;
        this.options.wake();
      });
  }

  /** Done when no part is under way. */
  stop(): void {
    this.stopping = true;
  }

  private stepOf(partition: number): StepResult {
    const keeping = this.keepings[partition]!;
    const consumer = this.consumers[partition]!;
    try {
      const result = keeping.step();
      if (result === 'progressed' && takeRefusal(consumer)) ring(this.options.rings[partition]!.sender);
      return result;
    } catch (error) {
      const code = abortCodeOf(error);
      if (code === undefined) throw stopped(error);
      this.abort(keeping.newest, code, (error as Error).message);
      return 'blocked';
    }
  }

  private async giveUp(checkpoint: number): Promise<void> {
    await Promise.all(this.keepings.map((keeping) => keeping.abandon(checkpoint)));
    await removeTree(this.options.disk, unfinishedDirectory(this.options.data, checkpoint));
  }
}

/** Undefined for what ends the run. A sync that failed, for whatever reason, may have lost what was written before. */
function abortCodeOf(error: unknown): AbortCode | undefined {
  const { name, code } = error as { name?: string; code?: string };
  if (name === 'CheckpointError' && code === 'DAMAGED') return 'DAMAGED';
  return troubleOf(error) === 'no-room' ? 'NO_SPACE' : undefined;
}
