// assembly/restore.ts — a keyed stage from the records of a checkpoint, whole blocks at a time.
//
//   Begin(KEYED) │ Pane(PANE) …, then Block ─ the host writes its bytes where it says ─ Fill … │ End(END)
//
// The stage is fresh, its hash seed its own: indexes are rebuilt from the entries' keys. When Begin answers RESTORE_ENTRIES,
// or the checkpoint had another number of partitions, entries are taken one by one (restore-entries.ts).
//
// Promises
//   - Bytes are not trusted, whatever their checksum says: every length, offset and count is checked before it is used.
//   - Blocks may come in any order. End refuses a stage that lacks one, has one twice, or has other entries than the panes say.
//   - The next barrier may name the restored checkpoint as its base: blocks keep their index and their mark.
//   - The first refusal stays: the stage holds a part of the checkpoint and is not to be used.
// Not here  checksums of records; SAME, which the host replaces by the BLOCK that it names.

import { reserve } from './arena';
import { factsOf, markBlock } from './blocks';
import { entryEnd } from './entry-check';
import { frozenOf } from './frozen';
import { paneAt, paneOfIndex } from './keyed';
import {
  BLOCK_BYTES,
  RECORD_BLOCK,
  RECORD_PANE,
  RESTORE_CORRUPT,
  RESTORE_ENTRIES,
  RESTORE_OK,
  RESTORE_STATE_FULL,
  TIME_MAX,
  TIME_MIN,
  WATERMARK_NONE,
} from './layout';
import { Pane, keepErased } from './pane';
import { indexEntries } from './pane-index';
import { ENTRY_FLAGS, Stage, scratchEntries, stageTakeBlock } from './stage';
import { EntryMapping, mapLayout, mappingCreate } from './state-layout';
import { BLOCK_PAYLOAD_HEAD_BYTES, END_PAYLOAD_BYTES, PANE_PAYLOAD_BYTES, digestOf } from './sweep';

// @ts-ignore: decorator
@unmanaged
export class Restore {
  refusal: i32;
  epoch: u32;
  /** RESTORE_OK or RESTORE_ENTRIES, as the last Begin answered. */
  way: i32;
  hasBegun: i32;
  panesLeft: u32;
  recordCount: u32;
  digest: u32;
  /** The block that the host is filling; 0: none. */
  block: usize;
  blockPane: usize;
  /** The pane that was being fired. */
  firingPane: usize;
  firedBytes: u32;
  mapping: usize;
}

/** Where the blocks of one pane are put in order; shared, as one call runs at a time. */
let blocksByIndex: usize = 0;

export function restoreOf(stage: Stage): Restore {
  assert(stage.restore != 0); // keyedRestoreBegin comes first.
  return changetype<Restore>(stage.restore);
}

function restoreOpen(stage: Stage): bool {
  if (stage.restore != 0) return true;
  if (blocksByIndex == 0) blocksByIndex = reserve(<usize>memory.size() * 4);
  const at = reserve(offsetof<Restore>());
  if (at == 0 || blocksByIndex == 0) return false;
  changetype<Restore>(at).mapping = mappingCreate(stage);
  if (changetype<Restore>(at).mapping == 0) return false;
  stage.restore = at;
  return true;
}

/** Notes a refusal for good. */
export function refuseRestore(restore: Restore, refusal: i32): i32 {
  if (restore.refusal == RESTORE_OK) restore.refusal = refusal;
  return restore.refusal;
}

/**
 * Takes the payload of a KEYED record: plan, watermark, counters. May be called once for each part when their entries are
 * taken one by one: the least watermark counts.
 *
 * @param columns       columnCount × { u32 batch column of the record's plan │ u32 of this plan }; columnCount 0: the same
 * @param takesCounters 0: another partition takes this part's counters
 * @returns RESTORE_OK: whole blocks can be taken; RESTORE_ENTRIES: only entries; else why it is refused
 */
export function keyedRestoreBegin(
  handle: usize,
  payload: usize,
  bytes: u32,
  columns: usize,
  columnCount: i32,
  takesCounters: i32,
): i32 {
  const stage = changetype<Stage>(handle);
  if (!restoreOpen(stage)) return RESTORE_STATE_FULL;
  const restore = restoreOf(stage);
  if (restore.refusal != RESTORE_OK) return restore.refusal;
  const mapping = changetype<EntryMapping>(restore.mapping);
  const way = mapLayout(stage, mapping, payload, bytes, columns, columnCount);
  if (way != RESTORE_OK && way != RESTORE_ENTRIES) return refuseRestore(restore, way);
  const watermark = load<i64>(payload, 24);
  const epoch = load<u32>(payload, 4);
  if (!isTime(watermark) && watermark != <i64>WATERMARK_NONE) return refuseRestore(restore, RESTORE_CORRUPT);
  if (epoch == 0 || epoch == u32.MAX_VALUE) return refuseRestore(restore, RESTORE_CORRUPT);
  stage.watermark = restore.hasBegun ? min(stage.watermark, watermark) : watermark;
  restore.epoch = restore.hasBegun ? max(restore.epoch, epoch) : epoch;
  restore.hasBegun = 1;
  restore.way = way;
  restore.panesLeft = load<u32>(payload, 68);
  stage.epoch = restore.epoch + 1;
  if (takesCounters != 0) {
    stage.lateRows += load<i64>(payload, 32);
    stage.closedRows += load<i64>(payload, 40);
    stage.sumOverflows += load<i64>(payload, 48);
  }
  return way;
}

