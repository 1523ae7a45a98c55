// assembly/restore-entries.ts — entries of a checkpoint one by one: into other partitions, and into a changed plan.
//
// Promises
//   - An entry is taken by the partition that scatter sends its key's rows to: one of them, whatever their number was.
//   - What the plan keeps comes along, what it dropped does not, what it added starts from nothing (state-layout.ts).
//   - Bytes are not trusted: see restore.ts.
// Not here  blocks taken whole (restore.ts).

import { reserve } from './arena';
import { entryEnd } from './entry-check';
import { entryTag, paddedBytes } from './key';
import { KEY_SCRATCH_BYTES, writePart } from './keyhash';
import { copyBytes } from './copy';
import { paneAt } from './keyed';
import {
  BLOCK_BYTES,
  KEY_PART_NULL,
  RESTORE_CORRUPT,
  RESTORE_OK,
  RESTORE_STATE_FULL,
  TYPE_BOOL,
  TYPE_I32,
  TYPE_UTF8,
} from './layout';
import { murmur2, murmur2Byte, murmur2I32, murmur2I64 } from './murmur2';
import { Pane, paneInsert } from './pane';
import { refuseRestore, restoreOf, startAt } from './restore';
import { ENTRY_BYTES, ENTRY_FLAGS, ENTRY_KEYS, ENTRY_NULLS, Stage, keyOf } from './stage';
import { EntryMapping, moveEntry } from './state-layout';

/** A composite key's serialised bytes; shared, as one call runs at a time. */
let keyBytes: usize = 0;

/**
 * Takes the entries of one BLOCK record, laid out as the last Begin said, whose key belongs to `partition`.
 *
 * @param start       of their window
 * @param entries     8-aligned; of a window that was being fired, from where it was
 * @param groupTable  groupCount × u16 partition, as in a scatter's plan; groupCount 0: all entries
 */
export function keyedRestoreEntries(
  handle: usize,
  start: f64,
  entries: usize,
  bytes: u32,
  groupTable: usize,
  groupCount: u32,
  partition: u32,
): i32 {
  const stage = changetype<Stage>(handle);
  const restore = restoreOf(stage);
  if (restore.refusal != RESTORE_OK) return restore.refusal;
  if (keyBytes == 0) keyBytes = reserve(KEY_SCRATCH_BYTES);
  if (keyBytes == 0) return refuseRestore(restore, RESTORE_STATE_FULL);
  const windowStart = startAt(stage, start);
  if (windowStart == i64.MIN_VALUE || bytes > <u32>BLOCK_BYTES) return refuseRestore(restore, RESTORE_CORRUPT);
  const mapping = changetype<EntryMapping>(restore.mapping);
  const end = entries + <usize>bytes;
  let at: usize = 0;
  for (let entry = entries; entry < end; ) {
    const next = entryEnd(stage, entry, end, mapping.fixedBytes);
    if (next == 0) return refuseRestore(restore, RESTORE_CORRUPT);
    if (load<u16>(entry, ENTRY_FLAGS) == 0) {
      const owner = groupCount == 0 ? <i32>partition : ownerOf(stage, entry, mapping.fixedBytes, groupTable, groupCount);
      if (owner < 0) return refuseRestore(restore, RESTORE_CORRUPT);
      if (<u32>owner == partition) {
        if (at == 0) at = paneAt(stage, windowStart);
        if (at == 0 || !takeEntry(stage, changetype<Pane>(at), mapping, entry)) {
          return refuseRestore(restore, RESTORE_STATE_FULL);
        }
      }
    }
    entry = next;
  }
  return RESTORE_OK;
}

function takeEntry(stage: Stage, pane: Pane, mapping: EntryMapping, from: usize): bool {
  const bytes = load<u32>(from, ENTRY_BYTES);
  const tag = entryTag(stage, from, mapping.fixedBytes);
  const entry = paneInsert(stage, pane, tag, bytes - mapping.fixedBytes + stage.fixedBytes);
  if (entry == 0) return false;
  moveEntry(stage, mapping, entry, from, bytes);
  const rows = load<i64>(entry + stage.stateOffset);
  pane.rows += rows;
  stage.openRows += rows;
  return true;
}

/** The partition that the entry's key belongs to; −1: no key that scatter would have let through. */
function ownerOf(stage: Stage, entry: usize, fixedBytes: u32, groupTable: usize, groupCount: u32): i32 {
  const texts = entry + <usize>fixedBytes;
  let hash: u32;
  if (stage.keyCount == 1) {
    hash = hashOne(keyOf(stage, 0).type, load<u16>(entry, ENTRY_NULLS) != 0, load<u64>(entry, ENTRY_KEYS), texts);
  } else {
    const length = serialise(stage, entry, texts);
    if (length < 0) return -1;
    hash = murmur2(keyBytes, length);
  }
  return load<u16>(groupTable + (<usize>((hash & 0x7fffffff) % groupCount) << 1));
}

function hashOne(type: i32, isNull: bool, word: u64, text: usize): u32 {
  if (isNull) return murmur2(0, 0);
  if (type == TYPE_UTF8) return murmur2(text, <i32>word);
  if (type == TYPE_BOOL) return murmur2Byte(<u32>word);
  return type == TYPE_I32 ? murmur2I32(<u32>word) : murmur2I64(word);
}

/** Writes a composite key as keyhash.ts describes it; returns its length, or −1 when it is too long. */
function serialise(stage: Stage, entry: usize, texts: usize): i32 {
  const nulls = <u32>load<u16>(entry, ENTRY_NULLS);
  let used = 0;
  for (let index = 0; index < stage.keyCount && used >= 0; index++) {
    const type = keyOf(stage, index).type;
    const word = load<u64>(entry + (<usize>index << 3), ENTRY_KEYS);
    const at = keyBytes + <usize>(used + 4);
    if (((nulls >>> index) & 1) != 0) {
      used = writePart(keyBytes, used, 0, KEY_PART_NULL);
    } else if (type == TYPE_UTF8) {
      used = writePart(keyBytes, used, <u32>word, <u32>word);
      if (used >= 0) copyBytes(at, texts, <u32>word);
      texts += paddedBytes(<u32>word);
    } else if (type == TYPE_BOOL) {
      used = writePart(keyBytes, used, 1, 1);
      if (used >= 0) store<u8>(at, <u8>word);
    } else if (type == TYPE_I32) {
      used = writePart(keyBytes, used, 4, 4);
      if (used >= 0) store<u32>(at, bswap<u32>(<u32>word));
    } else {
      used = writePart(keyBytes, used, 8, 8);
      if (used >= 0) store<u64>(at, bswap<u64>(word));
    }
  }
  return used;
}
