// test/tidy/imports.ts — who may import whom, as one table, and what nobody imports.

import { type Import, importsOf, isTypeScript, type SourceFile } from './source.ts';

/** For files under `room`: what an import may not be, and the reason that is printed. */
interface ImportRule {
  room: RegExp;
  except?: RegExp;
  forbids: (found: Import) => boolean;
  because: string;
}

const toPackage = (...names: string[]) => {
  return ({ specifier }: Import) => names.some((name) => specifier === name || specifier.startsWith(`${name}/`));
};
const outside = (room: RegExp) => (found: Import) => found.target === undefined || !room.test(found.target);
const inside = (room: RegExp) => (found: Import) => found.target !== undefined && room.test(found.target);

/** Constants alone: valid AssemblyScript and valid TypeScript. */
const KERNEL_LAYOUT = /\/(?:[\w-]+-)?layout\.ts$/;

export const IMPORT_TABLE: ImportRule[] = [
  { room: /^assembly\//, forbids: outside(/^assembly\//), because: 'assembly/ imports only itself' },
  { room: /^ring\//, forbids: outside(/^ring\//), because: 'ring/ imports only itself: it knows bytes, not events' },
  {
    room: /^host\/(job|expression)\//,
    forbids: inside(/^host\/(thread|ingress|listener|partition|egress|engine|control)\//),
    because: 'what describes a job does not know what runs it',
  },
  {
    room: /^host\/disk\//,
    forbids: ({ target }) => target !== undefined && !/^host\/disk\//.test(target),
    because: 'the disk does not know what its files are for',
  },
  {
    room: /^host\/log\//,
    except: /^host\/log\/thread\.ts$/,
    forbids: inside(/^host\/(store|cli|engine|listener|partition|egress)\//),
    because: 'the log knows its own files and the disk, not who uses it',
  },
  {
    room: /^host\/log\/(scan|walk|decide|salvage|segment|group|gap|fields)\.ts$/,
    forbids: (found) => toPackage('node:fs')(found) || inside(/^host\/disk\//)(found),
    because: 'facts and decisions about the log are pure: bytes in, values out',
  },
  {
    room: /^host\/checkpoint\//,
    forbids: inside(/^host\/(cli|engine|listener|partition|egress)\//),
    because: 'checkpoints know their own files, the log and the disk, not who uses them',
  },
  {
    room: /^host\/checkpoint\/(decide|operators|part-layout|part-header|block-places|keeper-message)\.ts$/,
    forbids: (found) => toPackage('node:fs')(found) || inside(/^host\/disk\//)(found),
    because: 'layouts, facts and decisions about checkpoints are pure',
  },
  { room: /^(host|scripts|bin)\//, forbids: inside(/^(bench|test)\//), because: 'nothing imports bench/ or test/' },
  {
    room: /^(host|bench)\//,
    except: /^host\/kernel\/load\.ts$/,
    forbids: toPackage('@assemblyscript/loader'),
    because: 'only host/kernel/load.ts loads kernels',
  },
  {
    room: /^(host|bench|test)\//,
    forbids: (found) => inside(/^assembly\//)(found) && !KERNEL_LAYOUT.test(found.target!),
    because: 'kernels are called through host/kernel; only their layouts are TypeScript too',
  },
  {
    room: /^host\//,
    except: /^host\/(cli\/|main\.ts$)/,
    forbids: toPackage('commander', 'cli-progress', 'cli-table3'),
    because: 'only the command line (host/cli, host/main.ts) talks to a terminal',
  },
  {
    room: /^host\/client\//,
    forbids: inside(/^host\/(?!(?:client|encode|job)\/|(?:chance|clock)\.ts$)/),
    because:
      'the other side of the wire brings nothing of the engine along but the Arrow writer and the names of types',
  },
  {
    room: /^host\//,
    except: /^host\/(ingress|listener)\//,
    forbids: toPackage('uWebSockets.js'),
    because: 'only host/ingress and host/listener touch uWebSockets.js',
  },
  {
    room: /^(host|ring|bench|test)\//,
    forbids: ({ specifier, isUrl }) => !isUrl && specifier.startsWith('.') && !/\.(ts|mjs|json)$/.test(specifier),
    because: 'a relative import names the file, ending in .ts',
  },
];

export function forbiddenImports(file: SourceFile): string[] {
  if (!isTypeScript(file.path) && !file.path.endsWith('.mjs')) return [];
  const rules = IMPORT_TABLE.filter(({ room, except }) => room.test(file.path) && !except?.test(file.path));
  return importsOf(file).flatMap((found) =>
    rules
      .filter(({ forbids }) => forbids(found))
      .map(({ because }) => `${file.path}:${found.line}: imports ${found.specifier}; ${because}`),
  );
}

const ENTRIES = /^(host\/(main|index|client\/index)\.ts|assembly\/index\.ts)$/;

/** Files of the engine that no file imports and nobody starts. */
export function deadFiles(files: readonly SourceFile[]): string[] {
  const imported = new Set(
    files.flatMap((file) => (isTypeScript(file.path) ? importsOf(file) : [])).map(({ target }) => target),
  );
  return files
    .filter(({ path }) => /^(host|ring|assembly)\/.*\.ts$/.test(path) && !ENTRIES.test(path) && !imported.has(path))
    .map(({ path }) => `${path}: nothing imports it, and it is no entry`);
}

const OPENS_CHANCE = /\bimport\s+(?:[^;]*\brandom|[^;]*\bwebcrypto|\w|\*)[^;]*\bfrom\s*['"](?:node:)?crypto['"]/;

/** node:crypto is a source of hashes, and of chance: that, one file of the engine may open. */
export function chanceFiles(files: readonly SourceFile[]): string[] {
  const users = files.filter(
    (file) =>
      /^host\//.test(file.path) &&
      importsOf(file).some(toPackage('node:crypto', 'crypto')) &&
      file.text.split(';').some((statement) => OPENS_CHANCE.test(`${statement};`)),
  );
  return users.length <= 1 ? [] : [`${users.map(({ path }) => path).join(', ')}: chance belongs into one file`];
}
