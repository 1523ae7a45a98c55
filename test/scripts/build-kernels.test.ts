// The kernel build on a small project of its own: what it says when kernels do not compile, and when it builds again.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const OPTIONS = { entries: ['assembly/index.ts'], targets: { release: { outFile: 'build/pelton.wasm' } } };
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'pelton-kernels-'));
  mkdirSync(join(project, 'assembly'));
  cpSync(join(root, 'scripts/build-kernels.mjs'), join(project, 'scripts/build-kernels.mjs'));
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  writeFileSync(join(project, 'asconfig.json'), JSON.stringify(OPTIONS));
});
afterAll(() => rmSync(project, { recursive: true }));

const wasm = () => readFileSync(join(project, 'build/pelton.wasm'));

function build(source: string): Promise<{ failed: boolean; stderr: string }> {
  writeFileSync(join(project, 'assembly/index.ts'), source);
  return new Promise((resolve) => {
    execFile(process.execPath, [join(project, 'scripts/build-kernels.mjs')], (error, _, stderr) => {
      resolve({ failed: error !== null, stderr });
    });
  });
}

test('a kernel that does not compile fails with its file, line and column, and the last kernels stay', async () => {
  await build('export function one(): i32 { return 1; }');
  const before = wasm();
  const { failed, stderr } = await build('export function one(): i32 {\n  return nothing;\n}');
  expect({ failed, stderr }).toEqual({ failed: true, stderr: expect.stringContaining('assembly/index.ts:2:10') });
  expect(wasm()).toEqual(before);
});

test('an unchanged source is not built again, a changed one is', async () => {
  await build('export function two(): i32 { return 2; }');
  const before = wasm();
  expect((await build('export function two(): i32 { return 2; }')).stderr).toBe('');
  expect((await build('export function two(): i32 { return 3; }')).stderr).toMatch(/^Kernels built/);
  expect(wasm()).not.toEqual(before);
});

test('a build that stops while files are moved is done again, even if the source is the old one by then', async () => {
  const old = 'export function four(): i32 { return 4; }';
  await build(old);
  const target = join(project, 'build/pelton.wasm');
  rmSync(target);
  mkdirSync(join(target, 'in the way'), { recursive: true });
  expect(await build('export function five(): i32 { return 5; }')).toMatchObject({ failed: true });
  rmSync(target, { recursive: true });
  writeFileSync(target, 'half of something');
  expect((await build(old)).stderr).toMatch(/^Kernels built/);
  expect(WebAssembly.validate(wasm())).toBe(true);
});
