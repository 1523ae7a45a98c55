// bench/duckdb.ts — DuckDB in memory, on one thread: a baseline and an oracle.
//
// It is a package of its own (bench/package.json, 70 MB), installed on first use.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DuckDBConnection } from '@duckdb/node-api';

export async function connectDuckdb(): Promise<DuckDBConnection> {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  if (!existsSync(new URL('./node_modules/@duckdb/node-api/package.json', import.meta.url))) install(folder);
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  return instance.connect();
}

function install(folder: string): void {
  process.stderr.write('Installing DuckDB for the benches (70 MB, once): npm ci --prefix bench …\n');
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  const { status, stderr } = spawnSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], {
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`«npm ci --prefix bench» failed (exit ${status}):\n${stderr}`);
}
