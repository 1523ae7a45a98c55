// host/log/spares.ts — files for segments to come: prepared by writing zeros, or given back by retention.
//
//   nothing ──prepare: zeros, sync──▶ spare-<n>.seg ──take──▶ (segment-writer.ts) ──▶ <first group>.seg ──recycle──▶ spare-<n>.seg
//
// A file is as long as a segment before it becomes one, so that no append meets a full disk, and no sync writes a new size.
// Segments are given back from the oldest on, and the directory is synced after each: a crash finds a suffix of the log.
// Stale groups in a spare are told from new ones by their salt.

import type { Disk, DiskFile } from '../disk/disk.ts';
import { MiB } from '../limits.ts';
import { isNoRoom } from './disk-trouble.ts';
import { logDirectory, logNames } from './place.ts';

const ZEROS = new Uint8Array(MiB);

export class Spares {
  private readonly disk: Disk;
  private readonly data: string;
  private readonly segmentBytes: number;
  private readonly sparesMax: number;
  private readonly ready: DiskFile[] = [];
  private nextIndex = 0;

  private constructor(disk: Disk, data: string, segmentBytes: number, sparesMax: number) {
    this.disk = disk;
    this.data = data;
    this.segmentBytes = segmentBytes;
    this.sparesMax = sparesMax;
  }

  /** Finds the spares of earlier runs; those of another length were never finished, or belong to other limits. */
  static async find(disk: Disk, data: string, segmentBytes: number, sparesMax: number): Promise<Spares> {
    const spares = new Spares(disk, data, segmentBytes, sparesMax);
    const directory = logDirectory(data);
    for (const name of logNames(await disk.list(directory)).spares) {
      spares.nextIndex = Math.max(spares.nextIndex, indexOf(name) + 1);
      await spares.keepOrRemove(await disk.open(`${directory}/${name}`, 'write'));
    }
    return spares;
  }

  get count(): number {
    return this.ready.length;
  }

  /** Throws when there is none: ask `count` first. */
  take(): DiskFile {
    const spare = this.ready.shift();
    if (spare === undefined) throw new Error('no spare is ready, and none was promised');
    return spare;
  }

  /** A spare that could not become a segment for want of room. */
  async giveUp(spare: DiskFile): Promise<void> {
    await spare.close();
    await this.disk.remove(spare.path);
  }

  /** One more; leaves nothing behind when there is no room. */
  async prepare(): Promise<void> {
    const spare = await this.disk.open(this.newPath(), 'create');
    try {
      for (let at = 0; at < this.segmentBytes; at += ZEROS.byteLength) {
        await spare.write([ZEROS.subarray(0, Math.min(ZEROS.byteLength, this.segmentBytes - at))], at);
      }
    } catch (error) {
      if (isNoRoom(error)) await this.giveUp(spare);
      throw error;
    }
    await spare.sync();
    this.ready.push(spare);
  }

  /** A segment that is needed no more. */
  async recycle(path: string): Promise<void> {
    const spare = this.newPath();
    await this.disk.rename(path, spare);
    await this.disk.syncDirectory(logDirectory(this.data));
    await this.keepOrRemove(await this.disk.open(spare, 'write'));
  }

  async close(): Promise<void> {
    for (const spare of this.ready.splice(0)) await spare.close();
  }

  private newPath(): string {
    return `${logDirectory(this.data)}/spare-${this.nextIndex++}.seg`;
  }

  private async keepOrRemove(file: DiskFile): Promise<void> {
    if (this.ready.length < this.sparesMax && (await file.size()) === this.segmentBytes) this.ready.push(file);
    else await this.giveUp(file);
  }
}

const indexOf = (name: string): number => Number(/\d+/.exec(name)![0]);
