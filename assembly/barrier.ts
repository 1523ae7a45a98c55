// assembly/barrier.ts — where a snapshot begins: the list of what belongs to it, and not one byte of state.
//
//   marks   an entry block is marked with the number of the first checkpoint that can hold its last change
//           … barrier 7 … changes are marked 8 … barrier 8: a block with a mark ≤ 7 is as checkpoint 7 has it
//
// Promises
//   - What the sweep hands out is the state at this moment, whatever is pushed and fired until its end.
//   - Of a window that is being fired only what was not written yet belongs to it.
//   - A block is called SAME only if this stage has swept, or was restored from, a checkpoint up to `base`.
// Not here  copies (frozen.ts), records (sweep.ts).

import { blockEpoch, factsOf } from './blocks';
import { BLOCK_SAME, BLOCK_WAITING, SWEEP_NOTHING, SWEEP_STAGE, Snapshot, frozenOf, snapshotOf } from './frozen';
import { paneOfIndex } from './keyed';
import { BARRIER_BUSY, BARRIER_OK, BARRIER_STALE } from './layout';
import { Pane, blockEnd } from './pane';
import { Stage } from './stage';

/**
 * Begins a snapshot of the stage as it is now; between two pushes, never in front of a row where one paused.
 *
 * @param epoch  the checkpoint's number: greater than that of every barrier before
 * @param base   the last complete checkpoint, whose bytes need not be handed out again; 0: there is none
 * @returns BARRIER_OK; BARRIER_BUSY while the last snapshot is not swept; BARRIER_STALE when `epoch` does not grow
 */
export function keyedBarrier(handle: usize, epoch: u32, base: u32): i32 {
  const stage = changetype<Stage>(handle);
  const snapshot = snapshotOf(stage);
  if (snapshot.phase != SWEEP_NOTHING) return BARRIER_BUSY;
  if (epoch == 0 || epoch < stage.epoch || epoch == u32.MAX_VALUE) return BARRIER_STALE;
  stage.epoch = epoch + 1;
  snapshot.phase = SWEEP_STAGE;
  snapshot.epoch = epoch;
  snapshot.watermark = stage.watermark;
  snapshot.lateRows = stage.lateRows;
  snapshot.closedRows = stage.closedRows;
  snapshot.sumOverflows = stage.sumOverflows;
  snapshot.paneCount = stage.paneCount;
  snapshot.copies = 0;
  snapshot.copyCount = 0;
  snapshot.recordCount = 0;
  snapshot.digest = 0;
  freezePanes(stage, snapshot, base >= stage.firstBase ? base : 0);
  return BARRIER_OK;
}

function freezePanes(stage: Stage, snapshot: Snapshot, base: u32): void {
  let next: usize = 0;
  for (let index = stage.paneCount - 1; index >= 0; index--) {
    const pane = paneOfIndex(stage, index);
    const isFiring = index == 0 && stage.fireBlock != 0;
    pane.frozenFirst = isFiring ? stage.fireBlock : pane.firstBlock;
    pane.frozenOffset = isFiring ? <u32>(stage.fireAt - stage.fireBlock) : 0;
    pane.frozenEntries = <u32>(isFiring ? pane.entryCount - stage.firedEntries : pane.entryCount);
    pane.frozenRows = pane.rows;
    freezeBlocks(pane, base);
    pane.nextFrozen = next;
    pane.isFrozen = 1;
    next = changetype<usize>(pane);
  }
  snapshot.firstPane = next;
  snapshot.pane = next;
  snapshot.block = 0;
  snapshot.blocksLeft = 0;
}

function freezeBlocks(pane: Pane, base: u32): void {
  let index = pane.firstIndex;
  for (let block = pane.firstBlock; block != pane.frozenFirst; block = <usize>factsOf(block).next) index++;
  pane.frozenIndex = index;
  let block = pane.frozenFirst;
  while (block != 0) {
    const frozen = frozenOf(block);
    frozen.state = base != 0 && blockEpoch(block) <= base ? BLOCK_SAME : BLOCK_WAITING;
    frozen.isReleased = 0;
    frozen.hasGrown = 0;
    frozen.used = <u32>(blockEnd(pane, block) - block);
    frozen.index = index++;
    frozen.pane = <u32>changetype<usize>(pane);
    block = <usize>factsOf(block).next;
  }
  pane.frozenBlocks = index - pane.frozenIndex;
}
