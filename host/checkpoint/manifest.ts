// host/checkpoint/manifest.ts — the manifest: which checkpoints there are. What it does not name does not exist.
//
// Promises
//   - never changed in place: each change is a new generation, written aside, synced, renamed, its directory synced.
//   - the generation before is kept; of those that are whole the newest counts.

import type { Disk } from '../disk/disk.ts';
import { readWhole } from '../log/read-facts.ts';
import { replaceFile } from '../log/replace.ts';
import { decodeChecked, encodeChecked } from '../store/checked-json.ts';
import { manifestGenerations, manifestPath } from './place.ts';

export const MANIFEST_FORMAT = 1;
const GENERATIONS_KEPT = 2;

export interface NamedCheckpoint {
  id: number;
  /** Of a savepoint: kept until it is removed. */
  name: string | null;
  /** The last group of the log in its state. */
  group: number;
  /** Older checkpoints whose files hold bytes of it. Here as well as in META: what is still needed must be known without it. */
  refers: number[];
}

export interface Manifest {
  generation: number;
  store: string;
  /** The greatest id that was ever used: none is used twice. */
  lastId: number;
  /** Newest first. */
  checkpoints: NamedCheckpoint[];
}

export const emptyManifest = (store: string): Manifest => ({ generation: 0, store, lastId: 0, checkpoints: [] });

/** Ids whose directories are needed: those named, and those that they refer to. */
export function neededBy({ checkpoints }: Manifest): Set<number> {
  return new Set(checkpoints.flatMap(({ id, refers }) => [id, ...refers]));
}

export interface FoundManifests {
  /** Whole ones, newest first. */
  whole: Manifest[];
  /** Paths of those whose checksum is wrong. */
  damaged: string[];
  /** Path of one that a newer Pelton wrote. */
  newer: string | undefined;
  /** The greatest of any, damaged ones too. */
  lastGeneration: number;
}

export async function readManifests(disk: Disk, data: string): Promise<FoundManifests> {
  const generations = manifestGenerations(await disk.list(data));
  const found: FoundManifests = { whole: [], damaged: [], newer: undefined, lastGeneration: generations[0] ?? 0 };
  for (const generation of generations) {
    const path = manifestPath(data, generation);
    const { format, ...fields } = decodeChecked(await readWhole(disk, path)) ?? {};
    const manifest = fields as unknown as Manifest;
    if (typeof format === 'number' && format > MANIFEST_FORMAT) found.newer ??= path;
    else if (format === MANIFEST_FORMAT && manifest.generation === generation) found.whole.push(manifest);
    else found.damaged.push(path);
  }
  return found;
}

/** The next generation is durable when it resolves; then all but it and the one before are removed. */
export async function writeManifest(disk: Disk, data: string, manifest: Manifest): Promise<void> {
  const path = manifestPath(data, manifest.generation);
  await replaceFile(disk, path, [encodeChecked({ format: MANIFEST_FORMAT, ...manifest })]);
  for (const generation of manifestGenerations(await disk.list(data)).slice(GENERATIONS_KEPT)) {
    await disk.remove(manifestPath(data, generation)); // Should a crash bring it back, it is older than those that count.
  }
}
