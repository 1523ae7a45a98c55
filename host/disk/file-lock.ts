// host/disk/file-lock.ts — a lock that the kernel gives back when its holder is gone, however it went.
//
// Node has no flock. SQLite, which Node brings along, holds an exclusive transaction by a POSIX lock on the file, keeps two
// connections of one process apart (threads too), and waits for nobody: an empty database is our lock file.
// Not a file with a process id: an id is reused, means another process in another container that shares the volume, and
// taking over a dead one's file cannot be done in one step. Not a socket's name: it is no longer than one network namespace.
//
// Not here  anything that opens the lock file by other means: closing any descriptor of it would give the lock back.

import { constants } from 'node:fs';
import { access, link, lstat, open, unlink } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;

/** @returns null when it is held already, by whomever */
export async function lockFile(path: string): Promise<{ release(): Promise<void> } | null> {
  await makeLockFile(path);
  await access(path, constants.W_OK); // What may not be written SQLite opens to read, and then excludes nobody.
  const Database = sqlite().DatabaseSync;
  let database: DatabaseSync | undefined;
  try {
    database = new Database(path);
    // No journal beside the file: nothing is ever written to it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    const code = (error as { errcode?: number }).errcode;
    if (code === SQLITE_BUSY) return null;
    const refused = code === SQLITE_READONLY || code === SQLITE_CANTOPEN;
    throw Object.assign(new Error(`lock of ${path}: ${(error as Error).message}`), refused ? { code: 'EACCES' } : {});
  }
  const held = database;
  return { release: async () => held.close() };
}

/** Made under another name first: its descriptor is closed before anybody can hold the lock. */
async function makeLockFile(path: string): Promise<void> {
  const there = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (there?.isFile() === true) return;
  if (there !== undefined) throw Object.assign(new Error(`${path} is no file`), { code: 'ELOOP' });
  const first = `${path}.${process.pid}.${nextName++}`;
  await (await open(first, 'wx', 0o600)).close();
  try {
    await link(first, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // Another one was quicker.
  } finally {
    await unlink(first);
  }
}

let nextName = 0;

/** Node 22 warns that SQLite is experimental; what is used here is the part that every version has. */
function sqlite(): typeof import('node:sqlite') {
  const warn = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = warn;
  }
}
