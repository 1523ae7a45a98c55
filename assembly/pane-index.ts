// assembly/pane-index.ts — from a tag to the entries that may have its key: the index of a pane, in segments of lines.
//
//   directory (u32, by the leading `depth` bits of a tag)      segment: one block, 1024 lines of the cache
//   ├ segment ┼ segment ┼ segment ┼ … ┤ ───────────────────▶   ├ line ┼ line ┼ line ┼ … ┤
//
//   line    ├ 12 × u8 mark │ u16 count │ u16 passed │ 12 × u32 entry ┤ ──▶ entry (stage.ts)
//
//   tag     31 … 31−depth+1: which segment │ 17 … 8: which line │ 7 … 0: the mark
//   count   slots taken, from the first on │ passed: entries that came to this line, found it full and lie further on
//
// A search compares the twelve marks of a line at once, and then one key in most cases: it takes two lines of the cache,
// its own and the entry's, and no branch that depends on where in the line the entry stands. Of a tag only the mark is
// kept: 5⅓ bytes a slot keep the index of 100 k keys in the second-level cache, and a new key is written to two lines of
// the cache instead of three. A segment that grows hashes its keys again.
//
// Promises
//   - A slot is good until the next insert or erase.
//   - Growing is one step of bounded size: a segment is doubled in place up to 1024 lines, then split in two; no step
//     touches more than one segment and its 8192 entries.
//   - Linear probing stays in its segment, and ends where no entry has passed.
//   - The next pane's directory is made for as many entries as the last pane had; its segments appear when first used.
// Refusal   more keys than a segment has slots (12288) whose tags agree in every directory bit: the pane is full, as if
//           the arena were. The hash is seeded, so this takes 12289 keys that agree in 14 bits of 32, per directory entry.
// Source    extendible hashing (Fagin et al., 1979); marks compared at once as in SwissTable, lines and their count of
//           passed entries as in F14 (Bronson and Shi, 2019), so that erasing leaves no tombstones.
// Not here  entries (pane.ts); comparing keys over a batch (probe.ts).

import { factsOf } from './blocks';
import { entryTag } from './key';
import { BLOCK_BYTES } from './layout';
import { Pane } from './pane';
import {
  CHUNK_ROWS,
  Stage,
  scratchEntries,
  scratchProbes,
  scratchSegment,
  scratchTouched,
  stageGiveBlock,
  stageTakeBlock,
} from './stage';

const LINE_BYTES: usize = 64;
const LINE_SLOTS: u32 = 12;
const LINE_MARKS = (1 << LINE_SLOTS) - 1;
const LINE_COUNT: usize = 12;
const LINE_PASSED: usize = 14;
const LINE_ENTRIES: usize = 16;
const LINES: u32 = BLOCK_BYTES / <u32>LINE_BYTES;
const LINES_FIRST: u32 = 16;
/** A directory of 2^14 fills one block; the bits above it and those of the lines do not overlap. */
const DEPTH_MAX: u32 = 14;
/**
 * How full the lines of a segment get on average. At eight of twelve slots two entries in a hundred lie outside their
 * line; segments below LINES lie in a near cache whatever their size, and buy fewer of them with emptier lines.
 */
// @ts-ignore: decorator
@inline
function entriesMax(lines: u32): u32 {
  return lines * (lines < LINES ? 5 : 8);
}

