// Set-up runs one at a time: processes that come together, or after one that was killed, take turns.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const COMPETITORS = 4;
const alone = new URL('../../scripts/alone.mjs', import.meta.url).href;
let folder: string;
let lock: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pelton-alone-'));
  lock = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Every competitor writes «in» and «out» into one file, 30 ms apart. */
async function compete(): Promise<string[]> {
  const journal = join(folder, 'journal');
  const program = `
    const { alone } = await import(${JSON.stringify(alone)});
    const { appendFileSync } = await import('node:fs');
    await alone(${JSON.stringify(lock)}, async () => {
      appendFileSync(${JSON.stringify(journal)}, 'in ');
      await new Promise((resolve) => setTimeout(resolve, 30));
      appendFileSync(${JSON.stringify(journal)}, 'out ');
    });`;
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  await Promise.all(Array.from({ length: COMPETITORS }, run));
  return readFileSync(journal, 'utf8').trim().split(' ');
}

const inTurns = Array.from({ length: COMPETITORS }, () => ['in', 'out']).flat();

test('processes that come together take turns, and leave no lock', async () => {
  expect(await compete()).toEqual(inTurns);
  expect(existsSync(lock)).toBe(false);
});

test('a lock whose owner is gone is cleared once, by whoever comes first', async () => {
  const { pid } = execFile(process.execPath, ['-e', '']);
  await new Promise((resolve) => setTimeout(resolve, 300));
  writeFileSync(lock, String(pid));
  expect(await compete()).toEqual(inTurns);
});

test('a lock without a number is given up on after a while', async () => {
  writeFileSync(lock, '');
  utimesSync(lock, 0, 0);
  expect(await compete()).toEqual(inTurns);
});
