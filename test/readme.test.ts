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
