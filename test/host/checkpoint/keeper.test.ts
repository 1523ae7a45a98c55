// The keeper: what it writes, when it gives a checkpoint up, and what ends the run.
import { expect, test } from 'vitest';
import { CHECKPOINT_REACH_MAX } from '../../../host/limits.ts';
import { BLOCK_RING_BYTES, CheckpointLife, DATA, prepare, recover, textsOf } from '../../support/checkpoint-life.ts';
import { PartitionState } from '../../support/partition-state.ts';
import { seededRandom } from '../../support/random.ts';
import { failNth, SimDisk } from '../../support/sim-disk.ts';

const block = (...bytes: number[]) => Uint8Array.from([...bytes, ...new Array(8 - bytes.length).fill(0)]);

function newLife(partitions = 2): CheckpointLife {
  const states = Array.from({ length: partitions }, () => new PartitionState());
  for (const [index, state] of states.entries()) {
    for (let at = 0; at < 8; at++) state.block('clicks/0', 0, at, block(index, at));
  }
  return new CheckpointLife(prepare(new SimDisk()), states);
}

/** Parts of several chunks each. */
function largeLife(): CheckpointLife {
  const states = [new PartitionState(), new PartitionState()];
  for (const [index, state] of states.entries()) {
    for (let at = 0; at < 40; at++) state.block('clicks/0', 0, at, new Uint8Array(65_528).fill(index * 40 + at));
  }
  return new CheckpointLife(prepare(new SimDisk()), states, undefined, BLOCK_RING_BYTES);
}

const filesOf = (disk: SimDisk) => disk.paths().filter((path) => !path.endsWith('.keep'));

test('blocks that did not change are not written again, and come back all the same', async () => {
  const life = newLife();
  await life.checkpoint(1);
  life.partitions[0]!.block('clicks/0', 0, 3, block(99));
  await life.checkpoint(2);
  const { from } = await recover(life.disk);
  expect(from?.parts.map(({ refers }) => refers)).toEqual([[1], [1]]);
  expect(await textsOf(life.disk, from!)).toEqual(life.texts());
});

test('what nobody changes is carried over before it is too far back, a part at a time', async () => {
  const life = newLife(1);
  const carried: number[] = [];
  for (let id = 1; id <= 40; id++) {
    const before = life.disk.operations.length;
    await life.checkpoint(id);
    const { from } = await recover(life.disk);
    expect(await textsOf(life.disk, from!)).toEqual(life.texts());
    const [oldest = id] = from!.parts[0]!.refers;
    expect(id - oldest).toBeLessThan(CHECKPOINT_REACH_MAX);
    const reads = life.disk.operations
      .slice(before)
      .filter(({ name, path }) => name === 'open' && path.endsWith('.part'));
    if (reads.some(({ detail }) => detail === 'read')) carried.push(id);
  }
  expect(carried.length).toBeGreaterThan(4);
  const directories = (await life.disk.list(`${DATA}/ckpt`)).length;
  expect(directories).toBeLessThanOrEqual(CHECKPOINT_REACH_MAX + 4);
}, 20_000);

test('a full checkpoint refers to none before it', async () => {
  const life = newLife();
  await life.checkpoint(1);
  await life.checkpoint(2, { full: true });
  expect((await recover(life.disk)).from?.parts.map(({ refers }) => refers)).toEqual([[], []]);
});

test.each([
  ['small parts', newLife, 4], // Two parts, META, MANIFEST.
  ['parts of several chunks', largeLife, 8],
])('a disk that is full at any write of %s costs that checkpoint, and nothing else', async (_, begin, writes) => {
  let refusals = 0;
  for (let nth = 1; ; nth++) {
    const life = begin();
    await life.checkpoint(1);
    const before = filesOf(life.disk);
    life.partitions[1]!.block('clicks/1', 5, 0, block(5));
    life.disk.fault = failNth('write', nth, 'ENOSPC');
    const full = begin === largeLife;
    const made = await life.checkpoint(2, { full }).catch((error: { code: string }) => {
      expect(error.code).toBe('ENOSPC');
      return false;
    });
    if (made) break;
    refusals++;
    expect(filesOf(life.disk)).toEqual(before);
    await life.checkpoint(3);
    const { from } = await recover(life.disk);
    expect([from?.id, from?.parts[0]?.refers]).toEqual([3, [1]]);
    expect(await textsOf(life.disk, from!)).toEqual(life.texts());
  }
  expect(refusals).toBe(writes);
});

test.each(['open', 'makeDirectory', 'rename'] as const)('a disk that is full at any %s, too', async (operation) => {
  for (let nth = 1; ; nth++) {
    const life = newLife();
    await life.checkpoint(1);
    const before = filesOf(life.disk);
    life.disk.fault = failNth(operation, nth, 'ENOSPC');
    const made = await life.checkpoint(2).catch(() => false);
    if (made) break;
    expect(filesOf(life.disk)).toEqual(before);
    await life.checkpoint(3);
    expect((await recover(life.disk)).from?.id).toBe(3);
  }
});

