// Which checkpoints are kept and which go, savepoints, and restores with another number of partitions.
import { expect, test } from 'vitest';
import { restoreRecords } from '../../../host/checkpoint/restore-source.ts';
import { logFloor, removeSavepoint, savepointsOf } from '../../../host/checkpoint/retain.ts';
import { CheckpointLife, DATA, groupOf, prepare, recover, textsOf } from '../../support/checkpoint-life.ts';
import { PartitionState, restoredText } from '../../support/partition-state.ts';
import { SimDisk } from '../../support/sim-disk.ts';

/** One block that changes with every checkpoint, and two that never do. */
async function lifeOf(ids: readonly number[], names: Record<number, string> = {}): Promise<CheckpointLife> {
  const state = new PartitionState();
  state.block('clicks/0', 0, 1, new Uint8Array(8).fill(1));
  state.block('clicks/0', 0, 2, new Uint8Array(8).fill(2));
  const life = new CheckpointLife(prepare(new SimDisk()), [state]);
  for (const id of ids) {
    state.block('clicks/0', 0, 0, new Uint8Array(8).fill(id));
    const name = names[id];
    await life.checkpoint(id, name === undefined ? {} : { name, full: true });
  }
  return life;
}

const directories = async ({ disk }: CheckpointLife) =>
  (await disk.list(`${DATA}/ckpt`)).filter((name) => name !== '.keep').map(Number);

test('the newest three are kept, and what they refer to', async () => {
  const life = await lifeOf([1, 2, 3, 4, 5]);
  expect(life.manifest.checkpoints.map(({ id, refers }) => [id, refers])).toEqual([
    [5, [1]],
    [4, [1]],
    [3, [1]],
  ]);
  expect(await directories(life)).toEqual([1, 3, 4, 5]);
  expect(logFloor(life.manifest)).toBe(groupOf(3) + 1);
});

test('two generations of the manifest are kept', async () => {
  const { disk } = await lifeOf([1, 2, 3, 4]);
  expect((await disk.list(DATA)).filter((name) => name.startsWith('MANIFEST'))).toEqual(['MANIFEST-3', 'MANIFEST-4']);
});

test('a savepoint stays until it is removed by name, and does not hold the log', async () => {
  const life = await lifeOf([1, 2, 3, 4, 5, 6], { 2: 'before' });
  expect(await directories(life)).toEqual([2, 4, 5, 6]);
  expect(savepointsOf(life.manifest)).toEqual([{ name: 'before', id: 2, group: groupOf(2) }]);
  expect(logFloor(life.manifest)).toBe(groupOf(4) + 1);
  const { from } = await recover(life.disk, { savepoint: 'before' });
  expect(from?.id).toBe(2);
  const log = { firstGroup: logFloor(life.manifest), lastGroup: 99 };
  await expect(recover(life.disk, { savepoint: 'before', log })).rejects.toMatchObject({ code: 'LOG_GAP' });

  life.manifest = await removeSavepoint(life.disk, DATA, life.manifest, 'before');
  expect(await directories(life)).toEqual([2, 4, 5, 6]); // Its files still hold blocks of the others.
  expect(savepointsOf(life.manifest)).toEqual([]);
  await expect(recover(life.disk, { savepoint: 'before' })).rejects.toMatchObject({ code: 'UNKNOWN' });
});

test('a savepoint that nothing refers to goes with its name', async () => {
  const life = await lifeOf([1, 2], { 1: 'first' });
  for (const id of [3, 4, 5]) await life.checkpoint(id, { full: true });
  expect(await directories(life)).toEqual([1, 3, 4, 5]);
  await removeSavepoint(life.disk, DATA, life.manifest, 'first');
  expect(await directories(life)).toEqual([3, 4, 5]);
});

test('a name is given once, and only one that is there is taken away', async () => {
  const life = await lifeOf([1], { 1: 'first' });
  await expect(life.checkpoint(2, { name: 'first' })).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  await expect(removeSavepoint(life.disk, DATA, life.manifest, 'other')).rejects.toThrow('there are: first');
});

test('a start removes what was being written or removed, and leaves what it does not know', async () => {
  const life = await lifeOf([1, 2]);
  life.disk.put(`${DATA}/ckpt/9.tmp/p-0.part`, Uint8Array.of(1));
  life.disk.put(`${DATA}/ckpt/notes/a`, Uint8Array.of(1));
  life.disk.put(`${DATA}/ckpt/7/META`, Uint8Array.of(1));
  const said: string[] = [];
  const { manifest } = await recover(life.disk, { report: (what) => said.push(what) });
  expect(await life.disk.list(`${DATA}/ckpt`)).toEqual(['.keep', '1', '2', 'notes']);
  expect(said).toEqual([`${DATA}/ckpt/7: no manifest vouches for it; it was moved to ${DATA}/quarantine/ckpt-7`]);
  expect(manifest.lastId).toBe(9);
});

test('with another number of partitions every part is handed over, with the same one alone', async () => {
  const states = [1, 2, 3].map((seed) => {
    const state = new PartitionState();
    state.block('clicks/0', 0, 0, new Uint8Array(8).fill(seed));
    return state;
  });
  const life = new CheckpointLife(prepare(new SimDisk()), states);
  await life.checkpoint(1);
  const { from } = await recover(life.disk);
  expect(await textsOf(life.disk, from!)).toEqual(life.texts());
  const scratch = new Uint8Array(65536);
  for (const share of [
    { partition: 0, partitions: 2 },
    { partition: 3, partitions: 4 },
  ]) {
    const records = restoreRecords(life.disk, DATA, from!, share, ({ usedBytes }) => scratch.subarray(0, usedBytes));
    expect(await restoredText(records)).toBe(life.texts().join('\n'));
  }
});
