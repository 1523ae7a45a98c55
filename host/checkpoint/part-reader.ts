// host/checkpoint/part-reader.ts — a part file from its beginning to its end, record by record.
//
// Promises
//   - nothing is handed out before its checksum, and that of every record before it, was right.
//   - a block's bytes go straight into memory that the caller names; nothing else of the file is held but a window.
//   - the end is reached only when PART_END counts what came, and size and chain are what META calls bytes and digest.
// Not here  what the entries mean; in which order panes must come.

import { crc32 } from 'node:zlib';
import { BLOCK_BYTES } from '../../assembly/layout.ts';
import type { Disk } from '../disk/disk.ts';
import { CHECKPOINT_CHUNK_BYTES_MAX } from '../limits.ts';
import { viewOf } from '../log/fields.ts';
import { type BlockName, type BlockPlace, OlderParts, PartFile, readBlockName } from './part-file.ts';
import { chainOf, recordBytes } from './part-header.ts';
import {
  BLOCK_HEAD_BYTES,
  PART_END_BYTES,
  PART_END_CHAIN,
  PART_END_RECORDS,
  PART_HEADER_BYTES,
  RECORD_BLOCK,
  RECORD_BYTES,
  RECORD_CHAIN,
  RECORD_CRC,
  RECORD_END,
  RECORD_HEADER_BYTES,
  RECORD_KEYED,
  RECORD_KIND,
  RECORD_PANE,
  RECORD_PART_END,
  RECORD_SAME,
  RECORD_STAGE,
  SAME_BYTES,
  SAME_CHECKPOINT,
  SAME_CRC,
  SAME_OFFSET,
} from './part-layout.ts';
import type { WrittenPart } from './part-writer.ts';
import { checkpointDirectory, partName } from './place.ts';

/** What the stage says of itself in front of its panes. */
export interface StageHead {
  /** The operator's id (host/plan). */
  stage: string;
  [fact: string]: unknown;
}

export type PartRecord =
  | { kind: 'stage'; head: StageHead }
  /** For the kernel, which wrote it. */
  | { kind: 'keyed' | 'pane' | 'end'; payload: Uint8Array }
  | { kind: 'block'; name: BlockName; bytes: Uint8Array };

/**
 * Where the entries of a block are to lie: memory of exactly usedBytes. Called before anything of the block is verified,
 * its name neither: when reading then fails, what was made of it must be thrown away.
 */
export type RoomForBlock = (name: BlockName) => Uint8Array;

export interface PartSource extends WrittenPart {
  disk: Disk;
  data: string;
  store: string;
  checkpoint: number;
  partition: number;
}

/** @throws CheckpointError, DiskError; memory that `room` gave for the record that failed may hold anything */
export async function* readPart(source: PartSource, room: RoomForBlock): AsyncGenerator<PartRecord, void> {
  const { disk, data, store, checkpoint, partition } = source;
  const path = `${checkpointDirectory(data, checkpoint)}/${partName(partition)}`;
  const file = await PartFile.open(disk, path, { checkpoint, partition, store });
  const older = new OlderParts(disk, data, store, partition);
  try {
    if (file.size !== source.bytes) throw file.damaged(file.size, `the file ends here, expected ${source.bytes} bytes`);
    yield* recordsOf(file, older, source, room);
  } finally {
    await file.close();
    await older.close();
  }
}

