// assembly/stage.ts — what a keyed stage is in memory, and how a plan becomes one.
//
//   entry   0                8              8 + 8 × keys       fixedBytes
//           ├ u16 keyNulls   ├ key words    ├ state            ├ utf8 key bytes, in column order, each padded to 8 ┤
//           │ u16 flags      │ 8 bytes each │ i64 rows,
//           │ u32 entryBytes │              │ then the groups
//
//   key word   i64 value (bool, i32 widened); f64 bits with one zero and one NaN; utf8: the length; 0 when null
//   group      the state of all aggregates over one column, so sum(x) and avg(x) add x once:
//              [i64 count of non-nulls] [sum: i64 low, i64 high │ f64 sum, f64 compensation] [min] [max]
//              [first: i64 time, value] [last: i64 time, value]
//
// An entry holds no address, so it may be copied as it is into a snapshot and into another stage of the same plan.

import { giveBlock, reserve, takeBlock } from './arena';
import { blocksOpen } from './blocks';
import { snapshotCreate } from './frozen';
import { seedOf } from './hash';
import {
  AGGREGATE_AVG,
  AGGREGATE_COUNT,
  AGGREGATE_FIRST,
  AGGREGATE_GENERATION_SHIFT,
  AGGREGATE_LAST,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_NULLABLE,
  AGGREGATE_SUM,
  BATCH_ROWS_MAX,
  BLOCK_BYTES,
  KEYED_PLAN_HEADER_BYTES,
  NO_COLUMN,
  OPEN_WINDOWS_MAX,
  TYPE_F64,
  TYPE_I64,
  TYPE_UTF8,
  WATERMARK_NONE,
} from './layout';

export const ENTRY_NULLS: usize = 0;
export const ENTRY_FLAGS: usize = 2;
export const ENTRY_BYTES: usize = 4;
export const ENTRY_KEYS: usize = 8;
export const ENTRY_ERASED: u16 = 1;

export const KEY_ONE_WORD = 1;
export const KEY_ONE_UTF8 = 2;
export const KEY_ANY = 3;

// @ts-ignore: decorator
@unmanaged
export class KeyColumn {
  columnIndex: i32;
  type: i32;
  /** Of the chunk at hand: one 64-bit word a row (utf8: address │ length << 32). */
  words: usize;
  /** Room for them when the column itself cannot be read as words. */
  scratch: usize;
}

// @ts-ignore: decorator
@unmanaged
export class Group {
  columnIndex: i32;
  type: i32;
  /** In which change of the job it was added: a later one starts empty in entries that are older. */
  generation: u32;
  // Offsets in the entry; 0 = not kept.
  count: usize;
  sum: usize;
  min: usize;
  max: usize;
  first: usize;
  last: usize;
}

// @ts-ignore: decorator
@unmanaged
export class Aggregate {
  function: i32;
  resultType: i32;
  /** Index of the group, −1 for count(*). */
  group: i32;
  columnType: i32;
}

// @ts-ignore: decorator
@unmanaged
export class Stage {
  keyCount: i32;
  aggregateCount: i32;
  groupCount: i32;
  outRowsMax: i32;
  seed: u64;
  size: i64;
  offset: i64;
  watermark: i64;
  /** What changes are marked with: the next checkpoint's number (barrier.ts). */
  epoch: u32;
  keyKind: i32;
  /** All aggregates are count, sum, min, max of one i64 column without nulls: updated in one loop. */
  isFused: i32;
  hasUtf8Keys: i32;
  stateOffset: usize;
  fixedBytes: u32;
  keys: usize;
  aggregates: usize;
  groups: usize;
  /** What a new entry looks like: fixedBytes long. */
  template: usize;
  /** Addresses of the open panes, ascending by start. */
  panes: usize;
  paneCount: i32;
  lastPane: usize;
  freePane: usize;
  /** A segment that is never written: stands for the segments that a presized directory does not have yet. */
  emptySegment: usize;
  /** Entries of the pane that was opened before: the next one is presized from it. */
  presizeCount: i32;
  lateRows: i64;
  closedRows: i64;
  sumOverflows: i64;
  openRows: i64;
  entries: i64;
  stateBlocks: i32;
  // Where firing stands in the first pane: the block and the next entry; 0 = at its beginning. How many are behind it.
  fireBlock: usize;
  fireAt: usize;
  firedEntries: i32;
  /** Where the last push paused. */
  pausedAt: i32;
  snapshot: usize;
  /** The first checkpoint whose bytes this stage knows. */
  firstBase: u32;
  restore: usize;
}

