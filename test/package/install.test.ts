// What a user's node_modules holds after installing the package, and what the command says on a machine it cannot use.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstalledPackage, packAndInstall, root, run } from './installed.ts';

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await packAndInstall();
});
afterAll(() => installed?.remove());

const inPackage = (path: string) => join(installed.folder, 'node_modules/pelton', path);

test('the package holds bin, data, dist and documents, and only the release kernels', () => {
  const others = installed.packedFiles.filter(
    (path) => !/^(bin|data|dist)\/|^(README|PROTOCOL|CHANGELOG)\.md$|^LICENSE$|^package\.json$/.test(path),
  );
  expect(others).toEqual([]);
  expect(installed.packedFiles.filter((path) => path.endsWith('.wasm')).sort()).toEqual([
    'dist/build/pelton-shared.wasm',
    'dist/build/pelton.wasm',
  ]);
  expect(installed.packedFiles.filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([]);
});

test('a user installs what runs the engine, and not the Node that runs this repository', async () => {
  const manifest = JSON.parse(readFileSync(inPackage('package.json'), 'utf8'));
  expect(manifest.optionalDependencies).toBeUndefined();
  const { stdout } = await run('npm', ['ls', '--all', '--parseable'], installed.folder);
  expect(stdout).not.toMatch(/node-(?:bin-)?(?:darwin|linux|win)/);
  expect(stdout).toMatch(/uWebSockets\.js/);
});

test('the installed kernels load and agree with the installed layout', async () => {
  const load = JSON.stringify(inPackage('dist/host/kernel/load.js'));
  const layout = JSON.stringify(inPackage('dist/assembly/layout.js'));
  const program = `
    const { loadKernel, reserveMemory } = await import(${load});
    const { ABI_VERSION } = await import(${layout});
    for (const shared of [false, true]) {
      const kernel = loadKernel({ memory: reserveMemory(1 << 20, shared), debug: false });
      console.log(kernel.exports.abiVersion() === ABI_VERSION);
    }`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], installed.folder);
  expect(stderr).toBe('');
  expect(stdout).toBe('true\ntrue\n');
});

test('pelton/client works from the installed package, brings no engine along, and its types are checked', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { openProducer } = await import('pelton/client');
    const code = await openProducer({ url: '127.0.0.1:1', stream: 'flights' }).catch((error) => error.code);
    console.log(code, loaded.filter((url) => /uWebSockets|[/]host[/](?!client|encode|clock|chance)|wasm/.test(url)));`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], installed.folder);
  expect({ stdout, stderr }).toEqual({ stdout: 'CONNECT []\n', stderr: '' });
  const use = `
    import { openProducer, type Outcome } from 'pelton/client';
    const producer = await openProducer({ url: 'x', stream: 'flights' });
    await producer.append({ origin: 'ORD', at: new Date(0), n: 1n, gone: null }, (outcome: Outcome) => outcome.rejects);
    // @ts-expect-error a record holds values, no functions
    await producer.append({ origin: () => 'ORD' });`;
  writeFileSync(join(installed.folder, 'client.ts'), use);
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', ''];
  expect(await run(process.execPath, [tsc, ...options, 'client.ts'], installed.folder)).toEqual({
    exitCode: 0,
    stdout: '',
    stderr: '',
  });
});

test('the installed types are checked: a wrong use is refused, the right one is not', async () => {
  const compile = async (body: string) => {
    writeFileSync(
      join(installed.folder, 'use.ts'),
      `import { loadKernel, reserveMemory } from './node_modules/pelton/dist/host/kernel/load.js';\n${body}`,
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', ''];
    return run(process.execPath, [tsc, ...options, 'use.ts'], installed.folder);
  };
  const right = 'const free: number = loadKernel({ memory: reserveMemory(1, true) }).exports.arenaFreeBytes();';
  expect(await compile(`${right}\nexport { free };`)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  const wrong = await compile(`${right.replace('number', 'string')}\nexport { free };`);
  expect(wrong.stdout).toMatch(/use\.ts.*Type 'number' is not assignable to type 'string'/);
});

test('an old Node is refused with 78: what was seen, what was expected, what to do', async () => {
  const preload = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
  const { exitCode, stderr } = await run(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(preload)}`, inPackage('bin/pelton.mjs')],
    installed.folder,
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining('this is Node 20.20.2') });
  expect(stderr).toContain('expected: Node >=22.22');
  expect(stderr).toContain('Install Node 22');
});

test('a package that was packed without its build is refused with 78 and how to pack it', async () => {
  renameSync(inPackage('dist'), inPackage('elsewhere'));
  const { exitCode, stderr } = await run(process.execPath, [inPackage('bin/pelton.mjs')], installed.folder);
  renameSync(inPackage('elsewhere'), inPackage('dist'));
  expect({ exitCode, stderr }).toEqual({
    exitCode: 78,
    stderr: expect.stringContaining('npm pack --ignore-scripts=false'),
  });
});

test('a missing uWebSockets.js binary is refused with 78 and the name of the package that is missing', async () => {
  const binary = `@uwsjs/${process.platform}-${process.arch}-${process.versions.node.split('.')[0]}`;
  rmSync(join(installed.folder, 'node_modules', binary), { recursive: true });
  writeFileSync(inPackage('dist/host/main.js'), "import 'uWebSockets.js';\n");
  const { exitCode, stderr } = await run(process.execPath, [inPackage('bin/pelton.mjs')], installed.folder);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 78,
    stderr: expect.stringContaining(`Cannot find module '${binary}'`),
  });
});
