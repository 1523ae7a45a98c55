// assembly/probe.ts — from the rows of a chunk to their entries, one pass at a time.
//
//   prepare   key columns → words (key.ts)
//   lines     words → tags → lines of the index, asked for
//   entries   lines → the first entry of each whose mark fits, asked for
//   settle    that entry's key is compared; where it differs the row is searched in full, and a new key gets an entry;
//             the mark of its block is looked at, and set if need be (frozen.ts)
//
// Between the rows of the first passes nothing depends on the row before, and nothing branches on what a line holds:
// the processor waits for many lines of the cache at once, and hardly ever runs ahead on a wrong guess. One pass over
// all would wait for them one after the other as soon as the table has left the cache.
//
// Promises
//   - scratchEntries holds an entry for each resolved row, in order; rows of one key share it.
//   - A key not seen before gets an entry; when the arena refuses it, the rows before it are resolved.
//   - An entry that a row names may be changed: a snapshot that needs it as it was has its copy. Where that has no room
//     the rows before it are resolved.

import { addToFused } from './aggregate';
import { lastWordOfBlock, marks } from './blocks';
import { mayChange, snapshotOf } from './frozen';
import { hashBytes, hashWord } from './hash';
import { bytesEqual, entryBytesFor, keyEquals, prepareKeys, tagOf, writeKey } from './key';
import { PUSH_PAUSED } from './layout';
import { Pane, paneErase, paneInsert } from './pane';
import { entryOf, isLastLine, lineOf, nextLine, slotsLike } from './pane-index';
import {
  ENTRY_KEYS,
  KEY_ANY,
  KEY_ONE_UTF8,
  KEY_ONE_WORD,
  Stage,
  keyOf,
  scratchEntries,
  scratchHashes,
  scratchNulls,
  scratchProbes,
  scratchTouched,
} from './stage';

/**
 * Resolves a chunk; returns how many rows have an entry: `count`, or fewer when the arena is full or a snapshot in the way.
 *
 * @param values  of a fused stage: one a row, added on the way; else 0
 */
export function resolve(
  stage: Stage,
  pane: Pane,
  batch: usize,
  selection: usize,
  from: i32,
  count: i32,
  values: usize,
): i32 {
  const kind = prepareKeys(stage, batch, selection, from, count);
  // One source, a loop for each kind: the kind is a constant where it is inlined.
  if (kind == KEY_ONE_WORD) {
    touchLines(stage, pane, count, KEY_ONE_WORD);
    touchEntries(count, 0, KEY_ONE_WORD);
    if (values != 0) return settle(stage, pane, count, values, KEY_ONE_WORD);
    return settle(stage, pane, count, 0, KEY_ONE_WORD);
  }
  if (kind == KEY_ONE_UTF8) {
    touchLines(stage, pane, count, KEY_ONE_UTF8);
    touchEntries(count, stage.fixedBytes, KEY_ONE_UTF8);
    if (values != 0) return settle(stage, pane, count, values, KEY_ONE_UTF8);
    return settle(stage, pane, count, 0, KEY_ONE_UTF8);
  }
  touchLines(stage, pane, count, KEY_ANY);
  touchEntries(count, stage.fixedBytes, KEY_ANY);
  return settle(stage, pane, count, values, KEY_ANY);
}

/** Notes each row's tag and line, and touches that. */
// @ts-ignore: decorator
@inline
function touchLines(stage: Stage, pane: Pane, count: i32, kind: i32): void {
  const directory = pane.directory;
  const shift = pane.shift;
  const lineMask = pane.lineMask;
  const seed = stage.seed;
  const words = kind == KEY_ANY ? scratchHashes : keyOf(stage, 0).words;
  const nulls = scratchNulls;
  const probes = scratchProbes;
  let touched: u64 = 0;
  for (let index = 0; index < count; index++) {
    const word = load<u64>(words + (<usize>index << 3));
    let tag: u32;
    if (kind == KEY_ONE_WORD) tag = tagOf(hashWord(word, seed), 0);
    else if (kind == KEY_ONE_UTF8) tag = tagOf(hashBytes(<usize>word, <u32>(word >>> 32), seed), 0);
    else tag = tagOf(word, load<u16>(nulls + (<usize>index << 1)));
    const line = lineOf(directory, shift, lineMask, tag);
    store<u64>(probes + (<usize>index << 3), (<u64>tag << 32) | <u64>line);
    touched |= load<u64>(line);
  }
  keepTouched(touched);
}

/** The loads of a touch must not be optimised away. */
// @ts-ignore: decorator
@inline
function keepTouched(touched: u64): void {
  store<u64>(scratchTouched, touched);
}

// @ts-ignore: decorator
@inline
function tagAt(index: i32): u32 {
  return <u32>(load<u64>(scratchProbes + (<usize>index << 3)) >>> 32);
}

/**
 * Names the entry that each row most likely belongs to, 0 where its line has no such mark, and touches it. `beyond` is
 * another place to touch: where the entry's texts begin, if it has any.
 */
// @ts-ignore: decorator
@inline
function touchEntries(count: i32, beyond: usize, kind: i32): void {
  const probes = scratchProbes;
  const entries = scratchEntries;
  let touched: u64 = 0;
  for (let index = 0; index < count; index++) {
    const probe = load<u64>(probes + (<usize>index << 3));
    const slots = slotsLike(<usize>probe, <u32>(probe >>> 32));
    const entry = select<usize>(entryOf(<usize>probe, slots), 0, slots != 0);
    store<u32>(entries + (<usize>index << 2), <u32>entry);
    touched |= load<u64>(entry);
    if (kind != KEY_ONE_WORD) touched |= load<u64>(min<usize>(entry + beyond, lastWordOfBlock(entry)));
  }
  keepTouched(touched);
}

