// Damage to checkpoints at rest, exhaustively where it can be: every bit, every length, files that go astray.
import { beforeAll, expect, test } from 'vitest';
import type { CheckpointError } from '../../../host/checkpoint/checkpoint-error.ts';
import { type Manifest, readManifests } from '../../../host/checkpoint/manifest.ts';
import { metaOrWords, whatIsWrongWith } from '../../../host/checkpoint/verify.ts';
import { CheckpointLife, DATA, prepare, recover, STORE, textsOf } from '../../support/checkpoint-life.ts';
import { PartitionState } from '../../support/partition-state.ts';
import { SimDisk } from '../../support/sim-disk.ts';

/** Files of a directory with three checkpoints, each referring to those before it, and what was in each. */
let files: Map<string, Uint8Array>;
let texts: Map<number, string[]>;
let manifest: Manifest;

beforeAll(async () => {
  const disk = prepare(new SimDisk());
  const partitions = [new PartitionState(), new PartitionState()];
  const life = new CheckpointLife(disk, partitions);
  texts = new Map();
  for (let id = 1; id <= 3; id++) {
    for (const [index, state] of partitions.entries()) {
      if (id === 1) state.block('clicks/0', 0, 0, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, index));
      state.block('clicks/0', 1000, id - 1, new Uint8Array(16).fill(id + index));
    }
    texts.set(id, life.texts());
    await life.checkpoint(id);
  }
  ({ manifest } = life);
  files = new Map(disk.paths().map((path) => [path, disk.bytesOf(path)]));
});

function diskOf(change: (files: Map<string, Uint8Array>) => void = () => {}): SimDisk {
  const changed = new Map(files);
  change(changed);
  const disk = new SimDisk();
  for (const [path, bytes] of changed) disk.put(path, bytes);
  return disk;
}

/** The ids of those that do not verify. */
async function wrongOnes(disk: SimDisk): Promise<number[]> {
  const wrong: number[] = [];
  for (const { id } of manifest.checkpoints) {
    const meta = await metaOrWords(disk, DATA, id, STORE);
    if (typeof meta === 'string' || (await whatIsWrongWith(disk, DATA, meta)) !== undefined) wrong.push(id);
  }
  return wrong;
}

/** A start with this disk: what it restores is what was in that checkpoint, and it is said why it is not the newest. */
async function checkStart(disk: SimDisk): Promise<number> {
  const said: string[] = [];
  const { from, passedOver } = await recover(disk, { report: (what) => said.push(what) });
  if (from !== undefined) expect(await textsOf(disk, from)).toEqual(texts.get(from.id));
  if (from?.id !== 3) expect(passedOver.length).toBeGreaterThan(0);
  expect(said.length).toBeGreaterThanOrEqual(passedOver.length);
  return from?.id ?? 0;
}

const idOf = (path: string): number => Number(/ckpt\/(\d+)\//.exec(path)?.[1]);
const checkpointFiles = () => [...files.keys()].filter((path) => idOf(path) > 0);
const manifestFiles = () => [...files.keys()].filter((path) => path.includes('MANIFEST'));

test('the checkpoints that are damaged below are whole, and refer to each other', async () => {
  expect(await wrongOnes(diskOf())).toEqual([]);
  expect(manifest.checkpoints.map(({ id, refers }) => [id, refers])).toEqual([
    [3, [1, 2]],
    [2, [1]],
    [1, []],
  ]);
  expect(await checkStart(diskOf())).toBe(3);
});

test('every bit of every file of a checkpoint that is another one is noticed', async () => {
  const disk = diskOf();
  let bits = 0;
  for (const path of checkpointFiles()) {
    const bytes = files.get(path)!;
    for (let bit = 0; bit < bytes.byteLength * 8; bit++, bits++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      disk.put(path, flipped);
      disk.operations.length = 0;
      const meta = await metaOrWords(disk, DATA, idOf(path), STORE);
      const wrong = typeof meta === 'string' ? meta : await whatIsWrongWith(disk, DATA, meta);
      if (wrong === undefined) expect.fail(`${path}: bit ${bit} went unnoticed`);
    }
    disk.put(path, bytes);
  }
  expect(bits).toBeGreaterThan(20_000);
}, 120_000);

test('every file of a checkpoint cut at every length is noticed, and so is a byte more', async () => {
  const disk = diskOf();
  for (const path of checkpointFiles()) {
    const bytes = files.get(path)!;
    const lengths = Array.from({ length: bytes.byteLength }, (_, length) => bytes.subarray(0, length));
    for (const cut of [...lengths, Buffer.concat([bytes, Uint8Array.of(0)])]) {
      disk.put(path, cut);
      const meta = await metaOrWords(disk, DATA, idOf(path), STORE);
      const wrong = typeof meta === 'string' ? meta : await whatIsWrongWith(disk, DATA, meta);
      if (wrong === undefined) expect.fail(`${path}: ${cut.byteLength} of ${bytes.byteLength} bytes went unnoticed`);
    }
    disk.put(path, bytes);
  }
}, 120_000);

test('a start with any byte of any file damaged restores what was there, or says that it cannot', async () => {
  const starts = new Map<number, number>();
  for (const path of [...checkpointFiles(), ...manifestFiles()]) {
    const bytes = files.get(path)!;
    for (let at = 0; at < bytes.byteLength; at += 3) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << (at % 8);
      const id = await checkStart(diskOf((changed) => changed.set(path, flipped)));
      starts.set(id, (starts.get(id) ?? 0) + 1);
      if (idOf(path) === 3) expect(id).toBe(2);
      if (idOf(path) === 2) expect([1, 3]).toContain(id);
    }
  }
  expect([...starts.keys()].sort()).toEqual([0, 1, 2, 3]);
}, 120_000);

