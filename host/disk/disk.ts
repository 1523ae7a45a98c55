// host/disk/disk.ts — the seam between our files and whatever keeps them: the real disk, or a simulated one.
//
// Only what the log and the checkpoints need. Every call is a promise; nothing here retries, caches or hides an error.
// A DiskError says what failed and by which code; after a failed `sync` the file is never synced again by anybody.

export interface DiskFile {
  readonly path: string;
  /** Writes all views one after the other from `position` on; views may lie in shared memory. Whole, or it throws. */
  write(views: readonly Uint8Array[], position: number): Promise<void>;
  /** Fills `into` from `position` on; returns how many bytes there were (fewer only at the end of the file). */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Data, and what is needed to read it back, are on the medium when this resolves (fdatasync). */
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export type OpenMode = 'read' | 'write' | 'create';

export interface Disk {
  /** `create` makes a file that must not be there yet (mode 0600); no mode follows a symbolic link. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Names in a directory, sorted. */
  list(directory: string): Promise<string[]>;
  /** Whether there is a file or directory of this name. */
  exists(path: string): Promise<boolean>;
  /** Mode 0700; fine when it is there already. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Of an empty directory. */
  removeDirectory(path: string): Promise<void>;
  /** Makes creations, renames and removals in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that may still be written to the file system of `path`. */
  freeBytes(path: string): Promise<number>;
  /** Held until `release`, or the end of the process; null when another process holds it. */
  lock(path: string): Promise<{ release(): Promise<void> } | null>;
}

export type DiskErrorCode = 'ENOSPC' | 'EDQUOT' | 'EIO' | 'EROFS' | 'EACCES' | 'EMFILE' | 'EEXIST' | 'ENOENT' | 'OTHER';

export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: DiskErrorCode;
  readonly operation: string;
  readonly path: string;

  constructor(code: DiskErrorCode, operation: string, path: string, message: string) {
    super(message);
    this.code = code;
    this.operation = operation;
    this.path = path;
  }
}