function isTime(time: i64): bool {
  // A window that begins at the last legal time ends a size later.
  return time >= <i64>TIME_MIN * 2 && time <= <i64>TIME_MAX * 2;
}

/** Takes the payload of a PANE record: an empty window that waits for its blocks. */
export function keyedRestorePane(handle: usize, payload: usize, bytes: u32): i32 {
  const stage = changetype<Stage>(handle);
  const restore = restoreOf(stage);
  if (restore.refusal != RESTORE_OK) return restore.refusal;
  if (restore.way != RESTORE_OK || restore.panesLeft == 0 || bytes != <u32>PANE_PAYLOAD_BYTES) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  const start = startAt(stage, load<f64>(payload));
  const rows = load<f64>(payload, 8);
  const entryCount = load<u32>(payload, 16);
  const blockCount = load<u32>(payload, 20);
  const firstIndex = load<u32>(payload, 24);
  const firedBytes = load<u32>(payload, 28);
  const isFired = firstIndex != 0 || firedBytes != 0;
  const isClosed = start + stage.size <= stage.watermark;
  const knownPanes = stage.paneCount;
  if (start == i64.MIN_VALUE || !(rows >= <f64>entryCount && rows <= 9007199254740991.0)) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  if (firedBytes > <u32>BLOCK_BYTES || (blockCount == 0) != (entryCount == 0)) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  if (blockCount > <u32>memory.size()) return refuseRestore(restore, RESTORE_STATE_FULL);
  if (isFired && (!isClosed || restore.firingPane != 0)) return refuseRestore(restore, RESTORE_CORRUPT);
  // An eighth more: at exactly as many as the segments hold, half of them would be split on the way.
  stage.presizeCount = <i32>min<u32>(entryCount + (entryCount >>> 3), i32.MAX_VALUE);
  stage.lastPane = 0;
  const at = paneAt(stage, start);
  if (at == 0) return refuseRestore(restore, RESTORE_STATE_FULL);
  if (stage.paneCount == knownPanes) return refuseRestore(restore, RESTORE_CORRUPT); // There is one.
  const pane = changetype<Pane>(at);
  pane.rows = <i64>rows;
  pane.firstIndex = firstIndex;
  pane.frozenEntries = entryCount; // Until End compares.
  pane.frozenBlocks = blockCount;
  stage.openRows += <i64>rows;
  if (isFired) {
    restore.firingPane = at;
    restore.firedBytes = firedBytes;
  }
  restore.panesLeft--;
  count(restore, digestOf(RECORD_PANE, start, entryCount, blockCount));
  return RESTORE_OK;
}

/** The start that a record names; i64.MIN_VALUE when no window of the stage starts there. */
export function startAt(stage: Stage, named: f64): i64 {
  if (!(named >= <f64>TIME_MIN * 2 && named <= <f64>TIME_MAX) || floor(named) != named) return i64.MIN_VALUE;
  const start = <i64>named;
  return (start - stage.offset) % stage.size == 0 ? start : i64.MIN_VALUE;
}

function count(restore: Restore, digest: u32): void {
  restore.recordCount++;
  restore.digest += digest;
}

/**
 * Takes the first BLOCK_PAYLOAD_HEAD_BYTES of a BLOCK record.
 *
 * @returns where the host now writes its usedBytes of entries before it calls keyedRestoreFill; below BLOCK_BYTES: a refusal
 */
export function keyedRestoreBlock(handle: usize, head: usize, bytes: u32): usize {
  const stage = changetype<Stage>(handle);
  const restore = restoreOf(stage);
  if (restore.refusal != RESTORE_OK) return restore.refusal;
  if (restore.way != RESTORE_OK || restore.block != 0 || bytes != <u32>BLOCK_PAYLOAD_HEAD_BYTES) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  const start = startAt(stage, load<f64>(head));
  const index = load<u32>(head, 8);
  const used = load<u32>(head, 12);
  const at = openPaneAt(stage, start); // There is none at i64.MIN_VALUE.
  if (at == 0 || used == 0 || used > <u32>BLOCK_BYTES || (used & 7) != 0) return refuseRestore(restore, RESTORE_CORRUPT);
  const pane = changetype<Pane>(at);
  if (index < pane.firstIndex || index - pane.firstIndex >= pane.frozenBlocks) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  const block = stageTakeBlock(stage);
  if (block == 0) return refuseRestore(restore, RESTORE_STATE_FULL);
  const facts = factsOf(block);
  facts.used = used;
  facts.next = <u32>pane.firstBlock;
  pane.firstBlock = block;
  frozenOf(block).index = index;
  restore.block = block;
  restore.blockPane = at;
  count(restore, digestOf(RECORD_BLOCK, start, index, used));
  return block;
}