test('any one file missing: the newest that does not need it', async () => {
  for (const path of [...checkpointFiles(), ...manifestFiles()]) {
    const id = await recover(diskOf((changed) => changed.delete(path))).then(({ from }) => from?.id ?? 0);
    if (idOf(path) === 3) expect(id).toBe(2);
    if (path.endsWith('MANIFEST-3')) expect(id).toBe(2); // Without a trace: the one before counts.
    if (path.endsWith('MANIFEST-2')) expect(id).toBe(3);
    if (path.endsWith('1/META')) expect(id).toBe(3); // Only the parts are needed of an older one.
    if (path.includes('/1/p-')) expect(id).toBe(0);
  }
});

test('files of two checkpoints, or of two partitions, that changed places are noticed', async () => {
  const paths = checkpointFiles();
  for (const one of paths) {
    for (const other of paths) {
      if (one >= other) continue;
      const disk = diskOf((changed) => changed.set(one, files.get(other)!).set(other, files.get(one)!));
      const wrong = await wrongOnes(disk);
      expect(wrong).toContain(idOf(one));
      expect(wrong).toContain(idOf(other));
      await checkStart(disk);
    }
  }
});

test('a part of another partition says whose it is', async () => {
  const disk = diskOf((changed) => changed.set(`${DATA}/ckpt/3/p-0.part`, files.get(`${DATA}/ckpt/3/p-1.part`)!));
  const { passedOver } = await recover(disk);
  expect(passedOver).toMatchObject([{ id: 3, why: `${DATA}/ckpt/3/p-0.part: it is of partition 1, expected 0` }]);
});

test('a part of the same checkpoint and partition, as long but of another time, has another digest', async () => {
  const disk = prepare(new SimDisk());
  const life = new CheckpointLife(disk, [new PartitionState(), new PartitionState()]);
  for (const state of life.partitions) {
    state.block('clicks/0', 0, 0, new Uint8Array(8).fill(9));
    state.block('clicks/0', 1000, 0, new Uint8Array(16).fill(9));
  }
  await life.checkpoint(1);
  const path = `${DATA}/ckpt/1/p-0.part`;
  expect(disk.bytesOf(path).byteLength).toBe(files.get(path)!.byteLength);
  const wrong = await wrongOnes(diskOf((changed) => changed.set(path, disk.bytesOf(path))));
  expect(wrong).toContain(1);
});

test('an old manifest in the place of the newest is of another generation, and does not count', async () => {
  const disk = diskOf((changed) => changed.set(`${DATA}/MANIFEST-3`, files.get(`${DATA}/MANIFEST-2`)!));
  expect((await readManifests(disk, DATA)).damaged).toEqual([`${DATA}/MANIFEST-3`]);
  expect(await checkStart(disk)).toBe(2);
  expect(disk.paths()).toContain(`${DATA}/quarantine/MANIFEST-3`);
});

test('an old manifest put back beside newer ones changes nothing', async () => {
  const disk = diskOf((changed) => changed.set(`${DATA}/MANIFEST-1`, files.get(`${DATA}/MANIFEST-2`)!));
  expect((await recover(disk)).from?.id).toBe(3);
});

test('what was passed over goes to quarantine, and is named no longer', async () => {
  const path = `${DATA}/ckpt/3/p-1.part`;
  const disk = diskOf((changed) => changed.set(path, files.get(path)!.slice(0, 80)));
  const { manifest: after } = await recover(disk);
  expect(after.checkpoints.map(({ id }) => id)).toEqual([2, 1]);
  expect(after.lastId).toBe(3);
  expect(disk.paths()).toContain(`${DATA}/quarantine/ckpt-3/p-1.part`);
  const again = await recover(disk);
  expect([again.from?.id, again.passedOver]).toEqual([2, []]);
});

test('a checkpoint that no manifest names is moved to quarantine, never deleted', async () => {
  const disk = diskOf((changed) => changed.delete(`${DATA}/MANIFEST-3`).valueOf());
  const { from } = await recover(disk);
  expect(from?.id).toBe(2);
  expect(disk.bytesOf(`${DATA}/quarantine/ckpt-3/META`)).toEqual(files.get(`${DATA}/ckpt/3/META`));
});

test('a refusal changes nothing', async () => {
  const path = `${DATA}/ckpt/3/META`;
  const disk = diskOf((changed) => changed.set(path, files.get(path)!.slice(0, 80)));
  const before = new Map(disk.paths().map((name) => [name, disk.bytesOf(name)]));
  const log = { firstGroup: 25, lastGroup: 40 };
  const refused = await recover(disk, { log }).catch((error: CheckpointError) => error);
  expect(refused).toMatchObject({ name: 'CheckpointError', code: 'LOG_GAP' });
  expect(new Map(disk.paths().map((name) => [name, disk.bytesOf(name)]))).toEqual(before);
});
