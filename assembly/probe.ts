// assembly/probe.ts — from the rows of a chunk to their entries, one pass at a time.
//
// Pass 1 hashes the key column and touches each row's slot; pass 2 follows slot and entry. Between the rows of one
// pass nothing depends on the row before, so the processor waits for many cache lines at once; one pass over both
// waits for them one after the other once the table has left the cache.
//
// Promises
//   - scratchEntries holds an entry for each resolved row, in order; rows of one key share it.
//   - A key not seen before gets an entry; when the arena refuses it, the rows before it are resolved.

import { batchColumn, columnBytes, columnValues } from './batch';
import { markBlock } from './blocks';
import { hashBytes, hashWord } from './hash';
import {
  bytesEqual,
  columnWords,
  entryBytesFor,
  hasNullKeys,
  keyEquals,
  paddedBytes,
  prepareKeys,
  tagOf,
  writeBytes,
  writeKey,
} from './key';
import { TYPE_F64 } from './layout';
import { Pane, firstSlot, paneErase, paneInsert, segmentOf } from './pane';
import { ENTRY_KEYS, KEY_ONE_UTF8, KEY_ONE_WORD, Stage, keyOf, scratchEntries, scratchPresent, scratchTags } from './stage';

/** Resolves a chunk; returns how many rows have an entry: `count`, or fewer when the arena is full. */
export function resolve(stage: Stage, pane: Pane, batch: usize, selection: usize, from: i32, count: i32): i32 {
  const key = keyOf(stage, 0);
  const isPlain = !hasNullKeys(stage, batch);
  if (isPlain && stage.keyKind == KEY_ONE_WORD && key.type != TYPE_F64) {
    const column = batchColumn(batch, key.columnIndex);
    const words = columnWords(batch, column, key.type, selection, from, count, key.scratch);
    if (pane.depth == 0) return resolveFewWords(stage, pane, words, count);
    return resolveWords(stage, pane, words, 0, count);
  }
  if (isPlain && stage.keyKind == KEY_ONE_UTF8 && selection == 0) {
    const column = batchColumn(batch, key.columnIndex);
    const offsets = columnValues(batch, column) + (<usize>from << 2);
    const bytes = columnBytes(batch, column);
    if (pane.depth == 0) return resolveFewUtf8(stage, pane, offsets, bytes, count);
    return resolveUtf8(stage, pane, offsets, bytes, 0, count);
  }
  prepareKeys(stage, batch, selection, from, count);
  for (let index = 0; index < count; index++) {
    let entry = findAny(stage, pane, index);
    if (entry == 0) {
      entry = insertAny(stage, pane, index);
      if (entry == 0) return index;
    }
    markBlock(entry, stage.epoch);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
  }
  return count;
}

/** Hashes words to tags, notes each row's first slot and touches it. */
function tagWords(pane: Pane, words: usize, from: i32, count: i32, seed: u64): void {
  const mask = pane.slotMaskBytes;
  let touched: u64 = 0;
  for (let index = from; index < count; index++) {
    const tag = tagOf(hashWord(load<u64>(words + (<usize>index << 3)), seed), false);
    const slot = segmentOf(pane, tag) + <usize>firstSlot(tag, mask);
    store<u32>(scratchTags + (<usize>index << 2), tag);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>slot);
    touched |= load<u64>(slot);
  }
  keepTouched(touched);
}

function tagUtf8(pane: Pane, offsets: usize, bytes: usize, from: i32, count: i32, seed: u64): void {
  const mask = pane.slotMaskBytes;
  let touched: u64 = 0;
  let start = load<u32>(offsets + (<usize>from << 2));
  for (let index = from; index < count; index++) {
    const end = load<u32>(offsets + (<usize>index << 2), 4);
    const tag = tagOf(hashBytes(bytes + start, end - start, seed), false);
    start = end;
    const slot = segmentOf(pane, tag) + <usize>firstSlot(tag, mask);
    store<u32>(scratchTags + (<usize>index << 2), tag);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>slot);
    touched |= load<u64>(slot);
  }
  keepTouched(touched);
}

/**
 * Follows each row's tag through its segment, whose slots pass one has fetched, to the entry that should be its own, and
 * touches that: many entries are on their way at once, and the last pass waits for none of them. `beyond` is another
 * place in the entry to touch. scratchEntries then names the entry, or 0 where the tag is not there.
 */
