// test/host/disk/disk.contract.ts — what every Disk does; run by the real one and the simulated one.

import { beforeEach, expect, test } from 'vitest';
import { type Disk, DiskError, type DiskErrorCode } from '../../../host/disk/disk.ts';

/** @param open  a fresh disk, and an empty directory on it */
export function diskContract(open: () => Promise<{ disk: Disk; directory: string }>): void {
  let disk: Disk;
  let directory: string;
  const at = (name: string) => `${directory}/${name}`;
  const bytes = (...values: number[]) => Uint8Array.from(values);

  beforeEach(async () => {
    ({ disk, directory } = await open());
  });

  async function contentOf(path: string): Promise<number[]> {
    const file = await disk.open(path, 'read');
    const into = new Uint8Array(await file.size());
    expect(await file.read(into, 0)).toBe(into.byteLength);
    await file.close();
    return [...into];
  }

  async function make(name: string, ...content: number[]): Promise<void> {
    const file = await disk.open(at(name), 'create');
    await file.write([bytes(...content)], 0);
    await file.sync();
    await file.close();
  }

  test('views are written one after the other from the position on', async () => {
    const file = await disk.open(at('a'), 'create');
    await file.write([bytes(1, 2), bytes(), bytes(3), bytes(4, 5, 6)], 2);
    await file.write([bytes(9)], 0);
    await file.close();
    expect(await contentOf(at('a'))).toEqual([9, 0, 1, 2, 3, 4, 5, 6]);
  });

  test('views in shared memory are written as they are', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4096), 8, 16);
    for (let index = 0; index < shared.byteLength; index++) shared[index] = index;
    const file = await disk.open(at('a'), 'create');
    await file.write([shared.subarray(0, 4), shared.subarray(4)], 0);
    await file.close();
    expect(await contentOf(at('a'))).toEqual([...shared]);
  });

  test('more views than one system call takes are written whole', async () => {
    const views = Array.from({ length: 3000 }, (_, index) => bytes(index & 255));
    const file = await disk.open(at('a'), 'create');
    await file.write(views, 0);
    await file.close();
    expect(await contentOf(at('a'))).toEqual(views.map(([value]) => value));
  });

  test('a read tells how many bytes there were', async () => {
    await make('a', 1, 2, 3);
    const file = await disk.open(at('a'), 'read');
    const into = new Uint8Array(8);
    expect(await file.read(into, 1)).toBe(2);
    expect([...into.subarray(0, 3)]).toEqual([2, 3, 0]);
    expect(await file.read(into, 3)).toBe(0);
    await file.close();
  });

  test('a read fills shared memory', async () => {
    await make('a', 1, 2, 3);
    const file = await disk.open(at('a'), 'read');
    const into = new Uint8Array(new SharedArrayBuffer(3));
    expect(await file.read(into, 0)).toBe(3);
    expect([...into]).toEqual([1, 2, 3]);
    await file.close();
  });

  test('truncate cuts, and what is written behind the new end has zeros before it', async () => {
    await make('a', 1, 2, 3);
    const file = await disk.open(at('a'), 'write');
    await file.truncate(1);
    expect(await file.size()).toBe(1);
    await file.write([bytes(7)], 2);
    await file.close();
    expect(await contentOf(at('a'))).toEqual([1, 0, 7]);
  });

  test('names are listed in order', async () => {
    await make('b', 1);
    await make('a', 1);
    await disk.makeDirectory(at('c'));
    await disk.makeDirectory(at('c'));
    expect(await disk.list(directory)).toEqual(['a', 'b', 'c']);
  });

  test('a rename takes the place of what was there', async () => {
    await make('a', 1);
    await make('b', 2);
    await disk.rename(at('a'), at('b'));
    await disk.syncDirectory(directory);
    expect(await disk.list(directory)).toEqual(['b']);
    expect(await contentOf(at('b'))).toEqual([1]);
  });

  test('a file that was renamed or removed while it was open is still read by who has it open', async () => {
    await make('a', 1);
    const file = await disk.open(at('a'), 'read');
    await disk.rename(at('a'), at('b'));
    await disk.remove(at('b'));
    expect(await disk.exists(at('b'))).toBe(false);
    expect(await file.read(new Uint8Array(1), 0)).toBe(1);
    await file.close();
  });

  test('exists is true of files and directories', async () => {
    await make('a', 1);
    expect(await disk.exists(at('a'))).toBe(true);
    expect(await disk.exists(directory)).toBe(true);
    expect(await disk.exists(at('b'))).toBe(false);
    expect(await disk.exists(at('a/b'))).toBe(false);
  });

  test('there is room', async () => {
    expect(await disk.freeBytes(directory)).toBeGreaterThan(0);
  });

  test('a lock is held once, also in one process, and again after it was given back', async () => {
    const held = await disk.lock(at('LOCK'));
    expect(held).not.toBeNull();
    expect(await disk.lock(at('LOCK'))).toBeNull();
    await held!.release();
    const again = await disk.lock(at('LOCK'));
    expect(again).not.toBeNull();
    await again!.release();
  });

  test.each<[string, DiskErrorCode, () => Promise<unknown>]>([
    ['create of what is there', 'EEXIST', () => make('a').then(() => disk.open(at('a'), 'create'))],
    ['open to read of what is not', 'ENOENT', () => disk.open(at('a'), 'read')],
    ['open to write of what is not', 'ENOENT', () => disk.open(at('a'), 'write')],
    ['create in a directory that is not', 'ENOENT', () => disk.open(at('no/a'), 'create')],
    ['list of what is not', 'ENOENT', () => disk.list(at('no'))],
    ['rename of what is not', 'ENOENT', () => disk.rename(at('a'), at('b'))],
    ['remove of what is not', 'ENOENT', () => disk.remove(at('a'))],
    ['makeDirectory where a file is', 'EEXIST', () => make('a').then(() => disk.makeDirectory(at('a')))],
    ['list of a file', 'OTHER', () => make('a').then(() => disk.list(at('a')))],
    [
      'read of a directory',
      'OTHER',
      () => disk.open(directory, 'read').then((file) => file.read(new Uint8Array(1), 0)),
    ],
  ])('%s: a DiskError with %s', async (_what, code, act) => {
    const error = await act().then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(DiskError);
    expect((error as DiskError).code).toBe(code);
    expect((error as DiskError).path).toContain(directory);
  });

  test('an empty directory is removed, one that holds something is refused', async () => {
    await disk.makeDirectory(at('d'));
    await make('d/a', 1);
    await expect(disk.removeDirectory(at('d'))).rejects.toThrow(DiskError);
    await disk.remove(at('d/a'));
    await disk.removeDirectory(at('d'));
    expect(await disk.exists(at('d'))).toBe(false);
  });
}
