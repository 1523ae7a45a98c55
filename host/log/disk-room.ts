// host/log/disk-room.ts — whether there is room to write, and the ballast that is thrown out when there is none.
//
//   ample ──a write finds no room──▶ full: ballast out, nothing is admitted ──free ≥ ballast + two segments──▶ ample
//
// Between the two lies what the ballast gave back, so it does not swing. While it is full, everything that makes room
// (a checkpoint, retention) has the ballast's bytes to work with. The ballast is put back once there is room for it.

import type { Disk } from '../disk/disk.ts';
import { type LogLimits, MiB } from '../limits.ts';
import { isNoRoom } from './disk-trouble.ts';
import { UnderWay } from './under-way.ts';

type RoomLimits = Pick<LogLimits, 'ballastBytes' | 'segmentBytes' | 'roomEveryMs'>;

const CHUNK = new Uint8Array(MiB);

export class DiskRoom {
  isFull = false;
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly limits: RoomLimits;
  private readonly work: UnderWay<'ample' | 'full'>;
  private hasBallast = false;
  private askedMs = Number.NEGATIVE_INFINITY;

  constructor(disk: Disk, directory: string, limits: RoomLimits, wake: () => void) {
    this.disk = disk;
    this.directory = directory;
    this.limits = limits;
    this.work = new UnderWay(wake);
  }

  get isBusy(): boolean {
    return this.work.isBusy;
  }

  /** A write found no room. */
  ranOut(): void {
    this.isFull = true;
    this.hasBallast = false;
    this.askedMs = Number.NEGATIVE_INFINITY;
  }

  /** There is room from elsewhere: a segment was given back. */
  resume(): void {
    this.isFull = false;
  }

  /**
   * Asks the disk when it is time to.
   *
   * @returns whether there is news
   * @throws what the disk says, but for want of room
   */
  step(nowMs: number): boolean {
    const outcome = this.work.take();
    if (outcome !== undefined) {
      if (outcome.is === 'failed' && !isNoRoom(outcome.error)) throw outcome.error;
      if (outcome.is === 'done' && outcome.value === 'ample') {
        this.isFull = false;
        this.hasBallast = true;
      }
      return true;
    }
    const isDue = (this.isFull || !this.hasBallast) && nowMs - this.askedMs >= this.limits.roomEveryMs;
    if (!isDue || this.work.isBusy) return false;
    this.askedMs = nowMs;
    this.work.start(this.isFull ? this.makeRoom() : this.ask());
    return false;
  }

  private async makeRoom(): Promise<'ample' | 'full'> {
    if (await this.disk.exists(this.ballastPath)) {
      await this.disk.remove(this.ballastPath);
      await this.disk.syncDirectory(this.directory);
    }
    return await this.ask();
  }

  /** Puts the ballast (back) when there is room for it. */
  private async ask(): Promise<'ample' | 'full'> {
    const { ballastBytes, segmentBytes } = this.limits;
    if (await this.disk.exists(this.ballastPath)) return 'ample';
    if ((await this.disk.freeBytes(this.directory)) < ballastBytes + 2 * segmentBytes) return 'full';
    const file = await this.disk.open(this.ballastPath, 'create');
    try {
      for (let at = 0; at < ballastBytes; at += CHUNK.byteLength) {
        await file.write([CHUNK.subarray(0, Math.min(CHUNK.byteLength, ballastBytes - at))], at);
      }
    } catch (error) {
      await this.disk.remove(this.ballastPath);
      throw error;
    } finally {
      await file.close();
    }
    return 'ample';
  }

  private get ballastPath(): string {
    return `${this.directory}/BALLAST`;
  }
}
