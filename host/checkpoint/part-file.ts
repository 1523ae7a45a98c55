// host/checkpoint/part-file.ts — reads bytes of one part file, and single blocks of it: nothing is handed out unverified.

import { crc32 } from 'node:zlib';
import { BLOCK_BYTES } from '../../assembly/layout.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { viewOf } from '../log/fields.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { chainAfterHeader, decodePartHeader, type PartHeader, recordBytes } from './part-header.ts';
import {
  BLOCK_HEAD_BYTES,
  BLOCK_INDEX,
  BLOCK_PANE_START,
  BLOCK_USED_BYTES,
  PART_HEADER_BYTES,
  RECORD_BLOCK,
  RECORD_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
} from './part-layout.ts';
import { checkpointDirectory, partName } from './place.ts';

/**
 * Bytes are read ahead and copied once more: a round trip to the pool of threads costs more than the copy. A file that is read
 * on and on is read in ever larger pieces; where somebody jumps about, a piece is a block with its heads.
 */
const WINDOW_BYTES_MIN = BLOCK_BYTES + 4096;
const WINDOW_BYTES_MAX = 1024 * 1024;

/** Which block of a stage. */
export interface BlockName {
  paneStart: number;
  index: number;
  usedBytes: number;
}

/** Where the bytes of a block lie: a BLOCK record in a checkpoint's part of the same partition. */
export interface BlockPlace {
  checkpoint: number;
  offset: number;
  usedBytes: number;
  /** Of the record's payload. */
  crc: number;
}

/** Whose part it must be. */
export type PartIdentity = Pick<PartHeader, 'checkpoint' | 'partition' | 'store'>;

export class PartFile {
  readonly path: string;
  readonly header: PartHeader;
  readonly size: number;
  /** From where the chain of the first record goes on. */
  readonly chain: number;
  private readonly file: DiskFile;
  private window = Buffer.allocUnsafeSlow(WINDOW_BYTES_MIN);
  private windowAt = 0;
  private windowBytes = 0;

