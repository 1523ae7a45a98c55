// assembly/snapshot.ts — a keyed stage as bytes, chunk by chunk; restore.ts reads them.
//
//   u32 magic │ u32 version │ plan │ counters │ pane count │ { pane header │ entries } … │ u32 end mark │ u32 0 │ u64 checksum
//
//   plan      u32 keyCount │ u32 aggregateCount │ i64 size │ i64 offset │ u64 fixedBytes │ keyCount × u64 type
//             │ aggregateCount × { u8 function │ u8 column type │ u8 nullable │ u8 0 │ i32 group }
//   counters  i64 watermark │ i64 late rows │ i64 closed rows │ i64 sum overflows
//   pane      i64 start │ i64 rows │ i64 entry count
//   entry     as in stage.ts: it holds no address and names its own length
//
// Promises
//   - Whole 8-byte words, no address, no hash, no index: the same state gives the same bytes under any seed, as long
//     as its keys came in the same order.
//   - NaN has one bit pattern.
//   - Of a window that is being fired only what was not written yet is saved.
// Units     a chunk holds whole records; a record is at most RECORD_BYTES_MAX long.
// Not here  when to save, and copying blocks before they change (the marks of blocks.ts are for that).

import { reserve } from './arena';
import { factsOf } from './blocks';
import { canonicalBits } from './key';
import { paneOfIndex } from './keyed';
import { KEY_BYTES_MAX, OUT_TOO_SMALL, SNAPSHOT_VERSION, TYPE_F64 } from './layout';
import { Pane, blockEnd } from './pane';
import { ENTRY_BYTES, ENTRY_ERASED, ENTRY_FLAGS, Stage, aggregateOf, groupOf, keyOf } from './stage';

export const SNAPSHOT_MAGIC: u32 = 0x534b4c50; // "PLKS"
export const SNAPSHOT_END: u32 = 0x45444e45;
/** A key of KEY_BYTES_MAX, padded per column, and the widest state: 64 groups of nine words. */
export const RECORD_BYTES_MAX: usize = KEY_BYTES_MAX + 16 * 16 + 64 * 72 + 128;

// @ts-ignore: decorator
@unmanaged
class Cursor {
  checksum: u64;
  /** −1: the header is next; paneCount: the end is next; above it: done. */
  paneIndex: i32;
  isPaneOpen: i32;
  block: usize;
  at: usize;
}

// @ts-ignore: decorator
@inline
export function foldWord(checksum: u64, word: u64): u64 {
  return rotl<u64>(checksum ^ (word * 0xc2b2ae3d27d4eb4f), 31) * 0x9e3779b185ebca87 + 0x85ebca77c2b2ae63;
}

export function fold(checksum: u64, at: usize, bytes: usize): u64 {
  const end = at + bytes;
  for (; at < end; at += 8) checksum = foldWord(checksum, load<u64>(at));
  return checksum;
}

/** Bytes of everything before the first pane. */
export function headerBytes(stage: Stage): usize {
  return 40 + (<usize>(stage.keyCount + stage.aggregateCount) << 3) + 40;
}

/** Writes the header, as this stage's snapshot begins. */
export function writeHeader(stage: Stage, out: usize): void {
  store<u32>(out, SNAPSHOT_MAGIC);
  store<u32>(out, SNAPSHOT_VERSION, 4);
  store<i32>(out, stage.keyCount, 8);
  store<i32>(out, stage.aggregateCount, 12);
  store<i64>(out, stage.size, 16);
  store<i64>(out, stage.offset, 24);
  store<u64>(out, stage.fixedBytes, 32);
  let at = out + 40;
  for (let index = 0; index < stage.keyCount; index++) {
    store<u64>(at, keyOf(stage, index).type);
    at += 8;
  }
  for (let index = 0; index < stage.aggregateCount; index++) {
    const aggregate = aggregateOf(stage, index);
    const nullable = aggregate.group >= 0 && groupOf(stage, aggregate.group).count != 0;
    store<u32>(at, <u32>aggregate.function | (<u32>aggregate.columnType << 8) | (<u32>nullable << 16));
    store<i32>(at, aggregate.group, 4);
    at += 8;
  }
  store<i64>(at, stage.watermark);
  store<i64>(at, stage.lateRows, 8);
  store<i64>(at, stage.closedRows, 16);
  store<i64>(at, stage.sumOverflows, 24);
  store<i64>(at, stage.paneCount, 32);
}

