// test/package/installed.ts — the package as a user gets it: packed, and installed into an empty folder.
//
// npm runs on the Node that runs the tests, because it chooses the uWebSockets.js binary by its own Node.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface InstalledPackage {
  /** The user's folder; the package is in its node_modules. */
  folder: string;
  /** Paths inside the tarball. */
  packedFiles: string[];
  remove: () => void;
}

const environment = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  npm_config_loglevel: 'error',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
};

/** Runs a command to its end; a missing program is an outcome too (exit code null). */
export function run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: environment, timeout: 100_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** Starts a command that goes on; the caller ends it. */
export function start(command: string, args: readonly string[], cwd: string) {
  return spawn(command, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function packAndInstall(): Promise<InstalledPackage> {
  const folder = mkdtempSync(join(tmpdir(), 'pelton-package-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    // The tarball's contents come from prepack, whatever the user's npm thinks of scripts.
    const packing = ['pack', '--json', '--ignore-scripts=false', '--foreground-scripts=false', '--pack-destination'];
    const packed = await expectSuccess('npm', [...packing, folder], root);
    const [{ files }] = JSON.parse(packed.slice(packed.indexOf('[\n'))) as [{ files: { path: string }[] }];
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    await expectSuccess('npm', ['install', '--prefer-offline', `./${tarball}`], folder);
    return { folder, packedFiles: files.map(({ path }) => path), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

async function expectSuccess(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, cwd);
  if (exitCode !== 0) throw new Error(`«${command} ${args.join(' ')}» ended with ${exitCode}:\n${stderr}${stdout}`);
  return stdout;
}
