// test/crash/loop-disk.ts — an ext4 file system in a file, whose power can be cut: what was not synced is gone, data and names.
//
// EXT4_IOC_SHUTDOWN without a flush of its journal: nothing more reaches the medium; mounting it again replays the journal
// as after a real power cut. What a drive's own cache may lose is not shown by this.

import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const IMAGE_BYTES = 128 * 2 ** 20;
/** _IOR('X', 125, __u32), and EXT4_GOING_FLAGS_NOLOGFLUSH. */
const CUT = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], 0), 0x8004587d, struct.pack('I', 2))`;

export class LoopDisk {
  readonly path: string;
  private readonly image: string;
  private isMounted = false;

  private constructor(folder: string) {
    this.image = join(folder, 'image');
    this.path = join(folder, 'disk');
  }

  /** @returns the disk, or what is missing here to have one */
  static make(folder: string): LoopDisk | string {
    if (process.platform !== 'linux') return `power cuts need Linux, this is ${process.platform}`;
    if (process.getuid?.() !== 0) return 'power cuts need root, to mount a file system';
    for (const tool of ['python3', 'mkfs.ext4', 'mount', 'umount']) {
      if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) return `power cuts need ${tool}`;
    }
    const disk = new LoopDisk(folder);
    mkdirSync(disk.path);
    writeFileSync(disk.image, '');
    truncateSync(disk.image, IMAGE_BYTES);
    execFileSync('mkfs.ext4', ['-qF', disk.image]);
    const mounted = spawnSync('mount', ['-o', 'loop', disk.image, disk.path], { encoding: 'utf8' });
    if (mounted.status !== 0) return `power cuts need loop mounts: ${mounted.stderr.trim()}`;
    disk.isMounted = true;
    return disk;
  }

  /** Nothing that is not on the medium then gets there any more; until it resolves everything goes on, producers too. */
  async cut(): Promise<void> {
    await promisify(execFile)('python3', ['-c', CUT, this.path]);
  }

  /** As the machine finds it when it is on again. Whoever had files open on it is gone. */
  remount(): void {
    this.unmount();
    execFileSync('mount', ['-o', 'loop', this.image, this.path]);
    this.isMounted = true;
  }

  unmount(): void {
    if (this.isMounted) execFileSync('umount', [this.path]);
    this.isMounted = false;
  }
}
