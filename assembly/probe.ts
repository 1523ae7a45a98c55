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
import { factsOf, markBlock } from './blocks';
import { hashBytes, hashWord } from './hash';
import { bytesEqual, columnWords, entryBytesFor, hasNullKeys, keyEquals, paddedBytes, prepareKeys, tagOf, writeBytes, writeKey } from './key';
import { TYPE_F64 } from './layout';
import { Pane, firstSlot, paneErase, paneInsert, segmentOf } from './pane';
import { ENTRY_KEYS, KEY_ONE_UTF8, KEY_ONE_WORD, Stage, keyOf, scratchEntries, scratchTags } from './stage';

/** Resolves a chunk; returns how many rows have an entry: `count`, or fewer when the arena is full. */
export function resolve(stage: Stage, pane: Pane, batch: usize, selection: usize, from: i32, count: i32): i32 {
  const key = keyOf(stage, 0);
  const isPlain = !hasNullKeys(stage, batch);
  if (isPlain && stage.keyKind == KEY_ONE_WORD && key.type != TYPE_F64) {
    const column = batchColumn(batch, key.columnIndex);
    const words = columnWords(batch, column, key.type, selection, from, count, key.scratch);
    tagWords(pane, words, count, stage.seed);
    return resolveWords(stage, pane, words, count);
  }
  if (isPlain && stage.keyKind == KEY_ONE_UTF8 && selection == 0) {
    const column = batchColumn(batch, key.columnIndex);
    const offsets = columnValues(batch, column) + (<usize>from << 2);
    const bytes = columnBytes(batch, column);
    tagUtf8(pane, offsets, bytes, count, stage.seed);
    return resolveUtf8(stage, pane, offsets, bytes, count);
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

function tagWords(pane: Pane, words: usize, count: i32, seed: u64): void {
  const mask = pane.slotMaskBytes;
  let touched: u64 = 0;
  for (let index = 0; index < count; index++) {
    const tag = tagOf(hashWord(load<u64>(words + (<usize>index << 3)), seed), false);
    store<u32>(scratchTags + (<usize>index << 2), tag);
    touched |= load<u64>(segmentOf(pane, tag) + firstSlot(tag, mask));
  }
  keepTouched(touched);
}

/** The loads of a touch must not be optimised away: their result goes where no entry is read from. */
// @ts-ignore: decorator
@inline
function keepTouched(touched: u64): void {
  store<u64>(scratchEntries, touched);
}

function resolveWords(stage: Stage, pane: Pane, words: usize, count: i32): i32 {
  const epoch = stage.epoch;
  let mask = pane.slotMaskBytes;
  let directory = pane.directory;
  let shift = pane.shift;
  for (let index = 0; index < count; index++) {
    const tag = load<u32>(scratchTags + (<usize>index << 2));
    const word = load<u64>(words + (<usize>index << 3));
    const segment = <usize>load<u32>(directory + (<usize>(<u64>tag >>> shift) << 2));
    let at = firstSlot(tag, mask);
    let entry: usize;
    while (true) {
      const slot = load<u64>(segment + at);
      entry = <usize>slot;
      if (<u32>(slot >>> 32) == tag && entry != 0 && load<u64>(entry, ENTRY_KEYS) == word) break;
      if (entry == 0) {
        entry = paneInsert(stage, pane, tag, stage.fixedBytes);
        if (entry == 0) return index;
        store<u64>(entry, word, ENTRY_KEYS);
        mask = pane.slotMaskBytes;
        directory = pane.directory;
        shift = pane.shift;
        break;
      }
      at = (at + 8) & mask;
    }
    const block = factsOf(entry);
    if (block.epoch != epoch) block.epoch = epoch;
    store<u32>(scratchEntries + (<usize>index << 2), <u32>entry);
  }
  return count;
}

function tagUtf8(pane: Pane, offsets: usize, bytes: usize, count: i32, seed: u64): void {
  const mask = pane.slotMaskBytes;
  let touched: u64 = 0;
  let start = load<u32>(offsets);
  for (let index = 0; index < count; index++) {
    const end = load<u32>(offsets + (<usize>index << 2), 4);
    const tag = tagOf(hashBytes(bytes + start, end - start, seed), false);
    start = end;
    store<u32>(scratchTags + (<usize>index << 2), tag);
    touched |= load<u64>(segmentOf(pane, tag) + firstSlot(tag, mask));
  }
  keepTouched(touched);
}

function resolveUtf8(stage: Stage, pane: Pane, offsets: usize, bytes: usize, count: i32): i32 {
  const epoch = stage.epoch;
  const fixedBytes = stage.fixedBytes;
  let mask = pane.slotMaskBytes;
  let start = load<u32>(offsets);
  for (let index = 0; index < count; index++) {
    const end = load<u32>(offsets + (<usize>index << 2), 4);
    const length = end - start;
    const key = bytes + start;
    start = end;
    const tag = load<u32>(scratchTags + (<usize>index << 2));
    const segment = segmentOf(pane, tag);
    let at = firstSlot(tag, mask);
    let entry: usize;
    while (true) {
      const slot = load<u64>(segment + at);
      entry = <usize>slot;
      if (
        <u32>(slot >>> 32) == tag &&
        entry != 0 &&
        load<u64>(entry, ENTRY_KEYS) == <u64>length &&
        bytesEqual(entry + <usize>fixedBytes, key, length)
      ) {
        break;
      }
      if (entry == 0) {
        entry = paneInsert(stage, pane, tag, fixedBytes + <u32>paddedBytes(length));
        if (entry == 0) return index;
        store<u64>(entry, <u64>length, ENTRY_KEYS);
        writeBytes(entry + <usize>fixedBytes, key, length);
        mask = pane.slotMaskBytes;
        break;
      }
      at = (at + 8) & mask;
    }
    const block = factsOf(entry);
    if (block.epoch != epoch) block.epoch = epoch;
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
