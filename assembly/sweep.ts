// assembly/sweep.ts — hands out a snapshot, one record a call, for the part file of a checkpoint.
//
//   record  ├ u32 kind ┼ u32 payload bytes ┼ u32 0 (crc32) ┼ u32 0 ┼ payload ┤      (layout.ts has the kinds)
//
//   order   KEYED │ PANE … │ copies as they come, else BLOCK and SAME in the order of panes and blocks … │ END
//
// Promises
//   - No address, no index: a record means the same in every process and under every hash seed.
//   - Copies go out before any block in place, so that their memory is free again first.
//   - Every frozen block is handed out once, as BLOCK or as SAME; it takes no memory.
//   - A record needs RECORD_BYTES_MAX at most; every payload is a multiple of 8.
// A checkpoint that has failed elsewhere is swept to its end all the same; its number just never becomes a base.
// Not here  when to sweep and where the records go; crc32 (whoever writes the file fills it in).

import { factsOf } from './blocks';
import {
  BLOCK_SAME,
  BLOCK_SENT,
  SWEEP_BLOCKS,
  SWEEP_NOTHING,
  SWEEP_PANES,
  SWEEP_STAGE,
  Snapshot,
  dropCopy,
  frozenOf,
  snapshotOf,
  thaw,
} from './frozen';
import { hashWord } from './hash';
import {
  OUT_TOO_SMALL,
  RECORD_BLOCK,
  RECORD_END,
  RECORD_HEADER_BYTES,
  RECORD_KEYED,
  RECORD_PANE,
  RECORD_SAME,
} from './layout';
import { Pane } from './pane';
import { Stage } from './stage';
import { keyedPayloadBytes, writeKeyedPayload } from './state-layout';

export const PANE_PAYLOAD_BYTES: usize = 32;
export const BLOCK_PAYLOAD_HEAD_BYTES: usize = 16;
const SAME_PAYLOAD_BYTES: usize = 32;
export const END_PAYLOAD_BYTES: usize = 8;

/**
 * Writes the next record of the snapshot under way at `out` (8-aligned).
 *
 * @returns its bytes; 0: the snapshot is whole, or none is under way; OUT_TOO_SMALL: it does not fit, nothing is lost
 */
export function keyedSweep(handle: usize, out: usize, outBytesMax: i32): i32 {
  const stage = changetype<Stage>(handle);
  const snapshot = snapshotOf(stage);
  if (snapshot.phase == SWEEP_NOTHING) return 0;
  if (snapshot.phase == SWEEP_STAGE) {
    const bytes = keyedPayloadBytes(stage);
    if (!fits(bytes, outBytesMax)) return OUT_TOO_SMALL;
    writeKeyedPayload(stage, snapshot, out + RECORD_HEADER_BYTES);
    snapshot.phase = SWEEP_PANES;
    return close(out, RECORD_KEYED, bytes);
  }
  if (snapshot.phase == SWEEP_PANES) {
    if (snapshot.pane != 0) return sweepPane(snapshot, out, outBytesMax);
    snapshot.phase = SWEEP_BLOCKS;
    snapshot.pane = snapshot.firstPane;
    openPane(snapshot);
  }
  if (snapshot.copies != 0) return sweepCopy(stage, snapshot, out, outBytesMax);
  skipSent(stage, snapshot);
  return snapshot.blocksLeft != 0
    ? sweepInPlace(stage, snapshot, out, outBytesMax)
    : sweepEnd(stage, snapshot, out, outBytesMax);
}

function fits(payloadBytes: usize, outBytesMax: i32): bool {
  return <i32>payloadBytes <= outBytesMax - RECORD_HEADER_BYTES;
}

/** Writes the header; returns the record's bytes. */
function close(out: usize, kind: u32, payloadBytes: usize): i32 {
  store<u32>(out, kind);
  store<u32>(out, <u32>payloadBytes, 4);
  store<u64>(out, 0, 8);
  return RECORD_HEADER_BYTES + <i32>payloadBytes;
}

/** A record's share of the digest in END: shares are added, so their order does not matter. */
export function digestOf(kind: u32, start: i64, first: u32, second: u32): u32 {
  return <u32>hashWord(hashWord(<u64>start, kind) ^ ((<u64>first << 32) | <u64>second), kind);
}

function sweepPane(snapshot: Snapshot, out: usize, outBytesMax: i32): i32 {
  if (!fits(PANE_PAYLOAD_BYTES, outBytesMax)) return OUT_TOO_SMALL;
  const pane = changetype<Pane>(snapshot.pane);
  const payload = out + RECORD_HEADER_BYTES;
  store<f64>(payload, <f64>pane.start);
  store<f64>(payload, <f64>pane.frozenRows, 8);
  store<u32>(payload, pane.frozenEntries, 16);
  store<u32>(payload, pane.frozenBlocks, 20);
  store<u32>(payload, pane.frozenIndex, 24);
  store<u32>(payload, pane.frozenOffset, 28);
  count(snapshot, digestOf(RECORD_PANE, pane.start, pane.frozenEntries, pane.frozenBlocks));
  snapshot.pane = pane.nextFrozen;
  return close(out, RECORD_PANE, PANE_PAYLOAD_BYTES);
}

