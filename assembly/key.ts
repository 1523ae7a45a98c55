// assembly/key.ts — key columns as words, hashed, compared with entries and written into them.
//
// A chunk is at most CHUNK_ROWS rows of a batch: rows [from, from + count), or those that a selection names there.
// Here its key columns become one 64-bit word a row each (stage.ts says which), and then one hash a row.
//
// Promises
//   - −0 and 0 are one word, every NaN is one word, a null has word 0 and its bit in the row's null mask.
//   - Reads of utf8 bytes stay inside the key.
// Not here  finding the entry (pane-index.ts, probe.ts).

import { batchColumn, bitAt, columnBytes, columnNullCount, columnValidity, columnValues } from './batch';
import { NULL_HASH, combineHash, hashBytes, hashWord, seedOf, shortWord } from './hash';
import { TYPE_BOOL, TYPE_F64, TYPE_I32, TYPE_I64, TYPE_UTF8 } from './layout';
import {
  ENTRY_BYTES,
  ENTRY_KEYS,
  ENTRY_NULLS,
  KEY_ANY,
  KEY_ONE_WORD,
  KeyColumn,
  Stage,
  keyOf,
  scratchHashes,
  scratchNulls,
} from './stage';

const NAN_BITS: u64 = 0x7ff8000000000000;

/** f64 bits with one zero and one NaN. */
// @ts-ignore: decorator
@inline
export function canonicalBits(value: f64): u64 {
  return value != value ? NAN_BITS : reinterpret<u64>(value + 0.0);
}

// @ts-ignore: decorator
@inline
export function rowAt(selection: usize, index: i32): i32 {
  return selection == 0 ? index : <i32>load<u16>(selection + (<usize>index << 1));
}

/** A column of fixed width as 64-bit words, one per row of the chunk: the column itself, or a copy at `out`. */
export function columnWords(
  batch: usize,
  column: usize,
  type: i32,
  selection: usize,
  from: i32,
  count: i32,
  out: usize,
): usize {
  const values = columnValues(batch, column);
  if (type == TYPE_I64 || type == TYPE_F64) {
    if (selection == 0) return values + (<usize>from << 3);
    for (let index = 0; index < count; index++) {
      store<u64>(out + (<usize>index << 3), load<u64>(values + (<usize>rowAt(selection, from + index) << 3)));
    }
  } else if (type == TYPE_I32) {
    for (let index = 0; index < count; index++) {
      store<i64>(out + (<usize>index << 3), load<i32>(values + (<usize>rowAt(selection, from + index) << 2)));
    }
  } else {
    for (let index = 0; index < count; index++) {
      store<i64>(out + (<usize>index << 3), <i64>bitAt(values, rowAt(selection, from + index)));
    }
  }
  return out;
}

/** Fills `key.words` for the chunk and, where a row is null, its bit `maskBit` in scratchNulls. */
function keyWords(batch: usize, key: KeyColumn, maskBit: u16, selection: usize, from: i32, count: i32): void {
  const column = batchColumn(batch, key.columnIndex);
  const out = key.scratch;
  if (key.type == TYPE_UTF8) {
    const offsets = columnValues(batch, column);
    const bytes = columnBytes(batch, column);
    for (let index = 0; index < count; index++) {
      const at = offsets + (<usize>rowAt(selection, from + index) << 2);
      const start = load<u32>(at);
      store<u64>(out + (<usize>index << 3), (<u64>(load<u32>(at, 4) - start) << 32) | <u64>(bytes + start));
    }
    key.words = out;
  } else if (key.type == TYPE_F64) {
    const words = columnWords(batch, column, TYPE_F64, selection, from, count, out);
    for (let index = 0; index < count; index++) {
      const at = <usize>index << 3;
      store<u64>(out + at, canonicalBits(load<f64>(words + at)));
    }
    key.words = out;
  } else {
    key.words = columnWords(batch, column, key.type, selection, from, count, out);
  }
  const validity = columnValidity(batch, column);
  if (validity == 0) return;
  if (key.words != out) memory.copy(out, key.words, <usize>count << 3);
  key.words = out;
  for (let index = 0; index < count; index++) {
    if (bitAt(validity, rowAt(selection, from + index))) continue;
    store<u64>(out + (<usize>index << 3), 0);
    const at = scratchNulls + (<usize>index << 1);
    store<u16>(at, load<u16>(at) | maskBit);
  }
}

/** Whether any key of the batch is null. */
function hasNullKeys(stage: Stage, batch: usize): bool {
  for (let index = 0; index < stage.keyCount; index++) {
    if (columnNullCount(batchColumn(batch, keyOf(stage, index).columnIndex)) != 0) return true;
  }
  return false;
}

