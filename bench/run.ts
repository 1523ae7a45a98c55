// bench/run.ts — npm run bench -- SUITE… [--only NAME] [--smoke] [--json]
//
// A suite is a file bench/suites/NAME.ts that exports `suite`; a folder beside it holds its parts. With --json stdout
// holds one JSON object.

import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { extname } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchResult, lame, type Suite } from './measure.ts';

const folder = new URL('./suites/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ name }) => name.slice(0, -extname(name).length));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0 || positionals.length === 0) {
  process.stderr.write(
    `usage: npm run bench -- SUITE… [--only NAME] [--smoke] [--json]; suites: ${names.join(', ')}\n`,
  );
  process.exit(64);
}

const machine = `${cpus()[0]?.model ?? 'unknown cpu'} × ${cpus().length}, node ${process.version}, ${process.platform}-${process.arch}`;
process.stderr.write(`machine  ${machine}\n`);
const results: BenchResult[] = [];
for (const name of positionals) {
  const { suite } = (await import(new URL(`./suites/${name}.ts`, import.meta.url).href)) as { suite: Suite };
  results.push(...(await suite({ smoke: values.smoke, only: values.only })));
}
if (values.json) process.stdout.write(`${JSON.stringify({ machine, smoke: values.smoke, results })}\n`);
for (const comparison of lame) process.stderr.write(`lame  ${comparison}\n`);
if (lame.length > 0) process.exitCode = 1;
