// assembly/pane.ts — one window's table: dense entries in blocks, found through an index of segments.
//
//   directory (u32, by the leading `depth` bits of a tag)      segment: one block of 8192 slots
//   ├ segment ┼ segment ┼ segment ┼ … ┤ ───────────────────▶   ├ u64 slot = tag << 32 │ entry ┼ … ┤   0 = empty
//                                                                                     │
//   entry block ──next──▶ entry block ──▶ …                     entry (stage.ts) ◀────┘
//
//   tag   31 … 31−depth+1: which segment │ 13 … 1: first slot looked at │ all: compared before the key is │ 0: null key
//
// Promises
//   - An entry never moves. A slot is good until the next insert or erase.
//   - Growing is one step of bounded size: a segment is doubled in place up to 8192 slots, then split in two; no step
//     touches more than one segment, keys and entries are never read for it.
//   - A request that the arena refuses changes nothing.
//   - Linear probing stays in its segment; a segment always has an empty slot, so every search ends.
//   - The next pane's directory is made for as many entries as the last pane had; its segments appear when first used.
// Refusal   more than SLOTS keys whose tags agree in every directory bit: the pane is full, as if the arena were.
//           The hash is seeded, so this takes 2^13 keys that agree in 14 bits of 32, per directory entry.
// Source    extendible hashing (Fagin et al., 1979), with tags in the slots as in SwissTable so that a probe reads no key.
// Not here  comparing keys over a batch (probe.ts).

import { giveBlock, reserve, takeBlock } from './arena';
import { factsOf, markBlock } from './blocks';
import { BLOCK_BYTES } from './layout';
import { ENTRY_BYTES, ENTRY_ERASED, ENTRY_FLAGS, Stage, scratchSegment } from './stage';

const SLOTS: u32 = 8192;
/** A directory of 2^14 fills one block; the bits above it and the 13 slot bits do not overlap. */
const DEPTH_MAX: u32 = 14;
const SLOTS_FIRST: u32 = 256;

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
  slotMaskBytes: u32;
  entryCount: i32;
  firstBlock: usize;
  lastBlock: usize;
  fill: usize;
  fillEnd: usize;
  /** An erased entry that may be used again when its size fits, and the list behind it. */
  erased: usize;
  next: usize;
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
  pane.shift = 32;
  pane.directory = at + offsetof<Pane>('onlySegment');
  pane.onlySegment = <u32>stage.emptySegment;
  let slots = SLOTS_FIRST;
  while (slots < SLOTS && slotsTakenMax(slots) < <u32>stage.presizeCount) slots <<= 1;
  pane.slotMaskBytes = (slots - 1) << 3;
  let depth: u32 = 0;
  while (depth < DEPTH_MAX && (slotsTakenMax(SLOTS) << depth) < <u32>stage.presizeCount) depth++;
  if (depth > 0 && !presizeDirectory(stage, pane, depth)) {
    pane.next = stage.freePane;
    stage.freePane = at;
    return 0;
  }
  return at;
}

function presizeDirectory(stage: Stage, pane: Pane, depth: u32): bool {
  const directory = stageTakeBlock(stage);
  if (directory == 0) return false;
  pane.directory = directory;
  pane.directoryBlock = directory;
  pane.depth = depth;
  pane.shift = 32 - depth;
  for (let index: u32 = 0; index < <u32>1 << depth; index++) {
    store<u32>(directory + (<usize>index << 2), <u32>stage.emptySegment);
  }
  return true;
}

/** Gives every block of the pane back; the pane's address is not to be used again. */
export function paneFree(stage: Stage, pane: Pane): void {
  let block = pane.firstBlock;
  while (block != 0) {
    const next = <usize>factsOf(block).next;
    stageGiveBlock(stage, block);
    block = next;
  }
  let index: u32 = 0;
  while (index < <u32>1 << pane.depth) {
    const segment = <usize>load<u32>(pane.directory + (<usize>index << 2));
    if (segment == stage.emptySegment) {
      index++;
      continue;
    }
    index += <u32>1 << (pane.depth - factsOf(segment).depth); // Entries that share a segment stand together.
    stageGiveBlock(stage, segment);
  }
  if (pane.directoryBlock != 0) stageGiveBlock(stage, pane.directoryBlock);
  stage.entries -= pane.entryCount;
  pane.next = stage.freePane;
  stage.freePane = changetype<usize>(pane);
}