function openPaneAt(stage: Stage, start: i64): usize {
  let low = 0;
  let high = stage.paneCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (paneOfIndex(stage, middle).start < start) low = middle + 1;
    else high = middle;
  }
  if (low == stage.paneCount || paneOfIndex(stage, low).start != start) return 0;
  return changetype<usize>(paneOfIndex(stage, low));
}

/** The block that keyedRestoreBlock gave is written: its entries are looked at and indexed. */
export function keyedRestoreFill(handle: usize): i32 {
  const stage = changetype<Stage>(handle);
  const restore = restoreOf(stage);
  if (restore.refusal != RESTORE_OK) return restore.refusal;
  if (restore.block == 0) return refuseRestore(restore, RESTORE_CORRUPT);
  const block = restore.block;
  const pane = changetype<Pane>(restore.blockPane);
  restore.block = 0;
  const isFired = restore.firingPane == restore.blockPane && frozenOf(block).index == pane.firstIndex;
  const from = block + (isFired ? <usize>restore.firedBytes : 0);
  const end = block + <usize>factsOf(block).used;
  let entry = block;
  let live = 0;
  while (entry < end) {
    const next = entryEnd(stage, entry, end, stage.fixedBytes);
    if (next == 0 || (entry < from && next > from)) return refuseRestore(restore, RESTORE_CORRUPT);
    if (load<u16>(entry, ENTRY_FLAGS) != 0) {
      keepErased(pane, entry);
    } else if (entry >= from) {
      store<u32>(scratchEntries + (<usize>live << 2), <u32>entry);
      live++;
    }
    entry = next;
  }
  if (from > end) return refuseRestore(restore, RESTORE_CORRUPT);
  if (!indexEntries(stage, pane, live)) return refuseRestore(restore, RESTORE_STATE_FULL);
  markBlock(block, restore.epoch);
  return RESTORE_OK;
}

/**
 * Takes the payload of the END record, or nothing (`bytes` 0) when entries were taken one by one: the stage can be used.
 */
export function keyedRestoreEnd(handle: usize, payload: usize, bytes: u32): i32 {
  const stage = changetype<Stage>(handle);
  const restore = restoreOf(stage);
  if (restore.refusal != RESTORE_OK) return restore.refusal;
  if (bytes == 0 && restore.recordCount == 0) return RESTORE_OK;
  if (bytes != <u32>END_PAYLOAD_BYTES || restore.block != 0 || restore.panesLeft != 0) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  if (load<u32>(payload) != restore.recordCount || load<u32>(payload, 4) != restore.digest) {
    return refuseRestore(restore, RESTORE_CORRUPT);
  }
  for (let index = 0; index < stage.paneCount; index++) {
    const pane = paneOfIndex(stage, index);
    if (pane.entryCount != <i32>pane.frozenEntries || !orderBlocks(pane)) return refuseRestore(restore, RESTORE_CORRUPT);
  }
  if (restore.firingPane != 0) {
    const pane = paneOfIndex(stage, 0);
    if (restore.firingPane != changetype<usize>(pane) || pane.firstBlock == 0) return refuseRestore(restore, RESTORE_CORRUPT);
    stage.fireBlock = pane.firstBlock;
    stage.fireAt = pane.firstBlock + <usize>restore.firedBytes;
  }
  stage.firstBase = restore.epoch;
  return RESTORE_OK;
}

/** Chains the pane's blocks by their index; false when one is missing or there twice. */
function orderBlocks(pane: Pane): bool {
  const blockCount = pane.frozenBlocks;
  memory.fill(blocksByIndex, 0, <usize>blockCount << 2);
  let found: u32 = 0;
  for (let block = pane.firstBlock; block != 0; block = <usize>factsOf(block).next) {
    const at = blocksByIndex + (<usize>(frozenOf(block).index - pane.firstIndex) << 2);
    if (load<u32>(at) != 0) return false;
    store<u32>(at, <u32>block);
    found++;
  }
  if (found != blockCount) return false;
  let next: usize = 0;
  for (let index = <i32>blockCount - 1; index >= 0; index--) {
    const block = <usize>load<u32>(blocksByIndex + (<usize>index << 2));
    factsOf(block).next = <u32>next;
    if (next == 0) {
      pane.lastBlock = block;
      pane.fill = block + <usize>factsOf(block).used;
      pane.fillEnd = block + BLOCK_BYTES;
    }
    next = block;
  }
  pane.firstBlock = next;
  return true;
}
