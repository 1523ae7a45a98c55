// host/disk/real-disk.ts — Disk over the file system of this machine.
//
// Promises
//   - no file is opened through a symbolic link in its last component; files are 0600, directories 0700.
//   - a write that the system cuts short is gone on with; one that it refuses is a DiskError, with the bytes before it written.
// Not here  when to sync, what to do about an error.

import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rmdir, statfs, unlink } from 'node:fs/promises';
import { type Disk, DiskError, type DiskErrorCode, type DiskFile, type OpenMode } from './disk.ts';
import { lockFile } from './file-lock.ts';

/** Linux's IOV_MAX: more views in one call are refused by the system. */
const VIEWS_PER_CALL_MAX = 1024;
/** Linux writes at most 0x7ffff000 bytes in one call; libuv's count is an int. */
const BYTES_PER_CALL_MAX = 2 ** 30;

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};

export function realDisk(): Disk {
  return {
    open: (path, mode) =>
      named('open', path, async () => realFile(path, await open(path, FLAGS[mode] | constants.O_NOFOLLOW, 0o600))),
    list: (directory) => named('list', directory, async () => (await readdir(directory)).sort()),
    exists: (path) => named('exists', path, async () => (await statsOf(path)) !== undefined),
    makeDirectory: (path) =>
      named('makeDirectory', path, async () => {
        try {
          await mkdir(path, 0o700);
        } catch (error) {
          if (codeOf(error) !== 'EEXIST' || (await statsOf(path))?.isDirectory() !== true) throw error;
        }
      }),
    rename: (from, to) => named('rename', from, () => rename(from, to)),
    remove: (path) => named('remove', path, () => unlink(path)),
    removeDirectory: (path) => named('removeDirectory', path, () => rmdir(path)),
    syncDirectory: (path) => named('syncDirectory', path, () => syncDirectory(path)),
    freeBytes: (path) =>
      named('freeBytes', path, async () => {
        const { bavail, bsize } = await statfs(path);
        return bavail * bsize;
      }),
    lock: (path) => named('lock', path, () => lockFile(path)),
  };
}

function realFile(path: string, handle: FileHandle): DiskFile {
  return {
    path,
    write: (views, position) => named('write', path, () => writeAll(handle, views, position)),
    read: (into, position) => named('read', path, () => readAll(handle, into, position)),
    sync: () => named('sync', path, () => handle.datasync()),
    truncate: (bytes) => named('truncate', path, () => handle.truncate(bytes)),
    size: () => named('size', path, async () => (await handle.stat()).size),
    close: () => named('close', path, () => handle.close()),
  };
}

async function writeAll(handle: FileHandle, views: readonly Uint8Array[], position: number): Promise<void> {
  let first = 0; // The first view that is not written to its end, and how far it is.
  let offset = 0;
  let at = position;
  for (;;) {
    const batch: Uint8Array[] = [];
    let batchBytes = 0;
    for (let index = first; index < views.length && batch.length < VIEWS_PER_CALL_MAX; index++) {
      const rest = index === first ? views[index]!.subarray(offset) : views[index]!;
      const view = rest.subarray(0, BYTES_PER_CALL_MAX - batchBytes);
      if (view.byteLength > 0) batch.push(view);
      batchBytes += view.byteLength;
      if (batchBytes === BYTES_PER_CALL_MAX) break;
    }
    if (batchBytes === 0 && batch.length === 0) return;
    const { bytesWritten } = await handle.writev(batch, at);
    if (bytesWritten === 0)
      throw new Error(`none of ${batchBytes} bytes at ${at} were written, and no reason was given`);
    at += bytesWritten;
    offset += bytesWritten;
    while (first < views.length && offset >= views[first]!.byteLength) offset -= views[first++]!.byteLength;
  }
}

async function readAll(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.byteLength) {
    const length = Math.min(BYTES_PER_CALL_MAX, into.byteLength - done);
    const { bytesRead } = await handle.read(into, done, length, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

const CODES: Record<string, DiskErrorCode> = {
  ENOSPC: 'ENOSPC',
  EDQUOT: 'EDQUOT',
  EIO: 'EIO',
  EROFS: 'EROFS',
  EACCES: 'EACCES',
  EPERM: 'EACCES',
  EMFILE: 'EMFILE',
  ENFILE: 'EMFILE',
  EEXIST: 'EEXIST',
  ENOENT: 'ENOENT',
};

/** What fails carries what was asked, of which path. */
async function named<T>(operation: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = CODES[codeOf(error) ?? ''] ?? 'OTHER';
    throw new DiskError(code, operation, path, `${operation} of ${path}: ${(error as Error).message}`);
  }
}
