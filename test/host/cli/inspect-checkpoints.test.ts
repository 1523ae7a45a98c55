// pelton inspect on a directory with checkpoints, as a user calls it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realDisk } from '../../../host/disk/real-disk.ts';
import { openStore } from '../../../host/store/store.ts';
import { CheckpointLife, DATA, prepare, STORE } from '../../support/checkpoint-life.ts';
import { pelton } from '../../support/cli.ts';
import { booted, LogWriter, mark, rows, table } from '../../support/log-writer.ts';
import { PartitionState } from '../../support/partition-state.ts';
import { SimDisk } from '../../support/sim-disk.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pelton-inspect-checkpoints-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Two checkpoints, groups 10 and 20, the older one a savepoint, and a log up to 22, stopped cleanly. */
async function dataDirectory(name: string): Promise<string> {
  const disk = prepare(new SimDisk());
  const state = new PartitionState();
  state.block('clicks/0', 0, 0, new Uint8Array(16).fill(7));
  const life = new CheckpointLife(disk, [state]);
  await life.checkpoint(1, { name: 'release' });
  await life.checkpoint(2);
  const data = join(root, name);
  const store = await openStore({ disk: realDisk(), directory: data, newId: () => STORE, nowMs: 1 });
  const writer = new LogWriter(data);
  const marks = Array.from({ length: 18 }, () => mark());
  const { path, bytes } = writer.segment([booted(), table(), rows('{"a":1}'), ...marks]);
  const files = disk.paths().filter((file) => !file.endsWith('.keep'));
  for (const [to, content] of [
    [path, bytes] as const,
    ...files.map((file) => [join(data, file.slice(DATA.length)), disk.bytesOf(file)] as const),
  ]) {
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, content);
  }
  await store.stop(20);
  await store.release();
  return data;
}

test('checkpoints are listed, with what they need', async () => {
  const { exitCode, stdout } = await pelton(['inspect', await dataDirectory('list'), '--json']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(exitCode).toBe(0);
  expect(lines.filter(({ is }) => is === 'checkpoint')).toMatchObject([
    { checkpoint: 2, name: '', group: 20, partitions: 1, refers: '1', state: 'not verified' },
    { checkpoint: 1, name: 'release', group: 10, partitions: 1, refers: '', state: 'not verified' },
  ]);
});

test('--verify reads every byte, and says what is wrong with which', async () => {
  const data = await dataDirectory('verify');
  const whole = await pelton(['inspect', data, '--verify']);
  expect([whole.exitCode, whole.stdout.match(/whole/g)?.length]).toEqual([0, 3]); // Two checkpoints; the log's closed and whole.
  const path = join(data, 'ckpt/2/p-0.part');
  const bytes = readFileSync(path);
  bytes[70]! ^= 4;
  writeFileSync(path, bytes);
  const { exitCode, stdout } = await pelton(['inspect', data, '--verify', '--json']);
  expect(exitCode).toBe(65);
  expect(stdout).toContain(`damaged: ${path}: at byte 64: no record follows on the one before`);
});

test('a log that is shorter than its newest checkpoint is not believed', async () => {
  const data = await dataDirectory('short');
  rmSync(join(data, 'STOPPED'));
  rmSync(join(data, 'log'), { recursive: true });
  mkdirSync(join(data, 'log'));
  const { exitCode, stdout } = await pelton(['inspect', data]);
  expect(exitCode).toBe(66);
  expect(stdout).toContain('20');
});