test('a disk of every size: either it is a checkpoint, or nothing of it is left', async () => {
  const random = seededRandom(3);
  for (let times = 0; times < 200; times++) {
    const life = newLife();
    await life.checkpoint(1);
    const before = filesOf(life.disk);
    for (const state of life.partitions) state.change(random);
    const used = before.reduce((sum, path) => sum + life.disk.bytesOf(path).byteLength, 0);
    life.disk.capacityBytes = used + random.below(4000);
    const made = await life.checkpoint(2).catch(() => false);
    if (!made) expect(filesOf(life.disk)).toEqual(before);
    life.disk.capacityBytes = 2 ** 40;
    expect((await recover(life.disk)).from?.id).toBe(made ? 2 : 1);
  }
});

test.each(['write', 'sync'] as const)('an EIO of any %s ends the run', async (operation) => {
  for (let nth = 1; nth <= 3; nth++) {
    const life = newLife();
    await life.checkpoint(1);
    life.disk.fault = failNth(operation, nth, 'EIO');
    await expect(life.checkpoint(2)).rejects.toMatchObject({
      code: 'CHECKPOINT_POISONED',
      cause: { code: 'EIO', operation },
    });
  }
});

test('a sync that fails for want of space ends the run as well: what it covered may be lost', async () => {
  const life = newLife();
  life.disk.fault = failNth('sync', 1, 'ENOSPC');
  await expect(life.checkpoint(1)).rejects.toMatchObject({ code: 'CHECKPOINT_POISONED', cause: { code: 'ENOSPC' } });
});

test('a disk that became read-only ends the run with what a person must do', async () => {
  const life = newLife();
  life.disk.fault = failNth('open', 1, 'EROFS');
  await expect(life.checkpoint(1)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_WRITABLE' });
});

test('control may abort at any time: the rest is drained, the next one is whole', async () => {
  for (let steps = 0; steps < 60; steps++) {
    const life = newLife();
    await life.checkpoint(1);
    const before = filesOf(life.disk);
    life.disk.schedule = (complete) => void setImmediate(complete); // Much may happen while an operation is under way.
    let left = steps;
    const step = life.keeper.step.bind(life.keeper);
    life.keeper.step = () => {
      if (left-- === 0) life.keeper.abort(2, 'ASKED', 'a sink did not prepare');
      return step();
    };
    if ((await life.send(2, 1)) === undefined) expect(filesOf(life.disk)).toEqual(before);
    else life.keeper.abort(2, 'ASKED', 'too late for the partitions');
    while (life.keeper.step() !== 'idle') await new Promise((resolve) => setImmediate(resolve));
    life.reports.length = 0;
    expect(filesOf(life.disk)).toEqual(before);
    await life.checkpoint(3);
    expect(await textsOf(life.disk, (await recover(life.disk)).from!)).toEqual(life.texts());
  }
});

test('an older part that is damaged where it is carried over costs the checkpoint; a full one is whole again', async () => {
  const life = newLife(1);
  await life.checkpoint(1);
  const path = `${DATA}/ckpt/1/p-0.part`;
  const bytes = life.disk.bytesOf(path);
  life.disk.put(
    path,
    bytes.map((byte, at) => (at > bytes.byteLength / 3 ? byte ^ 1 : byte)),
  );
  let id = 2;
  while (await life.checkpoint(id)) id++;
  expect(id).toBeLessThanOrEqual(1 + CHECKPOINT_REACH_MAX);
  await life.checkpoint(id + 1, { full: true });
  expect(await textsOf(life.disk, (await recover(life.disk)).from!)).toEqual(life.texts());
});

test('a block said to be the same that never was sent, and a base that nobody knows, end the run', async () => {
  const life = newLife(1);
  await life.checkpoint(1);
  life.partitions[0]!.epoch = 1;
  life.partitions[0]!.block('clicks/0', 7000, 0, block(1));
  await expect(life.checkpoint(2)).rejects.toThrow('block 0 of the pane 7000 of stage clicks/0 is said to be the same');
  await expect(newLife(1).checkpoint(5, { base: 4 })).rejects.toThrow('checkpoint 5 of partition 0 builds on 4');
});

test('a part that ends with another number of records than came ends the run', async () => {
  const life = newLife(1);
  const { frames } = PartitionState.prototype;
  life.partitions[0]!.frames = function* (head) {
    const all = [...frames.call(this, head)];
    yield* all.filter((_, at) => at !== 3);
  };
  await expect(life.checkpoint(1)).rejects.toThrow('ended its part of checkpoint 1 with 12 records, 11 came');
});

test('it is done when it was told to stop and no part is under way', async () => {
  const life = newLife();
  await life.send(1, 0);
  life.keeper.stop();
  expect(life.keeper.step()).toBe('done');
});
