// test/support/sim-disk.ts — a Disk in memory that can lose what a real one may lose, and fail as a real one may fail.
//
//   each file        what is on the medium ┼ what a reader sees ┼ the changes between the two (writes, truncations)
//   each directory   what is on the medium ┼ what a reader sees ┼ the changes between the two (of all directories, in order)
//
// Promises
//   - an operation takes effect when it is completed, in the order of completion; `schedule` decides when that is.
//   - `sync` makes durable what was completed when it was asked for; what completes meanwhile stays unsynced.
//   - a failed sync loses what it was to make durable: readers see it until the crash, a later sync that succeeds does not save it.
//   - directory changes are lost from some point on within each directory; a rename between two is lost or kept as one.
// Not here  hard links, symbolic links, permissions.

import { type Disk, DiskError, type DiskErrorCode, type DiskFile, type OpenMode } from '../../host/disk/disk.ts';
import type { CrashChoice } from './crash-choice.ts';
import { FileNode } from './sim-file.ts';

export type OperationName =
  | 'open' // opening and creating
  | 'write'
  | 'read'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close'
  | 'list'
  | 'exists'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'removeDirectory'
  | 'syncDirectory'
  | 'freeBytes'
  | 'lock'
  | 'unlock';

export interface Operation {
  /** Counts from 0. */
  readonly index: number;
  readonly name: OperationName;
  readonly path: string;
  /** Of a rename: the new path; of an open: its mode. */
  readonly detail: string;
  readonly position: number;
  readonly bytes: number;
  /** How it ended; undefined while it is under way. */
  result: 'done' | DiskErrorCode | undefined;
}

export interface Fault {
  code: DiskErrorCode;
  /** Of a write: so many bytes get in all the same. */
  bytesWritten?: number;
}

/** Fails the nth operation (from 1 on) of this name, and all that follow when `always`. */
export function failNth(name: OperationName, nth: number, code: DiskErrorCode, always = false) {
  let seen = 0;
  return (operation: Operation): Fault | undefined => {
    if (operation.name !== name) return undefined;
    seen++;
    return seen === nth || (always && seen > nth) ? { code } : undefined;
  };
}

class DirectoryNode {
  durable = new Map<string, TreeNode>();
  seen = new Map<string, TreeNode>();
}

type TreeNode = FileNode | DirectoryNode;

interface EntryChange {
  path: string;
  steps: { directory: DirectoryNode; name: string; node: TreeNode | undefined }[];
}

export interface SimDiskOptions {
  /** Completes an operation, now or later; the order of the calls is the order in which operations take effect. */
  schedule?: (complete: () => void, operation: Operation) => void;
  /** All files together; a write that would pass it gets in as far as it fits, and fails with ENOSPC. */
  capacityBytes?: number;
}

export class SimDisk implements Disk {
  /** Everything that was asked of this disk, in the order of asking. */
  readonly operations: Operation[] = [];
  /** Asked when an operation completes, before it takes effect. */
  fault: (operation: Operation) => Fault | undefined = () => undefined;
  schedule: (complete: () => void, operation: Operation) => void;
  capacityBytes: number;
  #root = new DirectoryNode();
  #entryChanges: EntryChange[] = [];
  readonly #locks = new Set<string>();
  #halted = false;