function count(snapshot: Snapshot, digest: u32): void {
  snapshot.recordCount++;
  snapshot.digest += digest;
}

function openPane(snapshot: Snapshot): void {
  if (snapshot.pane == 0) return;
  snapshot.block = changetype<Pane>(snapshot.pane).frozenFirst;
  snapshot.blocksLeft = changetype<Pane>(snapshot.pane).frozenBlocks;
}

function sweepCopy(stage: Stage, snapshot: Snapshot, out: usize, outBytesMax: i32): i32 {
  const block = snapshot.copies;
  const bytes = writeBlock(snapshot, block, <usize>frozenOf(block).copy, out, outBytesMax);
  if (bytes > 0) dropCopy(stage);
  return bytes;
}

/** A frozen block, whose bytes of the barrier stand at `from`. */
function writeBlock(snapshot: Snapshot, block: usize, from: usize, out: usize, outBytesMax: i32): i32 {
  const used = frozenOf(block).used;
  if (!fits(BLOCK_PAYLOAD_HEAD_BYTES + used, outBytesMax)) return OUT_TOO_SMALL;
  writeBlockHead(snapshot, block, out + RECORD_HEADER_BYTES);
  memory.copy(out + RECORD_HEADER_BYTES + BLOCK_PAYLOAD_HEAD_BYTES, from, used);
  return close(out, RECORD_BLOCK, BLOCK_PAYLOAD_HEAD_BYTES + used);
}

function writeBlockHead(snapshot: Snapshot, block: usize, payload: usize): void {
  const frozen = frozenOf(block);
  const start = changetype<Pane>(<usize>frozen.pane).start;
  store<f64>(payload, <f64>start);
  store<u32>(payload, frozen.index, 8);
  store<u32>(payload, frozen.used, 12);
  count(snapshot, digestOf(RECORD_BLOCK, start, frozen.index, frozen.used));
}

/** Moves the cursor over blocks whose copy has been handed out, and over panes without blocks. */
function skipSent(stage: Stage, snapshot: Snapshot): void {
  while (snapshot.pane != 0) {
    if (snapshot.blocksLeft == 0) {
      snapshot.pane = changetype<Pane>(snapshot.pane).nextFrozen;
      openPane(snapshot);
    } else if (frozenOf(snapshot.block).state == BLOCK_SENT) {
      passBlock(stage, snapshot);
    } else {
      return;
    }
  }
}

function passBlock(stage: Stage, snapshot: Snapshot): void {
  const block = snapshot.block;
  snapshot.block = <usize>factsOf(block).next;
  snapshot.blocksLeft--;
  thaw(stage, block);
}

function sweepInPlace(stage: Stage, snapshot: Snapshot, out: usize, outBytesMax: i32): i32 {
  const block = snapshot.block;
  let bytes: i32;
  if (frozenOf(block).state == BLOCK_SAME) {
    if (!fits(SAME_PAYLOAD_BYTES, outBytesMax)) return OUT_TOO_SMALL;
    const payload = out + RECORD_HEADER_BYTES;
    writeBlockHead(snapshot, block, payload);
    memory.fill(payload + BLOCK_PAYLOAD_HEAD_BYTES, 0, SAME_PAYLOAD_BYTES - BLOCK_PAYLOAD_HEAD_BYTES);
    bytes = close(out, RECORD_SAME, SAME_PAYLOAD_BYTES);
  } else {
    bytes = writeBlock(snapshot, block, block, out, outBytesMax);
  }
  if (bytes > 0) passBlock(stage, snapshot);
  return bytes;
}

function sweepEnd(stage: Stage, snapshot: Snapshot, out: usize, outBytesMax: i32): i32 {
  if (!fits(END_PAYLOAD_BYTES, outBytesMax)) return OUT_TOO_SMALL;
  store<u32>(out + RECORD_HEADER_BYTES, snapshot.recordCount);
  store<u32>(out + RECORD_HEADER_BYTES, snapshot.digest, 4);
  let at = snapshot.firstPane;
  while (at != 0) {
    const pane = changetype<Pane>(at);
    at = pane.nextFrozen;
    pane.isFrozen = 0;
    if (pane.isRetired == 0) continue;
    pane.next = stage.freePane;
    stage.freePane = changetype<usize>(pane);
  }
  stage.firstBase = min(stage.firstBase, snapshot.epoch);
  snapshot.phase = SWEEP_NOTHING;
  return close(out, RECORD_END, END_PAYLOAD_BYTES);
}
