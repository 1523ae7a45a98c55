// test/crash/judge-state.ts — a disk as a power cut left it: is the log recovered from it, and rightly?
//
// What must hold of every state
//   - recovery takes it: a power cut alone is never corruption.
//   - every entry that was released, of a group that is kept, is there once; what retention was not told to give up is kept.
//   - each producer's frames are there in order, without a gap; nothing is there that nobody sent.
//   - recovering again changes nothing; cut off at any operation by another power cut, recovery comes to a log as sound.

import { logLimits } from '../../host/limits.ts';
import { ENTRY_JSON } from '../../host/log/layout.ts';
import { openLog } from '../../host/log/open-log.ts';
import { recoverLog } from '../../host/log/recover.ts';
import type { EntryRead } from '../support/log-entries.ts';
import { type RigProducer, SMALL, STORE } from '../support/log-rig.ts';
import type { SimDisk } from '../support/sim-disk.ts';
import { type LoggedEntry, readEntries } from './log-contents.ts';

const READ_BYTES = 8192;

/** What recovery had to do, and what it found, by how many states. */
export interface Met {
  sealed: number;
  tailsCut: number;
  /** Retention had given back segments. */
  shortened: number;
}

export interface Known {
  released: Map<string, EntryRead & { stream: number }>;
  producers: RigProducer[];
  /** Groups from this one on must be there. */
  floor: number;
}

/** @throws an Error that says what is wrong */
export async function judge(disk: SimDisk, known: Known, again: boolean, met: Met): Promise<void> {
  const said: string[] = [];
  const recovered = await recoverLog({ disk, data: 'data', store: STORE, report: (what) => said.push(what) });
  if (said.some((what) => what.includes('was not clean'))) met.sealed++;
  if (said.some((what) => what.includes('were being written'))) met.tailsCut++;
  const { lastGroup } = recovered;
  const firstGroup = recovered.segments[0]?.firstGroup ?? 1;
  if (firstGroup > 1) met.shortened++;
  if (firstGroup > known.floor) throw new Error(`the log begins with group ${firstGroup}, kept is from ${known.floor}`);
  const entries = await readEntries(disk, 'data', firstGroup, lastGroup, READ_BYTES);
  checkEntries(entries, known, firstGroup);
  if (!again) return;
  const { table, head } = await openLog(openOptions(disk));
  if (head.number !== lastGroup) throw new Error(`recovered once: ${lastGroup} groups, twice: ${head.number}`);
  const last = new Map(entries.filter(({ kind }) => kind === ENTRY_JSON).map((entry) => [entry.producer, entry]));
  for (const { producer, sequence } of last.values()) {
    const found = table.get(producer)?.lastSequence;
    if (found !== sequence) throw new Error(`producer ${producer} has ${sequence} frames, its table says ${found}`);
  }
}

function checkEntries(entries: readonly LoggedEntry[], known: Known, firstGroup: number): void {
  const there = new Set<string>();
  const last = new Map<number, number>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (entry.kind === ENTRY_JSON && there.has(name)) throw new Error(`twice: ${name}`);
    there.add(name);
    if (!known.producers.some(({ sent }) => sent.has(entry.payload))) throw new Error(`never sent: ${name}`);
    if (entry.kind !== ENTRY_JSON) continue;
    const before = last.get(entry.producer);
    if (before !== undefined && entry.sequence !== before + 1) throw new Error(`behind ${before}: ${name}`);
    last.set(entry.producer, entry.sequence);
  }
  for (const [name, { group }] of known.released) {
    if (group >= firstGroup && !there.has(name)) throw new Error(`released and lost: ${name} of group ${group}`);
  }
}

export const openOptions = (disk: SimDisk) => ({ disk, data: 'data', store: STORE, limits: logLimits(SMALL) });

export const nameOf = ({ stream, producer, sequence, payload, kind }: EntryRead & { stream: number }) =>
  `${stream}/${producer}/${kind}/${sequence}/${payload}`;
