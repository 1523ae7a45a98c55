// host/store/store.ts — opening a data directory: may we, is nobody else there, whose is it, how was it left.
//
//   DIR/LOCK         held by the engine that has it
//   DIR/STORE        {"id", "format", "created"}: written once
//   DIR/STOPPED      {"lastGroup"}: there after a clean stop only; the log must still have that group
//   DIR/MANIFEST-*   which checkpoints there are (host/checkpoint)
//   DIR/log/ ckpt/ quarantine/
//
// Promises
//   - whether it can be written is found out before anything else, and said with the path.
//   - a directory with anything else in it is never made ours.
//   - STOPPED is gone, durably, before the log takes its next group.
// Not here  the log (host/log), checkpoints, and how an id or a time is come by: both are handed in.

import { type Disk, DiskError } from '../disk/disk.ts';
import { logDirectory, logNames, quarantineDirectory } from '../log/place.ts';
import { readWhole } from '../log/read-facts.ts';
import { replaceFile } from '../log/replace.ts';
import { STORE_ID_BYTES } from '../log/segment.ts';
import { decodeChecked, encodeChecked } from './checked-json.ts';
import { StoreError } from './store-error.ts';

export const STORE_FORMAT = 1;

export interface StoreOptions {
  disk: Disk;
  directory: string;
  /** STORE_ID_BYTES of chance, as hexadecimal digits; called when there is no store yet. */
  newId: () => string;
  nowMs: number;
}

export interface Store {
  /** Without a slash at its end. */
  readonly directory: string;
  readonly id: string;
  /** The last group at the last stop, if that was clean; else 0. Recovery's durableElsewhere. */
  readonly stoppedAt: number;
  /** To be called when recovery is done, before the first group is written. */
  begin(): Promise<void>;
  /** To be called when the last group is durable and its segment sealed. */
  stop(lastGroup: number): Promise<void>;
  /** Gives the lock back. */
  release(): Promise<void>;
}

const OURS = /^(LOCK.*|STORE(\.tmp)?|STOPPED(\.tmp)?|MANIFEST-.*|log|ckpt|quarantine|probe)$/;
const ID = new RegExp(`^[0-9a-f]{${STORE_ID_BYTES * 2}}$`);

/** @throws StoreError; DiskError for what no operator's hint fits */
export async function openStore({ disk, directory: asked, newId, nowMs }: StoreOptions): Promise<Store> {
  const directory = withoutSlash(asked);
  await permitted(directory, () => disk.makeDirectory(directory));
  await refuseForeign(disk, directory);
  const lock = await permitted(directory, () => disk.lock(`${directory}/LOCK`));
  if (lock === null) {
    throw new StoreError('LOCKED', directory, 'another engine has it', 'stop that engine, or choose another directory');
  }
  try {
    await makeRooms(disk, directory);
    const found = await readStore(disk, directory);
    const id = found ?? newId();
    if (found === undefined) {
      await replaceFile(disk, `${directory}/STORE`, [encodeChecked({ id, format: STORE_FORMAT, created: nowMs })]);
    }
    const stoppedAt = await readStoppedAt(disk, directory);
    return { directory, id, stoppedAt, ...lifeOf(disk, directory, lock) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The id of the store in a directory; undefined when there is none yet. Changes nothing, needs no lock. */
export async function readStore(disk: Disk, asked: string): Promise<string | undefined> {
  const directory = withoutSlash(asked);
  const path = `${directory}/STORE`;
  if (!(await disk.exists(path))) {
    const log = (await disk.exists(logDirectory(directory)))
      ? logNames(await disk.list(logDirectory(directory)))
      : undefined;
    if ((log?.segments.length ?? 0) === 0) return undefined;
    throw new StoreError('DAMAGED', path, 'it is missing, and there is a log', 'put it back from a copy');
  }
  const { id, format } = decodeChecked(await readWhole(disk, path)) ?? {};
  if (typeof format === 'number' && format > STORE_FORMAT) {
    const what = `format ${format}, this Pelton knows ${STORE_FORMAT}`;
    throw new StoreError('NEWER_FORMAT', path, what, 'run the Pelton that wrote it, or a newer one');
  }
  if (typeof id === 'string' && ID.test(id) && format === STORE_FORMAT) return id;
  throw new StoreError(
    'DAMAGED',
    path,
    'its checksum is wrong',
    'put it back from a copy; the id stands in every segment, too',
  );
}

/** 0 also when the note is damaged: then the stop counts as one that was not clean. */
export async function readStoppedAt(disk: Disk, directory: string): Promise<number> {
  const path = `${withoutSlash(directory)}/STOPPED`;
  if (!(await disk.exists(path))) return 0;
  const { lastGroup } = decodeChecked(await readWhole(disk, path)) ?? {};
  return typeof lastGroup === 'number' && Number.isSafeInteger(lastGroup) && lastGroup > 0 ? lastGroup : 0;
}

async function refuseForeign(disk: Disk, directory: string): Promise<void> {
  const foreign = (await permitted(directory, () => disk.list(directory))).filter((name) => !OURS.test(name));
  if (foreign.length === 0 || (await disk.exists(`${directory}/STORE`))) return;
  const what = `it holds «${foreign[0]}», and no store of Pelton`;
  throw new StoreError('NOT_A_STORE', directory, what, 'choose an empty directory, or one that does not exist yet');
}

/** Finds out as well whether files can be made in each of them. */
async function makeRooms(disk: Disk, directory: string): Promise<void> {
  const rooms = [logDirectory(directory), `${directory}/ckpt`, quarantineDirectory(directory)];
  await permitted(directory, () => probe(disk, `${directory}/probe`));
  for (const room of rooms) {
    await permitted(room, () => disk.makeDirectory(room));
    await permitted(room, () => probe(disk, `${room}/probe`));
  }
  await disk.syncDirectory(directory);
  await disk.syncDirectory(parentOf(directory));
}

async function probe(disk: Disk, path: string): Promise<void> {
  if (await disk.exists(path)) await disk.remove(path); // Left by a crash.
  await (await disk.open(path, 'create')).close();
  await disk.remove(path);
}

function lifeOf(disk: Disk, directory: string, lock: { release(): Promise<void> }) {
  const note = `${directory}/STOPPED`;
  return {
    begin: async () => {
      if (!(await disk.exists(note))) return;
      await disk.remove(note);
      await disk.syncDirectory(directory);
    },
    stop: (lastGroup: number) => replaceFile(disk, note, [encodeChecked({ lastGroup })]),
    release: () => lock.release(),
  };
}

/** What the system refuses for reasons that an operator can mend, in an operator's words. */
async function permitted<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const advice = HINTS[error.code];
    if (advice === undefined) throw error;
    throw new StoreError('PERMISSION', path, error.message, advice);
  }
}

const HINTS: Partial<Record<DiskError['code'], string>> = {
  EACCES: 'give it to the user that runs Pelton (chown, chmod 0700)',
  EROFS: 'the file system is mounted read-only: remount it, or choose another directory',
  EEXIST: 'expected a directory: a file or a symbolic link stands there',
  ENOENT: 'make the directory above it first',
};

const withoutSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '');

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}
