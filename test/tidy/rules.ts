// test/tidy/rules.ts — STYLE.md as far as a program can check it, one file at a time.
//
// A rule is exact and can be explained in the line that it prints; what needs judgement is for readers.
// Each rule names its files, and test/tidy.test.ts shows each one a snippet that it must refuse.

import { functionsOf } from './functions.ts';
import { isCode, isTypeScript, lineAt, type SourceFile } from './source.ts';

export interface Rule {
  name: string;
  appliesTo: (path: string) => boolean;
  /** Complaints without the path; `line` 0 is the whole file. */
  check: (file: SourceFile) => { line: number; text: string }[];
}

export const FILE_LINES_MAX = 500;
export const FILE_LINES_LOOK_AGAIN = 400;
const LINE_CHARACTERS_MAX = 140;
/** A message stands alone on its line and whole, so that it is found by what it says. */
const ONE_STRING = /^\s*(?:'[^']*'|"[^"]*"|`[^`]*`)[,;)]*$/;
const FUNCTION_LINES_MAX = { assembly: 100, elsewhere: 70 };

const ENGINE = /^(host|ring|assembly)\//;
const isLock = (path: string) => path === 'package-lock.json';
const NAMES_THAT_SAY_NOTHING = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'types.ts']);
/** Written apart, so that this file and the search of a reader for them do not meet here. */
const LEFTOVERS = ['TO DO', 'FIX ME', 'X XX'].map((word) => word.replace(' ', ''));
const MACHINE_PATH = /(?<![\w.-])\/(?:work|root|farm|tmp\/bash_jobs[\w.]*)\//g;
const REGISTRY_HOST = /\bregistry\.[a-z][\w-]*\.|\bnpmjs\.org\b|"resolved":\s*"http/g;

/** A complaint for each place of `text` where `pattern` matches. */
function each(text: string, pattern: RegExp, say: (found: string) => string) {
  return [...text.matchAll(pattern)].map((match) => ({ line: lineAt(text, match.index), text: say(match[0].trim()) }));
}

/** A rule about code alone: strings and comments cannot break it. */
function forbids(name: string, appliesTo: Rule['appliesTo'], pattern: RegExp, instead: string): Rule {
  return { name, appliesTo, check: ({ code }) => each(code, pattern, (found) => `«${found}»: ${instead}`) };
}

const erasable = (path: string) => isTypeScript(path) && !path.startsWith('assembly/');
const outsideClock = (path: string) => (ENGINE.test(path) || path.startsWith('bin/')) && path !== 'host/clock.ts';