/** Words and null masks of a chunk; returns its KEY_ kind: with a null in any key, KEY_ANY. That one has hashes, too. */
export function prepareKeys(stage: Stage, batch: usize, selection: usize, from: i32, count: i32): i32 {
  memory.fill(scratchNulls, 0, <usize>count << 1);
  for (let index = 0; index < stage.keyCount; index++) {
    keyWords(batch, keyOf(stage, index), <u16>1 << <u16>index, selection, from, count);
  }
  if (stage.keyKind != KEY_ANY && !hasNullKeys(stage, batch)) return stage.keyKind;
  for (let index = 0; index < stage.keyCount; index++) {
    hashWords(keyOf(stage, index).words, keyOf(stage, index).type, index == 0, count, stage.seed);
  }
  return KEY_ANY;
}

/** Adds one column to the rows' hashes. */
function hashWords(words: usize, type: i32, isFirst: bool, count: i32, seed: u64): void {
  for (let index = 0; index < count; index++) {
    const word = load<u64>(words + (<usize>index << 3));
    const hash = type == TYPE_UTF8 ? hashBytes(<usize>word, <u32>(word >>> 32), seed) : hashWord(word, seed);
    const at = scratchHashes + (<usize>index << 3);
    store<u64>(at, isFirst ? hash : combineHash(load<u64>(at), hash));
  }
}

/**
 * What the index keeps of a hash: its upper half. A null is hashed as its word 0 and then told apart here: its lowest
 * byte, by which a line is searched, differs from that of 0 or '', so the fast paths, which see no null and compare the
 * word alone, never meet the entry of one.
 */
// @ts-ignore: decorator
@inline
export function tagOf(hash: u64, nulls: u16): u32 {
  return <u32>(hash >>> 32) ^ (<u32>nulls * 0x9e3779b1);
}

/** Whether the entry's key is that of row `index` of the prepared chunk. */
export function keyEquals(stage: Stage, entry: usize, index: i32): bool {
  if (load<u16>(entry, ENTRY_NULLS) != load<u16>(scratchNulls + (<usize>index << 1))) return false;
  let bytes = entry + <usize>stage.fixedBytes;
  for (let column = 0; column < stage.keyCount; column++) {
    const key = keyOf(stage, column);
    const word = load<u64>(key.words + (<usize>index << 3));
    const held = load<u64>(entry + (<usize>column << 3), ENTRY_KEYS);
    if (key.type == TYPE_UTF8) {
      if (held != word >>> 32 || !bytesEqual(bytes, <usize>word, <u32>held)) return false;
      bytes += paddedBytes(<u32>held);
    } else if (held != word) {
      return false;
    }
  }
  return true;
}

/** Bytes of an entry for row `index` of the prepared chunk. */
export function entryBytesFor(stage: Stage, index: i32): u32 {
  let bytes: usize = stage.fixedBytes;
  for (let column = 0; column < stage.keyCount; column++) {
    const key = keyOf(stage, column);
    if (key.type == TYPE_UTF8) bytes += paddedBytes(<u32>(load<u64>(key.words + (<usize>index << 3)) >>> 32));
  }
  return <u32>bytes;
}

/** Writes the key of row `index` into a fresh entry. */
export function writeKey(stage: Stage, entry: usize, index: i32): void {
  store<u16>(entry, load<u16>(scratchNulls + (<usize>index << 1)), ENTRY_NULLS);
  let bytes = entry + <usize>stage.fixedBytes;
  for (let column = 0; column < stage.keyCount; column++) {
    const key = keyOf(stage, column);
    const word = load<u64>(key.words + (<usize>index << 3));
    if (key.type == TYPE_UTF8) {
      writeBytes(bytes, <usize>word, <u32>(word >>> 32));
      bytes += paddedBytes(<u32>(word >>> 32));
      store<u64>(entry + (<usize>column << 3), word >>> 32, ENTRY_KEYS);
    } else {
      store<u64>(entry + (<usize>column << 3), word, ENTRY_KEYS);
    }
  }
}

/** The tag of a whole entry, as prepareKeys would give it; its texts begin at `fixedBytes`. */
export function entryTag(stage: Stage, entry: usize, fixedBytes: u32): u32 {
  const nulls = load<u16>(entry, ENTRY_NULLS);
  if (stage.keyKind == KEY_ONE_WORD) return tagOf(hashWord(load<u64>(entry, ENTRY_KEYS), stage.seed), nulls);
  let bytes = entry + <usize>fixedBytes;
  let hash: u64 = 0;
  for (let column = 0; column < stage.keyCount; column++) {
    const word = load<u64>(entry + (<usize>column << 3), ENTRY_KEYS);
    let next: u64;
    if (keyOf(stage, column).type == TYPE_UTF8) {
      next = hashBytes(bytes, <u32>word, stage.seed);
      bytes += paddedBytes(<u32>word);
    } else {
      next = hashWord(word, stage.seed);
    }
    hash = column == 0 ? next : combineHash(hash, next);
  }
  return tagOf(hash, nulls);
}

