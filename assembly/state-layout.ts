// assembly/state-layout.ts — how a stage's entries are laid out, as bytes in a checkpoint, and from there into another plan.
//
//   KEYED   u32 version │ u32 epoch │ i64 window size │ i64 window offset
//   24      i64 watermark │ i64 late rows │ i64 closed rows │ i64 sum overflows
//   56      u32 fixedBytes │ u32 keys │ u32 groups │ u32 panes
//   72      keys × { u32 type │ u32 batch column }
//           groups × { u32 batch column │ u32 type │ u32 generation │ offsets in the entry, 0 = not kept:
//                      u32 count │ u32 sum │ u32 min │ u32 max │ u32 first │ u32 last │ u32 0 }
//
// Groups are told apart by batch column and generation. An aggregate that is added to a running job belongs to a group of a
// new generation, which has a count of its own: in entries that are older it starts from nothing, so its result is null
// (of count: 0) until a value comes.
//
// Promises
//   - Nothing outside the record's bytes is read, and no offset is used before it is known to lie in the entry.
//   - A field that this plan needs and an older group of the same column and generation lacks is refused, not invented; but
//     the count of a column that had no nulls is the count of rows.

import { reserve } from './arena';
import { Snapshot } from './frozen';
import {
  KEYED_RECORD_VERSION,
  KEY_COLUMNS_MAX,
  AGGREGATES_MAX,
  RESTORE_CORRUPT,
  RESTORE_ENTRIES,
  RESTORE_FOREIGN,
  RESTORE_OK,
  RESTORE_PLAN,
  RESTORE_STATE_FULL,
} from './layout';
import { ENTRY_KEYS, Group, Stage, groupOf, keyOf } from './stage';

const HEAD_BYTES: usize = 72;
const KEY_BYTES: usize = 8;
const GROUP_BYTES: usize = 40;
const GROUP_FIELDS: usize = 12;
const FIELD_COUNT = 6;
/** The widest entry before its texts: all groups with all fields. */
const FIXED_BYTES_MAX: u32 = 8 + KEY_COLUMNS_MAX * 8 + 8 + AGGREGATES_MAX * 72;

/** How entries of a record's layout become entries of this stage. */
// @ts-ignore: decorator
@unmanaged
export class EntryMapping {
  fixedBytes: u32;
  moveCount: u32;
  /** Whole blocks may be taken. */
  isSame: bool;
  /** moveCount × { u32 from │ u32 to │ u32 bytes } */
  moves: usize;
}

const MOVE_BYTES: usize = 12;

export function keyedPayloadBytes(stage: Stage): usize {
  return HEAD_BYTES + <usize>stage.keyCount * KEY_BYTES + <usize>stage.groupCount * GROUP_BYTES;
}

export function writeKeyedPayload(stage: Stage, snapshot: Snapshot, out: usize): void {
  store<u32>(out, KEYED_RECORD_VERSION);
  store<u32>(out, snapshot.epoch, 4);
  store<i64>(out, stage.size, 8);
  store<i64>(out, stage.offset, 16);
  store<i64>(out, snapshot.watermark, 24);
  store<i64>(out, snapshot.lateRows, 32);
  store<i64>(out, snapshot.closedRows, 40);
  store<i64>(out, snapshot.sumOverflows, 48);
  store<u32>(out, stage.fixedBytes, 56);
  store<i32>(out, stage.keyCount, 60);
  store<i32>(out, stage.groupCount, 64);
  store<u32>(out, snapshot.paneCount, 68);
  let at = out + HEAD_BYTES;
  for (let index = 0; index < stage.keyCount; index++) {
    store<i32>(at, keyOf(stage, index).type);
    store<i32>(at, keyOf(stage, index).columnIndex, 4);
    at += KEY_BYTES;
  }
  for (let index = 0; index < stage.groupCount; index++) {
    const group = groupOf(stage, index);
    store<i32>(at, group.columnIndex);
    store<i32>(at, group.type, 4);
    store<u32>(at, group.generation, 8);
    for (let field = 0; field < FIELD_COUNT; field++) {
      store<u32>(at + GROUP_FIELDS + (<usize>field << 2), <u32>fieldOf(group, field));
    }
    store<u32>(at, 0, 36);
    at += GROUP_BYTES;
  }
}

/** Fields in the order of the record. */
function fieldOf(group: Group, field: i32): usize {
  if (field == 0) return group.count;
  if (field == 1) return group.sum;
  if (field == 2) return group.min;
  if (field == 3) return group.max;
  return field == 4 ? group.first : group.last;
}

// @ts-ignore: decorator
@inline
function fieldBytes(field: i32): u32 {
  return field == 0 || field == 2 || field == 3 ? 8 : 16;
}

/** An empty mapping with room for every field of the stage; 0 when the arena is full. */
export function mappingCreate(stage: Stage): usize {
  const at = reserve(offsetof<EntryMapping>());
  const moves = reserve(<usize>stage.groupCount * FIELD_COUNT * MOVE_BYTES + 8);
  if (at == 0 || moves == 0) return 0;
  changetype<EntryMapping>(at).moves = moves;
  return at;
}

/**
 * Reads the payload of a KEYED record and finds out how its entries become the stage's.
 *
 * @param columns  columnCount × { u32 batch column of the record's plan │ u32 batch column of this plan }; none: they are the same
 */
