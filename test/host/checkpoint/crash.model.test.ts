// Checkpoints over a disk that may end at any operation: what a start finds is whole, and not older than what was promised.
import { expect, test } from 'vitest';
import { checkpointNames } from '../../../host/checkpoint/place.ts';
import { CheckpointLife, DATA, groupOf, haltAt, prepare, recover, textsOf } from '../../support/checkpoint-life.ts';
import { type CrashChoice, dropAll, keepAll, randomCrash } from '../../support/crash-choice.ts';
import { PartitionState } from '../../support/partition-state.ts';
import { type Random, seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

interface Lived {
  life: CheckpointLife;
  /** By checkpoint: what was in it. */
  texts: Map<number, string[]>;
  /** The last one whose publication was reported. */
  published: number;
}

/** Some checkpoints one after the other, the state changing between them; ends early when the disk does. */
async function live(random: Random, checkpoints: number, haltAtOperation: number): Promise<Lived> {
  const disk = prepare(new SimDisk());
  const halted = haltAt(disk, haltAtOperation);
  const partitions = [new PartitionState(), new PartitionState()];
  const lived: Lived = { life: new CheckpointLife(disk, partitions, halted), texts: new Map(), published: 0 };
  for (let id = 1; id <= checkpoints; id++) {
    for (const state of partitions) for (let change = random.below(4); change >= 0; change--) state.change(random);
    lived.texts.set(id, lived.life.texts());
    try {
      const published = () => {
        lived.published = id;
      };
      await lived.life.checkpoint(id, { published });
    } catch (error) {
      expect((error as Error).message).toBe('halted');
      return lived;
    }
  }
  return lived;
}

/** A start on what the crash left finds the newest checkpoint or the one that was being made; then it all goes on. */
async function checkStart(disk: SimDisk, { texts, published }: Lived): Promise<void> {
  for (const id of checkpointNames(await disk.list(`${DATA}/ckpt`)).finished) {
    expect(await disk.list(`${DATA}/ckpt/${id}`)).toEqual(['META', 'p-0.part', 'p-1.part']); // Never half of one.
  }
  const { from, replayFrom, manifest, passedOver } = await recover(disk);
  expect(manifest.lastId).toBeGreaterThanOrEqual(published);
  expect(passedOver).toEqual([]);
  const id = from?.id ?? 0;
  expect([published, published + 1]).toContain(id);
  expect(replayFrom).toBe(id === 0 ? 1 : groupOf(id) + 1);
  if (from !== undefined) expect(await textsOf(disk, from)).toEqual(texts.get(id));
  const known = disk.paths().filter((path) => path.startsWith(`${DATA}/ckpt/`) && !path.endsWith('.keep'));
  expect(known.filter((path) => path.includes('.tmp'))).toEqual([]);

  const again = await recover(disk);
  expect(again.from).toEqual(from);
  const next = new CheckpointLife(disk, [new PartitionState()]);
  next.manifest = again.manifest;
  next.partitions[0]!.block('clicks/0', 0, 0, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  await next.checkpoint(again.manifest.lastId + 1, { full: true });
  const last = await recover(disk);
  expect(await textsOf(disk, last.from!)).toEqual(next.texts());
}

async function operationsOf(seed: number, checkpoints: number): Promise<number> {
  const { life } = await live(seededRandom(seed), checkpoints, Number.POSITIVE_INFINITY);
  return life.disk.operations.length;
}

const choices: [string, (seed: number) => CrashChoice][] = [
  ['nothing', () => keepAll],
  ['everything that was not synced', () => dropAll],
  ['some of what was not synced', (seed) => randomCrash(seededRandom(seed))],
];

test.each(choices)(
  'five checkpoints, ended at every operation, losing %s',
  async (_, choose) => {
    const operations = await operationsOf(5, 5);
    for (let at = 0; at <= operations; at++) {
      const lived = await live(seededRandom(5), 5, at);
      await checkStart(lived.life.disk.crash(choose(at)), lived);
    }
  },
  60_000,
);

test('the process alone ended at every operation', async () => {
  const operations = await operationsOf(6, 5);
  for (let at = 0; at <= operations; at++) {
    const lived = await live(seededRandom(6), 5, at);
    await checkStart(lived.life.disk.kill(), lived);
  }
}, 60_000);

test('random lives of up to 20 checkpoints, ended anywhere', async () => {
  for (let seed = 100; seed < 160; seed++) {
    const random = seededRandom(seed);
    const checkpoints = 1 + random.below(20);
    const operations = await operationsOf(seed, checkpoints);
    for (let times = 0; times < 4; times++) {
      const lived = await live(seededRandom(seed), checkpoints, random.below(operations + 1));
      await checkStart(lived.life.disk.crash(randomCrash(random)), lived);
    }
  }
}, 60_000);

test('a start that has much to clear away, ended at every operation and begun again, comes to the same', async () => {
  const { life, texts } = await live(seededRandom(8), 5, Number.POSITIVE_INFINITY);
  const files = life.disk.paths().map((path) => [path, life.disk.bytesOf(path)] as const);
  const left = (): SimDisk => {
    const disk = new SimDisk();
    for (const [path, bytes] of files) disk.put(path, path.endsWith('5/META') ? bytes.slice(1) : bytes);
    disk.put(`${DATA}/ckpt/2/META`, Uint8Array.of(1)); // Being removed when the engine ended, or nobody's.
    disk.put(`${DATA}/ckpt/9.tmp/p-0.part`, Uint8Array.of(1));
    disk.put(`${DATA}/MANIFEST-6`, Uint8Array.of(1));
    return disk;
  };
  const whole = left();
  await recover(whole);
  expect(whole.paths()).toContain(`${DATA}/quarantine/ckpt-5/p-0.part`);
  for (let at = 0; at < whole.operations.length; at++) {
    for (const choice of [keepAll, dropAll, randomCrash(seededRandom(at))]) {
      const disk = left();
      await Promise.race([haltAt(disk, at), recover(disk)]).catch(({ message }) => expect(message).toBe('halted'));
      const next = disk.crash(choice);
      const { from, manifest } = await recover(next);
      expect(from?.id).toBe(4);
      expect(await textsOf(next, from!)).toEqual(texts.get(4));
      expect(manifest.checkpoints.map(({ id }) => id)).toEqual([4, 3]);
      expect(manifest.lastId).toBeGreaterThanOrEqual(5);
      expect(next.paths().filter((path) => path.includes('ckpt-5/p-'))).toHaveLength(2); // Kept, whatever happened.
    }
  }
}, 60_000);
