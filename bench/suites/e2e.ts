// bench/suites/e2e.ts — the whole path, socket to socket: rows in over WebSocket, windows out to a subscriber.
//
//   e2e/arrow              24-byte rows as Arrow frames of 64 KiB, one connection
//   e2e/ndjson             the same rows as lines, frames of 64 KiB
//   e2e/one-event-frames   the same rows, one JSON object a frame, 100 connections
//
// Every side gets the same rows from the same load generator, a process of its own; each server is a process of its own
// too. plain-js aggregates NDJSON in one JavaScript thread; receive only takes the frames in and copies them aside.
// Every result row of the last run is compared with a plain count over the rows, and of the other runs their number.

import { type BenchResult, measure, median, type Suite, type SuiteOptions } from '../measure.ts';
import { Child } from './e2e/child.ts';
import type { WireFormat } from './e2e/frames.ts';
import { type RowsSize, roundStartMs, rowCountOf } from './e2e/rows.ts';
import { type Run, type Server, ServerSide } from './e2e/side.ts';
import { compareTotals, countRows, expectedTotals, type Totals, totalsOf } from './e2e/totals.ts';

const SIZE: RowsSize = { windows: 10, rowsPerWindow: 1 << 20 };
const SMOKE_SIZE: RowsSize = { windows: 3, rowsPerWindow: 1 << 14 };
/** A plain server below this many events per second is not what its author would write, or not what it could do. */
const PLAIN_JS_FLOOR = 1.5e6;

interface E2eCase {
  name: string;
  format: WireFormat;
  connections: number;
  baselines: ('plain-js' | 'receive')[];
}

const CASES: E2eCase[] = [
  { name: 'e2e/arrow', format: 'arrow', connections: 1, baselines: ['plain-js', 'receive'] },
  { name: 'e2e/ndjson', format: 'ndjson', connections: 1, baselines: ['plain-js'] },
  { name: 'e2e/one-event-frames', format: 'json-events', connections: 100, baselines: ['receive'] },
];

const SERVERS = { pelton: 'serve-engine.ts', 'plain-js': 'serve-plain-js.ts', receive: 'serve-receive.ts' } as const;

export const suite: Suite = async (options) => {
  const size = options.smoke ? SMOKE_SIZE : SIZE;
  const expected = expectedTotals(size);
  const results: BenchResult[] = [];
  for (const benchCase of CASES) results.push(...(await runCase(benchCase, size, expected, options)));
  return results;
};

/** Servers and load generators live as long as their case, so that a case never meets what another left behind. */
async function runCase(benchCase: E2eCase, size: RowsSize, expected: Totals, options: SuiteOptions) {
  const { name, format, connections, baselines } = benchCase;
  const children: Child[] = [];
  const start = async (file: string) => {
    const started = await Child.start(file);
    children.push(started.child);
    return started;
  };
  try {
    const wires = new Map<WireFormat, { load: Child; format: WireFormat; size: RowsSize; connections: number }>();
    const sideOf = async (server: keyof typeof SERVERS): Promise<ServerSide> => {
      const wireFormat = server === 'plain-js' ? 'ndjson' : format;
      if (!wires.has(wireFormat)) {
        wires.set(wireFormat, { load: (await start('load.ts')).child, format: wireFormat, size, connections });
      }
      const { child, hello } = await start(SERVERS[server]);
      const place: Server = { name: server, child, port: hello.port as number };
      return new ServerSide(place, wires.get(wireFormat)!, (run) => checkRun(server, run, expected));
    };
    const sides: ServerSide[] = [];
    for (const server of ['pelton', ...baselines] as const) sides.push(await sideOf(server));
    const rows = await measure(
      {
        name,
        units: rowCountOf(size),
        unit: 'events/s',
        ours: sides[0]!,
        baselines: sides.slice(1),
        baselineFloor: { 'plain-js': PLAIN_JS_FLOOR },
        compare: (ours, baseline, baselineName) => {
          for (const [side, run] of [
            ['pelton', ours as Run],
            [baselineName, baseline as Run],
          ] as const) {
            if (side === 'receive') continue; // It has no results; checkRun has seen that it took every byte.
            compareTotals(`${name}, ${side}`, totalsOf(run.messages, size, roundStartMs(run.round, size)), expected);
          }
        },
      },
      options,
    );
    for (const side of sides) await side.finish();
    return rows.map((row) => withCosts(row, sides, size));
  } finally {
    for (const child of children) child.stop();
  }
}

/** Of every run: nothing is missing. */
function checkRun(server: string, { messages, end, sent }: Run, expected: Totals): void {
  if (server === 'receive') {
    if (end.frames === sent.frames && end.bytes === sent.payloadBytes) return;
    throw new Error(`receive: ${end.frames} frames, ${end.bytes} bytes; sent ${sent.frames}, ${sent.payloadBytes}`);
  }
  const rows = countRows(messages);
  if (rows !== expected.rows) throw new Error(`${server}: ${rows} result rows, expected ${expected.rows}`);
}

/** Processor time per million events beside every row: the server's, and what the load generator took meanwhile. */
function withCosts(row: BenchResult, sides: readonly ServerSide[], size: RowsSize): BenchResult {
  const ours = sides[0]!;
  const millions = rowCountOf(size) / 1e6;
  const cpu = (seconds: readonly number[]) => median(seconds) / millions;
  const costs = {
    cpuSecondsPerMillion: cpu(ours.serverCpuSeconds),
    baselineCpuSecondsPerMillion: cpu(sides.find(({ name }) => name === row.baseline)!.serverCpuSeconds),
    loadCpuSecondsPerMillion: cpu(ours.loadCpuSeconds),
    bytesPerSecond: (ours.wireBytes * row.value) / rowCountOf(size),
  };
  const text = Object.entries(costs).map(([what, value]) => `${what} ${value.toPrecision(3)}`);
  process.stderr.write(`${row.name.padEnd(32)} ${text.join('  ')}\n`);
  return { ...row, ...costs };
}