// Scratch for one chunk of rows (entries and starts: one result batch); shared by all stages, as one call runs at a time.
export let scratchHashes: usize = 0; // u64
export let scratchProbes: usize = 0; // u64: tag << 32 │ line
export let scratchEntries: usize = 0; // u32
export let scratchTouched: usize = 0; // u64
export let scratchPresent: usize = 0; // u32 entries of the rows whose value is not null
export let scratchValues: usize = 0; // u64
export let scratchTimes: usize = 0; // u64
export let scratchPresentTimes: usize = 0; // u64
export let scratchNulls: usize = 0; // u16; results: one bit a row
export let scratchSelection: usize = 0; // u16
export let scratchWindowOf: usize = 0; // u16 a row: its window's number in the batch
export let scratchWindowRows: usize = 0; // i32 a window
export let scratchWindowTable: usize = 0; // u16: number + 1
export let scratchSegment: usize = 0; // one block
export let scratchStarts: usize = 0; // i64

/**
 * Rows that are hashed, resolved and added together: what their passes touch must outlive them in the nearest cache, and
 * a pass must be long enough to keep many lines on their way.
 */
export const CHUNK_ROWS = 256;
/** Finds the windows of a batch by their starts: twice as many slots as a batch can have windows. */
export const WINDOW_TABLE_SLOTS = BATCH_ROWS_MAX * 2;

function scratchOpen(): bool {
  if (scratchSegment != 0) return true;
  scratchHashes = reserve(CHUNK_ROWS * 8);
  scratchProbes = reserve(CHUNK_ROWS * 8);
  scratchEntries = reserve(BATCH_ROWS_MAX * 4);
  scratchTouched = reserve(8);
  scratchPresent = reserve(CHUNK_ROWS * 4);
  scratchValues = reserve(CHUNK_ROWS * 8);
  scratchTimes = reserve(CHUNK_ROWS * 8);
  scratchPresentTimes = reserve(CHUNK_ROWS * 8);
  scratchNulls = reserve(max(CHUNK_ROWS * 2, BATCH_ROWS_MAX / 8));
  scratchSelection = reserve(BATCH_ROWS_MAX * 2);
  scratchWindowOf = reserve(BATCH_ROWS_MAX * 2);
  scratchWindowRows = reserve(BATCH_ROWS_MAX * 4);
  scratchWindowTable = reserve(WINDOW_TABLE_SLOTS * 2);
  scratchStarts = reserve(BATCH_ROWS_MAX * 8);
  scratchSegment = reserve(BLOCK_BYTES);
  return scratchSegment != 0;
}

// @ts-ignore: decorator
@inline
export function keyOf(stage: Stage, index: i32): KeyColumn {
  return changetype<KeyColumn>(stage.keys + <usize>index * offsetof<KeyColumn>());
}

// @ts-ignore: decorator
@inline
export function groupOf(stage: Stage, index: i32): Group {
  return changetype<Group>(stage.groups + <usize>index * offsetof<Group>());
}

// @ts-ignore: decorator
@inline
export function aggregateOf(stage: Stage, index: i32): Aggregate {
  return changetype<Aggregate>(stage.aggregates + <usize>index * offsetof<Aggregate>());
}

/** A block of state or index, counted; 0 when the arena is full. */
export function stageTakeBlock(stage: Stage): usize {
  const block = takeBlock();
  if (block != 0) stage.stateBlocks++;
  return block;
}

