// host/checkpoint/block-places.ts — where the bytes of every block of one partition lie, as one checkpoint sees it.

import type { BlockName, BlockPlace } from './part-file.ts';

export class BlockPlaces {
  /** 0: none; then no block is known. */
  readonly checkpoint: number;
  private readonly panes = new Map<string, BlockPlace[]>();

  constructor(checkpoint: number) {
    this.checkpoint = checkpoint;
  }

  put(stage: string, { paneStart, index }: BlockName, place: BlockPlace): void {
    const key = keyOf(stage, paneStart);
    const blocks = this.panes.get(key) ?? [];
    this.panes.set(key, blocks);
    blocks[index] = place;
  }

  /** @throws Error when a partition says that a block is unchanged which it never sent: the run must stop */
  get(stage: string, { paneStart, index, usedBytes }: BlockName): BlockPlace {
    const place = this.panes.get(keyOf(stage, paneStart))?.[index];
    if (place?.usedBytes === usedBytes) return place;
    throw new Error(
      `block ${index} of the pane ${paneStart} of stage ${stage} is said to be the same as in checkpoint ${this.checkpoint}, ` +
        `with ${usedBytes} bytes; it ${place === undefined ? 'was not there' : `had ${place.usedBytes}`}`,
    );
  }
}

const keyOf = (stage: string, paneStart: number): string => `${paneStart} ${stage}`;
