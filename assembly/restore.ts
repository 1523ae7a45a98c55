// assembly/restore.ts — a snapshot's bytes back into a fresh keyed stage.
//
// Bytes arrive in chunks of any size; records that a chunk cuts are gathered in a buffer of one record. Indexes are
// rebuilt under this stage's own seed.
//
// Promises
//   - Nothing outside the given bytes is read, whatever they say; every length is checked before it is used.
//   - After a refusal the stage is not to be used: it may hold a part of the snapshot.
// Not here  the layout (snapshot.ts).

import { reserve } from './arena';
import { entryTag, paddedBytes } from './key';
import { paneAt } from './keyed';
import {
  KEY_BYTES_MAX,
  RESTORE_CORRUPT,
  RESTORE_FOREIGN,
  RESTORE_OK,
  RESTORE_PLAN,
  RESTORE_STATE_FULL,
  RESTORE_TRUNCATED,
  SNAPSHOT_VERSION,
  TYPE_UTF8,
} from './layout';
import { Pane, paneInsert } from './pane';
import {
  RECORD_BYTES_MAX,
  SNAPSHOT_END,
  SNAPSHOT_MAGIC,
  fold,
  foldWord,
  headerBytes,
  writeHeader,
} from './snapshot';
import { ENTRY_BYTES, ENTRY_FLAGS, ENTRY_KEYS, ENTRY_NULLS, Stage, keyOf } from './stage';

const EXPECT_HEADER = 0;
const EXPECT_PANE = 1;
const EXPECT_ENTRY = 2;
const EXPECT_END = 3;
const DONE = 4;

// @ts-ignore: decorator
@unmanaged
class Reader {
  checksum: u64;
  panesLeft: i64;
  entriesLeft: i64;
  expect: i32;
  /** The first refusal; every later call repeats it. */
  refusal: i32;
  pane: usize;
  /** Start of the pane before: starts ascend. */
  lastStart: i64;
  buffer: usize;
  buffered: usize;
}

/**
 * Takes the next bytes of a snapshot, in order; length 0 says that there are no more.
 *
 * @returns RESTORE_OK, or why the snapshot is refused (layout.ts)
 */
export function keyedRestore(handle: usize, bytes: usize, length: i32): i32 {
  const stage = changetype<Stage>(handle);
  if (stage.restore == 0) {
    stage.restore = reserve(offsetof<Reader>());
    if (stage.restore == 0) return RESTORE_STATE_FULL;
    changetype<Reader>(stage.restore).buffer = reserve(RECORD_BYTES_MAX);
    if (changetype<Reader>(stage.restore).buffer == 0) return RESTORE_STATE_FULL;
  }
  const reader = changetype<Reader>(stage.restore);
  if (reader.refusal != RESTORE_OK) return reader.refusal;
  if (length == 0) return reader.expect == DONE ? RESTORE_OK : RESTORE_TRUNCATED;
  reader.refusal = takeBytes(stage, reader, bytes, <usize>length);
  return reader.refusal;
}

function takeBytes(stage: Stage, reader: Reader, at: usize, left: usize): i32 {
  while (left > 0) {
    if (reader.expect == DONE) return RESTORE_CORRUPT; // Bytes behind the end.
    const needed = recordBytes(stage, reader, reader.buffer, reader.buffered);
    if (needed > RECORD_BYTES_MAX) return RESTORE_CORRUPT;
    const taken = min(needed - reader.buffered, left);
    memory.copy(reader.buffer + reader.buffered, at, taken);
    reader.buffered += taken;
    at += taken;
    left -= taken;
    if (reader.buffered < needed || recordBytes(stage, reader, reader.buffer, needed) > needed) continue;
    const refusal = takeRecord(stage, reader, needed);
    if (refusal != RESTORE_OK) return refusal;
    reader.buffered = 0;
  }
  return RESTORE_OK;
}

/** How long the record at `record` is; as far as its first `known` bytes tell. At least 8. */
function recordBytes(stage: Stage, reader: Reader, record: usize, known: usize): usize {
  if (reader.expect == EXPECT_HEADER) return known < 16 ? 16 : headerIsOurs(stage, record) ? headerBytes(stage) : 16;
  if (reader.expect == EXPECT_PANE) return 24;
  if (reader.expect == EXPECT_END) return 16;
  return known < 8 ? 8 : max<usize>(<usize>load<u32>(record, ENTRY_BYTES), 8);
}

