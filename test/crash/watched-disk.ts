// test/crash/watched-disk.ts — the real disk, that notes what it is in the middle of where a kill -9 cannot take it away,
// and that kills its own process at an operation, when it is told to.
//
//   PELTON_WATCH     directory of the notes: one file per thread's role, rewritten before and after each operation
//   PELTON_KILL_AT   `<role>:<stage>:<operation>:before|during`, operations in the middle of the stage counted from 1
//
// «In the middle of» is from the asking to the answer: the operation may be in a queue, in the system, or over.

import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../host/disk/disk.ts';
import { realDisk as unwatchedDisk } from '../../host/disk/real-disk.ts';
import { FOOTER_BYTES } from '../../host/log/layout.ts';
import { footerAt } from '../../host/log/segment.ts';
import { NOTE_BYTES, NOTE_FIELDS, type NoteField } from './notes.ts';

const role = new URL(import.meta.url).searchParams.get('role')!;
const note = openSync(join(process.env.PELTON_WATCH!, role), 'w');
const [killRole, killStage, killAt = '0', killWhen] = (process.env.PELTON_KILL_AT ?? '').split(':');
/** How many more operations there are in the stage to be killed in; 0: never. */
let operationsLeft = killRole === role ? Number(killAt) : 0;

const words = new Float64Array(NOTE_FIELDS.length);
const bytes = new Uint8Array(words.buffer, 0, NOTE_BYTES);

function change(field: NoteField, by: number): void {
  words[NOTE_FIELDS.indexOf(field)]! += by;
  writeSync(note, bytes, 0, NOTE_BYTES, 0);
}

/** What every operation of this thread is part of. */
const always: NoteField | null = role === 'keeper' ? 'keeping' : null;

const noted = (field: NoteField) => words[NOTE_FIELDS.indexOf(field)]!;

async function within<T>(field: NoteField | null, act: () => Promise<T>): Promise<T> {
  if (field !== null) change(field, 1);
  change('operations', 1);
  const isLast = noted(killStage as NoteField) > 0 && --operationsLeft === 0;
  if (isLast && killWhen === 'before') process.kill(process.pid, 'SIGKILL');
  try {
    const working = act();
    if (isLast) process.kill(process.pid, 'SIGKILL');
    return await working;
  } finally {
    if (field !== null) change(field, -1);
  }
}

export function realDisk(): Disk {
  const disk = unwatchedDisk();
  if (role === 'log') change('recovering', 1);
  return {
    open: (path, mode) => within(always, async () => watched(await disk.open(path, mode))),
    list: (path) => within(always, () => disk.list(path)),
    exists: (path) => within(always, () => disk.exists(path)),
    makeDirectory: (path) => within(always, () => disk.makeDirectory(path)),
    rename: (from, to) => within(always, () => disk.rename(from, to)),
    remove: (path) => within(always, () => disk.remove(path)),
    removeDirectory: (path) => within(always, () => disk.removeDirectory(path)),
    syncDirectory: (path) =>
      within(always, () => disk.syncDirectory(path)).then(() => {
        // A roll ends with the directory that names the new segment.
        if (hasBegun && noted('rolling') > 0) change('rolling', -1);
        hasBegun = false;
      }),
    freeBytes: (path) => within(always, () => disk.freeBytes(path)),
    lock: (path) => within(always, () => disk.lock(path)),
  };
}

/** The next segment has its header: what follows is its rename. */
let hasBegun = false;

function watched(file: DiskFile): DiskFile {
  let isSegment = false;
  if (role === 'replay') change('replaying', 1);
  return {
    path: file.path,
    write: (views, position) => {
      if (role === 'log' && position === 0 && views.length > 1 && file.path.includes('/spare-')) {
        isSegment = true;
        hasBegun = true;
        if (noted('recovering') > 0) change('recovering', -1);
        if (noted('rolling') === 0) change('rolling', 1);
      } else if (isSegment && isFooter(views) && noted('rolling') === 0) change('rolling', 1);
      return within(isSegment && position > 0 ? 'writing' : always, () => file.write(views, position));
    },
    read: (into, position) => within(always, () => file.read(into, position)),
    sync: () => within(isSegment ? 'syncing' : always, () => file.sync()),
    truncate: (length) => within(always, () => file.truncate(length)),
    size: () => within(always, () => file.size()),
    close: async () => {
      await within(always, () => file.close());
      if (role === 'replay') change('replaying', -1);
    },
  };
}

const isFooter = ([view, ...more]: readonly Uint8Array[]): boolean =>
  view !== undefined && more.length === 0 && view.byteLength === FOOTER_BYTES && footerAt(view, 0) !== undefined;
