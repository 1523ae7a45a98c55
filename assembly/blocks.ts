// assembly/blocks.ts — four facts about every 64 KiB block, kept beside the blocks instead of inside them.
//
//   marks + blockNumber × 4:   u32 epoch                                blockNumber = address / 64 KiB
//   facts + blockNumber × 12:  u32 used │ u32 next │ u32 depth
//
//   epoch  of the block's last change: the number of the first checkpoint that can hold it (barrier.ts)
//   used   entry block: bytes filled; index segment: slots taken
//   next   entry block: the next one of its table, 0 for the last
//   depth  index segment: how many leading tag bits all its tags share
//
// Beside, not inside: a batch over a large table touches thousands of blocks. Their marks, which every row looks at, then
// lie in a few kilobytes rather than in a cache line and a page of their own each, and blocks stay whole powers of two.

import { reserve } from './arena';
import { BLOCK_BYTES } from './layout';

// @ts-ignore: decorator
@unmanaged
export class BlockFacts {
  used: u32;
  next: u32;
  depth: u32;
}

export let marks: usize = 0;
let facts: usize = 0;

/** Makes room for the facts of every block that the memory can have; false when the arena is full. */
export function blocksOpen(): bool {
  if (facts != 0) return true;
  marks = reserve(<usize>memory.size() * 4);
  facts = reserve(<usize>memory.size() * offsetof<BlockFacts>());
  return marks != 0 && facts != 0;
}

// @ts-ignore: decorator
@inline
export function factsOf(address: usize): BlockFacts {
  return changetype<BlockFacts>(facts + (address >>> 16) * offsetof<BlockFacts>());
}

/** Says that the block around `address` is about to change in `epoch`. */
// @ts-ignore: decorator
@inline
export function markBlock(address: usize, epoch: u32): void {
  store<u32>(marks + ((address >>> 16) << 2), epoch);
}

// @ts-ignore: decorator
@inline
export function lastWordOfBlock(address: usize): usize {
  return address | (BLOCK_BYTES - 8);
}

/** The epoch of the last change in the block around `address`. */
export function blockEpoch(address: usize): u32 {
  return load<u32>(marks + ((address >>> 16) << 2));
}