/**
 * Writes the next chunk of a snapshot at `out` (8-aligned). The stage must not change between the first and the last.
 *
 * @param start  1 begins a snapshot, 0 continues it
 * @returns bytes written; 0 when the snapshot is whole; OUT_TOO_SMALL when the next record does not fit
 */
export function keyedSnapshot(handle: usize, out: usize, outBytesMax: i32, start: i32): i32 {
  const stage = changetype<Stage>(handle);
  if (stage.snapshot == 0) stage.snapshot = reserve(offsetof<Cursor>());
  if (stage.snapshot == 0) return OUT_TOO_SMALL;
  const cursor = changetype<Cursor>(stage.snapshot);
  if (start != 0) {
    cursor.checksum = 0;
    cursor.paneIndex = -1;
    cursor.isPaneOpen = 0;
  }
  if (cursor.paneIndex > stage.paneCount) return 0;
  const end = out + <usize>outBytesMax;
  let at = out;
  if (cursor.paneIndex < 0) {
    const bytes = headerBytes(stage);
    if (end - at < bytes) return OUT_TOO_SMALL;
    writeHeader(stage, at);
    at += bytes;
    cursor.paneIndex = 0;
  }
  while (cursor.paneIndex < stage.paneCount) {
    const next = writePane(stage, cursor, paneOfIndex(stage, cursor.paneIndex), at, end);
    at = next & ~1;
    if ((next & 1) != 0) break; // The chunk is full.
    cursor.paneIndex++;
  }
  cursor.checksum = fold(cursor.checksum, out, at - out);
  if (cursor.paneIndex == stage.paneCount && end - at >= 16) {
    store<u64>(at, <u64>SNAPSHOT_END);
    store<u64>(at, foldWord(cursor.checksum, <u64>SNAPSHOT_END), 8);
    at += 16;
    cursor.paneIndex++;
  }
  return at == out ? OUT_TOO_SMALL : <i32>(at - out);
}

/** Writes what fits of a pane; returns the address behind it, with bit 0 set when the pane goes on. */
function writePane(stage: Stage, cursor: Cursor, pane: Pane, at: usize, end: usize): usize {
  const isFiring = cursor.paneIndex == 0 && stage.fireBlock != 0;
  if (cursor.isPaneOpen == 0) {
    if (end - at < 24) return at | 1;
    cursor.block = isFiring ? stage.fireBlock : pane.firstBlock;
    cursor.at = isFiring ? stage.fireAt : pane.firstBlock;
    store<i64>(at, pane.start);
    store<i64>(at, pane.rows, 8);
    store<i64>(at, isFiring ? entriesFrom(pane, cursor.block, cursor.at) : pane.entryCount, 16);
    at += 24;
    cursor.isPaneOpen = 1;
  }
  while (cursor.block != 0) {
    const stop = blockEnd(pane, cursor.block);
    while (cursor.at < stop) {
      const bytes = <usize>load<u32>(cursor.at, ENTRY_BYTES);
      if (load<u16>(cursor.at, ENTRY_FLAGS) != ENTRY_ERASED) {
        if (end - at < bytes) return at | 1;
        memory.copy(at, cursor.at, bytes);
        canonicalise(stage, at);
        at += bytes;
      }
      cursor.at += bytes;
    }
    cursor.block = <usize>factsOf(cursor.block).next;
    cursor.at = cursor.block;
  }
  cursor.isPaneOpen = 0;
  return at;
}

function entriesFrom(pane: Pane, block: usize, at: usize): i64 {
  let count: i64 = 0;
  while (block != 0) {
    const stop = blockEnd(pane, block);
    for (; at < stop; at += <usize>load<u32>(at, ENTRY_BYTES)) {
      if (load<u16>(at, ENTRY_FLAGS) != ENTRY_ERASED) count++;
    }
    block = <usize>factsOf(block).next;
    at = block;
  }
  return count;
}

/** Sums are the only floats whose NaN may have other bits: the rest is canonical when it is stored. */
function canonicalise(stage: Stage, entry: usize): void {
  for (let index = 0; index < stage.groupCount; index++) {
    const group = groupOf(stage, index);
    if (group.type != TYPE_F64 || group.sum == 0) continue;
    const at = entry + group.sum;
    const sum = load<f64>(at);
    const lost = load<f64>(at, 8);
    if (sum != sum) store<u64>(at, canonicalBits(sum));
    if (lost != lost) store<u64>(at, canonicalBits(lost), 8);
  }
}
