// test/support/data.ts — real data and other engines' answers, which lie beside the repository and not in it.
//
// Found by PELTON_DATA, else ../shared/data next to the repository. Tests that need the folder say so in their name
// and are skipped without it. The README in that folder says where every file comes from.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

const BESIDE = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** The folder, or null when this machine does not have it. */
export const DATA: string | null = [process.env.PELTON_DATA, BESIDE].find((path) => path && existsSync(path)) ?? null;

/** US departures in order of time; airports are indexes into `airports`. */
export interface Flights {
  count: number;
  ts: Float64Array;
  origin: Uint16Array;
  destination: Uint16Array;
  delay: Int32Array;
  distance: Int32Array;
  airports: string[];
}

/** A DNS log in the order its sensor wrote it. */
export interface DnsLog {
  count: number;
  /** Milliseconds, rounded down. */
  ts: Float64Array;
  client: string[];
}

/** A truth file without its header line, zstd or plain. */
export function truthLines(name: string): string[] {
  const plain = dataFile(`truth/${name}.csv`);
  const bytes = existsSync(plain) ? readFileSync(plain) : zstdDecompressSync(readFileSync(`${plain}.zst`));
  return bytes.toString().trimEnd().split('\n').slice(1);
}

/** @param rowsMax  from the beginning; default: all 3,000,000 */
export function readFlights(rowsMax = Number.POSITIVE_INFINITY): Flights {
  const bytes = zstdDecompressSync(readFileSync(dataFile('flights-3m.csv.zst')));
  const count = Math.min(rowsMax, linesOf(bytes) - 1);
  const airports: string[] = [];
  const codes = new Map<number, number>();
  const flights: Flights = {
    count,
    ts: new Float64Array(count),
    origin: new Uint16Array(count),
    destination: new Uint16Array(count),
    delay: new Int32Array(count),
    distance: new Int32Array(count),
    airports,
  };
  let at = bytes.indexOf(NEWLINE) + 1;
  const number = () => {
    const negative = bytes[at] === MINUS;
    let value = 0;
    for (at += negative ? 1 : 0; bytes[at]! >= ZERO; at++) value = value * 10 + bytes[at]! - ZERO;
    at++; // The comma or the end of the line.
    return negative ? -value : value;
  };
  const airport = () => {
    const from = at;
    let packed = 0;
    for (; bytes[at]! !== COMMA; at++) packed = packed * 256 + bytes[at]!;
    let index = codes.get(packed);
    if (index === undefined) {
      index = airports.push(bytes.toString('latin1', from, at)) - 1;
      codes.set(packed, index);
    }
    at++;
    return index;
  };
  for (let row = 0; row < count; row++) {
    flights.ts[row] = number();
    flights.origin[row] = airport();
    flights.destination[row] = airport();
    flights.delay[row] = number();
    flights.distance[row] = number();
  }
  return flights;
}

/** Zeek's columns `ts` and `id.orig_h`; lines that begin with # describe the others. */
export function readDnsLog(): DnsLog {
  const lines = gunzipSync(readFileSync(dataFile('zeek/dns.log.gz')))
    .toString()
    .split('\n');
  const rows = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('\t', 3));
  return {
    count: rows.length,
    // Seconds with six decimals: as digits, for a float would round up some of them.
    ts: Float64Array.from(rows, ([seconds]) => Math.floor(Number(seconds!.replace('.', '')) / 1000)),
    client: rows.map(([, , client]) => client!),
  };
}

function linesOf(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === NEWLINE) lines++;
  return lines;
}

function dataFile(name: string): string {
  if (DATA === null) throw new Error('PELTON_DATA names no folder; the test should have been skipped');
  return join(DATA, name);
}

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
