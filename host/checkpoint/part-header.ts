// host/checkpoint/part-header.ts — the header of a part file, and the chain that begins in it.

import { crc32 } from 'node:zlib';
import { STORE_ID_BYTES } from '../log/segment.ts';
import { CheckpointError } from './checkpoint-error.ts';
import {
  HEADER_CHECKPOINT,
  HEADER_CRC,
  HEADER_MAGIC,
  HEADER_PARTITION,
  HEADER_PARTITIONS,
  HEADER_PLAN,
  HEADER_PLAN_BYTES,
  HEADER_STORE,
  HEADER_VERSION,
  PART_HEADER_BYTES,
  PART_MAGIC,
  PART_VERSION,
  RECORD_CRC,
  RECORD_HEADER_BYTES,
} from './part-layout.ts';

export interface PartHeader {
  checkpoint: number;
  partition: number;
  partitions: number;
  /** Hexadecimal digits, both; of the plan's hash the part keeps the first HEADER_PLAN_BYTES. */
  store: string;
  planHash: string;
}

export function encodePartHeader(header: PartHeader): Buffer {
  const bytes = Buffer.alloc(PART_HEADER_BYTES);
  bytes.writeUInt32LE(PART_MAGIC, HEADER_MAGIC);
  bytes.writeUInt32LE(PART_VERSION, HEADER_VERSION);
  bytes.writeUInt32LE(header.checkpoint, HEADER_CHECKPOINT);
  bytes.writeUInt32LE(header.partition, HEADER_PARTITION);
  bytes.writeUInt32LE(header.partitions, HEADER_PARTITIONS);
  bytes.write(header.store, HEADER_STORE, STORE_ID_BYTES, 'hex');
  bytes.write(header.planHash, HEADER_PLAN, HEADER_PLAN_BYTES, 'hex');
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC)), HEADER_CRC);
  return bytes;
}

/** @throws CheckpointError */
export function decodePartHeader(path: string, bytes: Buffer): PartHeader {
  const wrong = (what: string) => new CheckpointError('DAMAGED', path, what);
  if (bytes.byteLength < PART_HEADER_BYTES) throw wrong(`${bytes.byteLength} bytes, expected a header`);
  if (bytes.readUInt32LE(HEADER_MAGIC) !== PART_MAGIC) throw wrong('it does not begin as a part file does');
  if (chainAfterHeader(bytes) !== crc32(bytes.subarray(0, HEADER_CRC)))
    throw wrong("the checksum of the header's bytes is wrong");
  const version = bytes.readUInt32LE(HEADER_VERSION);
  if (version !== PART_VERSION) {
    const advice = 'run the Pelton that wrote it, or a newer one';
    throw new CheckpointError('NEWER_FORMAT', path, `version ${version}, this Pelton reads ${PART_VERSION}`, advice);
  }
  return {
    checkpoint: bytes.readUInt32LE(HEADER_CHECKPOINT),
    partition: bytes.readUInt32LE(HEADER_PARTITION),
    partitions: bytes.readUInt32LE(HEADER_PARTITIONS),
    store: bytes.toString('hex', HEADER_STORE, HEADER_STORE + STORE_ID_BYTES),
    planHash: bytes.toString('hex', HEADER_PLAN, HEADER_PLAN + HEADER_PLAN_BYTES),
  };
}

/** From where the first record's chain goes on. */
export const chainAfterHeader = (header: Buffer): number => header.readUInt32LE(HEADER_CRC);

/** @param bytes  holds a record's kind, bytes and crc at `at` */
export const chainOf = (bytes: Uint8Array, at: number, before: number): number =>
  crc32(bytes.subarray(at, at + RECORD_CRC + 4), before);

/** Bytes from a record's beginning to the next one's. */
export const recordBytes = (payloadBytes: number): number => (RECORD_HEADER_BYTES + payloadBytes + 7) & -8;
