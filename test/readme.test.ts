// The README's first page, run as it stands there: its job, its rows, its output.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The n-th fenced block of a language. */
const block = (language: string, index = 0) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))][index]![1]!;

test('the job of the README prints what the README says, for the rows that it sends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pelton-readme-'));
  const file = join(folder, 'hot.ts');
  const entry = pathToFileURL(join(root, 'host/index.ts')).href;
  writeFileSync(file, block('ts').replace("from 'pelton'", `from ${JSON.stringify(entry)}`));
  const request = /curl --data-binary @- '(http[^']*)' <<'ROWS'\n([\s\S]*?)ROWS\n/.exec(block('sh'));
  const engine = spawn(process.execPath, [join(root, 'host/main.ts'), 'run', file, '--port', '0', '--json']);
  let stdout = '';
  engine.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  try {
    const lines = () =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain('"ready"');
    const url = request![1]!.replace('7340', String(lines()[0]!.port));
    const answer = await fetch(url, { method: 'POST', body: request![2]! });
    expect(await answer.json()).toEqual({ rows: 4, rejected: 0, errors: [] });
    engine.kill('SIGTERM');
    const exitCode = await new Promise((resolve) => engine.on('exit', resolve));
    expect(exitCode).toBe(0);
    const results = lines().filter(({ event }) => event === undefined);
    expect(results).toEqual(
      block('json')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  } finally {
    engine.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

test("the README's producer tells the outcome of every record", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pelton-readme-'));
  const job = join(folder, 'hot.ts');
  const entry = (path: string) => `from ${JSON.stringify(pathToFileURL(join(root, path)).href)}`;
  writeFileSync(job, block('ts').replace("from 'pelton'", entry('host/index.ts')));
  const engine = spawn(process.execPath, [join(root, 'host/main.ts'), 'run', job, '--port', '0', '--json']);
  let stdout = '';
  engine.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  try {
    await expect.poll(() => stdout, { timeout: 20_000 }).toContain('"ready"');
    const { port } = JSON.parse(stdout.split('\n')[0]!) as { port: number };
    const program = block('js')
      .replace("from 'pelton/client'", entry('host/client/index.ts'))
      .replace('7340', `${port}`);
    writeFileSync(join(folder, 'client.mjs'), program);
    const client = spawn(process.execPath, [join(folder, 'client.mjs')]);
    let said = '';
    for (const stream of [client.stdout, client.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    }
    const exitCode = await new Promise((resolve) => client.on('exit', resolve));
    expect(said.replace(/\s+/g, ' ')).toMatch(
      /^rejected \[ \{ row: 0, code: 'TYPE', column: 'celsius', .*\] acked \[\] acked \[\] $/,
    );
    expect(exitCode).toBe(0);
  } finally {
    engine.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});
