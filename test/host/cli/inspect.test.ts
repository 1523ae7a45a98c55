// pelton inspect and pelton repair, as a user calls them, on a real directory.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realDisk } from '../../../host/disk/real-disk.ts';
import { openStore } from '../../../host/store/store.ts';
import { pelton } from '../../support/cli.ts';
import { booted, LogWriter, rows, STORE, table } from '../../support/log-writer.ts';

let root = '';
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pelton-inspect-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A directory with two segments of groups 1 … 6, stopped cleanly. */
async function dataDirectory(): Promise<{ data: string; paths: string[]; damage(index: number): void }> {
  const data = join(root, `${count++}`);
  const store = await openStore({ disk: realDisk(), directory: data, newId: () => STORE, nowMs: 1 });
  const writer = new LogWriter(data);
  const segments = [
    writer.segment([booted(), table(), rows('{"a":1}')]),
    writer.segment([table(), rows('b', 'c'), rows('d')]),
  ];
  for (const { path, bytes } of segments) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  await store.stop(6);
  await store.release();
  const damage = (index: number) => {
    const { path, groups } = segments[index]!;
    const bytes = readFileSync(path);
    bytes[groups[1]!.offset + 20]! ^= 1;
    writeFileSync(path, bytes);
  };
  return { data, paths: segments.map(({ path }) => path), damage };
}

test('a closed log: its segments, and nothing to do', async () => {
  const { data } = await dataDirectory();
  const { exitCode, stdout, stderr } = await pelton(['inspect', data]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain(`store ${STORE}, stopped cleanly behind group 6`);
  expect(stdout).toContain('00000000000000000004.seg');
  expect(stdout).toContain('the next start has nothing to do');
});

test('as JSON: every entry, group and segment, and then the log', async () => {
  const { data } = await dataDirectory();
  const { stdout } = await pelton(['inspect', data, '--groups', '--entries', '--verify', '--json']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (kind: string) => lines.filter(({ is }) => is === kind);
  expect(of('group').map(({ group, kind }) => [group, kind])).toEqual([
    [1, 'booted'],
    [2, 'table'],
    [3, 'data'],
    [4, 'table'],
    [5, 'data'],
    [6, 'data'],
  ]);
  expect(of('entry')).toHaveLength(4);
  expect(of('entry')[0]).toMatchObject({ group: 3, stream: 0, kind: 'json', sequence: 1, bytes: 7 });
  expect(of('segment')).toHaveLength(2);
  expect(lines.at(-1)).toEqual({ is: 'log', store: STORE, stoppedAt: 6, segments: 2, next: { do: 'nothing' } });
});

test('damage is found with 65, a missing segment with 66, and nothing is changed', async () => {
  const { data, damage, paths } = await dataDirectory();
  damage(0);
  const before = readFileSync(paths[0]!);
  const damaged = await pelton(['inspect', data, '--verify']);
  expect(damaged).toMatchObject({ exitCode: 65 });
  expect(damaged.stdout).toContain('no engine starts with it');
  expect(readFileSync(paths[0]!)).toEqual(before);
  const other = await dataDirectory();
  rmSync(other.paths[1]!);
  expect(await pelton(['inspect', other.data])).toMatchObject({ exitCode: 66 });
});

test('a repair needs --accept-loss, and no engine; then the log is whole again, with its gap', async () => {
  const { data, damage } = await dataDirectory();
  damage(0);
  expect(await pelton(['repair', data])).toMatchObject({ exitCode: 64, stdout: '' });
  const engine = await openStore({ disk: realDisk(), directory: data, newId: () => STORE, nowMs: 1 });
  const refused = await pelton(['repair', data, '--accept-loss']);
  expect(refused).toMatchObject({ exitCode: 75, stderr: expect.stringContaining('another engine has it') });
  // Inspecting does not need it.
  expect((await pelton(['inspect', data])).exitCode).toBe(65);
  await engine.release();
  const repaired = await pelton(['repair', data, '--accept-loss', '--reason', 'the disk was dropped']);
  expect(repaired.exitCode).toBe(0);
  expect(repaired.stdout).toContain('groups 2 to 2 are given up');
  const after = await pelton(['inspect', data, '--groups', '--verify']);
  expect(after.exitCode).toBe(0);
  expect(after.stdout).toContain('the disk was dropped');
});

test('a directory that is not there, or not ours, is named', async () => {
  expect(await pelton(['inspect', join(root, 'no')])).toMatchObject({
    exitCode: 74,
    stderr: expect.stringContaining('there is no such directory'),
  });
  expect(await pelton(['inspect', root])).toMatchObject({
    exitCode: 65,
    stderr: expect.stringContaining('has no STORE'),
  });
  expect(await pelton(['repair', root, '--accept-loss'])).toMatchObject({ exitCode: 65 });
});
