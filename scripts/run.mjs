// scripts/run.mjs — node scripts/run.mjs <file | package binary> [arguments]
//
// Sets the project up if needed, then runs a file of the project, or a package's binary, on the pinned Node.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { pinnedNode, ready, root } from './bootstrap.mjs';

await ready().catch((e) => {
  process.stderr.write(`\nSet-up failed: ${e.message}\n`);
  process.exit(1);
});

const [what = '', ...args] = process.argv.slice(2);
const at = existsSync(resolve(root, what)) && what !== '' ? resolve(root, what) : binaryOf(what);
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}` };
const child = spawn(pinnedNode, [at, ...args], { stdio: 'inherit', env });
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => {
  if (!process.stdin.isTTY) child.kill('SIGINT');
}); // A terminal has already sent it to the child.
child.on('exit', (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else process.exit(code ?? 1);
});

/** The file behind a package's command. */
function binaryOf(name) {
  const manifest = join(root, 'node_modules', name, 'package.json');
  const { bin } = name !== '' && existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : {};
  if (bin) return join(root, 'node_modules', name, typeof bin === 'string' ? bin : Object.values(bin)[0]);
  process.stderr.write(
    `run: «${name}» is no file of the project and no installed package with a command\n` +
      'usage: node scripts/run.mjs <file | package binary> [arguments]\n',
  );
  process.exit(64);
}
