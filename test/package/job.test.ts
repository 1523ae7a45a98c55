// What a user does with the installed package: write a job against its types, run it, stop it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstalledPackage, packAndInstall, root, run, start } from './installed.ts';

const JOB = `
import { col, count, job, type RowOf, stdout, stream, t, tumbling } from 'pelton';

const flights = stream('flights', { ts: t.timestamp(), origin: t.utf8(), delay: t.i32() }).eventTime('ts');
const late = flights
  .filter(col('delay').ge(15))
  .keyBy('origin')
  .window(tumbling('1h'))
  .aggregate({ n: count() })
  .to(stdout());

export const origin = (row: RowOf<typeof late>): string => row.origin;
export default job('late', late);
`;

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await packAndInstall();
  writeFileSync(join(installed.folder, 'job.ts'), JOB);
});
afterAll(() => installed?.remove());

test('npx pelton --help prints the usage and ends with 0', async () => {
  const { exitCode, stdout } = await run('npx', ['--offline', 'pelton', '--help'], installed.folder);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/usage: pelton/i) });
});

test('import of the package gives the builder', async () => {
  const program = "console.log(['col', 'job', 'stream', 't'].filter((name) => name in pelton).join());";
  const { stdout, stderr } = await run(
    process.execPath,
    ['--input-type=module', '-e', `import * as pelton from 'pelton';\n${program}`],
    installed.folder,
  );
  expect({ stdout, stderr }).toEqual({ stdout: 'col,job,stream,t\n', stderr: '' });
});

test('a job compiles against the installed types, and a wrong field does not', async () => {
  const compile = (text: string) => {
    writeFileSync(join(installed.folder, 'typed.ts'), text);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', ''];
    return run(process.execPath, [tsc, ...options, 'typed.ts'], installed.folder);
  };
  expect(await compile(JOB)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  const wrong = await compile(JOB.replace(".keyBy('origin')", ".keyBy('origen')"));
  expect(wrong.stdout).toMatch(/typed\.ts\(\d+,\d+\): error/);
});

test('pelton run says when it is ready, gives a result, and SIGTERM ends it with 0', async () => {
  // The launcher itself: npx would not pass the signal on.
  const launcher = join(installed.folder, 'node_modules/pelton/bin/pelton.mjs');
  const child = start(process.execPath, [launcher, 'run', 'job.ts', '--json', '--port', '0'], installed.folder);
  try {
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (bytes) => {
      stderr += bytes;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const ready = new Promise<void>((resolve) => {
      child.stdout.on('data', (bytes) => {
        stdout += bytes;
        if (/^\{"event":"ready"/m.test(stdout)) resolve();
      });
    });
    await Promise.race([ready, ended]);
    expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^\{"event":"ready"/m), stderr });
    const { port } = JSON.parse(stdout.split('\n')[0]!) as { port: number };
    const rows = '{"ts":1,"origin":"ORD","delay":20}\n{"ts":2,"origin":"ORD","delay":3}';
    const answer = await fetch(`http://127.0.0.1:${port}/v1/streams/flights?end`, { method: 'POST', body: rows });
    expect(await answer.json()).toEqual({ rows: 2, rejected: 0, errors: [] });
    child.kill('SIGTERM');
    expect({ exitCode: await ended, stderr }).toEqual({ exitCode: 0, stderr });
    expect(stdout).toContain('{"windowStart":0,"windowEnd":3600000,"origin":"ORD","n":1}\n');
  } finally {
    child.kill('SIGKILL');
  }
});