/** An index presized for `stage.presizeCount` entries; false when the arena is full, and nothing was taken. */
export function indexOpen(stage: Stage, pane: Pane): bool {
  pane.shift = 32;
  pane.directory = changetype<usize>(pane) + offsetof<Pane>('onlySegment');
  pane.onlySegment = <u32>stage.emptySegment;
  let lines = LINES_FIRST;
  while (lines < LINES && entriesMax(lines) < <u32>stage.presizeCount) lines <<= 1;
  pane.lineMask = (lines - 1) * <u32>LINE_BYTES;
  let depth: u32 = 0;
  while (depth < DEPTH_MAX && entriesMax(LINES) << depth < <u32>stage.presizeCount) depth++;
  return depth == 0 || presizeDirectory(stage, pane, depth);
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

/** Gives every block of the index back. */
export function indexFree(stage: Stage, pane: Pane): void {
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
}

// @ts-ignore: decorator
@inline
function segmentOf(pane: Pane, tag: u32): usize {
  return load<u32>(pane.directory + (<usize>(<u64>tag >>> pane.shift) << 2));
}

// @ts-ignore: decorator
@inline
function lineIn(segment: usize, lineMask: u32, tag: u32): usize {
  return segment + <usize>((tag >>> 2) & lineMask);
}

/** The line behind `line`; behind the last one comes the first. */
// @ts-ignore: decorator
@inline
export function nextLine(line: usize, lineMask: u32): usize {
  return (line & ~(<usize>BLOCK_BYTES - 1)) | ((line + LINE_BYTES) & <usize>lineMask);
}

/** Where the search for `tag` begins. */
// @ts-ignore: decorator
@inline
export function lineOf(directory: usize, shift: u64, lineMask: u32, tag: u32): usize {
  return lineIn(<usize>load<u32>(directory + (<usize>(<u64>tag >>> shift) << 2)), lineMask, tag);
}

/** One bit for each slot of the line whose mark is the tag's. */
// @ts-ignore: decorator
@inline
export function slotsLike(line: usize, tag: u32): i32 {
  return i8x16.bitmask(i8x16.eq(v128.load(line), i8x16.splat(<i8>tag))) & LINE_MARKS;
}

/**
 * The entry of the first slot in `slots`; of none, that of any slot. A free slot may be like a tag whose mark is 0: it
 * holds entry 0.
 */
// @ts-ignore: decorator
@inline
export function entryOf(line: usize, slots: i32): usize {
  return <usize>load<u32>(line + (<usize>(ctz(slots) & 15) << 2), LINE_ENTRIES);
}

/** Whether the search ends with this line. */
// @ts-ignore: decorator
@inline
export function isLastLine(line: usize): bool {
  return load<u16>(line, LINE_PASSED) == 0;
}

/** Gives slots to the entries of scratchEntries, which stand in a block of the pane; false when the arena is full. */
export function indexEntries(stage: Stage, pane: Pane, count: i32): bool {
  for (let from = 0; from < count; from += CHUNK_ROWS) {
    const entries = scratchEntries + (<usize>from << 2);
    const chunk = min<i32>(CHUNK_ROWS, count - from);
    touchLinesOf(stage, pane, entries, chunk);
    for (let index: usize = 0; index < <usize>chunk; index++) {
      const tag = load<u32>(scratchProbes + (index << 2));
      let segment = segmentOf(pane, tag);
      const room = entriesMax(pane.lineMask / <u32>LINE_BYTES + 1);
      if (segment == stage.emptySegment || factsOf(segment).used >= room) segment = segmentWithRoom(stage, pane, tag);
      if (segment == 0) return false;
      addSlot(pane, segment, tag, load<u32>(entries + (index << 2)));
    }
    pane.entryCount += chunk;
    stage.entries += chunk;
  }
  return true;
}

/** Hashes the keys of a chunk of entries into scratchProbes, and asks for their lines. */
function touchLinesOf(stage: Stage, pane: Pane, entries: usize, count: i32): void {
  const directory = pane.directory;
  const shift = pane.shift;
  const lineMask = pane.lineMask;
  const fixedBytes = stage.fixedBytes;
  const probes = scratchProbes;
  let touched: u64 = 0;
  for (let index: usize = 0; index < <usize>count; index++) {
    const tag = entryTag(stage, <usize>load<u32>(entries + (index << 2)), fixedBytes);
    store<u32>(probes + (index << 2), tag);
    touched |= load<u64>(lineOf(directory, shift, lineMask, tag));
  }
  store<u64>(scratchTouched, touched);
}

/** Gives an entry a slot in the segment that segmentWithRoom named for its tag. */
// @ts-ignore: decorator
@inline
export function addSlot(pane: Pane, segment: usize, tag: u32, entry: u32): void {
  putSlot(segment, pane.lineMask, tag, entry);
  factsOf(segment).used++;
}

function putSlot(segment: usize, lineMask: u32, tag: u32, entry: u32): void {
  let line = lineIn(segment, lineMask, tag);
  let count = load<u16>(line, LINE_COUNT);
  while (count == LINE_SLOTS) {
    store<u16>(line, load<u16>(line, LINE_PASSED) + 1, LINE_PASSED);
    line = nextLine(line, lineMask);
    count = load<u16>(line, LINE_COUNT);
  }
  store<u16>(line, count + 1, LINE_COUNT);
  setSlot(line, count, <u8>tag, entry);
}

// @ts-ignore: decorator
@inline
function setSlot(line: usize, slot: usize, mark: u8, entry: u32): void {
  store<u8>(line + slot, mark);
  store<u32>(line + (slot << 2), entry, LINE_ENTRIES);
}

// @ts-ignore: decorator
@inline
function entryAt(line: usize, slot: usize): u32 {
  return load<u32>(line + (slot << 2), LINE_ENTRIES);
}

/** The segment where `tag` belongs, with a slot to spare; grows it if need be. */
export function segmentWithRoom(stage: Stage, pane: Pane, tag: u32): usize {
  while (true) {
    const segment = segmentOf(pane, tag);
    if (segment == stage.emptySegment) {
      if (!firstSegment(stage, pane, tag)) return 0;
      continue;
    }
    const lines = pane.lineMask / <u32>LINE_BYTES + 1;
    const facts = factsOf(segment);
    if (facts.used < entriesMax(lines)) return segment;
    if (lines < LINES) {
      doubleSegment(stage, pane, segment);
    } else if (facts.depth == DEPTH_MAX) {
      return facts.used < lines * LINE_SLOTS ? segment : 0;
    } else if (!splitSegment(stage, pane, tag, segment)) {
      return 0;
    }
  }
}

/** Puts a real segment where the directory still points at the empty one. */
function firstSegment(stage: Stage, pane: Pane, tag: u32): bool {
  const segment = stageTakeBlock(stage);
  if (segment == 0) return false;
  clearLines(segment, pane.lineMask);
  factsOf(segment).used = 0;
  factsOf(segment).depth = pane.depth;
  store<u32>(pane.directory + (<usize>(<u64>tag >>> pane.shift) << 2), <u32>segment);
  return true;
}

function clearLines(segment: usize, lineMask: u32): void {
  memory.fill(segment, 0, <usize>lineMask + LINE_BYTES);
}

/** Only a pane with a single segment has one of less than LINES. */
function doubleSegment(stage: Stage, pane: Pane, segment: usize): void {
  const bytes = pane.lineMask + <u32>LINE_BYTES;
  pane.lineMask = (bytes << 1) - <u32>LINE_BYTES;
  memory.copy(scratchSegment, segment, bytes);
  clearLines(segment, pane.lineMask);
  for (let line = scratchSegment; line < scratchSegment + bytes; line += LINE_BYTES) {
    const count = <usize>load<u16>(line, LINE_COUNT);
    for (let slot: usize = 0; slot < count; slot++) {
      const entry = entryAt(line, slot);
      putSlot(segment, pane.lineMask, entryTag(stage, <usize>entry, stage.fixedBytes), entry);
    }
  }
}

function splitSegment(stage: Stage, pane: Pane, tag: u32, segment: usize): bool {
  const facts = factsOf(segment);
  if (facts.depth == pane.depth && !doubleDirectory(stage, pane)) return false;
  const sibling = stageTakeBlock(stage);
  if (sibling == 0) return false;
  const bit: u32 = 31 - facts.depth;
  const depth = ++facts.depth;
  const mask = pane.lineMask;
  memory.copy(scratchSegment, segment, BLOCK_BYTES);
  touchEntriesOf(scratchSegment);
  clearLines(segment, mask);
  clearLines(sibling, mask);
  let moved: u32 = 0;
  for (let line = scratchSegment; line < scratchSegment + BLOCK_BYTES; line += LINE_BYTES) {
    const count = <usize>load<u16>(line, LINE_COUNT);
    for (let slot: usize = 0; slot < count; slot++) {
      const entry = entryAt(line, slot);
      const entrysTag = entryTag(stage, <usize>entry, stage.fixedBytes);
      const goes = (entrysTag >>> bit) & 1;
      moved += goes;
      putSlot(goes != 0 ? sibling : segment, mask, entrysTag, entry);
    }
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

/** Asks for every key of a whole segment at once: hashed one by one, each would be waited for. */
function touchEntriesOf(segment: usize): void {
  let touched: u64 = 0;
  for (let line = segment; line < segment + BLOCK_BYTES; line += LINE_BYTES) {
    const count = <usize>load<u16>(line, LINE_COUNT);
    for (let slot: usize = 0; slot < count; slot++) touched |= load<u64>(<usize>entryAt(line, slot));
  }
  store<u64>(scratchTouched, touched);
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

/** Takes the slot of `entry`, to which `tag` leads, out of its line. */
export function dropSlot(pane: Pane, tag: u32, entry: usize): void {
  const segment = segmentOf(pane, tag);
  let line = lineIn(segment, pane.lineMask, tag);
  let slot = slotOf(line, entry);
  while (slot < 0) {
    store<u16>(line, load<u16>(line, LINE_PASSED) - 1, LINE_PASSED);
    line = nextLine(line, pane.lineMask);
    slot = slotOf(line, entry);
  }
  const last = <usize>load<u16>(line, LINE_COUNT) - 1;
  setSlot(line, slot, load<u8>(line + last), entryAt(line, last));
  setSlot(line, last, 0, 0);
  store<u16>(line, <u16>last, LINE_COUNT);
  factsOf(segment).used--;
}

/** The slot of `entry` in the line, or −1. */
function slotOf(line: usize, entry: usize): i32 {
  let slot = <i32>load<u16>(line, LINE_COUNT) - 1;
  while (slot >= 0 && <usize>entryAt(line, slot) != entry) slot--;
  return slot;
}
