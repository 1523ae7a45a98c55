// test/tidy/source.ts — the repository as the tidy rules see it: files, code without comments and strings, imports.
//
// AssemblyScript's decorators stop the TypeScript parsers at hand, so this is a scanner that knows where comments,
// strings, templates and regular expressions begin and end, and nothing more. `code` has the length and the lines
// of `text`; what is no code is blank. Rules that need more than that belong to the compiler or the linter.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  path: string;
  text: string;
  /** `text` with comments and the insides of strings, templates and regular expressions blanked. */
  code: string;
}

export interface Import {
  /** As written. */
  specifier: string;
  /** The file it names, from the root of the repository; undefined for packages and node: modules. */
  target: string | undefined;
  line: number;
  /** A URL may name any file; an import names a module. */
  isUrl: boolean;
}

export const root = join(import.meta.dirname, '../..');
const TEXT = /\.(ts|mjs|js|json|md|html|css|yml|yaml|sh)$|(^|\/)[^./]+$|^\.[^/]+$/;

/** Every text file that is tracked or about to be, but fixtures: their content is not ours. */
export function readRepository(): SourceFile[] {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  return list
    .toString()
    .split('\0')
    .filter((path) => TEXT.test(path) && !path.startsWith('test/fixtures/') && existsSync(join(root, path)))
    .filter((path) => path !== 'node_modules')
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')));
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: isCode(path) ? codeOnly(text) : text };
}

export const isCode = (path: string) => /\.(ts|mjs|js)$/.test(path);
export const isTypeScript = (path: string) => path.endsWith('.ts');

export const lineAt = (text: string, offset: number) => text.slice(0, offset).split('\n').length;

/** import … from, export … from, import '…', import('…') and new URL('./…', import.meta.url). */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const forms = [/\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g, /\bnew URL\(\s*(['"`])(\.{1,2}\/[^'"`\n]+)\1\s*,/g];
  for (const form of forms) {
    for (const match of file.text.matchAll(form)) {
      if (file.code[match.index] === ' ') continue; // In a comment or a string.
      const specifier = match[2]!.replace(/\$\{extname\(import\.meta\.url\)\}/, '.ts');
      if (specifier.includes('${')) continue; // A name that is known only at run time.
      found.push({
        specifier,
        isUrl: form === forms[1],
        target: targetOf(file.path, specifier),
        line: lineAt(file.text, match.index),
      });
    }
  }
  return found;
}

function targetOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = normalize(join(dirname(from), specifier)).replaceAll('\\', '/');
  return from.startsWith('assembly/') && !target.endsWith('.ts') ? `${target}.ts` : target;
}

/** Words and signs after which a slash begins a regular expression; a postfix `!`, `++` or `--` ends a value instead. */
const BEFORE_REGEXP =
  /(?:^|[=(,:;&|?{}[*%<>~^\n]|(?<![\w)\]])!|(?<!\+)\+|(?<!-)-|\b(?:return|typeof|case|in|of|void))\s*$/;

/** Blanks comments, and the insides of strings, templates and regular expressions; keeps every newline. */
export function codeOnly(text: string): string {
  const out: string[] = [];
  const templates: number[] = []; // Brace depth at which each open `${` ends.
  let depth = 0;
  let at = 0;
  const copy = (end: number) => {
    out.push(text.slice(at, end));
    at = end;
  };
  const blank = (end: number) => {
    out.push(text.slice(at, end).replace(/[^\n]/g, ' '));
    at = end;
  };
  const template = () => {
    const end = endOfTemplatePart(text, at);
    blank(end);
    if (text[at] === '`') copy(at + 1);
    else if (at < text.length) {
      templates.push(depth);
      copy(at + 2);
    }
  };
  while (at < text.length) {
    const sign = text[at]!;
    if (sign === '/' && text[at + 1] === '/') blank(orEnd(text, text.indexOf('\n', at)));
    else if (sign === '/' && text[at + 1] === '*') blank(orEnd(text, text.indexOf('*/', at + 2), 2));
    else if (sign === '"' || sign === "'") {
      copy(at + 1);
      blank(endOfString(text, at, sign));
      copy(Math.min(at + 1, text.length));
    } else if (sign === '`') {
      copy(at + 1);
      template();
    } else if (sign === '}' && templates.at(-1) === depth) {
      templates.pop();
      copy(at + 1);
      template();
    } else if (sign === '/' && BEFORE_REGEXP.test(text.slice(Math.max(0, at - 40), at))) blank(endOfRegExp(text, at));
    else {
      if (sign === '{') depth++;
      if (sign === '}') depth--;
      copy(at + 1);
    }
  }
  return out.join('');
}

const orEnd = (text: string, found: number, extra = 0) => (found < 0 ? text.length : found + extra);

function endOfString(text: string, start: number, quote: string): number {
  let at = start;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

/** The offset of the closing backtick or of the next `${`. */
function endOfTemplatePart(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== '`' && !(text[at] === '$' && text[at + 1] === '{')) {
    at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length);
}

function endOfRegExp(text: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at + 1, text.length);
}
