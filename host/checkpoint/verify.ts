// host/checkpoint/verify.ts — reads a checkpoint from its first byte to its last, and forgets what it read.

import { BLOCK_BYTES } from '../../assembly/layout.ts';
import { type Disk, DiskError } from '../disk/disk.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { type CheckpointMeta, readMeta } from './meta.ts';
import { readPart } from './part-reader.ts';

/** @returns undefined when every checksum holds, blocks of older checkpoints that it refers to included; else what does not */
export function whatIsWrongWith(disk: Disk, data: string, meta: CheckpointMeta): Promise<string | undefined> {
  return wordsOf(async () => {
    const scratch = new Uint8Array(BLOCK_BYTES);
    const room = ({ usedBytes }: { usedBytes: number }) => scratch.subarray(0, usedBytes);
    for (const part of meta.parts) {
      const source = { disk, data, store: meta.store, checkpoint: meta.id, ...part };
      for await (const _record of readPart(source, room));
    }
  });
}

/** @returns META, or what is wrong with it. @throws CheckpointError for what no older checkpoint helps against */
export async function metaOrWords(
  disk: Disk,
  data: string,
  id: number,
  store: string,
): Promise<CheckpointMeta | string> {
  let meta: CheckpointMeta | undefined;
  const wrong = await wordsOf(async () => {
    meta = await readMeta(disk, data, id, store);
  });
  return wrong ?? meta!;
}

/** Damage, and a medium that cannot be read, are facts about this checkpoint; everything else is an error. */
async function wordsOf(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'DAMAGED') return error.message;
    if (error instanceof DiskError && error.code === 'EIO') return error.message;
    throw error;
  }
}