function stageTakeBlock(stage: Stage): usize {
  const block = takeBlock();
  if (block != 0) stage.stateBlocks++;
  return block;
}

function stageGiveBlock(stage: Stage, block: usize): void {
  stage.stateBlocks--;
  giveBlock(block);
}

/**
 * 5/8 full: then a search looks at two slots on average, nearly always in one cache line. Segments below SLOTS stop at
 * 3/8: they lie in a near cache whatever their size, and there a search that ends at its first slot is predicted.
 */
// @ts-ignore: decorator
@inline
function slotsTakenMax(slots: u32): u32 {
  return slots < SLOTS ? (slots >>> 3) * 3 : (slots >>> 3) * 5;
}

// @ts-ignore: decorator
@inline
export function segmentOf(pane: Pane, tag: u32): usize {
  return load<u32>(pane.directory + (<usize>(<u64>tag >>> pane.shift) << 2));
}

// @ts-ignore: decorator
@inline
export function firstSlot(tag: u32, slotMaskBytes: u32): u32 {
  return (tag << 2) & slotMaskBytes;
}

/** Room for one more entry of `bytes` and for its slot, found before either changes; 0 when the arena is full. */
export function paneInsert(stage: Stage, pane: Pane, tag: u32, bytes: u32): usize {
  const segment = segmentWithRoom(stage, pane, tag);
  if (segment == 0) return 0;
  const entry = takeEntry(stage, pane, bytes);
  if (entry == 0) return 0;
  putSlot(segment, pane.slotMaskBytes, (<u64>tag << 32) | <u64>entry);
  factsOf(segment).used++;
  pane.entryCount++;
  stage.entries++;
  markBlock(entry, stage.epoch);
  return entry;
}

// @ts-ignore: decorator
@inline
function putSlot(segment: usize, mask: u32, slot: u64): void {
  let at = firstSlot(<u32>(slot >>> 32), mask);
  while (load<u64>(segment + at) != 0) at = (at + 8) & mask;
  store<u64>(segment + at, slot);
}

/** The segment where `tag` belongs, with a slot to spare; grows it if need be. */
function segmentWithRoom(stage: Stage, pane: Pane, tag: u32): usize {
  while (true) {
    const segment = segmentOf(pane, tag);
    if (segment == stage.emptySegment) {
      if (!firstSegment(stage, pane, tag)) return 0;
      continue;
    }
    const slots = (pane.slotMaskBytes >>> 3) + 1;
    const facts = factsOf(segment);
    if (facts.used < slotsTakenMax(slots)) return segment;
    if (slots < SLOTS) {
      doubleSegment(pane, segment);
    } else if (facts.depth == DEPTH_MAX) {
      return facts.used < SLOTS - 1 ? segment : 0;
    } else if (!splitSegment(stage, pane, tag, segment)) {
      return 0;
    }
  }
}

/** Puts a real segment where the directory still points at the empty one. */
function firstSegment(stage: Stage, pane: Pane, tag: u32): bool {
  const segment = stageTakeBlock(stage);
  if (segment == 0) return false;
  memory.fill(segment, 0, pane.slotMaskBytes + 8);
  factsOf(segment).used = 0;
  factsOf(segment).depth = pane.depth;
  store<u32>(pane.directory + (<usize>(<u64>tag >>> pane.shift) << 2), <u32>segment);
  return true;
}

/** Only a pane with a single segment has one of less than SLOTS. */
function doubleSegment(pane: Pane, segment: usize): void {
  const bytes = pane.slotMaskBytes + 8;
  memory.copy(scratchSegment, segment, bytes);
  memory.fill(segment, 0, bytes << 1);
  pane.slotMaskBytes = (bytes << 1) - 8;
  for (let at: u32 = 0; at < bytes; at += 8) {
    const slot = load<u64>(scratchSegment + at);
    if (slot != 0) putSlot(segment, pane.slotMaskBytes, slot);
  }
}