  constructor({ schedule = queueMicrotask, capacityBytes = 2 ** 40 }: SimDiskOptions = {}) {
    this.schedule = schedule;
    this.capacityBytes = capacityBytes;
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#run({ name: 'open', path, detail: mode }, () => {
      const { directory, name } = this.#place('open', path);
      if (mode === 'create') {
        if (directory.seen.has(name)) throw refusal('EEXIST', 'open', path);
        const node = new FileNode();
        this.#change({ path, steps: [{ directory, name, node }] });
        return this.#handle(path, node);
      }
      return this.#handle(path, this.#file('open', path));
    });
  }

  list(directory: string): Promise<string[]> {
    return this.#run({ name: 'list', path: directory }, () =>
      [...this.#directory('list', directory).seen.keys()].sort(),
    );
  }

  exists(path: string): Promise<boolean> {
    return this.#run({ name: 'exists', path }, () => this.#find(path) !== undefined);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run({ name: 'makeDirectory', path }, () => {
      const { directory, name } = this.#place('makeDirectory', path);
      const there = directory.seen.get(name);
      if (there instanceof FileNode) throw refusal('EEXIST', 'makeDirectory', path);
      if (there === undefined) this.#change({ path, steps: [{ directory, name, node: new DirectoryNode() }] });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run({ name: 'rename', path: from, detail: to }, () => {
      const source = this.#place('rename', from);
      const target = this.#place('rename', to);
      const node = source.directory.seen.get(source.name);
      if (node === undefined) throw refusal('ENOENT', 'rename', from);
      this.#change({
        path: to,
        steps: [
          { ...source, node: undefined },
          { ...target, node },
        ],
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.#run({ name: 'remove', path }, () => {
      this.#file('remove', path);
      this.#change({ path, steps: [{ ...this.#place('remove', path), node: undefined }] });
    });
  }

  removeDirectory(path: string): Promise<void> {
    return this.#run({ name: 'removeDirectory', path }, () => {
      const node = this.#directory('removeDirectory', path);
      if (node.seen.size > 0) throw refusal('OTHER', 'removeDirectory', path, 'it is not empty');
      this.#change({ path, steps: [{ ...this.#place('removeDirectory', path), node: undefined }] });
    });
  }

  syncDirectory(path: string): Promise<void> {
    const asked = this.#entryChanges.length;
    return this.#run({ name: 'syncDirectory', path }, () => {
      const directories = new Set([this.#directory('syncDirectory', path)]);
      const kept = new Set<EntryChange>();
      // From the last one back: what a kept change stands on is kept too.
      for (const change of this.#entryChanges.slice(0, asked).reverse()) {
        if (!change.steps.some(({ directory }) => directories.has(directory))) continue;
        kept.add(change);
        for (const { directory } of change.steps) directories.add(directory);
      }
      for (const change of this.#entryChanges) {
        if (kept.has(change)) for (const { directory, name, node } of change.steps) put(directory.durable, name, node);
      }
      this.#entryChanges = this.#entryChanges.filter((change) => !kept.has(change));
    });
  }

  freeBytes(path: string): Promise<number> {
    return this.#run({ name: 'freeBytes', path }, () => this.#freeBytes());
  }

  lock(path: string): Promise<{ release(): Promise<void> } | null> {
    return this.#run({ name: 'lock', path }, () => {
      this.#place('lock', path);
      if (this.#locks.has(path)) return null;
      this.#locks.add(path);
      const release = () => this.#run({ name: 'unlock', path }, () => void this.#locks.delete(path));
      return { release };
    });
  }

  // What only tests may do.

  /** Nothing completes any more: the process that asked is gone. */
  halt(): void {
    this.#halted = true;
  }

  /** The disk as the next process finds it after a kill -9 of this one: all that was written is seen, synced or not. */
  kill(): SimDisk {
    this.halt();
    const next = new SimDisk({ capacityBytes: this.capacityBytes });
    next.#root = this.#root;
    next.#entryChanges = this.#entryChanges;
    return next;
  }

  /** The disk as the next process finds it after the machine lost power now. This one is left as it is: ask again, choose otherwise. */
  crash(choice: CrashChoice): SimDisk {
    const cut = new Set<DirectoryNode>();
    const entries = new Map<DirectoryNode, Map<string, TreeNode>>();
    const entriesOf = (directory: DirectoryNode) => {
      const known = entries.get(directory) ?? new Map(directory.durable);
      entries.set(directory, known);
      return known;
    };
    for (const change of this.#entryChanges) {
      const lost = change.steps.some(({ directory }) => cut.has(directory)) || !choice.entry(change);
      for (const { directory, name, node } of change.steps) {
        if (lost) cut.add(directory);
        else put(entriesOf(directory), name, node);
      }
    }
    const copy = (node: TreeNode, path: string): TreeNode => {
      if (node instanceof FileNode) return node.afterCrash(choice, path);
      const directory = new DirectoryNode();
      for (const [name, child] of entriesOf(node)) directory.durable.set(name, copy(child, joined(path, name)));
      directory.seen = new Map(directory.durable);
      return directory;
    };
    const next = new SimDisk({ capacityBytes: this.capacityBytes });
    next.#root = copy(this.#root, '') as DirectoryNode;
    return next;
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    const found: string[] = [];
    const walk = (directory: DirectoryNode, path: string) => {
      for (const [name, node] of directory.seen) {
        if (node instanceof FileNode) found.push(joined(path, name));
        else walk(node, joined(path, name));
      }
    };
    walk(this.#root, '');
    return found.sort();
  }

  /** A copy of what a reader sees. */
  bytesOf(path: string): Uint8Array {
    return Uint8Array.from(this.#file('read', path).seen.bytes());
  }

  /** Puts a file there, durable, its directories too. */
  put(path: string, bytes: Uint8Array): void {
    const parts = partsOf(path);
    let directory = this.#root;
    for (const name of parts.slice(0, -1)) {
      const there = directory.seen.get(name) ?? new DirectoryNode();
      if (there instanceof FileNode) throw refusal('EEXIST', 'put', path);
      directory.seen.set(name, there);
      directory.durable.set(name, there);
      directory = there;
    }
    const node = new FileNode(bytes);
    directory.seen.set(parts.at(-1)!, node);
    directory.durable.set(parts.at(-1)!, node);
  }

  #handle(path: string, node: FileNode): DiskFile {
    let closed = false;
    const run = <T>(name: OperationName, place: { position?: number; bytes?: number }, act: (o: Operation) => T) =>
      this.#run({ name, path, ...place }, (operation) => {
        if (closed) throw refusal('OTHER', name, path, 'the file is closed');
        return act(operation);
      });
    return {
      path,
      write: (views, position) => {
        const bytes = views.reduce((sum, view) => sum + view.byteLength, 0);
        return run('write', { position, bytes }, (operation) =>
          this.#write(node, joinViews(views).subarray(0, operation.bytes), operation),
        );
      },
      read: (into, position) =>
        run('read', { position, bytes: into.byteLength }, () => {
          const there = node.seen.bytes().subarray(position, position + into.byteLength);
          into.set(there);
          return there.byteLength;
        }),
      sync: () => {
        const covered = new Set(node.unsynced);
        const settle = (keep: boolean) => {
          for (const change of node.unsynced) if (keep && covered.has(change)) node.durable.apply(change);
          node.unsynced = node.unsynced.filter((change) => !covered.has(change));
        };
        return this.#run(
          { name: 'sync', path },
          () => settle(true),
          () => settle(false),
        );
      },
      truncate: (bytes) => run('truncate', { position: bytes }, () => node.apply({ kind: 'truncate', bytes })),
      size: () => run('size', {}, () => node.seen.size),
      close: () =>
        run('close', {}, () => {
          closed = true;
        }),
    };
  }

  #write(node: FileNode, bytes: Uint8Array, { position, path }: Operation): void {
    const room = Math.max(0, node.seen.size - position) + this.#freeBytes();
    const fits = Math.min(bytes.byteLength, room);
    if (fits > 0) node.apply({ kind: 'write', position, bytes: bytes.slice(0, fits) });
    if (fits < bytes.byteLength) throw refusal('ENOSPC', 'write', path);
  }

  #freeBytes(): number {
    let used = 0;
    const walk = (directory: DirectoryNode) => {
      for (const node of directory.seen.values()) {
        if (node instanceof FileNode) used += node.seen.size;
        else walk(node);
      }
    };
    if (this.capacityBytes < 2 ** 40) walk(this.#root);
    return Math.max(0, this.capacityBytes - used);
  }

  /** Records an operation, and lets it take effect, or fail, when `schedule` completes it. */
  #run<T>(
    asked: { name: OperationName; path: string; detail?: string; position?: number; bytes?: number },
    act: (operation: Operation) => T,
    onFault: () => void = () => undefined,
  ): Promise<T> {
    const index = this.operations.length;
    const operation: Operation = { detail: '', position: 0, bytes: 0, ...asked, index, result: undefined };
    this.operations.push(operation);
    return new Promise((resolve, reject) => {
      this.schedule(() => {
        if (this.#halted) return;
        try {
          const fault = this.fault(operation);
          if (this.#halted) return; // The hook may have ended the process.
          if (fault !== undefined) {
            onFault();
            if (fault.bytesWritten !== undefined) act({ ...operation, bytes: fault.bytesWritten });
            throw refusal(fault.code, operation.name, operation.path, 'injected');
          }
          const value = act(operation);
          operation.result = 'done';
          resolve(value);
        } catch (error) {
          operation.result = error instanceof DiskError ? error.code : 'OTHER';
          reject(error);
        }
      }, operation);
    });
  }

  #change(change: EntryChange): void {
    for (const { directory, name, node } of change.steps) put(directory.seen, name, node);
    this.#entryChanges.push(change);
  }

  #find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.#root;
    for (const name of partsOf(path)) node = node instanceof DirectoryNode ? node.seen.get(name) : undefined;
    return node;
  }

  #file(operation: OperationName, path: string): FileNode {
    const node = this.#find(path);
    if (node === undefined) throw refusal('ENOENT', operation, path);
    if (node instanceof DirectoryNode) throw refusal('OTHER', operation, path, 'a directory, expected a file');
    return node;
  }

  #directory(operation: OperationName, path: string): DirectoryNode {
    const node = this.#find(path);
    if (node === undefined) throw refusal('ENOENT', operation, path);
    if (node instanceof FileNode) throw refusal('OTHER', operation, path, 'a file, expected a directory');
    return node;
  }

  #place(operation: OperationName, path: string): { directory: DirectoryNode; name: string } {
    const parts = partsOf(path);
    return { directory: this.#directory(operation, parts.slice(0, -1).join('/')), name: parts.at(-1) ?? '' };
  }
}

const partsOf = (path: string) => path.split('/').filter((part) => part !== '' && part !== '.');
const joined = (directory: string, name: string) => (directory === '' ? name : `${directory}/${name}`);

function put(entries: Map<string, TreeNode>, name: string, node: TreeNode | undefined): void {
  if (node === undefined) entries.delete(name);
  else entries.set(name, node);
}

function joinViews(views: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(views.reduce((sum, view) => sum + view.byteLength, 0));
  let at = 0;
  for (const view of views) {
    bytes.set(view, at);
    at += view.byteLength;
  }
  return bytes;
}

function refusal(code: DiskErrorCode, operation: string, path: string, why = 'simulated'): DiskError {
  return new DiskError(code, operation, path, `${operation} ${path}: ${code} (${why})`);
}
