// Style that matters is a test: the rules of test/tidy/ hold for every file, and each rule refuses what it should.
import { expect, test } from 'vitest';
import { functionsOf } from './tidy/functions.ts';
import { chanceFiles, deadFiles, forbiddenImports } from './tidy/imports.ts';
import { complaints, FILE_LINES_LOOK_AGAIN, RULES } from './tidy/rules.ts';
import { codeOnly, importsOf, isCode, readRepository, sourceFile } from './tidy/source.ts';

const files = readRepository();

for (const rule of RULES) {
  test(`${rule.name}`, () => {
    expect(files.flatMap((file) => complaints(file, [rule]))).toEqual([]);
  });
}

test('imports follow the table of rooms', () => {
  expect(files.flatMap(forbiddenImports)).toEqual([]);
});

test('every file of the engine is imported or an entry', () => {
  expect(deadFiles(files)).toEqual([]);
});

test('one file of the engine takes chance from node:crypto', () => {
  expect(chanceFiles(files)).toEqual([]);
});

test('the repository was found', () => {
  const long = files.filter(({ path, text }) => isCode(path) && text.split('\n').length > FILE_LINES_LOOK_AGAIN);
  if (long.length > 0) console.warn(`look again at ${long.map(({ path }) => path).join(', ')}`);
  expect(files.map(({ path }) => path)).toContain('test/tidy.test.ts');
});

// What each rule must refuse: rule, path, text. Words that a rule looks for everywhere are put together here.
const refused: [string, string, string][] = [
  ['a file has at most 500 lines', 'host/a.ts', '// a\n'.repeat(501)],
  ['a line has at most 140 characters', 'host/a.ts', `// ${'a'.repeat(138)}`],
  ['a function has at most 70 lines, a kernel 100', 'host/a.ts', `function f() {\n${'a();\n'.repeat(70)}}`],
  ['a function has at most 70 lines, a kernel 100', 'assembly/a.ts', `function f(): i32 {\n${'a();\n'.repeat(100)}}`],
  ['file and folder names say what is inside', 'host/kernel/utils.ts', ''],
  ['file and folder names say what is inside', 'host/common/a.ts', ''],
  ['file and folder names say what is inside', 'host/job/types.ts', ''],
  ['every source file opens with what it is', 'host/a.ts', 'export const a = 1;'],
  ['every source file opens with what it is', 'host/a.ts', '// host/b.ts — another file'],
  ['no enum', 'host/a.ts', 'export const enum A { b }'],
  ['no namespace', 'host/a.ts', 'namespace A { }'],
  ['no parameter properties', 'host/a.ts', 'class A {\n constructor(\n  private readonly b: number) {} }'],
  ['no any', 'host/a.ts', 'const a = b as any;'],
  ['no any', 'host/a.ts', 'const a: Record<string, any> = {};'],
  ['only host/clock.ts reads the time', 'host/a.ts', 'const t = Date.now();'],
  ['only host/clock.ts reads the time', 'host/a.ts', 'const t = new Date();'],
  ['chance is seeded', 'test/a.ts', 'const a = Math.random();'],
  ['no global crypto', 'host/a.ts', 'const id = crypto.randomUUID();'],
  ['every test runs', 'test/a.test.ts', "test.only('a', () => {});"],
  ['only host/kernel/load.ts reads the wasm', 'host/a.ts', "readFileSync('x/pelton.wasm');"],
  ['only host/kernel/load.ts reads the wasm', 'host/a.ts', 'const x = `../build/' + '$' + '{name}`;'],
  ['nothing is left over', 'README.md', `# a\n${'TO'}${'DO'} later`],
  ['a document has one H1', 'README.md', '# a\n\n# b'],
  ['a document has one H1', 'README.md', '## a'],
  ['no path of a machine, no registry host', 'README.md', `see ${['', 'work', 'main'].join('/')}`],
  ['no path of a machine, no registry host', 'package-lock.json', `"resolved": "${['https', '//a'].join(':')}"`],
  ['no issue numbers', 'host/a.ts', `// as in ${'#'}12`],
  ['no issue numbers', 'README.md', `see ${'issue'} 12`],
];

test.each(refused)('«%s» refuses its example in %s', (name, path, text) => {
  const rule = RULES.filter((candidate) => candidate.name === name);
  expect(complaints(sourceFile(path, text), rule)).toHaveLength(1);
});

test('every rule has an example that it refuses', () => {
  expect(RULES.map(({ name }) => name).filter((name) => !refused.some(([of]) => of === name))).toEqual([]);
});

test.each([
  ['assembly/a.ts', "import { x } from '../host/b';"],
  ['ring/a.ts', "import { x } from '../host/b.ts';"],
  ['ring/a.ts', "import { x } from 'node:fs';"],
  ['host/job/a.ts', "import type { X } from '../thread/b.ts';"],
  ['host/expression/a.ts', "export * from '../control/b.ts';"],
  ['host/a.ts', "import { x } from '../test/support/random.ts';"],
  ['host/a.ts', "const x = await import('../bench/measure.ts');"],
  ['bench/a.ts', "import { instantiateSync } from '@assemblyscript/loader';"],
  ['host/a.ts', "import { x } from '../assembly/table.ts';"],
  ['host/job/a.ts', "import { Command } from 'commander';"],
  ['host/control/a.ts', "import uws from 'uWebSockets.js';"],
  ['host/client/a.ts', "import { MiB } from '../limits.ts';"],
  ['host/client/a.ts', "import type { X } from '../listener/b.ts';"],
  ['host/a.ts', "import { x } from './b';"],
  ['host/disk/a.ts', "import { x } from '../log/b.ts';"],
  ['host/log/a.ts', "import { x } from '../store/b.ts';"],
  ['host/log/decide.ts', "import { x } from '../disk/b.ts';"],
  ['host/checkpoint/a.ts', "import { x } from '../engine/b.ts';"],
  ['host/checkpoint/decide.ts', "import { x } from '../disk/b.ts';"],
])('an import against the table is refused: %s %s', (path, text) => {
  expect(forbiddenImports(sourceFile(path, text))).toHaveLength(1);
});

