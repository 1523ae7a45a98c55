// assembly/pane.ts — one window's table: dense entries in a chain of blocks, found through an index (pane-index.ts).
//
// Promises
//   - An entry never moves.
//   - A request that the arena refuses changes nothing.
//   - What a snapshot under way needs is kept: an entry is not written, and a block not given back, before frozen.ts says so.
// Not here  comparing keys over a batch (probe.ts).

import { reserve } from './arena';
import { factsOf } from './blocks';
import { mayChange, releaseBlock } from './frozen';
import { BLOCK_BYTES } from './layout';
import { addSlot, dropSlot, indexFree, indexOpen, segmentWithRoom } from './pane-index';
import { ENTRY_BYTES, ENTRY_ERASED, ENTRY_FLAGS, Stage, scratchTouched, stageTakeBlock } from './stage';

/** How far ahead of a new entry its successors are touched. */
const TOUCH_AHEAD_BYTES: usize = 1024;

// @ts-ignore: decorator
@unmanaged
export class Pane {
  start: i64;
  rows: i64;
  /** 32 − depth: a tag shifted right by it is an index into the directory. */
  shift: u64;
  directory: usize;
  directoryBlock: usize;
  /** The directory of a pane with one segment. */
  onlySegment: u32;
  depth: u32;
  /** (lines of each segment − 1) × LINE_BYTES. */
  lineMask: u32;
  entryCount: i32;
  firstBlock: usize;
  lastBlock: usize;
  fill: usize;
  fillEnd: usize;
  /** An erased entry that may be used again when its size fits, and the list behind it. */
  erased: usize;
  next: usize;
  /** Index of the first block: not 0 if it was restored while it was being fired. */
  firstIndex: u32;
  // As a barrier froze it: see barrier.ts.
  frozenFirst: usize;
  frozenIndex: u32;
  frozenBlocks: u32;
  frozenOffset: u32;
  frozenEntries: u32;
  frozenRows: i64;
  nextFrozen: usize;
  isFrozen: u8;
  /** Freed while it was frozen. */
  isRetired: u8;
}

/** An empty pane presized for `stage.presizeCount` entries; 0 when the arena is full. */
export function paneOpen(stage: Stage, start: i64): usize {
  let at = stage.freePane;
  if (at == 0) at = reserve(offsetof<Pane>());
  else stage.freePane = changetype<Pane>(at).next;
  if (at == 0) return 0;
  memory.fill(at, 0, offsetof<Pane>());
  const pane = changetype<Pane>(at);
  pane.start = start;
  if (!indexOpen(stage, pane)) {
    pane.next = stage.freePane;
    stage.freePane = at;
    return 0;
  }
  return at;
}

/** Gives every block of the pane back, frozen ones when they are swept; the pane's address is not to be used again. */
export function paneFree(stage: Stage, pane: Pane): void {
  let block = pane.firstBlock;
  while (block != 0) {
    const next = <usize>factsOf(block).next;
    releaseBlock(stage, block);
    block = next;
  }
  indexFree(stage, pane);
  stage.entries -= pane.entryCount;
  if (pane.isFrozen != 0) {
    pane.isRetired = 1;
    return;
  }
  pane.next = stage.freePane;
  stage.freePane = changetype<usize>(pane);
}

/** Room for one more entry of `bytes` and for its slot, found before either changes; 0: the arena is full, or mayChange says no. */
export function paneInsert(stage: Stage, pane: Pane, tag: u32, bytes: u32): usize {
  const segment = segmentWithRoom(stage, pane, tag);
  if (segment == 0) return 0;
  const entry = takeEntry(stage, pane, bytes);
  if (entry == 0) return 0;
  addSlot(pane, segment, tag, <u32>entry);
  pane.entryCount++;
  stage.entries++;
  mayChange(stage, entry); // A fresh entry is behind what is frozen: it always may.
  return entry;
}

/** A fresh entry: the template's copy, entryBytes set. */
function takeEntry(stage: Stage, pane: Pane, bytes: u32): usize {
  let entry: usize;
  if (pane.erased != 0 && load<u32>(pane.erased, ENTRY_BYTES) == bytes) {
    if (!mayChange(stage, pane.erased)) return 0;
    entry = pane.erased;
    pane.erased = load<u32>(entry, ENTRY_BYTES + 4);
  } else {
    if (pane.fillEnd - pane.fill < <usize>bytes && !addBlock(stage, pane)) return 0;
    entry = pane.fill;
    pane.fill += bytes;
  }
  copyTemplate(entry, stage.template, stage.fixedBytes);
  store<u32>(entry, bytes, ENTRY_BYTES);
  // New entries follow one another: those that are written in a while are asked for now.
  store<u64>(scratchTouched, load<u64>(min<usize>(entry + TOUCH_AHEAD_BYTES, pane.fillEnd - 8)));
  return entry;
}

// @ts-ignore: decorator
@inline
function copyTemplate(entry: usize, template: usize, fixedBytes: u32): void {
  const pairs = fixedBytes & ~15;
  for (let at: u32 = 0; at < pairs; at += 16) v128.store(entry + at, v128.load(template + at));
  if (pairs != fixedBytes) store<u64>(entry + pairs, load<u64>(template + pairs));
}

function addBlock(stage: Stage, pane: Pane): bool {
  const block = stageTakeBlock(stage);
  if (block == 0) return false;
  const facts = factsOf(block);
  facts.next = 0;
  if (pane.lastBlock == 0) {
    pane.firstBlock = block;
  } else {
    factsOf(pane.lastBlock).next = <u32>block;
    factsOf(pane.lastBlock).used = <u32>(pane.fill - pane.lastBlock);
  }
  pane.lastBlock = block;
  pane.fill = block;
  pane.fillEnd = block + BLOCK_BYTES;
  return true;
}

/** Address behind the last entry of one of the pane's blocks. */
// @ts-ignore: decorator
@inline
export function blockEnd(pane: Pane, block: usize): usize {
  return block == pane.lastBlock ? pane.fill : block + <usize>factsOf(block).used;
}

/** Takes out the entry that `tag` leads to; its bytes serve the next entry of the same size. False: mayChange says no. */
export function paneErase(stage: Stage, pane: Pane, tag: u32, entry: usize): bool {
  if (!mayChange(stage, entry)) return false;
  dropSlot(pane, tag, entry);
  store<u16>(entry, ENTRY_ERASED, ENTRY_FLAGS);
  keepErased(pane, entry);
  pane.entryCount--;
  stage.entries--;
  return true;
}

/** Chains an erased entry, so that its bytes serve again. */
export function keepErased(pane: Pane, entry: usize): void {
  store<u32>(entry, <u32>pane.erased, ENTRY_BYTES + 4);
  pane.erased = entry;
}
