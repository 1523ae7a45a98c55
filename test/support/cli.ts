// test/support/cli.ts — runs the command line as a user does: a child process with pipes, and what came out of it.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface CliRun {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  stdoutBytes: Buffer;
}

export interface CliOptions {
  stdin?: string | Buffer;
  /** Called with the child when it runs; the run is over when both are. */
  during?: (child: ChildProcess) => void | Promise<void>;
}

/** `pelton …args` with the Node that runs this test. */
export async function pelton(args: readonly string[], { stdin, during }: CliOptions = {}): Promise<CliRun> {
  const child = spawn(process.execPath, [join(root, 'host/main.ts'), ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined); // A command may end without reading its input.
  if (stdin !== undefined) child.stdin.end(stdin);
  else if (during === undefined) child.stdin.end();
  const closed = new Promise<CliRun>((resolve) => {
    child.on('close', (exitCode) => {
      const stdoutBytes = Buffer.concat(stdout);
      resolve({ exitCode, stdout: stdoutBytes.toString(), stderr: Buffer.concat(stderr).toString(), stdoutBytes });
    });
  });
  await during?.(child);
  return closed;
}
