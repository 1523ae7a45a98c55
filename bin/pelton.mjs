#!/usr/bin/env node
// bin/pelton.mjs — the command «pelton»: says what is missing before anything else is loaded, then starts host/main.
//
// Plain JavaScript without syntax newer than Node 16, so that an old Node prints our sentence and not a stack.
// Exit code 78 (EX_CONFIG): this machine cannot run Pelton as it is. Every other exit code is host/main's.

import { existsSync, readFileSync } from 'node:fs';

const EXIT_CONFIG = 78;

function refuse(seen, expected, advice) {
  process.stderr.write(`pelton: ${seen}\n  expected: ${expected}\n  ${advice}\n`);
  process.exit(EXIT_CONFIG);
}

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const [, wantedMajor, wantedMinor] = /(\d+)\.(\d+)/.exec(engines.node).map(Number);
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
  refuse(
    `this is Node ${process.versions.node} (${process.execPath})`,
    `Node ${engines.node}`,
    `Install Node ${wantedMajor} and put it first on PATH; in a clone, «npm start» fetches it by itself.`,
  );
}

// A clone runs its sources, so that a dist/ of yesterday is never what starts.
const source = new URL('../host/main.ts', import.meta.url);
const main = existsSync(source) ? source : new URL('../dist/host/main.js', import.meta.url);
if (!existsSync(main)) {
  refuse(
    'the package holds no program',
    'dist/host/main.js',
    'It was packed with npm scripts off. Pack it again with «npm pack --ignore-scripts=false».',
  );
}
try {
  await import(main.href);
} catch (error) {
  if (!/uWS\.js|uWebSockets\.js|@uwsjs\//.test(String(error?.message))) throw error;
  const platform = `${process.platform}-${process.arch}`;
  refuse(
    `the network module uWebSockets.js does not load on ${platform} with Node ${process.versions.node}: ${lastLine(error)}`,
    `the package @uwsjs/${platform}-${major} beside uWebSockets.js (there is one for Node ${wantedMajor}; Linux needs glibc)`,
    `Install again with Node ${wantedMajor} first on PATH and optional packages on: npm install --include=optional`,
  );
}

/** The module wraps the loader's own message; the line that names the missing file is the useful one. */
function lastLine(error) {
  const lines = error.message.split('\n').filter((line) => /^(?:Error|Cannot)|GLIBC|dlopen/.test(line));
  return lines[0] || error.message.split('\n')[0];
}