test.each([
  ['host/cli/a.ts', "import { Command } from 'commander';"],
  ['host/ingress/a.ts', "import uws from 'uWebSockets.js';"],
  ['host/client/a.ts', "import { writeArrow } from '../encode/arrow-write.ts';"],
  ['bench/a.ts', "import { x } from '../test/support/random.ts';"],
  ['host/a.ts', "// import { x } from './b'"],
  ['host/expression/a.ts', "import { OP } from '../../assembly/expression-layout.ts';"],
  ['host/a.ts', "new URL('./page', import.meta.url)"],
])('an import that the table allows passes: %s %s', (path, text) => {
  expect(forbiddenImports(sourceFile(path, text))).toEqual([]);
});

test('a file that only a worker URL names is not dead, one that nobody names is', () => {
  const worker = sourceFile('host/thread/worker.ts', '');
  const url = ['new URL(`./thread/worker', '{extname(import.meta.url)}`, import.meta.url)'].join('$');
  expect(deadFiles([worker, sourceFile('host/main.ts', url)])).toEqual([]);
  expect(deadFiles([worker])).toHaveLength(1);
});

test('a readonly array is no parameter property', () => {
  const text = '// a\nclass A {\n  constructor(b: number, c: readonly D[]) {}\n}';
  expect(complaints(sourceFile('host/a.ts', text))).toEqual([]);
});

test('a line that is one string alone may be long, and a name of several words may hold «types»', () => {
  expect(complaints(sourceFile('host/arrow-types.ts', `// a\nb(\n  '${'c'.repeat(150)}',\n);`))).toEqual([]);
});

test('a second file that takes chance from node:crypto is refused, one that hashes is not', () => {
  const text = "import { randomBytes } from 'node:crypto';";
  expect(chanceFiles([sourceFile('host/a.ts', text)])).toEqual([]);
  expect(chanceFiles([sourceFile('host/a.ts', text), sourceFile('host/b.ts', text)])).toHaveLength(1);
  const hashes = sourceFile('host/b.ts', "import { createHash } from 'node:crypto';");
  expect(chanceFiles([sourceFile('host/a.ts', text), hashes])).toEqual([]);
});

test('code is what stands outside comments, strings, templates and regular expressions', () => {
  expect(codeOnly('a /* b */ c // d')).toBe('a         c     ');
  expect(codeOnly(String.raw`x('it\'s', "b") / y`)).toBe(`x('     ', " ") / y`);
  expect(codeOnly(['a(`b $', '{c({ d: `e` })} f`)'].join(''))).toBe(['a(`  $', '{c({ d: ` ` })}  `)'].join(''));
  expect(codeOnly('a[b]! / c; d++ / e; if (!/f/.test(g)) h = -/i/')).toBe(
    'a[b]! / c; d++ / e; if (!   .test(g)) h = -   ',
  );
  expect(codeOnly('s.replace(/[\'"/]/g, a) / b')).toBe('s.replace(       g, a) / b');
});

test('the scanner reads every file to its end: brackets are balanced in what it calls code', () => {
  const counts = (code: string) => ['()', '[]', '{}'].map((pair) => [...pair].map((sign) => code.split(sign).length));
  const unbalanced = files.filter(
    ({ path, code }) => isCode(path) && counts(code).some(([open, close]) => open !== close),
  );
  expect(unbalanced.map(({ path }) => path)).toEqual([]);
});

test('functions are found by their brackets, conditions are not', () => {
  const text = [
    'function a(x: number): { y: number } {',
    '  if (x) {',
    '  }',
    '}',
    'class B {',
    '  get(): Map<string, () => void> {',
    '  }',
    '}',
    'const c = (x: number): x is 1 => {',
    '};',
    'const d = e ? (f) : { g: 1 };',
  ].join('\n');
  const spans = functionsOf(sourceFile('host/a.ts', text)).toSorted((one, two) => one.firstLine - two.firstLine);
  expect(spans).toEqual([
    { firstLine: 1, lineCount: 4 },
    { firstLine: 6, lineCount: 2 },
    { firstLine: 9, lineCount: 2 },
  ]);
});

test('imports are found in every form, and not in comments', () => {
  const text = [
    "import type { A } from './a.ts';",
    "import './b.ts';",
    "export { C } from './c.ts';",
    "await import('./d.ts');",
    "// import './e.ts'",
  ].join('\n');
  const targets = importsOf(sourceFile('host/x.ts', text)).map(({ target }) => target);
  expect(targets).toEqual(['host/a.ts', 'host/b.ts', 'host/c.ts', 'host/d.ts']);
});
