// host/log/segment-stock.ts — segments that are kept, files that will be segments, and the work in the background between them.
//
//   prepare one when none is ready │ give the oldest segments back once nobody needs them: one at a time each

import type { DiskFile } from '../disk/disk.ts';
import { isNoRoom } from './disk-trouble.ts';
import type { Spares } from './spares.ts';
import { UnderWay } from './under-way.ts';

export interface SegmentPlace {
  firstGroup: number;
  path: string;
}

export class SegmentStock {
  private readonly spares: Spares;
  private readonly segments: SegmentPlace[];
  private readonly preparing: UnderWay;
  private readonly recycling: UnderWay;
  private readonly retryMs: number;
  private triedMs = Number.NEGATIVE_INFINITY;
  /** Groups before this one are not needed. */
  private floor = 0;

  /** @param segments  the oldest first */
  constructor(spares: Spares, segments: readonly SegmentPlace[], retryMs: number, wake: () => void) {
    this.spares = spares;
    this.segments = [...segments];
    this.retryMs = retryMs;
    this.preparing = new UnderWay(wake);
    this.recycling = new UnderWay(wake);
  }

  get isBusy(): boolean {
    return this.preparing.isBusy || this.recycling.isBusy;
  }

  get hasSpare(): boolean {
    return this.spares.count > 0;
  }

  /** The first group that is kept; 0 in an empty log. */
  get firstGroup(): number {
    return this.segments[0]?.firstGroup ?? 0;
  }

  /** The newest one; it is never given back. */
  add(segment: SegmentPlace): void {
    this.segments.push(segment);
  }

  retain(group: number): void {
    this.floor = Math.max(this.floor, group);
  }

  take(): DiskFile {
    return this.spares.take();
  }

  giveUp(spare: DiskFile): Promise<void> {
    return this.spares.giveUp(spare);
  }

  /**
   * Takes outcomes. `lacksRoom` when no spare could be made.
   *
   * @throws what the disk says, but for want of room
   */
  settle(): { hasNews: boolean; lacksRoom: boolean } {
    const recycled = this.recycling.take();
    if (recycled?.is === 'failed') throw recycled.error;
    const prepared = this.preparing.take();
    if (prepared?.is === 'failed' && !isNoRoom(prepared.error)) throw prepared.error;
    if (prepared?.is === 'done') this.triedMs = Number.NEGATIVE_INFINITY;
    return { hasNews: (recycled ?? prepared) !== undefined, lacksRoom: prepared?.is === 'failed' };
  }

  /** Gives back a segment that is not needed. */
  recycle(): void {
    const next = this.segments[1];
    if (this.recycling.isBusy || next === undefined || next.firstGroup > this.floor) return;
    this.recycling.start(this.spares.recycle(this.segments.shift()!.path));
  }

  /** Makes a spare when there is none; not again at once when that failed. */
  prepare(nowMs: number): void {
    if (this.hasSpare || this.preparing.isBusy || nowMs - this.triedMs < this.retryMs) return;
    this.triedMs = nowMs;
    this.preparing.start(this.spares.prepare());
  }
}
