// bench/suites/durable/plain-file.ts — what the disk does by itself: blocks that are there already, written over and synced.

import { closeSync, fdatasyncSync, fsyncSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { monotonicMs } from '../../../host/clock.ts';
import { MiB } from '../../../host/limits.ts';

const FILE_BYTES = 64 * MiB;

export class PlainFile {
  private readonly path: string;
  private readonly file: number;
  private readonly bytes = new Uint8Array(FILE_BYTES).fill(7);
  private at = 0;

  private constructor(path: string) {
    this.path = path;
    this.file = openSync(path, 'wx');
    writeSync(this.file, this.bytes, 0, FILE_BYTES, 0);
    fsyncSync(this.file);
  }

  static make(path: string): PlainFile {
    return new PlainFile(path);
  }

  /** So many bytes in pieces of this size, each synced before the next; returns how many. */
  write(bytes: number, pieceBytes: number): number {
    for (let left = bytes; left > 0; left -= pieceBytes) this.put(Math.min(left, pieceBytes));
    return bytes;
  }

  /** Milliseconds of each of `count` pieces, written and synced one by one. */
  latencies(count: number, pieceBytes: number): number[] {
    return Array.from({ length: count }, () => {
      const beginMs = monotonicMs();
      this.put(pieceBytes);
      return monotonicMs() - beginMs;
    });
  }

  close(): void {
    closeSync(this.file);
    unlinkSync(this.path);
  }

  private put(bytes: number): void {
    if (this.at + bytes > FILE_BYTES) this.at = 0;
    writeSync(this.file, this.bytes, 0, bytes, this.at);
    fdatasyncSync(this.file);
    this.at += bytes;
  }
}

const MEMORY_FILE_SYSTEMS: Record<number, string> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };

/** @throws Error when what is written there is in memory alone: nothing of a log could be measured */
export function refuseMemory(directory: string): void {
  const inMemory = MEMORY_FILE_SYSTEMS[statfsSync(directory).type >>> 0];
  if (inMemory !== undefined) throw new Error(`${directory} is on ${inMemory}; expected a file system on a disk`);
}