function touchEntries(pane: Pane, from: i32, count: i32, beyond: usize): void {
  const mask = <usize>pane.slotMaskBytes;
  let touched: u64 = 0;
  for (let index = from; index < count; index++) {
    const tag = load<u32>(scratchTags + (<usize>index << 2));
    let at = <usize>load<u32>(scratchEntries + (<usize>index << 2));
    let slot = load<u64>(at);
    while (<u32>(slot >>> 32) != tag && <u32>slot != 0) {
      at = (at & ~mask) | ((at + 8) & mask);
      slot = load<u64>(at);
    }
    const entry = <usize>slot;
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
    touched |= load<u64>(entry) | load<u64>(entry + beyond);
  }
  keepTouched(touched);
}

/** The loads of a touch must not be optimised away: their result goes where nothing is read from before it is written. */
// @ts-ignore: decorator
@inline
function keepTouched(touched: u64): void {
  store<u64>(scratchPresent, touched);
}

// @ts-ignore: decorator
@inline
function findWord(segment: usize, mask: u32, tag: u32, word: u64): usize {
  let at = firstSlot(tag, mask);
  while (true) {
    const slot = load<u64>(segment + at);
    if (<u32>(slot >>> 32) == tag && <u32>slot != 0 && load<u64>(<usize>slot, ENTRY_KEYS) == word) return <usize>slot;
    if (<u32>slot == 0) return 0;
    at = (at + 8) & mask;
  }
}

// @ts-ignore: decorator
@inline
function hasUtf8(entry: usize, key: usize, length: u32, fixedBytes: usize): bool {
  return load<u64>(entry, ENTRY_KEYS) == <u64>length && bytesEqual(entry + fixedBytes, key, length);
}

// @ts-ignore: decorator
@inline
function findUtf8(segment: usize, mask: u32, tag: u32, key: usize, length: u32, fixedBytes: usize): usize {
  let at = firstSlot(tag, mask);
  while (true) {
    const slot = load<u64>(segment + at);
    const entry = <usize>slot;
    if (<u32>(slot >>> 32) == tag && entry != 0 && hasUtf8(entry, key, length, fixedBytes)) return entry;
    if (entry == 0) return 0;
    at = (at + 8) & mask;
  }
}

function insertWord(stage: Stage, pane: Pane, tag: u32, word: u64): usize {
  const entry = paneInsert(stage, pane, tag, stage.fixedBytes);
  if (entry != 0) store<u64>(entry, word, ENTRY_KEYS);
  return entry;
}

function insertUtf8(stage: Stage, pane: Pane, tag: u32, key: usize, length: u32): usize {
  const entry = paneInsert(stage, pane, tag, stage.fixedBytes + <u32>paddedBytes(length));
  if (entry == 0) return 0;
  store<u64>(entry, <u64>length, ENTRY_KEYS);
  writeBytes(entry + <usize>stage.fixedBytes, key, length);
  return entry;
}

/**
 * A pane of one segment lies in a near cache: there is nothing to wait for, and one pass is the shorter way. When the
 * segment splits on the way, the rest of the chunk goes the other one.
 */
function resolveFewWords(stage: Stage, pane: Pane, words: usize, count: i32): i32 {
  const epoch = stage.epoch;
  const seed = stage.seed;
  let mask = pane.slotMaskBytes;
  let segment = <usize>pane.onlySegment;
  for (let index = 0; index < count; index++) {
    const word = load<u64>(words + (<usize>index << 3));
    const tag = tagOf(hashWord(word, seed), false);
    let entry = findWord(segment, mask, tag, word);
    if (entry == 0) {
      entry = insertWord(stage, pane, tag, word);
      if (entry == 0) return index;
      if (pane.depth != 0) {
        store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
        return resolveWords(stage, pane, words, index + 1, count);
      }
      mask = pane.slotMaskBytes;
      segment = <usize>pane.onlySegment;
    }
    markBlock(entry, epoch);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
  }
  return count;
}

function resolveWords(stage: Stage, pane: Pane, words: usize, from: i32, count: i32): i32 {
  tagWords(pane, words, from, count, stage.seed);
  touchEntries(pane, from, count, 0);
  const epoch = stage.epoch;
  const mask = pane.slotMaskBytes; // A pane of several segments has whole ones.
  for (let index = from; index < count; index++) {
    const word = load<u64>(words + (<usize>index << 3));
    let entry = <usize>load<u32>(scratchEntries + (<usize>index << 2));
    // Not there before this chunk, or another key of the same tag: what follows is rare once the keys are known.
    if (entry == 0 || load<u64>(entry, ENTRY_KEYS) != word) {
      const tag = load<u32>(scratchTags + (<usize>index << 2));
      entry = findWord(segmentOf(pane, tag), mask, tag, word);
      if (entry == 0) entry = insertWord(stage, pane, tag, word);
      if (entry == 0) return index;
    }
    markBlock(entry, epoch);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
  }
  return count;
}