function splitSegment(stage: Stage, pane: Pane, tag: u32, segment: usize): bool {
  const facts = factsOf(segment);
  if (facts.depth == pane.depth && !doubleDirectory(stage, pane)) return false;
  const sibling = stageTakeBlock(stage);
  if (sibling == 0) return false;
  const bit: u32 = 31 - facts.depth;
  const depth = ++facts.depth;
  const mask = pane.slotMaskBytes;
  memory.copy(scratchSegment, segment, BLOCK_BYTES);
  memory.fill(segment, 0, BLOCK_BYTES);
  memory.fill(sibling, 0, BLOCK_BYTES);
  let moved: u32 = 0;
  for (let at: u32 = 0; at < <u32>BLOCK_BYTES; at += 8) {
    const slot = load<u64>(scratchSegment + at);
    if (slot == 0) continue;
    const goes = (<u32>(slot >>> 32) >>> bit) & 1;
    moved += goes;
    putSlot(goes != 0 ? sibling : segment, mask, slot);
  }
  facts.used -= moved;
  factsOf(sibling).used = moved;
  factsOf(sibling).depth = depth;
  // The directory entries of the sibling: those of the segment whose bit is set.
  const span: u32 = 1 << (pane.depth - depth);
  const first = ((<u32>(<u64>tag >>> pane.shift) >>> (pane.depth - depth)) | 1) << (pane.depth - depth);
  for (let index: u32 = 0; index < span; index++) {
    store<u32>(pane.directory + (<usize>(first + index) << 2), <u32>sibling);
  }
  return true;
}

function doubleDirectory(stage: Stage, pane: Pane): bool {
  if (pane.directoryBlock == 0) {
    const block = stageTakeBlock(stage);
    if (block == 0) return false;
    store<u32>(block, pane.onlySegment);
    pane.directory = block;
    pane.directoryBlock = block;
  }
  for (let index: i32 = (1 << pane.depth) - 1; index >= 0; index--) {
    const segment = load<u32>(pane.directory + (<usize>index << 2));
    store<u32>(pane.directory + (<usize>index << 3), segment);
    store<u32>(pane.directory + (<usize>index << 3), segment, 4);
  }
  pane.depth++;
  pane.shift--;
  return true;
}

/** A fresh entry: the template's copy, entryBytes set. */
function takeEntry(stage: Stage, pane: Pane, bytes: u32): usize {
  let entry: usize;
  if (pane.erased != 0 && load<u32>(pane.erased, ENTRY_BYTES) == bytes) {
    entry = pane.erased;
    pane.erased = load<u32>(entry, ENTRY_BYTES + 4);
  } else {
    if (pane.fillEnd - pane.fill < <usize>bytes && !addBlock(stage, pane)) return 0;
    entry = pane.fill;
    pane.fill += bytes;
  }
  const fixedBytes = stage.fixedBytes;
  const template = stage.template;
  for (let at: u32 = 0; at < fixedBytes; at += 8) store<u64>(entry + at, load<u64>(template + at));
  store<u32>(entry, bytes, ENTRY_BYTES);
  return entry;
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

/** Takes out the entry that `tag` leads to; its bytes serve the next entry of the same size. */
export function paneErase(stage: Stage, pane: Pane, tag: u32, entry: usize): void {
  const segment = segmentOf(pane, tag);
  const mask = pane.slotMaskBytes;
  let hole = firstSlot(tag, mask);
  while (<usize>load<u32>(segment + hole) != entry) hole = (hole + 8) & mask;
  // Close the gap: a later slot moves into the hole when its first slot is not behind the hole.
  let at = hole;
  while (true) {
    at = (at + 8) & mask;
    const slot = load<u64>(segment + at);
    if (slot == 0) break;
    const home = firstSlot(<u32>(slot >>> 32), mask);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    store<u64>(segment + hole, slot);
    hole = at;
  }
  store<u64>(segment + hole, 0);
  factsOf(segment).used--;
  store<u16>(entry, ENTRY_ERASED, ENTRY_FLAGS);
  store<u32>(entry, <u32>pane.erased, ENTRY_BYTES + 4);
  pane.erased = entry;
  pane.entryCount--;
  stage.entries--;
  markBlock(entry, stage.epoch);
}
