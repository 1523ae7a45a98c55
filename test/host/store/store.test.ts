// Opening a data directory: on the simulated disk for what disks do, on the real one for links and files.
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realDisk } from '../../../host/disk/real-disk.ts';
import { encodeChecked } from '../../../host/store/checked-json.ts';
import { openStore, STORE_FORMAT } from '../../../host/store/store.ts';
import { dropAll, randomCrash } from '../../support/crash-choice.ts';
import { LogWriter, putSegments, STORE, table } from '../../support/log-writer.ts';
import { seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

const open = (disk: SimDisk, directory = 'data', id = STORE) =>
  openStore({ disk, directory, newId: () => id, nowMs: 5 });

test('a new directory gets its id once, durably', async () => {
  const disk = new SimDisk();
  const store = await open(disk, 'data/');
  expect(store).toMatchObject({ directory: 'data', id: STORE, stoppedAt: 0 });
  const next = disk.crash(dropAll);
  expect((await open(next, 'data', 'ff'.repeat(16))).id).toBe(STORE);
  expect(await next.list('data')).toEqual(['STORE', 'ckpt', 'log', 'quarantine']);
});

test('a second engine is refused while the first has it, also in one process', async () => {
  const disk = new SimDisk();
  const store = await open(disk);
  await expect(open(disk)).rejects.toMatchObject({ name: 'StoreError', code: 'LOCKED' });
  await store.release();
  await (await open(disk)).release();
});

test('a refused directory is not left locked', async () => {
  const disk = new SimDisk();
  disk.put('data/STORE', Buffer.from('{}'));
  await expect(open(disk)).rejects.toMatchObject({ code: 'DAMAGED' });
  await expect(open(disk)).rejects.toMatchObject({ code: 'DAMAGED' });
});

test('a clean stop is remembered until the log begins again, and only then', async () => {
  const disk = new SimDisk();
  const store = await open(disk);
  await store.stop(41);
  await store.stop(42);
  const second = disk.crash(dropAll);
  const again = await open(second);
  expect(again.stoppedAt).toBe(42);
  await again.begin();
  await again.begin();
  expect((await open(second.crash(dropAll))).stoppedAt).toBe(0);
});

test('every flipped bit of STORE is refused, of STOPPED counts as no clean stop', async () => {
  const disk = new SimDisk();
  const store = await open(disk);
  await store.stop(42);
  await store.release();
  for (const [name, refused] of [
    ['STORE', true],
    ['STOPPED', false],
  ] as const) {
    const whole = disk.bytesOf(`data/${name}`);
    for (let bit = 0; bit < whole.byteLength * 8; bit++) {
      const flipped = Uint8Array.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      disk.put(`data/${name}`, flipped);
      const opened = open(disk);
      if (refused) await expect(opened).rejects.toMatchObject({ name: 'StoreError' });
      else expect((await opened).stoppedAt).toBe(0);
      await (await opened.catch(() => undefined))?.release();
    }
    disk.put(`data/${name}`, whole);
  }
});

test('a log without its STORE is refused', async () => {
  const disk = new SimDisk();
  putSegments(disk, [new LogWriter().segment([table()])]);
  await expect(open(disk)).rejects.toMatchObject({ code: 'DAMAGED' });
});

test('a newer format is refused, and says so', async () => {
  const disk = new SimDisk();
  disk.put('data/STORE', encodeChecked({ id: STORE, format: STORE_FORMAT + 1, created: 1 }));
  await expect(open(disk)).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
});

test('a directory with other things in it is not made ours', async () => {
  const disk = new SimDisk();
  disk.put('data/holiday.jpg', new Uint8Array(3));
  await expect(open(disk)).rejects.toMatchObject({ code: 'NOT_A_STORE' });
  expect(disk.paths()).toEqual(['data/holiday.jpg']);
});

test.each(['EROFS', 'EACCES'] as const)(
  '%s is a permission error with the path and a hint, before anything is written',
  async (code) => {
    const disk = new SimDisk();
    await (await open(disk)).release();
    const changes = new Set(['write', 'rename', 'remove', 'truncate']);
    disk.fault = ({ name, detail }) => (changes.has(name) || detail === 'create' ? { code } : undefined);
    const error = await open(disk).catch((caught) => caught);
    expect(error).toMatchObject({ name: 'StoreError', code: 'PERMISSION', path: 'data' });
    expect(error.message).toMatch(/chown|remount/);
  },
);

test('a directory whose parent is missing is refused', async () => {
  await expect(open(new SimDisk(), 'no/data')).rejects.toMatchObject({ code: 'PERMISSION' });
});

test('a crash while the directory is made leaves one that opens', async () => {
  const whole = new SimDisk();
  await open(whole);
  for (let at = 0; at < whole.operations.length; at++) {
    for (let seed = 0; seed < 8; seed++) {
      const disk = new SimDisk();
      const next = await new Promise<SimDisk>((resolve) => {
        disk.fault = ({ index }) => {
          if (index === at) resolve(seed === 0 ? disk.kill() : disk.crash(randomCrash(seededRandom(seed * 100 + at))));
          if (index === at) disk.halt();
          return undefined;
        };
        void open(disk);
      });
      expect((await open(next)).id).toBe(STORE);
    }
  }
});

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pelton-store-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a file or a symbolic link where the directory should be is refused', async () => {
  writeFileSync(join(root, 'file'), 'x');
  symlinkSync(root, join(root, 'link'));
  for (const name of ['file', 'link', 'link/']) {
    const opened = openStore({ disk: realDisk(), directory: join(root, name), newId: () => STORE, nowMs: 1 });
    await expect(opened).rejects.toMatchObject({ code: 'PERMISSION' });
  }
});

test('on the real disk: made, held against a second engine, given back', async () => {
  const options = { disk: realDisk(), directory: join(root, 'data'), newId: () => STORE, nowMs: 1 };
  const store = await openStore(options);
  await expect(openStore(options)).rejects.toMatchObject({ code: 'LOCKED' });
  await store.stop(3);
  await store.release();
  expect(readdirSync(options.directory).sort()).toEqual(['LOCK', 'STOPPED', 'STORE', 'ckpt', 'log', 'quarantine']);
  const again = await openStore(options);
  expect(again.stoppedAt).toBe(3);
  await again.release();
});