// @ts-ignore: decorator
@inline
function settle(stage: Stage, pane: Pane, count: i32, values: usize, kind: i32): i32 {
  const words = keyOf(stage, 0).words;
  const stateOffset = kind == KEY_ANY ? stage.stateOffset : ENTRY_KEYS + 8;
  const epoch = stage.epoch;
  const entries = scratchEntries;
  const blockMarks = marks;
  for (let index = 0; index < count; index++) {
    let entry = <usize>load<u32>(entries + (<usize>index << 2));
    const word = load<u64>(words + (<usize>index << 3));
    if (!isEntryOf(stage, entry, index, word, kind) || load<u32>(blockMarks + ((entry >>> 16) << 2)) != epoch) {
      entry = entryToChange(stage, pane, index);
      if (entry == 0) return index;
      store<u32>(entries + (<usize>index << 2), <u32>entry);
    }
    if (values != 0) addToFused(entry + stateOffset, load<i64>(values + (<usize>index << 3)));
  }
  return count;
}

// @ts-ignore: decorator
@inline
function isEntryOf(stage: Stage, entry: usize, index: i32, word: u64, kind: i32): bool {
  if (entry == 0) return false;
  if (kind == KEY_ANY) return keyEquals(stage, entry, index);
  if (kind == KEY_ONE_WORD) return load<u64>(entry, ENTRY_KEYS) == word;
  if (load<u64>(entry, ENTRY_KEYS) != word >>> 32) return false;
  return bytesEqual(entry + <usize>stage.fixedBytes, <usize>word, <u32>(word >>> 32));
}

/**
 * The way of a row whose key stands elsewhere or nowhere, or whose block is not marked yet: one call for both, so that the
 * loop pays for one. Searching again costs little: of the second kind is one row of each block and epoch, and while a
 * snapshot is under way those of new entries behind frozen ones.
 */
function entryToChange(stage: Stage, pane: Pane, index: i32): usize {
  const entry = find(stage, pane, index);
  if (entry == 0) return insert(stage, pane, index);
  return mayChange(stage, entry) ? entry : 0;
}

/** The entry of row `index` of the prepared chunk, or 0. */
function find(stage: Stage, pane: Pane, index: i32): usize {
  const tag = tagAt(index);
  const mask = pane.lineMask;
  const first = lineOf(pane.directory, pane.shift, mask, tag);
  let line = first;
  do {
    for (let slots = slotsLike(line, tag); slots != 0; slots &= slots - 1) {
      const entry = entryOf(line, slots);
      if (entry != 0 && keyEquals(stage, entry, index)) return entry;
    }
    if (isLastLine(line)) return 0;
    line = nextLine(line, mask);
  } while (line != first);
  return 0;
}

function insert(stage: Stage, pane: Pane, index: i32): usize {
  if (stage.keyKind == KEY_ONE_WORD && load<u16>(scratchNulls + (<usize>index << 1)) == 0) {
    const entry = paneInsert(stage, pane, tagAt(index), stage.fixedBytes);
    if (entry != 0) store<u64>(entry, load<u64>(keyOf(stage, 0).words + (<usize>index << 3)), ENTRY_KEYS);
    return entry;
  }
  const entry = paneInsert(stage, pane, tagAt(index), entryBytesFor(stage, index));
  if (entry != 0) writeKey(stage, entry, index);
  return entry;
}

/** The entry of one row's key, or 0. */
export function tableFind(stage: usize, table: usize, batch: usize, row: i32): usize {
  prepareRow(changetype<Stage>(stage), changetype<Pane>(table), batch, row);
  return find(changetype<Stage>(stage), changetype<Pane>(table), 0);
}

function prepareRow(stage: Stage, pane: Pane, batch: usize, row: i32): void {
  const kind = prepareKeys(stage, batch, 0, row, 1);
  if (kind == KEY_ONE_WORD) touchLines(stage, pane, 1, KEY_ONE_WORD);
  else if (kind == KEY_ONE_UTF8) touchLines(stage, pane, 1, KEY_ONE_UTF8);
  else touchLines(stage, pane, 1, KEY_ANY);
}

/** The entry of one row's key, made if it is new, to be changed; 0 when the arena is full or a snapshot in the way. */
export function tableUpsert(stage: usize, table: usize, batch: usize, row: i32): usize {
  snapshotOf(changetype<Stage>(stage)).pushCopies = 0;
  const found = tableFind(stage, table, batch, row);
  if (found == 0) return insert(changetype<Stage>(stage), changetype<Pane>(table), 0);
  return mayChange(changetype<Stage>(stage), found) ? found : 0;
}

/** Takes one row's key out of the table: 1; 0 when it is not in it; PUSH_PAUSED when a snapshot is in the way. */
export function tableErase(stage: usize, table: usize, batch: usize, row: i32): i32 {
  snapshotOf(changetype<Stage>(stage)).pushCopies = 0;
  const found = tableFind(stage, table, batch, row);
  if (found == 0) return 0;
  return paneErase(changetype<Stage>(stage), changetype<Pane>(table), tagAt(0), found) ? 1 : PUSH_PAUSED;
}