  static async open(disk: Disk, path: string, identity: PartIdentity): Promise<PartFile> {
    if (!(await disk.exists(path))) throw new CheckpointError('DAMAGED', path, 'it is missing');
    const file = await disk.open(path, 'read');
    try {
      const bytes = Buffer.alloc(PART_HEADER_BYTES);
      const header = decodePartHeader(path, bytes.subarray(0, await file.read(bytes, 0)));
      for (const name of ['store', 'checkpoint', 'partition'] as const) {
        if (header[name] === identity[name]) continue;
        throw new CheckpointError('DAMAGED', path, `it is of ${name} ${header[name]}, expected ${identity[name]}`);
      }
      return new PartFile(path, file, header, chainAfterHeader(bytes), await file.size());
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(path: string, file: DiskFile, header: PartHeader, chain: number, size: number) {
    this.path = path;
    this.file = file;
    this.header = header;
    this.chain = chain;
    this.size = size;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  damaged(offset: number, what: string): CheckpointError {
    return new CheckpointError('DAMAGED', this.path, `at byte ${offset}: ${what}`);
  }

  /** Fills `into`, which may be anybody's memory. */
  async read(into: Uint8Array, position: number): Promise<void> {
    let done = this.fromWindow(into, position);
    while (done < into.byteLength) {
      if ((await this.fillWindow(position + done)) === 0) {
        throw this.damaged(position + done, 'the file ends inside a record');
      }
      done += this.fromWindow(into.subarray(done), position + done);
    }
  }

  /** The entries of one block into the caller's memory, which is as long as they are. */
  async readBlock(place: BlockPlace, name: BlockName, into: Uint8Array): Promise<void> {
    const head = Buffer.alloc(RECORD_HEADER_BYTES);
    const { offset, crc, usedBytes } = place;
    const end = offset + recordBytes(BLOCK_HEAD_BYTES + usedBytes);
    if (offset < PART_HEADER_BYTES || end > this.size) throw this.damaged(offset, 'no block there');
    await this.read(head, offset);
    const isIt =
      head.readUInt32LE(RECORD_KIND) === RECORD_BLOCK &&
      head.readUInt32LE(RECORD_BYTES) === BLOCK_HEAD_BYTES + usedBytes;
    if (!isIt) throw this.damaged(offset, `expected the block ${textOf(name)}`);
    await this.readEntries(offset, crc, name, into);
  }

  /** What the head of a BLOCK record says, before its checksum was looked at: good for making room, and no more. */
  async nameOfBlock(offset: number): Promise<BlockName> {
    const head = Buffer.alloc(BLOCK_HEAD_BYTES);
    await this.read(head, offset + RECORD_HEADER_BYTES);
    return readBlockName(viewOf(head));
  }

  /** Its entries, when they and the head have this checksum, and the head this name. */
  async readEntries(offset: number, crc: number, name: BlockName, into: Uint8Array): Promise<void> {
    const head = Buffer.alloc(BLOCK_HEAD_BYTES);
    await this.read(head, offset + RECORD_HEADER_BYTES);
    await this.read(into, offset + RECORD_HEADER_BYTES + BLOCK_HEAD_BYTES);
    const { paneStart, index, usedBytes } = readBlockName(viewOf(head));
    const isNamed = paneStart === name.paneStart && index === name.index && usedBytes === into.byteLength;
    if (crc32(into, crc32(head)) !== crc || !isNamed) {
      throw this.damaged(offset, `the checksum of the block ${textOf(name)} is wrong`);
    }
  }

  private async fillWindow(position: number): Promise<number> {
    const isNext = position === this.windowAt + this.windowBytes && this.windowBytes > 0;
    const wanted = isNext ? Math.min(this.window.byteLength * 2, WINDOW_BYTES_MAX) : WINDOW_BYTES_MIN;
    if (this.window.byteLength < wanted) this.window = Buffer.allocUnsafeSlow(wanted);
    this.windowBytes = 0;
    this.windowAt = position;
    this.windowBytes = await this.file.read(this.window.subarray(0, wanted), position);
    return this.windowBytes;
  }

  private fromWindow(into: Uint8Array, position: number): number {
    const from = position - this.windowAt;
    if (from < 0 || from >= this.windowBytes) return 0;
    const bytes = Math.min(into.byteLength, this.windowBytes - from);
    into.set(this.window.subarray(from, from + bytes));
    return bytes;
  }
}

/** One partition's parts of older checkpoints, opened when a block is there, each once. */
export class OlderParts {
  private readonly disk: Disk;
  private readonly data: string;
  private readonly store: string;
  private readonly partition: number;
  private readonly open = new Map<number, PartFile>();

  constructor(disk: Disk, data: string, store: string, partition: number) {
    this.disk = disk;
    this.data = data;
    this.store = store;
    this.partition = partition;
  }

  async readBlock(place: BlockPlace, name: BlockName, into: Uint8Array): Promise<void> {
    const { checkpoint } = place;
    let file = this.open.get(checkpoint);
    if (file === undefined) {
      const { data, store, partition } = this;
      const path = `${checkpointDirectory(data, checkpoint)}/${partName(partition)}`;
      file = await PartFile.open(this.disk, path, { checkpoint, partition, store });
      this.open.set(checkpoint, file);
    }
    await file.readBlock(place, name, into);
  }

  async close(): Promise<void> {
    for (const [checkpoint, file] of this.open) {
      this.open.delete(checkpoint);
      await file.close();
    }
  }
}

export function readBlockName(payload: DataView): BlockName {
  return {
    paneStart: payload.getFloat64(BLOCK_PANE_START, true),
    index: payload.getUint32(BLOCK_INDEX, true),
    usedBytes: payload.getUint32(BLOCK_USED_BYTES, true),
  };
}

export function writeBlockName(payload: DataView, { paneStart, index, usedBytes }: BlockName): void {
  payload.setFloat64(BLOCK_PANE_START, paneStart, true);
  payload.setUint32(BLOCK_INDEX, index, true);
  payload.setUint32(BLOCK_USED_BYTES, usedBytes, true);
}

const textOf = ({ paneStart, index, usedBytes }: BlockName): string =>
  `${index} of pane ${paneStart}, ${usedBytes} bytes`;
