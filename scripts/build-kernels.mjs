// scripts/build-kernels.mjs — compiles assembly/ into build/*.wasm when its content has changed since the last build.
//   node scripts/build-kernels.mjs [--force]
// Plain JavaScript: set-up calls it before the first TypeScript runs.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(root, 'build');
const stamp = join(build, 'kernels.sha256');

/** Every input of the compiler, name and content: sources, options, compiler version. */
function contentHash() {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'assembly'), { recursive: true }).filter((name) => name.endsWith('.ts'));
  for (const name of [...sources.map((source) => join('assembly', source)).sort(), 'asconfig.json']) {
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(join(root, name)))
      .update('\0');
  }
  const compiler = JSON.parse(readFileSync(join(root, 'node_modules/assemblyscript/package.json'), 'utf8'));
  return hash.update(compiler.version).digest('hex');
}

const targets = () => Object.keys(JSON.parse(readFileSync(join(root, 'asconfig.json'), 'utf8')).targets);
const wasmOf = (target) => (target === 'release' ? 'pelton.wasm' : `pelton-${target}.wasm`);
const sharedOf = (wasm) => wasm.replace(/\.wasm$/, '-shared.wasm');

export function kernelsAreBuilt() {
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== contentHash()) return false;
  return targets().every((target) => existsSync(join(build, wasmOf(target))));
}

/** "env", "memory", an imported memory with a maximum: limits 0x01, shared 0x03. */
const MEMORY_IMPORT = Buffer.from('\x03env\x06memory\x02\x01', 'latin1');

/**
 * The same kernels over a shared memory: without atomic instructions the two builds differ in one byte of the memory's
 * import, and compiling twice would double the time of a set-up. Null for a module that imports no memory.
 */
function sharedTwin(wasm) {
  const at = wasm.indexOf(MEMORY_IMPORT);
  if (at < 0) return null;
  const twin = Buffer.from(wasm);
  twin[at + MEMORY_IMPORT.length - 1] = 0x03;
  if (!WebAssembly.validate(twin)) throw new Error('the kernels over a shared memory are no valid module');
  return twin;
}

/** Folders of builds whose process is gone. */
function removeAbandoned() {
  for (const name of existsSync(build) ? readdirSync(build) : []) {
    const pid = Number(/^(?:kernels|package)\.(\d+)$/.exec(name)?.[1] ?? 0);
    if (pid !== 0 && !isAlive(pid)) rmSync(join(build, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** Builds all targets into a folder of its own and moves them into place whole. */
export async function buildKernels({ force = false } = {}) {
  if (!force && kernelsAreBuilt()) return;
  const started = Date.now();
  const hash = contentHash();
  const { default: asc } = await import('assemblyscript/asc');
  removeAbandoned();
  const fresh = join(build, `kernels.${process.pid}`);
  mkdirSync(fresh, { recursive: true });
  try {
    for (const target of targets()) {
      const outFile = join(fresh, wasmOf(target));
      const { error, stderr } = await asc.main(
        ['--config', 'asconfig.json', '--target', target, '--outFile', outFile, '--baseDir', root],
        { stdout: process.stderr, stderr: undefined },
      );
      if (error) {
        const said = (stderr?.toString() ?? error.message).replace(/\((\d+),(\d+)\)/g, ':$1:$2'); // file:line:column
        throw new Error(`the kernels do not compile (target ${target}):\n${said}`);
      }
      const twin = sharedTwin(readFileSync(outFile));
      if (twin !== null) writeFileSync(sharedOf(outFile), twin);
    }
    // No stamp while old and new files stand side by side: whoever is interrupted here builds again.
    rmSync(stamp, { force: true });
    for (const name of readdirSync(fresh)) renameSync(join(fresh, name), join(build, name));
    writeFileSync(stamp, hash);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  process.stderr.write(`Kernels built in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildKernels({ force: process.argv.includes('--force') }).catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}
