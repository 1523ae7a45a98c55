// host/egress/fd-sink.ts — NDJSON to a file or to standard output: one write under way, one chunk gathering behind it.
//
// What is offered while a write is under way gathers in one chunk; at its bound the sink is busy.
// Errors of the disk end the run: a result that was neither written nor reported would be a silent loss.

import { write } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { MiB } from '../limits.ts';
import type { ByteSink } from './sink.ts';

/** Unwritten bytes at most, the write under way included. */
const UNWRITTEN_BYTES_MAX = 4 * MiB;
const STDOUT = 1;
const writeFd = promisify(write);

export class FdSink implements ByteSink {
  readonly name: string;
  private readonly where: string;
  private readonly handle: FileHandle | null;
  private readonly fd: number;
  private readonly whenRoom: () => void;
  private readonly failed: (error: unknown) => void;
  private gathered: Uint8Array[] = [];
  private unwrittenBytes = 0;
  private writing: Promise<void> | null = null;

  private constructor(options: FdSinkOptions & { fd: number; handle: FileHandle | null; where: string }) {
    this.name = options.name;
    this.where = options.where;
    this.fd = options.fd;
    this.handle = options.handle;
    this.whenRoom = options.whenRoom;
    this.failed = options.failed;
  }

  /**
   * @param mode  'append' to what the file holds: a run never deletes results of another. 'again': this run decodes the
   *   log from its beginning and comes by every result of the runs before, which the file therefore loses first
   */
  static async file(path: string, mode: 'append' | 'again', options: FdSinkOptions): Promise<FdSink> {
    const handle = await open(path, mode === 'append' ? 'a' : 'w').catch((error: NodeJS.ErrnoException) => {
      throw new Error(`sink ${options.name}: cannot open ${path} for writing (${error.code ?? error.message})`);
    });
    return new FdSink({ ...options, handle, fd: handle.fd, where: path });
  }

  static stdout(options: FdSinkOptions): FdSink {
    return new FdSink({ ...options, handle: null, fd: STDOUT, where: 'standard output' });
  }

  get busy(): boolean {
    return this.unwrittenBytes >= UNWRITTEN_BYTES_MAX;
  }

  offer(bytes: Uint8Array): void {
    this.gathered.push(bytes.slice());
    this.unwrittenBytes += bytes.byteLength;
    this.writing ??= this.writeGathered();
  }

  async flush(): Promise<void> {
    while (this.writing !== null) await this.writing;
    await this.handle?.sync().catch(() => undefined); // Pipes and devices cannot be synced.
    await this.handle?.close();
  }

  private async writeGathered(): Promise<void> {
    try {
      while (this.gathered.length > 0) {
        const chunk = Buffer.concat(this.gathered);
        this.gathered = [];
        await this.writeAll(chunk);
        const wasBusy = this.busy;
        this.unwrittenBytes -= chunk.byteLength;
        if (wasBusy) this.whenRoom();
      }
    } catch (error) {
      this.failed(new Error(`sink ${this.name}: writing to ${this.where} failed: ${(error as Error).message}`));
    } finally {
      this.writing = null;
    }
  }

  private async writeAll(chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.byteLength; ) {
      try {
        const { bytesWritten } = await writeFd(this.fd, chunk, from, chunk.byteLength - from, null);
        from += bytesWritten;
      } catch (error) {
        // A pipe whose reader is slow, set non-blocking by someone else.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }
}

export interface FdSinkOptions {
  name: string;
  whenRoom: () => void;
  failed: (error: unknown) => void;
}
