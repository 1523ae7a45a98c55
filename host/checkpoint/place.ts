// host/checkpoint/place.ts — names and places of checkpoints in a data directory.
//
//   DIR/MANIFEST-<generation>   names the checkpoints that exist; the newest valid one wins, two are kept
//   DIR/ckpt/<id>/              META, p-<partition>.part: never changed once it has this name
//   DIR/ckpt/<id>.tmp/          being written, or being removed: nothing of it counts

const CHECKPOINT_NAME = /^(\d{1,10})$/;
const UNFINISHED_NAME = /^(\d{1,10})\.tmp$/;
const MANIFEST_NAME = /^MANIFEST-(\d{1,15})$/;

export const checkpointsDirectory = (data: string): string => `${data}/ckpt`;
export const checkpointDirectory = (data: string, id: number): string => `${checkpointsDirectory(data)}/${id}`;
export const unfinishedDirectory = (data: string, id: number): string => `${checkpointDirectory(data, id)}.tmp`;
export const partName = (partition: number): string => `p-${partition}.part`;
export const META_NAME = 'META';
export const manifestPath = (data: string, generation: number): string => `${data}/MANIFEST-${generation}`;

export interface CheckpointNames {
  finished: number[];
  unfinished: number[];
  /** Left alone. */
  others: string[];
}

/** What lies in DIR/ckpt, ascending. */
export function checkpointNames(names: readonly string[]): CheckpointNames {
  const found: CheckpointNames = { finished: [], unfinished: [], others: [] };
  for (const name of names) {
    const finished = CHECKPOINT_NAME.exec(name)?.[1];
    const unfinished = UNFINISHED_NAME.exec(name)?.[1];
    if (finished !== undefined) found.finished.push(Number(finished));
    else if (unfinished !== undefined) found.unfinished.push(Number(unfinished));
    else found.others.push(name);
  }
  found.finished.sort((one, two) => one - two);
  return found;
}

/** Generations of the manifests among the names in DIR, newest first. */
export function manifestGenerations(names: readonly string[]): number[] {
  return names
    .flatMap((name) => (MANIFEST_NAME.test(name) ? [Number(MANIFEST_NAME.exec(name)![1])] : []))
    .sort((one, two) => two - one);
}