export function stageGiveBlock(stage: Stage, block: usize): void {
  stage.stateBlocks--;
  giveBlock(block);
}

/**
 * Makes a keyed stage from a plan (layout.ts); the plan may be overwritten afterwards.
 *
 * @returns its handle, or 0 when the arena is full
 */
export function keyedCreate(plan: usize): usize {
  if (!blocksOpen() || !scratchOpen()) return 0;
  const keyCount = load<i32>(plan);
  const aggregateCount = load<i32>(plan, 4);
  assert(keyCount >= 1 && keyCount <= 16);
  assert(aggregateCount >= 0 && aggregateCount <= 64);
  assert(load<i64>(plan, 16) > 0);
  const at = reserve(offsetof<Stage>());
  const keys = reserve(<usize>keyCount * offsetof<KeyColumn>());
  const aggregates = reserve(<usize>aggregateCount * offsetof<Aggregate>() + 8);
  const groups = reserve(<usize>aggregateCount * offsetof<Group>() + 8);
  const panes = reserve(OPEN_WINDOWS_MAX * 4);
  const emptySegment = reserve(BLOCK_BYTES);
  const snapshot = snapshotCreate();
  if (at == 0 || keys == 0 || aggregates == 0 || groups == 0 || panes == 0 || emptySegment == 0) return 0;
  if (snapshot == 0) return 0;
  const stage = changetype<Stage>(at);
  stage.keyCount = keyCount;
  stage.aggregateCount = aggregateCount;
  stage.outRowsMax = min(load<i32>(plan, 32), BATCH_ROWS_MAX);
  stage.seed = seedOf(load<u32>(plan, 8), load<u32>(plan, 12));
  stage.size = load<i64>(plan, 16);
  stage.offset = load<i64>(plan, 24);
  stage.watermark = WATERMARK_NONE;
  stage.keys = keys;
  stage.aggregates = aggregates;
  stage.groups = groups;
  stage.panes = panes;
  stage.emptySegment = emptySegment;
  stage.snapshot = snapshot;
  stage.firstBase = u32.MAX_VALUE;
  if (!planKeys(stage, plan + KEYED_PLAN_HEADER_BYTES)) return 0;
  planGroups(stage, plan + KEYED_PLAN_HEADER_BYTES + (<usize>keyCount << 3));
  return planTemplate(stage) ? at : 0;
}

function planKeys(stage: Stage, plan: usize): bool {
  for (let index = 0; index < stage.keyCount; index++) {
    const key = keyOf(stage, index);
    key.columnIndex = load<i32>(plan + (<usize>index << 3));
    key.type = load<i32>(plan + (<usize>index << 3), 4);
    key.scratch = reserve(CHUNK_ROWS * 8);
    if (key.scratch == 0) return false;
    if (key.type == TYPE_UTF8) stage.hasUtf8Keys = 1;
  }
  stage.keyKind = stage.keyCount > 1 ? KEY_ANY : stage.hasUtf8Keys ? KEY_ONE_UTF8 : KEY_ONE_WORD;
  return true;
}

