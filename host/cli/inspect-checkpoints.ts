// host/cli/inspect-checkpoints.ts — the checkpoints of a data directory, for pelton inspect: what is named, what is needed, what is whole.

import type { FoundManifests } from '../checkpoint/manifest.ts';
import type { CheckpointMeta } from '../checkpoint/meta.ts';
import { metaOrWords, whatIsWrongWith } from '../checkpoint/verify.ts';
import type { Disk } from '../disk/disk.ts';

export interface CheckpointRow {
  checkpoint: number;
  /** Of a savepoint. */
  name: string;
  group: number;
  partitions: number;
  bytes: number;
  /** Older checkpoints that it needs. */
  refers: string;
  state: string;
}

/** Of every checkpoint that the newest whole manifest names. @param verify  reads every byte; else META is believed */
export async function checkpointRows(
  disk: Disk,
  data: string,
  store: string,
  { whole }: FoundManifests,
  verify: boolean,
): Promise<CheckpointRow[]> {
  const rows: CheckpointRow[] = [];
  for (const { id, name, group, refers } of whole[0]?.checkpoints ?? []) {
    const meta = await metaOrWords(disk, data, id, store);
    const parts = typeof meta === 'string' ? [] : meta.parts;
    rows.push({
      checkpoint: id,
      name: name ?? '',
      group,
      partitions: parts.length,
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
      refers: refers.join(' '),
      state: await stateOf(disk, data, meta, verify),
    });
  }
  return rows;
}

/** What the rows do not show: files that say they are a manifest and are not. */
export function manifestWords({ whole, damaged, newer }: FoundManifests): string[] {
  const words = damaged.map((path) => `${path} is damaged`);
  if (newer !== undefined) words.push(`${newer} was written by a newer Pelton`);
  if (whole[0] === undefined && words.length === 0) words.push('there is no checkpoint');
  return words;
}

async function stateOf(disk: Disk, data: string, meta: CheckpointMeta | string, verify: boolean): Promise<string> {
  if (typeof meta === 'string') return `damaged: ${meta}`;
  if (!verify) return 'not verified';
  const wrong = await whatIsWrongWith(disk, data, meta);
  return wrong === undefined ? 'whole' : `damaged: ${wrong}`;
}
