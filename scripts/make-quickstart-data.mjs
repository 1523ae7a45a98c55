// scripts/make-quickstart-data.mjs — node scripts/run.mjs scripts/make-quickstart-data.mjs <flights-3m.csv.zst>
//
// Writes data/flights-1m.csv.zst: the header and the first million rows of the data set that data/README.md names.
// Run once; the result is committed. The same input and the same zstd give the same bytes.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const ROWS = 1_000_000;
const LEVEL = 19;
const NEWLINE = 0x0a;
const HEADER = 'ts_ms,origin,destination,delay,distance\n';

const target = join(dirname(dirname(fileURLToPath(import.meta.url))), 'data/flights-1m.csv.zst');
const [source] = process.argv.slice(2);
if (source === undefined) {
  process.stderr.write('usage: node scripts/run.mjs scripts/make-quickstart-data.mjs <flights-3m.csv.zst>\n');
  process.exit(64);
}
const csv = firstLines(zstdDecompressSync(readFileSync(source)), ROWS + 1);
if (csv.toString('latin1', 0, HEADER.length) !== HEADER) throw new Error(`${source} does not begin with ${HEADER}`);
const packed = zstdCompressSync(csv, {
  params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
  pledgedSrcSize: csv.length,
});
writeFileSync(target, packed);
process.stdout.write(`${target}: ${ROWS} rows, ${csv.length} bytes of CSV, ${packed.length} bytes packed\n`);

function firstLines(csv, count) {
  let end = 0;
  for (let line = 0; line < count; line++) {
    const newline = csv.indexOf(NEWLINE, end);
    if (newline < 0) throw new Error(`${source} has ${line} lines, expected at least ${count}`);
    end = newline + 1;
  }
  return csv.subarray(0, end);
}