export function mapLayout(
  stage: Stage,
  mapping: EntryMapping,
  payload: usize,
  bytes: u32,
  columns: usize,
  columnCount: i32,
): i32 {
  if (bytes < <u32>HEAD_BYTES || load<u32>(payload) != KEYED_RECORD_VERSION) return RESTORE_FOREIGN;
  if (load<i64>(payload, 8) != stage.size || load<i64>(payload, 16) != stage.offset) return RESTORE_PLAN;
  const fixedBytes = load<u32>(payload, 56);
  const keyCount = load<u32>(payload, 60);
  const groupCount = load<u32>(payload, 64);
  if (keyCount > <u32>KEY_COLUMNS_MAX || groupCount > <u32>AGGREGATES_MAX || fixedBytes > FIXED_BYTES_MAX) {
    return RESTORE_CORRUPT;
  }
  if (<usize>bytes != HEAD_BYTES + <usize>keyCount * KEY_BYTES + <usize>groupCount * GROUP_BYTES) return RESTORE_CORRUPT;
  if (<i32>keyCount != stage.keyCount) return RESTORE_PLAN;
  for (let index = 0; index < stage.keyCount; index++) {
    const type = load<i32>(payload + HEAD_BYTES + <usize>index * KEY_BYTES);
    if (type != keyOf(stage, index).type) return RESTORE_PLAN;
  }
  const stateOffset = <u32>stage.stateOffset; // The same keys, so the same place.
  if ((fixedBytes & 7) != 0 || fixedBytes < stateOffset + 8) return RESTORE_CORRUPT;
  const groups = payload + HEAD_BYTES + <usize>keyCount * KEY_BYTES;
  for (let index: u32 = 0; index < groupCount; index++) {
    if (!offsetsAreSound(groups + <usize>index * GROUP_BYTES, stateOffset + 8, fixedBytes)) return RESTORE_CORRUPT;
  }
  mapping.fixedBytes = fixedBytes;
  mapping.moveCount = 0;
  mapping.isSame = fixedBytes == stage.fixedBytes && groupCount == stage.groupCount;
  for (let index = 0; index < stage.groupCount; index++) {
    const group = groupOf(stage, index);
    const from = findGroup(group, groups, groupCount, columns, columnCount);
    if (from == 0) {
      if (group.generation == 0) return RESTORE_PLAN;
      mapping.isSame = false;
    } else if (load<i32>(from, 4) != group.type || !mapFields(mapping, group, from, stateOffset)) {
      return RESTORE_PLAN;
    }
  }
  return mapping.isSame ? RESTORE_OK : RESTORE_ENTRIES;
}

function offsetsAreSound(group: usize, least: u32, fixedBytes: u32): bool {
  for (let field = 0; field < FIELD_COUNT; field++) {
    const offset = load<u32>(group + GROUP_FIELDS + (<usize>field << 2));
    if (offset == 0) continue;
    if ((offset & 7) != 0 || offset < least || offset > fixedBytes - fieldBytes(field)) return false;
  }
  return true;
}

/** The record's group of the same column and generation, or 0. */
function findGroup(group: Group, groups: usize, groupCount: u32, columns: usize, columnCount: i32): usize {
  for (let index: u32 = 0; index < groupCount; index++) {
    const from = groups + <usize>index * GROUP_BYTES;
    if (load<u32>(from, 8) != group.generation) continue;
    if (columnNow(load<i32>(from), columns, columnCount) == group.columnIndex) return from;
  }
  return 0;
}

function columnNow(column: i32, columns: usize, columnCount: i32): i32 {
  if (columnCount == 0) return column;
  for (let index = 0; index < columnCount; index++) {
    const pair = columns + (<usize>index << 3);
    if (load<i32>(pair) == column) return load<i32>(pair, 4);
  }
  return -1;
}

function mapFields(mapping: EntryMapping, group: Group, from: usize, rowsOffset: u32): bool {
  for (let field = 0; field < FIELD_COUNT; field++) {
    const to = <u32>fieldOf(group, field);
    if (to == 0) continue;
    let offset = load<u32>(from + GROUP_FIELDS + (<usize>field << 2));
    if (offset == 0 && field == 0) offset = rowsOffset;
    if (offset == 0) return false;
    if (offset != to) mapping.isSame = false;
    const move = mapping.moves + <usize>mapping.moveCount * MOVE_BYTES;
    mapping.moveCount++;
    store<u32>(move, offset);
    store<u32>(move, to, 4);
    store<u32>(move, fieldBytes(field), 8);
  }
  return true;
}

/** Fills a fresh entry, which holds the template, from one of the record's layout that has the same key. */
export function moveEntry(stage: Stage, mapping: EntryMapping, entry: usize, from: usize, bytes: u32): void {
  store<u32>(entry, load<u32>(from)); // Nulls; no flags.
  memory.copy(entry + ENTRY_KEYS, from + ENTRY_KEYS, stage.stateOffset + 8 - ENTRY_KEYS); // Keys and rows.
  for (let index: u32 = 0; index < mapping.moveCount; index++) {
    const move = mapping.moves + <usize>index * MOVE_BYTES;
    const target = entry + load<u32>(move, 4);
    const source = from + load<u32>(move);
    store<u64>(target, load<u64>(source));
    if (load<u32>(move, 8) == 16) store<u64>(target, load<u64>(source, 8), 8);
  }
  const texts = bytes - mapping.fixedBytes;
  if (texts != 0) memory.copy(entry + stage.fixedBytes, from + mapping.fixedBytes, texts);
}