/** resolveFewWords for one utf8 column. */
function resolveFewUtf8(stage: Stage, pane: Pane, offsets: usize, bytes: usize, count: i32): i32 {
  const epoch = stage.epoch;
  const seed = stage.seed;
  const fixedBytes = <usize>stage.fixedBytes;
  let mask = pane.slotMaskBytes;
  let segment = <usize>pane.onlySegment;
  let end = load<u32>(offsets);
  for (let index = 0; index < count; index++) {
    const key = bytes + end;
    const length = load<u32>(offsets + (<usize>index << 2), 4) - end;
    end += length;
    const tag = tagOf(hashBytes(key, length, seed), false);
    let entry = findUtf8(segment, mask, tag, key, length, fixedBytes);
    if (entry == 0) {
      entry = insertUtf8(stage, pane, tag, key, length);
      if (entry == 0) return index;
      if (pane.depth != 0) {
        store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
        return resolveUtf8(stage, pane, offsets, bytes, index + 1, count);
      }
      mask = pane.slotMaskBytes;
      segment = <usize>pane.onlySegment;
    }
    markBlock(entry, epoch);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
  }
  return count;
}

function resolveUtf8(stage: Stage, pane: Pane, offsets: usize, bytes: usize, from: i32, count: i32): i32 {
  tagUtf8(pane, offsets, bytes, from, count, stage.seed);
  touchEntries(pane, from, count, stage.fixedBytes);
  const epoch = stage.epoch;
  const fixedBytes = <usize>stage.fixedBytes;
  const mask = pane.slotMaskBytes;
  let end = load<u32>(offsets + (<usize>from << 2));
  for (let index = from; index < count; index++) {
    const key = bytes + end;
    const length = load<u32>(offsets + (<usize>index << 2), 4) - end;
    end += length;
    let entry = <usize>load<u32>(scratchEntries + (<usize>index << 2));
    if (entry == 0 || !hasUtf8(entry, key, length, fixedBytes)) {
      const tag = load<u32>(scratchTags + (<usize>index << 2));
      entry = findUtf8(segmentOf(pane, tag), mask, tag, key, length, fixedBytes);
      if (entry == 0) entry = insertUtf8(stage, pane, tag, key, length);
      if (entry == 0) return index;
    }
    markBlock(entry, epoch);
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
  }
  return count;
}

/** The entry of row `index` of the prepared chunk, or 0. */
function findAny(stage: Stage, pane: Pane, index: i32): usize {
  const tag = load<u32>(scratchTags + (<usize>index << 2));
  const segment = segmentOf(pane, tag);
  let at = firstSlot(tag, pane.slotMaskBytes);
  while (true) {
    const slot = load<u64>(segment + at);
    if (<usize>slot == 0) return 0;
    if (<u32>(slot >>> 32) == tag && keyEquals(stage, <usize>slot, index)) return <usize>slot;
    at = (at + 8) & pane.slotMaskBytes;
  }
}

function insertAny(stage: Stage, pane: Pane, index: i32): usize {
  const tag = load<u32>(scratchTags + (<usize>index << 2));
  const entry = paneInsert(stage, pane, tag, entryBytesFor(stage, index));
  if (entry != 0) writeKey(stage, entry, index);
  return entry;
}

/** The entry of one row's key, or 0. */
export function tableFind(stage: usize, table: usize, batch: usize, row: i32): usize {
  prepareKeys(changetype<Stage>(stage), batch, 0, row, 1);
  return findAny(changetype<Stage>(stage), changetype<Pane>(table), 0);
}

/** The entry of one row's key, made if it is new; 0 when the arena is full. */
export function tableUpsert(stage: usize, table: usize, batch: usize, row: i32): usize {
  const found = tableFind(stage, table, batch, row);
  return found != 0 ? found : insertAny(changetype<Stage>(stage), changetype<Pane>(table), 0);
}

/** Takes one row's key out of the table; false when it is not in it. */
export function tableErase(stage: usize, table: usize, batch: usize, row: i32): bool {
  const found = tableFind(stage, table, batch, row);
  if (found == 0) return false;
  paneErase(changetype<Stage>(stage), changetype<Pane>(table), load<u32>(scratchTags), found);
  return true;
}
