// assembly/frozen.ts — what a snapshot under way holds of each block, and the copy just before its first write.
//
//   FREE ─ barrier ─▶ WAITING ─ first write ─▶ COPIED ─ the copy is swept ─▶ SENT ─ the cursor passes ─▶ FREE
//                        └────────────────── swept where it stands ─────────────────────────────────────▶ FREE
//   FREE ─ barrier ─▶ SAME ─ swept: a record without bytes ─────────────────────────────────────────────▶ FREE
//
// A row whose block carries this epoch's mark has nothing to ask: that compare is all that a push pays for snapshots.
//
// Promises
//   - The first `used` bytes of a WAITING block are those of the barrier. New entries behind them are no write to what is
//     frozen; the block is marked as changed when it leaves this state.
//   - At most `spareBlocksMax` copies stand at a time, and one push makes at most `copyBudget`.
//   - A block of a freed pane is given back when the cursor passes it, not before.
// Not here  which blocks are frozen (barrier.ts), what is handed out (sweep.ts).

import { reserve } from './arena';
import { markBlock, marks } from './blocks';
import { BLOCK_BYTES, COPY_BLOCKS_PUSH_MAX, SPARE_BLOCKS_MAX } from './layout';
import { Stage, stageGiveBlock, stageTakeBlock } from './stage';

export const BLOCK_FREE: u8 = 0;
export const BLOCK_WAITING: u8 = 1;
export const BLOCK_SAME: u8 = 2;
export const BLOCK_COPIED: u8 = 3;
export const BLOCK_SENT: u8 = 4;

// @ts-ignore: decorator
@unmanaged
export class FrozenBlock {
  state: u8;
  /** Its pane was freed: the block goes back to the arena when the cursor passes it. */
  isReleased: u8;
  /** Entries came behind the frozen ones. */
  hasGrown: u8;
  unused: u8;
  /** Bytes filled at the barrier. */
  used: u32;
  /** Which block of its pane it is, counted from the pane's first. */
  index: u32;
  pane: u32;
  copy: u32;
  /** The next copy to be swept. */
  nextCopy: u32;
}

export const SWEEP_NOTHING = 0;
export const SWEEP_STAGE = 1;
export const SWEEP_PANES = 2;
export const SWEEP_BLOCKS = 3;

/** A stage's snapshot; with SWEEP_NOTHING none is under way. */
// @ts-ignore: decorator
@unmanaged
export class Snapshot {
  phase: i32;
  epoch: u32;
  // As they stood at the barrier.
  watermark: i64;
  lateRows: i64;
  closedRows: i64;
  sumOverflows: i64;
  paneCount: u32;
  /** The frozen panes, chained by `nextFrozen`. */
  firstPane: usize;
  // The cursor: the next pane, or the next block of the pane and how many are left of it.
  pane: usize;
  block: usize;
  blocksLeft: u32;
  /** Blocks whose copy is to be swept, the last one copied first. */
  copies: usize;
  copyCount: u32;
  /** Copies that the push at hand has made. */
  pushCopies: u32;
  spareBlocksMax: u32;
  copyBudget: u32;
  recordCount: u32;
  digest: u32;
}

let frozenBlocks: usize = 0;

/** A stage's snapshot, none under way; 0 when the arena is full. */
export function snapshotCreate(): usize {
  if (frozenBlocks == 0) frozenBlocks = reserve(<usize>memory.size() * offsetof<FrozenBlock>());
  const at = reserve(offsetof<Snapshot>());
  if (frozenBlocks == 0 || at == 0) return 0;
  changetype<Snapshot>(at).spareBlocksMax = SPARE_BLOCKS_MAX;
  changetype<Snapshot>(at).copyBudget = COPY_BLOCKS_PUSH_MAX;
  return at;
}

// @ts-ignore: decorator
@inline
export function snapshotOf(stage: Stage): Snapshot {
  return changetype<Snapshot>(stage.snapshot);
}

// @ts-ignore: decorator
@inline
export function frozenOf(address: usize): FrozenBlock {
  return changetype<FrozenBlock>(frozenBlocks + (address >>> 16) * offsetof<FrozenBlock>());
}

/** Bounds the memory for copies, and the copies that one push may make; both at least 1. */
export function keyedCopyLimits(handle: usize, spareBlocksMax: u32, copyBudget: u32): void {
  const snapshot = snapshotOf(changetype<Stage>(handle));
  snapshot.spareBlocksMax = max<u32>(spareBlocksMax, 1);
  snapshot.copyBudget = max<u32>(copyBudget, 1);
}

/** To be asked before an entry is written; false: not now, a snapshot needs its block and there is no room for a copy. */
// @ts-ignore: decorator
@inline
export function mayChange(stage: Stage, entry: usize): bool {
  return load<u32>(marks + ((entry >>> 16) << 2)) == stage.epoch || firstChange(stage, entry);
}

/** mayChange, for an entry whose block has not changed in this epoch. */
export function firstChange(stage: Stage, entry: usize): bool {
  const frozen = frozenOf(entry);
  if (frozen.state == BLOCK_WAITING) {
    const block = entry & ~(<usize>BLOCK_BYTES - 1);
    if (<u32>(entry - block) >= frozen.used) {
      frozen.hasGrown = 1;
      return true;
    }
    if (!copyBlock(stage, block, frozen)) return false;
  }
  markBlock(entry, stage.epoch);
  return true;
}

function copyBlock(stage: Stage, block: usize, frozen: FrozenBlock): bool {
  const snapshot = snapshotOf(stage);
  if (snapshot.copyCount >= snapshot.spareBlocksMax || snapshot.pushCopies >= snapshot.copyBudget) return false;
  const copy = stageTakeBlock(stage);
  if (copy == 0) return false;
  memory.copy(copy, block, frozen.used);
  frozen.copy = <u32>copy;
  frozen.state = BLOCK_COPIED;
  frozen.nextCopy = <u32>snapshot.copies;
  snapshot.copies = block;
  snapshot.copyCount++;
  snapshot.pushCopies++;
  return true;
}

/** The copy of the block at the head of the list has been swept. */
export function dropCopy(stage: Stage): void {
  const snapshot = snapshotOf(stage);
  const frozen = frozenOf(snapshot.copies);
  stageGiveBlock(stage, frozen.copy);
  snapshot.copies = frozen.nextCopy;
  snapshot.copyCount--;
  frozen.state = BLOCK_SENT;
}

/** Gives back a block of a freed pane, now or when the cursor passes it. */
export function releaseBlock(stage: Stage, block: usize): void {
  const frozen = frozenOf(block);
  if (frozen.state != BLOCK_FREE) {
    frozen.isReleased = 1;
    return;
  }
  stageGiveBlock(stage, block);
}

/** The cursor passes a block: the snapshot needs nothing of it any more. */
export function thaw(stage: Stage, block: usize): void {
  const frozen = frozenOf(block);
  if (frozen.hasGrown != 0) markBlock(block, stage.epoch);
  frozen.state = BLOCK_FREE;
  if (frozen.isReleased != 0) releaseBlock(stage, block);
}
