// assembly/blocks.ts — four facts about every 64 KiB block, kept beside the blocks instead of inside them.
//
//   facts + blockNumber × 16:  u32 epoch │ u32 used │ u32 next │ u32 depth        blockNumber = address / 64 KiB
//
//   epoch  the epoch of the block's last change: a checkpoint copies a block before its first change after a barrier
//   used   entry block: bytes filled; index segment: slots taken
//   next   entry block: the next one of its table, 0 for the last
//   depth  index segment: how many leading tag bits all its tags share
//
// Beside, not inside: a batch over a large table touches thousands of blocks, and their facts then lie in a few
// kilobytes rather than in a page of their own each. Blocks stay whole powers of two.

import { reserve } from './arena';
import { BLOCK_BYTES } from './layout';

// @ts-ignore: decorator
@unmanaged
export class BlockFacts {
  epoch: u32;
  used: u32;
  next: u32;
  depth: u32;
}

let facts: usize = 0;

/** Makes room for the facts of every block that the memory can have; false when the arena is full. */
export function blocksOpen(): bool {
  if (facts == 0) facts = reserve(<usize>memory.size() << 4);
  return facts != 0;
}

// @ts-ignore: decorator
@inline
export function factsOf(address: usize): BlockFacts {
  return changetype<BlockFacts>(facts + ((address >>> 16) << 4));
}

/** Says that the block around `address` is about to change in `epoch`. */
// @ts-ignore: decorator
@inline
export function markBlock(address: usize, epoch: u32): void {
  const block = factsOf(address);
  if (block.epoch != epoch) block.epoch = epoch;
}

// @ts-ignore: decorator
@inline
export function blockOf(address: usize): usize {
  return address & ~(<usize>BLOCK_BYTES - 1);
}