export const RULES: Rule[] = [
  {
    name: 'a file has at most 500 lines',
    appliesTo: isCode,
    check: ({ text }) => {
      const lines = text.trimEnd().split('\n').length;
      return lines <= FILE_LINES_MAX ? [] : [{ line: 0, text: `${lines} lines, at most ${FILE_LINES_MAX}; split it` }];
    },
  },
  {
    name: 'a line has at most 140 characters',
    appliesTo: isCode,
    check: ({ text }) =>
      text.split('\n').flatMap((line, index) => {
        const characters = [...line].length;
        if (characters <= LINE_CHARACTERS_MAX || ONE_STRING.test(line)) return [];
        return [{ line: index + 1, text: `${characters} characters, at most ${LINE_CHARACTERS_MAX}` }];
      }),
  },
  {
    name: 'a function has at most 70 lines, a kernel 100',
    appliesTo: (path) => isCode(path) && !path.startsWith('test/'),
    check: (file) => {
      const max = file.path.startsWith('assembly/') ? FUNCTION_LINES_MAX.assembly : FUNCTION_LINES_MAX.elsewhere;
      return functionsOf(file)
        .filter(({ lineCount }) => lineCount > max)
        .map(({ firstLine, lineCount }) => ({
          line: firstLine,
          text: `a function of ${lineCount} lines, at most ${max}`,
        }));
    },
  },
  {
    name: 'file and folder names say what is inside',
    appliesTo: () => true,
    check: ({ path }) =>
      path
        .split('/')
        .flatMap((part) => [part, ...part.replace(/\.\w+$/, '').split(/[.-]/)])
        .filter((word, index, words) => NAMES_THAT_SAY_NOTHING.has(word) && words.indexOf(word) === index)
        .map((word) => ({ line: 0, text: `«${word}» says nothing about what is inside` })),
  },
  {
    name: 'every source file opens with what it is',
    appliesTo: isCode,
    check: ({ path, text }) => {
      const first = text.replace(/^#!.*\n/, '').split('\n', 1)[0]!;
      if (!/^\/\/ \S/.test(first)) return [{ line: 1, text: 'opens with a `//` comment that says what the file is' }];
      const named = /^\/\/ ([\w./-]+\.(?:ts|mjs|js)) — /.exec(first)?.[1];
      return named === undefined || named === path ? [] : [{ line: 1, text: `the header names ${named}` }];
    },
  },
  forbids('no enum', isTypeScript, /\benum\s+\w+\s*\{/g, 'constants, or a union of strings'),
  forbids('no namespace', erasable, /\b(?:namespace|module)\s+[\w.]+\s*\{/g, 'a file is the namespace'),
  forbids(
    'no parameter properties',
    isTypeScript,
    /\bconstructor\s*\((?:[^)]*,)?\s*(?:(?:public|private|protected|readonly)\s+)+\w+\s*\??:/g,
    'assign fields in the constructor',
  ),
  forbids(
    'no any',
    isTypeScript,
    /(?:[:|&]|=>|\bas)\s*any\b(?=\s*(?:[,;)>\]}|&={]|\[\]|$))|<[^<>;(){}]*\bany\b[^<>;(){}]*>/gm,
    'unknown, and a check',
  ),
  forbids(
    'only host/clock.ts reads the time',
    outsideClock,
    /\bDate\.now\b|\bperformance\.now\b|\bnew Date\(\s*\)|\bprocess\.hrtime\b/g,
    'ask host/clock.ts',
  ),
  forbids(
    'chance is seeded',
    (path) => isCode(path),
    /\bMath\.random\b/g,
    'seededRandom of test/support/random.ts, or the one file that opens node:crypto',
  ),
  forbids('no global crypto', (path) => ENGINE.test(path), /(?<![\w.])crypto\.\w+/g, 'node:crypto, in its one file'),
  forbids(
    'every test runs',
    (path) => /^(test|bench)\//.test(path),
    /\.(?:only|skip|todo)\(/g,
    'skipIf, with the reason in the name',
  ),
  {
    name: 'only host/kernel/load.ts reads the wasm',
    appliesTo: (path) => /^(host|ring|bench)\//.test(path) && path !== 'host/kernel/load.ts',
    check: ({ text, code }) =>
      [...text.matchAll(/\bbuild\/|\.wasm\b/g)]
        .filter(({ index }) => !insideComment(text, code, index))
        .map(({ index }) => ({ line: lineAt(text, index), text: 'kernels are loaded by host/kernel/load.ts' })),
  },
  {
    name: 'nothing is left over',
    appliesTo: (path) => !isLock(path),
    check: ({ text }) =>
      each(text, new RegExp(`\\b(?:${LEFTOVERS.join('|')})\\b`, 'g'), (found) => `${found} is left over`),
  },
  {
    name: 'a document has one H1',
    appliesTo: (path) => path.endsWith('.md'),
    check: ({ text }) => {
      const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '');
      const count = [...prose.matchAll(/^# /gm)].length;
      return count === 1 ? [] : [{ line: 0, text: `${count} first-level headings, expected 1` }];
    },
  },
  {
    name: 'no path of a machine, no registry host',
    appliesTo: () => true,
    check: ({ text }) => [
      ...each(text, MACHINE_PATH, (found) => `«${found}» is a path of one machine`),
      ...each(text, REGISTRY_HOST, (found) => `«${found}» names a registry`),
    ],
  },
  {
    name: 'no issue numbers',
    appliesTo: (path) => !isLock(path) && (isCode(path) || path.endsWith('.md')),
    check: ({ path, text, code }) =>
      [...text.matchAll(/(?:^|[\s(])#\d{1,5}\b|\bissues?\s+#?\d+/gm)]
        .filter(({ index, 0: found }) => path.endsWith('.md') || code[index + found.length - 1] === ' ')
        .map(({ index, 0: found }) => ({
          line: lineAt(text, index),
          text: `«${found.trim()}»: say the reason itself`,
        })),
  },
];

/** A string keeps its quotes in `code`, a comment keeps nothing: look for the nearest sign that is left on the line. */
function insideComment(text: string, code: string, offset: number): boolean {
  if (code[offset] !== ' ') return false;
  const lineStart = text.lastIndexOf('\n', offset) + 1;
  const quotes = code.slice(lineStart, offset).match(/['"`}]/g)?.length ?? 0;
  const behind = /['"`$]/.test(code.slice(offset, text.indexOf('\n', offset)));
  return quotes === 0 || !behind;
}

/** `path:line: what is wrong`, for every rule that applies to the file. */
export function complaints(file: SourceFile, rules: readonly Rule[] = RULES): string[] {
  return rules
    .filter((rule) => rule.appliesTo(file.path))
    .flatMap((rule) => rule.check(file).map(({ line, text }) => `${file.path}${line > 0 ? `:${line}` : ''}: ${text}`));
}
