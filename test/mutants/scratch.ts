// test/mutants/scratch.ts — a copy of the repository in which one file at a time is wrong.

import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['assembly', 'bin', 'build', 'host', 'ring', 'scripts', 'test', 'package.json', 'vitest.config.ts'];
/** Whatever takes longer hangs, and that is noticed too. */
const TEST_MS_MAX = 150_000;

/** `breaks`: it failed, and not in a test: the mutant is no program, or the copy no repository. */
export interface Outcome {
  is: 'caught' | 'hangs' | 'passes' | 'breaks';
  /** The first test that failed. */
  by?: string;
}

export class Scratch {
  private readonly folder = mkdtempSync(join(tmpdir(), 'pelton-mutants-'));

  constructor() {
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** What the mutant's tests say about it. */
  async try({ file, search, replace, tests }: Mutant): Promise<Outcome> {
    const path = join(this.folder, file);
    const text = readFileSync(path, 'utf8');
    const found = text.split(search).length - 1;
    if (found !== 1) throw new Error(`${file}: «${search}» stands there ${found} times, expected once`);
    writeFileSync(
      path,
      text.replace(search, () => replace),
    );
    try {
      return await this.test(tests);
    } finally {
      writeFileSync(path, text);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private test(tests: readonly string[]): Promise<Outcome> {
    const vitest = join(this.folder, 'node_modules/vitest/vitest.mjs');
    const child = spawn(process.execPath, [vitest, 'run', '--bail', '1', ...tests], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += String(chunk);
      });
    }
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        endAll(child);
        resolve({ is: 'hangs' });
      }, TEST_MS_MAX);
      child.once('close', (code) => {
        clearTimeout(late);
        const by = /^\s*FAIL\s+\S+ > (.+)$/m.exec(said)?.[1];
        if (code === 0) resolve({ is: 'passes' });
        else resolve(by === undefined ? { is: 'breaks' } : { is: 'caught', by });
      });
    });
  }
}

/** Its workers too: it leads a process group of its own. */
function endAll(child: ChildProcess): void {
  process.kill(-child.pid!, 'SIGKILL');
}
