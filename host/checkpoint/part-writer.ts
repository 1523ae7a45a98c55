// host/checkpoint/part-writer.ts — writes one part file: records go into one chunk while the chunk before is on its way.
//
// Promises
//   - the file is written from its beginning to its end, in pieces of at most a chunk, one at a time.
//   - `append` never waits and never fails; what the disk says is found in `failure`, and ends every later `finish`.
// Not here  syncing the directory, what the records mean.

import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { viewOf } from '../log/fields.ts';
import { chainAfterHeader, chainOf, encodePartHeader, type PartHeader, recordBytes } from './part-header.ts';
import {
  PART_END_BYTES,
  PART_END_CHAIN,
  PART_END_RECORDS,
  PART_HEADER_BYTES,
  RECORD_BYTES,
  RECORD_CHAIN,
  RECORD_CRC,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RECORD_PART_END,
} from './part-layout.ts';

/** What META says of a part. */
export interface WrittenPart {
  bytes: number;
  /** The chain of PART_END: it stands for every byte of the file. */
  digest: number;
}

export type Chunks = readonly [Uint8Array, Uint8Array];

export class PartWriter {
  /** What the disk refused; nothing is written after it. */
  failure: unknown;
  private readonly file: DiskFile;
  private readonly whenRoom: () => void;
  private chunk: Uint8Array;
  private spare: Uint8Array;
  private fill = 0;
  /** Of the chunk's first byte in the file. */
  private position = 0;
  private chain: number;
  private records = 0;
  private writing: Promise<void> | undefined;

  /**
   * @param chunks    two of one size, in use until the part is finished or abandoned
   * @param whenRoom  called when a chunk that hasRoom waited for is written, or was refused
   */
  static async create(
    disk: Disk,
    path: string,
    header: PartHeader,
    chunks: Chunks,
    whenRoom: () => void,
  ): Promise<PartWriter> {
    return new PartWriter(await disk.open(path, 'create'), header, chunks, whenRoom);
  }

  private constructor(file: DiskFile, header: PartHeader, chunks: Chunks, whenRoom: () => void) {
    this.file = file;
    this.whenRoom = whenRoom;
    [this.chunk, this.spare] = chunks;
    const bytes = encodePartHeader(header);
    this.chunk.set(bytes);
    this.fill = PART_HEADER_BYTES;
    this.chain = chainAfterHeader(bytes);
  }

  /** Whether a record of this payload could be appended now. */
  hasRoom(payloadBytes: number): boolean {
    const needed = recordBytes(payloadBytes);
    if (needed > this.chunk.byteLength) {
      throw new RangeError(`a record of ${needed} bytes, expected at most ${this.chunk.byteLength}`);
    }
    if (this.fill + needed <= this.chunk.byteLength) return true;
    if (this.writing !== undefined) return false;
    this.beginWrite();
    return true;
  }

  /** @param payload  hasRoom said yes to its size; @returns where the record begins in the file, and the payload's checksum */
  append(kind: number, payload: Uint8Array): { offset: number; crc: number } {
    const at = this.fill;
    const { chunk } = this;
    const view = viewOf(chunk);
    chunk.set(payload, at + RECORD_HEADER_BYTES);
    const behind = at + RECORD_HEADER_BYTES + payload.byteLength;
    this.fill = at + recordBytes(payload.byteLength);
    chunk.fill(0, behind, this.fill);
    const crc = crc32(chunk.subarray(at + RECORD_HEADER_BYTES, behind));
    view.setUint32(at + RECORD_KIND, kind, true);
    view.setUint32(at + RECORD_BYTES, payload.byteLength, true);
    view.setUint32(at + RECORD_CRC, crc, true);
    this.chain = chainOf(chunk, at, this.chain);
    view.setUint32(at + RECORD_CHAIN, this.chain, true);
    this.records++;
    return { offset: this.position + at, crc };
  }

  /** Writes the rest and PART_END, syncs, closes. @throws what the disk refused */
  async finish(): Promise<WrittenPart> {
    try {
      while (!this.hasRoom(PART_END_BYTES)) await this.writing;
      const payload = new Uint8Array(PART_END_BYTES);
      viewOf(payload).setUint32(PART_END_RECORDS, this.records, true);
      viewOf(payload).setUint32(PART_END_CHAIN, this.chain, true);
      this.append(RECORD_PART_END, payload);
      await this.writing;
      if (this.failure === undefined) {
        this.beginWrite();
        await this.writing;
      }
      if (this.failure !== undefined) throw this.failure;
      await this.file.sync();
    } finally {
      await this.file.close();
    }
    return { bytes: this.position, digest: this.chain };
  }

  /** Waits for what is under way, and closes. */
  async abandon(): Promise<void> {
    await this.writing;
    await this.file.close();
  }

  private beginWrite(): void {
    const bytes = this.chunk.subarray(0, this.fill);
    const at = this.position;
    this.position += this.fill;
    this.fill = 0;
    [this.chunk, this.spare] = [this.spare, this.chunk];
    if (this.failure !== undefined) return;
    this.writing = this.file
      .write([bytes], at)
      .catch((error: unknown) => {
        this.failure = error;
      })
      .then(() => {
        this.writing = undefined;
        this.whenRoom();
      });
  }
}
