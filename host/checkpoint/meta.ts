// host/checkpoint/meta.ts — META: what a checkpoint is besides its parts. One JSON object and its checksum.

import type { Disk } from '../disk/disk.ts';
import type { KeptProducer } from '../listener/producers.ts';
import { readWhole } from '../log/read-facts.ts';
import { decodeChecked, encodeChecked } from '../store/checked-json.ts';
import { CheckpointError } from './checkpoint-error.ts';
import type { KeptPart } from './keeper-message.ts';
import type { OperatorLayout } from './operators.ts';
import { checkpointDirectory, META_NAME } from './place.ts';

export const CHECKPOINT_FORMAT = 1;

/** Everything in it can be said in JSON as it is: no infinite number, nothing undefined. */
export interface CheckpointMeta {
  id: number;
  store: string;
  /** Of a savepoint: what it is called. */
  name: string | null;
  /** The last group of the log that is in the state. */
  group: number;
  boot: number;
  planHash: string;
  operators: OperatorLayout[];
  /** One per partition, in order. */
  parts: KeptPart[];
  /** By stream: whose time stood where. */
  producers: KeptProducer[][];
  /** Transactions that sinks prepared: to be committed again on restore. Opaque here. */
  prepared: unknown;
  /** [output][partition]: the offset of the next result. */
  resultOffsets: number[][];
}

export function encodeMeta(meta: CheckpointMeta): Uint8Array {
  return encodeChecked({ format: CHECKPOINT_FORMAT, ...meta });
}

/** @throws CheckpointError when it is not that of checkpoint `id` in this store; DiskError when it cannot be read */
export async function readMeta(disk: Disk, data: string, id: number, store: string): Promise<CheckpointMeta> {
  const path = `${checkpointDirectory(data, id)}/${META_NAME}`;
  if (!(await disk.exists(path))) throw new CheckpointError('DAMAGED', path, 'it is missing');
  const { format, ...meta } = decodeChecked(await readWhole(disk, path)) ?? {};
  if (typeof format === 'number' && format > CHECKPOINT_FORMAT) {
    const advice = 'run the Pelton that wrote it, or a newer one';
    throw new CheckpointError('NEWER_FORMAT', path, `format ${format}, this Pelton knows ${CHECKPOINT_FORMAT}`, advice);
  }
  if (format !== CHECKPOINT_FORMAT) throw new CheckpointError('DAMAGED', path, 'its checksum is wrong');
  const found = meta as unknown as CheckpointMeta;
  if (found.store !== store)
    throw new CheckpointError('OTHER_STORE', path, `of store ${found.store}, this is ${store}`);
  if (found.id !== id) throw new CheckpointError('DAMAGED', path, `it is that of checkpoint ${found.id}`);
  return found;
}

/** Every older checkpoint that parts refer to, ascending. */
export const refersOf = ({ parts }: Pick<CheckpointMeta, 'parts'>): number[] =>
  [...new Set(parts.flatMap(({ refers }) => refers))].sort((one, two) => one - two);