// @ts-ignore: decorator
@inline
export function paddedBytes(length: u32): usize {
  return (<usize>length + 7) & ~7;
}

/** Copies a key's bytes and zeroes the padding, so that equal keys are equal in every byte. */
export function writeBytes(to: usize, from: usize, length: u32): void {
  if (length == 0) return;
  store<u64>(to + paddedBytes(length) - 8, 0);
  if (length < 8) {
    for (let at: u32 = 0; at < length; at++) store<u8>(to + at, load<u8>(from + at));
    return;
  }
  // Words, the last one overlapping: memory.copy is a call, and keys are short.
  const last = length - 8;
  for (let at: u32 = 0; at < last; at += 8) store<u64>(to + at, load<u64>(from + at));
  store<u64>(to + last, load<u64>(from + last));
}

/** Whether two ranges of the same length hold the same bytes. Neither is read beyond its end. */
// @ts-ignore: decorator
@inline
export function bytesEqual(a: usize, b: usize, length: u32): bool {
  return length - 8 <= 24 ? middleEqual(a, b, length) : otherEqual(a, b, length);
}

/** 8–32 bytes by four clamped words, as hashBytes reads them. */
// @ts-ignore: decorator
@inline
function middleEqual(a: usize, b: usize, length: u32): bool {
  const last = <usize>length - 8;
  const second = min<usize>(8, last);
  const third = max<usize>(8, last) - 8;
  return (
    ((load<u64>(a) ^ load<u64>(b)) |
      (load<u64>(a + second) ^ load<u64>(b + second)) |
      (load<u64>(a + third) ^ load<u64>(b + third)) |
      (load<u64>(a + last) ^ load<u64>(b + last))) ==
    0
  );
}

function otherEqual(a: usize, b: usize, length: u32): bool {
  if (length < 8) return shortWord(a, length) == shortWord(b, length);
  const last = <usize>length - 8;
  for (let at: usize = 0; at < last; at += 8) {
    if (load<u64>(a + at) != load<u64>(b + at)) return false;
  }
  return load<u64>(a + last) == load<u64>(b + last);
}

/**
 * One u64 hash per row of the batch at `out`.
 *
 * @param keyColumns  keyColumnCount × { u32 columnIndex │ u32 type }, as in a plan
 */
export function hashColumns(
  batch: usize,
  keyColumns: usize,
  keyColumnCount: i32,
  seedLow: u32,
  seedHigh: u32,
  out: usize,
): void {
  const rows = load<i32>(batch);
  const seed = seedOf(seedLow, seedHigh);
  for (let index = 0; index < keyColumnCount; index++) {
    const column = batchColumn(batch, load<i32>(keyColumns + (<usize>index << 3)));
    hashColumn(batch, column, load<i32>(keyColumns + (<usize>index << 3), 4), index == 0, rows, seed, out);
  }
}

function hashColumn(batch: usize, column: usize, type: i32, isFirst: bool, rows: i32, seed: u64, out: usize): void {
  const values = columnValues(batch, column);
  const bytes = columnBytes(batch, column);
  const validity = columnValidity(batch, column);
  if (isFirst && validity == 0 && type == TYPE_UTF8) return hashUtf8(values, bytes, rows, seed, out);
  for (let row = 0; row < rows; row++) {
    const at = values + (<usize>row << 3);
    let hash: u64;
    if (validity != 0 && !bitAt(validity, row)) hash = hashWord(NULL_HASH, seed);
    else if (type == TYPE_I64) hash = hashWord(load<u64>(at), seed);
    else if (type == TYPE_F64) hash = hashWord(canonicalBits(load<f64>(at)), seed);
    else if (type == TYPE_I32) hash = hashWord(<u64>(<i64>load<i32>(values + (<usize>row << 2))), seed);
    else if (type == TYPE_BOOL) hash = hashWord(<u64>bitAt(values, row), seed);
    else {
      const start = load<u32>(values + (<usize>row << 2));
      hash = hashBytes(bytes + start, load<u32>(values + (<usize>row << 2), 4) - start, seed);
    }
    const to = out + (<usize>row << 3);
    store<u64>(to, isFirst ? hash : combineHash(load<u64>(to), hash));
  }
}

function hashUtf8(offsets: usize, bytes: usize, rows: i32, seed: u64, out: usize): void {
  let start = load<u32>(offsets);
  for (let row = 0; row < rows; row++) {
    const end = load<u32>(offsets + (<usize>row << 2), 4);
    store<u64>(out + (<usize>row << 3), hashBytes(bytes + start, end - start, seed));
    start = end;
  }
}
