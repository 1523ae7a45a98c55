// What the simulated disk loses in a crash, and what it must not lose.
import { describe, expect, test } from 'vitest';
import { dropAll, keepAll, randomCrash } from '../../support/crash-choice.ts';
import { seededRandom } from '../../support/random.ts';
import { failNth, SimDisk } from '../../support/sim-disk.ts';
import { diskContract } from './disk.contract.ts';

describe('contract', () => {
  diskContract(async () => {
    const disk = new SimDisk();
    await disk.makeDirectory('data');
    return { disk, directory: 'data' };
  });
});

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

async function diskWithFile(): Promise<{ disk: SimDisk; file: Awaited<ReturnType<SimDisk['open']>> }> {
  const disk = new SimDisk();
  disk.put('d/a', bytes(10, 1));
  return { disk, file: await disk.open('d/a', 'write') };
}

test('what was synced survives every crash', async () => {
  const { disk, file } = await diskWithFile();
  await file.write([bytes(5000, 2)], 4);
  await file.sync();
  for (let seed = 0; seed < 20; seed++) {
    const after = disk.crash(randomCrash(seededRandom(seed)));
    expect(after.bytesOf('d/a')).toEqual(disk.bytesOf('d/a'));
  }
});

test('what was not synced is lost, kept or torn, as is chosen', async () => {
  const { disk, file } = await diskWithFile();
  await file.write([bytes(1020, 2)], 4);
  expect(disk.crash(dropAll).bytesOf('d/a')).toEqual(bytes(10, 1));
  expect(disk.crash(keepAll).bytesOf('d/a')).toEqual(disk.bytesOf('d/a'));
  const torn = disk.crash({ ...keepAll, write: () => ({ pieceBytes: 512, keeps: (piece) => piece === 1 }) });
  const expected = new Uint8Array(1024);
  expected.set(bytes(10, 1));
  expected.set(bytes(512, 2), 512);
  expect(torn.bytesOf('d/a')).toEqual(expected);
});

test('a sync covers what was written before it was asked for, not what is written until it is done', async () => {
  const waiting: (() => void)[] = [];
  const { disk, file } = await diskWithFile();
  await file.write([bytes(1, 2)], 0);
  disk.schedule = (complete) => waiting.push(complete);
  const synced = file.sync();
  const written = file.write([bytes(1, 3)], 1);
  for (const complete of waiting.toReversed()) complete(); // The write first.
  await Promise.all([synced, written]);
  expect([...disk.crash(dropAll).bytesOf('d/a').subarray(0, 2)]).toEqual([2, 1]);
});

test('after a failed sync the next one says done, and the bytes are lost all the same', async () => {
  const { disk, file } = await diskWithFile();
  await file.write([bytes(1, 2)], 0);
  disk.fault = failNth('sync', 1, 'EIO');
  await expect(file.sync()).rejects.toThrow('EIO');
  await file.sync();
  expect(disk.bytesOf('d/a')[0]).toBe(2);
  expect(disk.crash(keepAll).bytesOf('d/a')[0]).toBe(1);
});

test('a name is durable only after its directory was synced', async () => {
  const { disk, file } = await diskWithFile();
  await file.sync();
  await disk.rename('d/a', 'd/b');
  expect(disk.crash(dropAll).paths()).toEqual(['d/a']);
  await disk.syncDirectory('d');
  expect(disk.crash(dropAll).paths()).toEqual(['d/b']);
});

test('changes of one directory are lost from one of them on, in order', async () => {
  const disk = new SimDisk();
  await disk.makeDirectory('d');
  await disk.syncDirectory('');
  for (const name of ['a', 'b', 'c']) await disk.open(`d/${name}`, 'create');
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++)
    seen.add(
      disk
        .crash(randomCrash(seededRandom(seed)))
        .paths()
        .join(' '),
    );
  expect([...seen].sort()).toEqual(['', 'd/a', 'd/a d/b', 'd/a d/b d/c']);
});

test('a rename between directories is lost or kept as one', async () => {
  const { disk } = await diskWithFile();
  await disk.makeDirectory('q');
  await disk.syncDirectory('');
  await disk.rename('d/a', 'q/a');
  expect(disk.crash(dropAll).paths()).toEqual(['d/a']);
  expect(disk.crash(keepAll).paths()).toEqual(['q/a']);
  await disk.syncDirectory('q');
  expect(disk.crash(dropAll).paths()).toEqual(['q/a']);
});

test('kill -9 loses nothing that was written, and the lock is free', async () => {
  const { disk, file } = await diskWithFile();
  await disk.lock('d/LOCK');
  await file.write([bytes(1, 2)], 0);
  const next = disk.kill();
  expect(next.bytesOf('d/a')[0]).toBe(2);
  expect(await next.lock('d/LOCK')).not.toBeNull();
  expect(next.crash(dropAll).bytesOf('d/a')[0]).toBe(1);
});

test('a full disk takes what fits, says so, and takes more when there is room', async () => {
  const { disk, file } = await diskWithFile();
  disk.capacityBytes = 16;
  await expect(file.write([bytes(20, 2)], 0)).rejects.toThrow('ENOSPC');
  expect(disk.bytesOf('d/a')).toEqual(bytes(16, 2));
  expect(await disk.freeBytes('d')).toBe(0);
  await file.truncate(0);
  await file.write([bytes(16, 3)], 0);
});

test('an injected fault of a write lets in the bytes that it says', async () => {
  const { disk, file } = await diskWithFile();
  disk.fault = ({ name }) => (name === 'write' ? { code: 'EIO', bytesWritten: 3 } : undefined);
  await expect(file.write([bytes(8, 2)], 0)).rejects.toThrow('EIO');
  expect([...disk.bytesOf('d/a')]).toEqual([2, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
  expect(disk.operations.at(-1)).toMatchObject({ name: 'write', path: 'd/a', position: 0, bytes: 8, result: 'EIO' });
});

test('a disk that was halted completes nothing', async () => {
  const { disk, file } = await diskWithFile();
  let settled = false;
  disk.halt();
  void file.write([bytes(1, 2)], 0).finally(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  expect(disk.bytesOf('d/a')[0]).toBe(1);
});