/** Whether the first 16 bytes are of our version and of a plan of this stage's shape. */
function headerIsOurs(stage: Stage, record: usize): bool {
  return (
    load<u32>(record) == SNAPSHOT_MAGIC &&
    load<u32>(record, 4) == SNAPSHOT_VERSION &&
    load<i32>(record, 8) == stage.keyCount &&
    load<i32>(record, 12) == stage.aggregateCount
  );
}

function takeRecord(stage: Stage, reader: Reader, bytes: usize): i32 {
  const record = reader.buffer;
  if (reader.expect == EXPECT_END) {
    if (load<u64>(record) != <u64>SNAPSHOT_END) return RESTORE_CORRUPT;
    if (load<u64>(record, 8) != foldWord(reader.checksum, <u64>SNAPSHOT_END)) return RESTORE_CORRUPT;
    reader.expect = DONE;
    return RESTORE_OK;
  }
  let refusal: i32;
  if (reader.expect == EXPECT_HEADER) refusal = takeHeader(stage, reader, record);
  else if (reader.expect == EXPECT_PANE) refusal = takePane(stage, reader, record);
  else refusal = takeEntry(stage, reader, record, bytes);
  if (refusal != RESTORE_OK) return refusal;
  reader.checksum = fold(reader.checksum, record, bytes);
  if (reader.entriesLeft > 0) reader.expect = EXPECT_ENTRY;
  else reader.expect = reader.panesLeft > 0 ? EXPECT_PANE : EXPECT_END;
  return RESTORE_OK;
}

function takeHeader(stage: Stage, reader: Reader, record: usize): i32 {
  if (load<u32>(record) != SNAPSHOT_MAGIC || load<u32>(record, 4) != SNAPSHOT_VERSION) return RESTORE_FOREIGN;
  if (!headerIsOurs(stage, record)) return RESTORE_PLAN;
  // The plan is ours iff the bytes are what this stage would write: everything before the counters.
  const bytes = headerBytes(stage);
  const own = record + bytes;
  writeHeader(stage, own);
  const counters = bytes - 40;
  for (let at: usize = 0; at < counters; at += 8) {
    if (load<u64>(record + at) != load<u64>(own + at)) return RESTORE_PLAN;
  }
  stage.watermark = load<i64>(record + counters);
  stage.lateRows = load<i64>(record + counters, 8);
  stage.closedRows = load<i64>(record + counters, 16);
  stage.sumOverflows = load<i64>(record + counters, 24);
  reader.panesLeft = load<i64>(record + counters, 32);
  reader.lastStart = i64.MIN_VALUE;
  return RESTORE_OK;
}

function takePane(stage: Stage, reader: Reader, record: usize): i32 {
  const start = load<i64>(record);
  const rows = load<i64>(record, 8);
  const entryCount = load<i64>(record, 16);
  if (start <= reader.lastStart || rows < 0 || entryCount < 0 || entryCount > <i64>u32.MAX_VALUE) return RESTORE_CORRUPT;
  reader.lastStart = start;
  reader.pane = paneAt(stage, start);
  if (reader.pane == 0) return RESTORE_STATE_FULL;
  changetype<Pane>(reader.pane).rows = rows;
  stage.openRows += rows;
  reader.entriesLeft = entryCount;
  reader.panesLeft--;
  return RESTORE_OK;
}

function takeEntry(stage: Stage, reader: Reader, record: usize, bytes: usize): i32 {
  if (bytes < <usize>stage.fixedBytes || load<u16>(record, ENTRY_FLAGS) != 0) return RESTORE_CORRUPT;
  const nulls = load<u16>(record, ENTRY_NULLS);
  if (<u32>nulls >= <u32>1 << stage.keyCount) return RESTORE_CORRUPT;
  let length: usize = stage.fixedBytes;
  for (let index = 0; index < stage.keyCount; index++) {
    const word = load<u64>(record + (<usize>index << 3), ENTRY_KEYS);
    if (((nulls >>> <u16>index) & 1) != 0 && word != 0) return RESTORE_CORRUPT;
    if (keyOf(stage, index).type != TYPE_UTF8) continue;
    if (word > <u64>KEY_BYTES_MAX) return RESTORE_CORRUPT;
    length += paddedBytes(<u32>word);
  }
  if (length != bytes) return RESTORE_CORRUPT;
  const entry = paneInsert(stage, changetype<Pane>(reader.pane), entryTag(stage, record), <u32>bytes);
  if (entry == 0) return RESTORE_STATE_FULL;
  memory.copy(entry, record, bytes);
  reader.entriesLeft--;
  return RESTORE_OK;
}
