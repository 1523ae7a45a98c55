// scripts/build-package.mjs — npm run build: what the published package runs, in dist/. npm pack calls it first.
//
//   dist/host, dist/ring, dist/assembly/layout   JavaScript and .d.ts (Node runs no .ts under node_modules)
//   dist/build/                                  the release kernels; the debug ones stay here
//   dist/host/**                                 besides: every file that is no TypeScript, as it is
//
// dist/ is filled beside and swapped in whole, so an interrupted build leaves the last one.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.mjs';

const KERNELS = ['pelton.wasm', 'pelton-shared.wasm'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const fresh = join(root, `build/package.${process.pid}`);

try {
  await buildKernels();
  emit();
  copyAssets('host');
  mkdirSync(join(fresh, 'build'), { recursive: true });
  for (const name of KERNELS) cpSync(join(root, 'build', name), join(fresh, 'build', name));
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  renameSync(fresh, join(root, 'dist'));
} catch (error) {
  process.stderr.write(`the package was not built: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

function emit() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--project', 'tsconfig.build.json', '--outDir', fresh], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error('the sources do not compile');
}

function copyAssets(folder) {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /\.ts$/.test(entry.name)) continue;
    const from = join(entry.parentPath, entry.name);
    cpSync(from, join(fresh, from.slice(root.length)));
  }
}
