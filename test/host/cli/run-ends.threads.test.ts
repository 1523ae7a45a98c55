// pelton run: each way to end has its exit code, one sentence on stderr, and nothing left running.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { row } from '../../support/live-engine.ts';
import { Talk } from '../../support/talk.ts';

const root = join(import.meta.dirname, '../../..');
const job = join(root, 'test/jobs/puppet.mjs');

function run(...args: string[]) {
  const child = spawn(process.execPath, [join(root, 'host/main.ts'), 'run', ...args]);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (said.out += String(chunk)));
  child.stderr.on('data', (chunk) => (said.err += String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child, said, ended };
}

/** The port of a run with --json, once it is ready. */
async function ready(child: ChildProcess, said: { out: string; err: string }): Promise<number> {
  await expect.poll(() => said.out, { timeout: 20_000 }).toContain('"ready"');
  expect(child.exitCode).toBe(null);
  return (JSON.parse(said.out.split('\n')[0]!) as { port: number }).port;
}

test.each([
  ['a job file that is not there', 65, ['absent.mjs'], /absent/],
  ['a job file that throws', 65, [join(root, 'test/jobs/broken/throws.mjs')], /no such luck/],
  ['no partitions', 64, [job, '--partitions', '0'], /partitions/],
  ['a size that is none', 64, [job, '--memory', 'much'], /much/],
  ['more memory than there is', 70, [job, '--memory', '900000GiB'], /may use \d+ MiB/],
])('%s ends with %i', async (_what, code, args, message) => {
  const { said, ended } = run(...args);
  expect(await ended).toBe(code);
  expect(said.err).toMatch(message);
  expect(said.err).not.toMatch(/^\s+at /m);
});

test('SIGTERM ends with 0; while it runs, a second engine on its port ends with 69', async () => {
  const first = run(job, '--port', '0', '--json');
  const port = await ready(first.child, first.said);
  const second = run(job, '--port', `${port}`);
  expect(await second.ended).toBe(69);
  expect(second.said.err).toContain('another Pelton?');
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
});

test('a thread that dies ends with 70 and its name', async () => {
  const { child, said, ended } = run(job, '--port', '0', '--json');
  const producer = await Talk.open(`ws://127.0.0.1:${await ready(child, said)}/v1/streams/orders`);
  producer.send(`${row(0, 'exit:7')}\n${row(3_600_000, 'next')}`);
  expect(await ended).toBe(70);
  expect(said.err).toContain('partition-0 ended unasked (exit 7)');
});
