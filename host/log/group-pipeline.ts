// host/log/group-pipeline.ts — groups between their forming and the sync that covers them, in order.
//
//   ├ … durable │ unsynced: written │ unwritten: formed, the first of them perhaps being written ┤

import type { Move } from './forming-group.ts';

/** A group that has its number and its place. */
export interface PlacedGroup {
  number: number;
  bytes: number;
  views: Uint8Array[];
  /** In its segment. */
  position: number;
  /** By inbox: where the walk stood behind it. */
  positions: Int32Array;
  moves: readonly Move[];
  /** The checkpoint whose barrier stands at its end, or 0. */
  barrier: number;
  isReleased: boolean;
}

export class GroupPipeline {
  private readonly unwritten: PlacedGroup[] = [];
  private readonly unsynced: PlacedGroup[] = [];
  /** Of all its groups. */
  bytes = 0;

  get isEmpty(): boolean {
    return this.unwritten.length === 0 && this.unsynced.length === 0;
  }

  get unwrittenCount(): number {
    return this.unwritten.length;
  }

  get unsyncedCount(): number {
    return this.unsynced.length;
  }

  /** The one to write. */
  get next(): PlacedGroup | undefined {
    return this.unwritten[0];
  }

  get last(): PlacedGroup | undefined {
    return this.unwritten.at(-1) ?? this.unsynced.at(-1);
  }

  add(group: PlacedGroup): void {
    this.unwritten.push(group);
    this.bytes += group.bytes;
  }

  /** `next` is written. */
  written(): PlacedGroup {
    const group = this.unwritten.shift()!;
    this.unsynced.push(group);
    return group;
  }

  /** A sync covered the first `count` that were written. */
  synced(count: number): PlacedGroup[] {
    const groups = this.unsynced.splice(0, count);
    for (const { bytes } of groups) this.bytes -= bytes;
    return groups;
  }
}