/** Finds or makes the group of each aggregate's column; offsets hold 1 until planTemplate places them. */
function planGroups(stage: Stage, plan: usize): void {
  for (let index = 0; index < stage.aggregateCount; index++) {
    const from = plan + (<usize>index << 4);
    const aggregate = aggregateOf(stage, index);
    aggregate.function = load<i32>(from);
    const columnIndex = load<u32>(from, 4);
    aggregate.columnType = load<i32>(from, 8);
    aggregate.resultType = resultTypeOf(aggregate.function, aggregate.columnType);
    const flags = load<u32>(from, 12);
    const nullable = (flags & AGGREGATE_NULLABLE) != 0;
    const generation = flags >>> AGGREGATE_GENERATION_SHIFT;
    aggregate.group = -1;
    // count of a column without nulls is count(*).
    if (columnIndex == <u32>NO_COLUMN || (aggregate.function == AGGREGATE_COUNT && !nullable)) continue;
    const group = groupFor(stage, columnIndex, aggregate.columnType, generation);
    aggregate.group = <i32>((changetype<usize>(group) - stage.groups) / offsetof<Group>());
    const what = aggregate.function;
    // Which entries are older than a group that was added later, its own count tells.
    if (nullable || generation != 0) group.count = 1;
    if (what == AGGREGATE_SUM || what == AGGREGATE_AVG) group.sum = 1;
    if (what == AGGREGATE_MIN) group.min = 1;
    if (what == AGGREGATE_MAX) group.max = 1;
    if (what == AGGREGATE_FIRST) group.first = 1;
    if (what == AGGREGATE_LAST) group.last = 1;
  }
}

function resultTypeOf(what: i32, columnType: i32): i32 {
  if (what == AGGREGATE_COUNT) return TYPE_I64;
  if (what == AGGREGATE_AVG) return TYPE_F64;
  if (what == AGGREGATE_SUM) return columnType == TYPE_F64 ? TYPE_F64 : TYPE_I64;
  return columnType;
}

function groupFor(stage: Stage, columnIndex: i32, type: i32, generation: u32): Group {
  for (let index = 0; index < stage.groupCount; index++) {
    const group = groupOf(stage, index);
    if (group.columnIndex == columnIndex && group.generation == generation) return group;
  }
  const group = groupOf(stage, stage.groupCount++);
  group.columnIndex = columnIndex;
  group.type = type;
  group.generation = generation;
  return group;
}

/** Places every field of the entry and writes what a new entry holds. */
function planTemplate(stage: Stage): bool {
  // Room for the largest entry: every group with every field.
  stage.template = reserve(ENTRY_KEYS + (<usize>stage.keyCount << 3) + 8 + <usize>stage.groupCount * 72 + 64);
  if (stage.template == 0) return false;
  stage.stateOffset = ENTRY_KEYS + (<usize>stage.keyCount << 3);
  let at = stage.stateOffset + 8;
  for (let index = 0; index < stage.groupCount; index++) at = placeGroup(stage, groupOf(stage, index), at);
  // Entries that nearly fill a cache line fill it whole, so that none lies on two.
  if (stage.hasUtf8Keys == 0) {
    if (at > 48 && at < 64) at = 64;
    else if (at > 24 && at < 32) at = 32;
  }
  stage.fixedBytes = <u32>at;
  store<u32>(stage.template, <u32>at, ENTRY_BYTES);
  if (stage.groupCount == 1) {
    const group = groupOf(stage, 0);
    const onlySums = group.first == 0 && group.last == 0 && group.count == 0;
    const all = group.sum != 0 && group.min != 0 && group.max != 0;
    stage.isFused = group.type == TYPE_I64 && onlySums && all ? 1 : 0;
  }
  return true;
}

function placeGroup(stage: Stage, group: Group, at: usize): usize {
  const isFloat = group.type == TYPE_F64;
  const template = stage.template;
  if (group.count != 0) {
    group.count = at;
    at += 8;
  }
  if (group.sum != 0) {
    group.sum = at;
    at += 16;
  }
  if (group.min != 0) {
    group.min = at;
    // NaN is the greatest: any value takes its place.
    store<u64>(template + at, isFloat ? 0x7ff8000000000000 : <u64>i64.MAX_VALUE);
    at += 8;
  }
  if (group.max != 0) {
    group.max = at;
    store<u64>(template + at, isFloat ? 0xfff0000000000000 : <u64>i64.MIN_VALUE);
    at += 8;
  }
  if (group.first != 0) {
    group.first = at;
    store<i64>(template + at, i64.MAX_VALUE);
    at += 16;
  }
  if (group.last != 0) {
    group.last = at;
    store<i64>(template + at, i64.MIN_VALUE);
    at += 16;
  }
  return at;
}
