// keyed-tumbling: count, sum, min and max of one i64 value per key and 10 s window, from rows in memory to result rows.
//
// Ours reads batches of 4096 rows in kernel memory and writes result images beside them; the watermark follows every
// batch. DuckDB has the same rows in an in-memory table and asks one GROUP BY over window and key on one thread.
// js-map is one Map of small objects per window, over plain typed arrays of numbers.
// 4m draws 4 Mi rows a window out of 4 Mi keys: about 2.6 M live keys, so six rows in ten are new keys.

import type { DuckDBConnection } from '@duckdb/node-api';
import {
  AGGREGATE_COUNT,
  AGGREGATE_MAX,
  AGGREGATE_MIN,
  AGGREGATE_SUM,
  BATCH_HEADER_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_VALUES,
  TYPE_I64,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import { type Kernel, loadKernel, reserveMemory } from '../../../host/kernel/load.ts';
import { writePlan } from '../../../test/support/keyed.ts';
import { connectDuckdb } from '../../duckdb.ts';
import { type BenchResult, isWanted, measure, type Side, type Suite } from '../../measure.ts';
import { drawRows, KEY_STEP, keyOfText, type Rows, rowsSql, writeBatches } from './keyed-rows.ts';

const WINDOW_MS = 10_000;

interface Size {
  name: string;
  keys: number;
  windows: number;
  rowsPerWindow: number;
}
const SIZES: Size[] = [
  { name: '1k', keys: 1000, windows: 8, rowsPerWindow: 1 << 20 },
  { name: '100k', keys: 100_000, windows: 8, rowsPerWindow: 1 << 20 },
  { name: '4m', keys: 1 << 22, windows: 2, rowsPerWindow: 1 << 22 },
];
const SMOKE_SIZES: Size[] = SIZES.map((size) => ({
  ...size,
  keys: Math.min(size.keys, 20_000),
  windows: 2,
  rowsPerWindow: 1 << 14,
}));

export const keyedTumbling: Suite = async (options) => {
  const results: BenchResult[] = [];
  const duckdb = await connectDuckdb();
  for (const size of options.smoke ? SMOKE_SIZES : SIZES) {
    const rows = drawRows(size.keys, size.windows, size.rowsPerWindow, WINDOW_MS);
    for (const type of [TYPE_I64, TYPE_UTF8]) {
      const name = `keyed-tumbling${type === TYPE_UTF8 ? '-utf8' : ''}/${size.name}`;
      if (!isWanted(name, options)) continue;
      const kernel = loadKernel({ memory: reserveMemory(options.smoke ? 64 * 2 ** 20 : 2 ** 31, false) });
      await duckdb.run(`CREATE OR REPLACE TABLE rows AS ${rowsSql(rows, type)}`);
      const baselines: Side[] = [duckdbSide(duckdb, rows, type)];
      if (type === TYPE_I64) baselines.push(mapSide(rows));
      results.push(
        ...(await measure(
          {
            name,
            units: rows.count,
            unit: 'rows/s',
            ours: kernelSide(kernel, rows, type),
            baselines,
            compare: async (ours, theirs) =>
              compareTotals((ours as () => Totals)(), await (theirs as () => Totals | Promise<Totals>)(), name),
            ...(name === 'keyed-tumbling/100k' ? { baselineFloor: { duckdb: 10e6 } } : {}),
          },
          options,
        )),
      );
    }
  }
  duckdb.closeSync();
  return results;
};

/** Result rows by window and key index: what every side is turned into before they are compared. */
interface Totals {
  count: Float64Array;
  sum: Float64Array;
  min: Float64Array;
  max: Float64Array;
  rows: number;
}

function emptyTotals({ windows, keys }: Rows): Totals {
  const make = () => new Float64Array(windows * keys);
  return { count: make(), sum: make(), min: make(), max: make(), rows: 0 };
}

function compareTotals(a: Totals, b: Totals, name: string): void {
  if (a.rows !== b.rows) throw new Error(`${name}: ${a.rows} result rows, expected ${b.rows}`);
  for (const field of ['count', 'sum', 'min', 'max'] as const) {
    for (let index = 0; index < a.count.length; index++) {
      if (a[field][index] === b[field][index]) continue;
      throw new Error(`${name}: ${field} of result ${index} is ${a[field][index]}, expected ${b[field][index]}`);
    }
  }
}

function kernelSide(kernel: Kernel, rows: Rows, type: number) {
  const { exports } = kernel;
  const batches = writeBatches(kernel, rows, type);
  const plan = exports.reserve(256) >>> 0;
  const outBytes = 256 * 1024;
  // Result rows side by side: three times, key, four aggregates; utf8 keys come with at most 24 bytes.
  const outArea = exports.reserve(rows.windows * Math.min(rows.keys, rows.rowsPerWindow) * 88 + 2 * outBytes) >>> 0;
  const column = { column: 2, type: TYPE_I64, nullable: false };
  writePlan(kernel, plan, {
    keys: [{ column: 1, type }],
    aggregates: [
      { function: AGGREGATE_COUNT, column: -1, type: 0, nullable: false },
      { function: AGGREGATE_SUM, ...column },
      { function: AGGREGATE_MIN, ...column },
      { function: AGGREGATE_MAX, ...column },
    ],
    sizeMs: BigInt(WINDOW_MS),
    offsetMs: 0n,
  });
  let stage = 0;
  return {
    name: 'pelton',
    prepare: () => {
      stage = exports.keyedCreate(plan) >>> 0;
      if (stage === 0) throw new Error('the arena is full');
    },
    run: () => {
      let out = outArea;
      const images: number[] = [];
      const fire = () => {
        for (let bytes = 0; ; out += bytes) {
          bytes = exports.keyedFire(stage, out, outBytes);
          if (bytes <= 0) break;
          images.push(out);
        }
      };
      for (const { at, lastTime } of batches) {
        if (exports.keyedPush(stage, at, 0) !== 0) throw new Error('the arena is full');
        exports.keyedAdvance(stage, lastTime);
        fire();
      }
      exports.keyedFlush(stage);
      fire();
      return () => imageTotals(kernel, images, rows, type);
    },
  };
}

function imageTotals(kernel: Kernel, images: readonly number[], rows: Rows, type: number): Totals {
  const totals = emptyTotals(rows);
  const { u32, i64, u8 } = kernel;
  for (const image of images) {
    const count = u32[(image + BATCH_ROW_COUNT) >>> 2]!;
    const field = (index: number, offset: number) =>
      (image + u32[(image + BATCH_HEADER_BYTES + index * COLUMN_DESCRIPTOR_BYTES + offset) >>> 2]!) >>> 0;
    const values = (index: number) => field(index, COLUMN_VALUES) >>> 3;
    const bytes = field(3, COLUMN_BYTES);
    const offsets = field(3, COLUMN_VALUES) >>> 2;
    for (let row = 0; row < count; row++) {
      const window = Number(i64[values(1) + row]!) / WINDOW_MS;
      const key =
        type === TYPE_UTF8 ? keyOfText(u8, bytes + u32[offsets + row]!) : Number(i64[values(3) + row]!) / KEY_STEP;
      const at = window * rows.keys + key;
      totals.count[at] = Number(i64[values(4) + row]!);
      totals.sum[at] = Number(i64[values(5) + row]!);
      totals.min[at] = Number(i64[values(6) + row]!);
      totals.max[at] = Number(i64[values(7) + row]!);
      totals.rows++;
    }
  }
  return totals;
}

function duckdbSide(duckdb: DuckDBConnection, rows: Rows, type: number): Side {
  return {
    name: 'duckdb',
    run: async () => {
      const result = await duckdb.run(
        `SELECT time - time % ${WINDOW_MS} AS start, key, count(*), sum(value), min(value), max(value) FROM rows GROUP BY start, key`,
      );
      return async () => {
        const totals = emptyTotals(rows);
        for (const chunk of await result.fetchAllChunks()) {
          const [start, key, ...states] = Array.from({ length: 6 }, (_, column) => chunk.getColumnVector(column));
          for (let row = 0; row < chunk.rowCount; row++) {
            const index =
              type === TYPE_UTF8 ? Number(String(key!.getItem(row)).slice(1, 8)) : Number(key!.getItem(row)) / KEY_STEP;
            const at = (Number(start!.getItem(row)) / WINDOW_MS) * rows.keys + index;
            totals.count[at] = Number(states[0]!.getItem(row));
            totals.sum[at] = Number(states[1]!.getItem(row));
            totals.min[at] = Number(states[2]!.getItem(row));
            totals.max[at] = Number(states[3]!.getItem(row));
            totals.rows++;
          }
        }
        return totals;
      };
    },
  };
}

interface State {
  count: number;
  sum: number;
  min: number;
  max: number;
}

function mapSide(rows: Rows): Side {
  return {
    name: 'js-map',
    run: () => {
      const { times, keys, values, count } = rows.plain;
      const windows = new Map<number, Map<number, State>>();
      let start = Number.NaN;
      let states = new Map<number, State>();
      for (let row = 0; row < count; row++) {
        const time = times[row]!;
        if (!(time >= start && time < start + WINDOW_MS)) {
          start = time - (time % WINDOW_MS);
          states = windows.get(start) ?? new Map();
          windows.set(start, states);
        }
        const key = keys[row]!;
        const value = values[row]!;
        const state = states.get(key);
        if (state === undefined) {
          states.set(key, { count: 1, sum: value, min: value, max: value });
        } else {
          state.count++;
          state.sum += value;
          if (value < state.min) state.min = value;
          if (value > state.max) state.max = value;
        }
      }
      return () => mapTotals(windows, rows);
    },
  };
}

function mapTotals(windows: Map<number, Map<number, State>>, rows: Rows): Totals {
  const totals = emptyTotals(rows);
  for (const [start, states] of windows) {
    for (const [key, state] of states) {
      const at = (start / WINDOW_MS) * rows.keys + key / KEY_STEP;
      totals.count[at] = state.count;
      totals.sum[at] = state.sum;
      totals.min[at] = state.min;
      totals.max[at] = state.max;
      totals.rows++;
    }
  }
  return totals;
}