async function* recordsOf(
  file: PartFile,
  older: OlderParts,
  { digest }: PartSource,
  room: RoomForBlock,
): AsyncGenerator<PartRecord, void> {
  const head = Buffer.alloc(RECORD_HEADER_BYTES);
  let { chain } = file;
  let offset = PART_HEADER_BYTES;
  for (let records = 0; ; records++) {
    await file.read(head, offset);
    const before = chain;
    chain = chainOf(head, 0, before);
    if (chain !== head.readUInt32LE(RECORD_CHAIN)) throw file.damaged(offset, 'no record follows on the one before');
    const kind = head.readUInt32LE(RECORD_KIND);
    const payloadBytes = head.readUInt32LE(RECORD_BYTES);
    const crc = head.readUInt32LE(RECORD_CRC);
    const next = offset + recordBytes(payloadBytes);
    if (next > file.size) throw file.damaged(offset, `a record of ${payloadBytes} bytes, the file has fewer`);
    await checkPadding(file, offset + RECORD_HEADER_BYTES + payloadBytes, next);
    if (kind === RECORD_BLOCK) {
      const name = await file.nameOfBlock(offset);
      const bytes = roomFor(file, offset, name, payloadBytes, room);
      await file.readEntries(offset, crc, name, bytes);
      yield { kind: 'block', name, bytes };
    } else {
      const payload = await smallPayload(file, offset, payloadBytes, crc);
      if (kind === RECORD_PART_END) {
        checkEnd(file, offset, payload, records, before);
        if (chain !== digest) throw file.damaged(offset, 'its digest is not the one that META names');
        return;
      }
      yield kind === RECORD_SAME
        ? await sameBlock(file, offset, payload, older, room)
        : decode(file, offset, kind, payload);
    }
    offset = next;
  }
}

async function checkPadding(file: PartFile, from: number, to: number): Promise<void> {
  if (from === to) return;
  const padding = new Uint8Array(to - from);
  await file.read(padding, from);
  if (padding.some((byte) => byte !== 0)) throw file.damaged(from, 'expected zeros between two records');
}

function roomFor(file: PartFile, offset: number, name: BlockName, bytes: number, room: RoomForBlock): Uint8Array {
  const { usedBytes } = name;
  if (usedBytes <= BLOCK_BYTES && bytes === BLOCK_HEAD_BYTES + usedBytes) return room(name);
  throw file.damaged(offset, `a block of ${usedBytes} bytes in a record of ${bytes}`);
}

async function smallPayload(file: PartFile, offset: number, bytes: number, crc: number): Promise<Uint8Array> {
  if (bytes > CHECKPOINT_CHUNK_BYTES_MAX) throw file.damaged(offset, `a record of ${bytes} bytes`);
  const payload = new Uint8Array(bytes);
  await file.read(payload, offset + RECORD_HEADER_BYTES);
  if (crc32(payload) !== crc) throw file.damaged(offset, "the record's checksum is wrong");
  return payload;
}

async function sameBlock(
  file: PartFile,
  offset: number,
  payload: Uint8Array,
  older: OlderParts,
  room: RoomForBlock,
): Promise<PartRecord> {
  if (payload.byteLength !== SAME_BYTES) throw file.damaged(offset, `a reference of ${payload.byteLength} bytes`);
  const view = viewOf(payload);
  const name = readBlockName(view);
  const place: BlockPlace = {
    checkpoint: view.getUint32(SAME_CHECKPOINT, true),
    offset: view.getFloat64(SAME_OFFSET, true),
    usedBytes: name.usedBytes,
    crc: view.getUint32(SAME_CRC, true),
  };
  const bytes = roomFor(file, offset, name, BLOCK_HEAD_BYTES + name.usedBytes, room);
  await older.readBlock(place, name, bytes);
  return { kind: 'block', name, bytes };
}

const KERNEL_RECORDS: Record<number, 'keyed' | 'pane' | 'end'> = {
  [RECORD_KEYED]: 'keyed',
  [RECORD_PANE]: 'pane',
  [RECORD_END]: 'end',
};

function decode(file: PartFile, offset: number, kind: number, payload: Uint8Array): PartRecord {
  if (kind === RECORD_STAGE) return { kind: 'stage', head: JSON.parse(Buffer.from(payload).toString()) };
  const named = KERNEL_RECORDS[kind];
  if (named !== undefined) return { kind: named, payload };
  throw file.damaged(offset, `a record of kind ${kind} and ${payload.byteLength} bytes`);
}

function checkEnd(file: PartFile, offset: number, payload: Uint8Array, records: number, before: number): void {
  const view = viewOf(payload);
  const counts = payload.byteLength === PART_END_BYTES && view.getUint32(PART_END_RECORDS, true) === records;
  if (!counts || view.getUint32(PART_END_CHAIN, true) !== before)
    throw file.damaged(offset, 'its end counts other records');
}
