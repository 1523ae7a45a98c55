// The real disk: the contract, and what only a real file system has: links, modes, processes that die.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realDisk } from '../../../host/disk/real-disk.ts';
import { diskContract } from './disk.contract.ts';

let root = '';
let nextDirectory = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pelton-disk-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function emptyDirectory(): Promise<string> {
  const directory = join(root, `${nextDirectory++}`);
  await realDisk().makeDirectory(directory);
  return directory;
}

describe('contract', () => {
  diskContract(async () => ({ disk: realDisk(), directory: await emptyDirectory() }));
});

test('files are 0600 and directories 0700', async () => {
  const directory = await emptyDirectory();
  const file = await realDisk().open(join(directory, 'a'), 'create');
  await file.close();
  expect(statSync(join(directory, 'a')).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test.each(['read', 'write', 'create'] as const)('a symbolic link is not followed: %s', async (mode) => {
  const directory = await emptyDirectory();
  writeFileSync(join(directory, 'a'), 'x');
  symlinkSync(join(directory, 'a'), join(directory, 'link'));
  await expect(realDisk().open(join(directory, 'link'), mode)).rejects.toMatchObject({ operation: 'open' });
  await expect(realDisk().lock(join(directory, 'link'))).rejects.toMatchObject({ operation: 'lock' });
});

test('the lock leaves nothing but its file, 0600 and empty', async () => {
  const directory = await emptyDirectory();
  const held = await realDisk().lock(join(directory, 'LOCK'));
  expect(await realDisk().list(directory)).toEqual(['LOCK']);
  expect(statSync(join(directory, 'LOCK'))).toMatchObject({ size: 0, mode: 0o100600 });
  await held!.release();
});

test('a lock of another process is respected while it lives, and free when it was killed', async () => {
  const path = join(await emptyDirectory(), 'LOCK');
  const module = new URL('../../../host/disk/real-disk.ts', import.meta.url).href;
  const holds = `await realDisk().lock('${path}'); process.stdout.write('held'); setInterval(() => {}, 9999);`;
  const script = `import { realDisk } from '${module}'; ${holds}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  expect(await realDisk().lock(path)).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const held = await realDisk().lock(path);
  expect(held).not.toBeNull();
  await held!.release();
});

test('a lock file that may not be written is refused: SQLite would open it to read, and exclude nobody', async () => {
  const directory = await emptyDirectory();
  const path = join(directory, 'LOCK');
  writeFileSync(path, '', { mode: 0o444 });
  chmodSync(root, 0o755);
  chmodSync(directory, 0o777);
  const module = new URL('../../../host/disk/real-disk.ts', import.meta.url).href;
  // Root may write everything: the lock is asked for as nobody, and what Node needs is loaded before.
  const script = `import { realDisk } from '${module}';
    process.getBuiltinModule('node:sqlite');
    if (process.getuid() === 0) process.setuid(65534);
    const outcome = await realDisk().lock('${path}').then(() => 'locked', ({ name, code }) => name + ' ' + code);
    process.stdout.write(outcome);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [said] = await once(child.stdout, 'data');
  expect(String(said)).toBe('DiskError EACCES');
});
