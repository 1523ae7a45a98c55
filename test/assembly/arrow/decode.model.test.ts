// The decoder against its model: tables of another library, tables of our own writer. Failures name the seed.
import { expect, test } from 'vitest';
import { BUILDER_EVENT_TIME, BUILDER_NULLABLE, TYPE_I64 } from '../../../assembly/layout.ts';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { type Cell, cellOf } from '../../model/arrow-column.ts';
import { type RandomColumn, randomTable } from '../../support/arrow-columns.ts';
import { arrowDriver, type Decoded, type DecoderColumn } from '../../support/arrow-decoder.ts';
import { type Random, seededRandom } from '../../support/random.ts';

const SEED = Number(process.env.PELTON_SEED ?? 20260102);
const TABLES = 400;

test('tables of every source type arrive as the model says, in builders of any size', () => {
  let rowsCompared = 0;
  for (let seed = SEED; seed < SEED + TABLES; seed++) {
    const random = seededRandom(seed);
    const rows = random.below(random.pick([5, 70, 400]));
    const { columns, stream } = randomTable(random, 1 + random.below(4), rows);
    const wanted = columns.map((column) => builderColumn(random, column));
    const driver = arrowDriver(wanted, { rowsMax: 1 + random.below(300), bytesMax: 700 + random.below(2000) });
    const decoded = driver.decode(stream, 0xff);
    expectRows(decoded, modelRows(columns, wanted, rows), `seed ${seed}`);
    expect(driver.decode(stream, 0x00), `seed ${seed}, other surroundings`).toEqual(decoded);
    rowsCompared += rows;
  }
  expect(rowsCompared).toBeGreaterThan(TABLES * 10);
});

test('what our writer writes is what our decoder reads', () => {
  for (let seed = SEED; seed < SEED + 50; seed++) {
    const random = seededRandom(seed);
    const rows = random.below(300);
    const nullable = <T>(value: () => T) => Array.from({ length: rows }, () => (random.chance(0.2) ? null : value()));
    const columns = [
      { name: 't', type: 'timestamp', values: Array.from({ length: rows }, () => BigInt(random.u32())) },
      { name: 'b', type: 'bool', values: nullable(() => random.chance(0.5)) },
      { name: 'i', type: 'i32', values: nullable(() => random.u32() | 0) },
      { name: 'l', type: 'i64', values: nullable(() => BigInt(random.u32()) << 20n) },
      { name: 'f', type: 'f64', values: nullable(() => random.float()) },
      { name: 's', type: 'utf8', values: nullable(() => 'aé€😀'.slice(0, random.below(4))) },
    ] as const;
    const types = [TYPE_I64, 1, 2, 3, 4, 5];
    const wanted = columns.map(({ name }, index) => ({
      name,
      type: types[index]!,
      flags: index === 0 ? BUILDER_EVENT_TIME : BUILDER_NULLABLE,
    }));
    const stream = writeArrow(columns, { batchRowsMax: 1 + random.below(200) });
    const decoded = arrowDriver(wanted, { rowsMax: 64 }).decode(stream);
    expect(decoded.columns, `seed ${seed}`).toEqual(columns.map(({ values }) => cut(values)));
    expect(decoded.code).toBe(0);
  }
});

/** slice() may leave half a surrogate pair, which TextEncoder writes as U+FFFD. */
function cut(values: readonly (boolean | number | bigint | string | null)[]): unknown[] {
  return values.map((value) => (typeof value === 'string' ? value.toWellFormed() : value));
}

function builderColumn(random: Random, { name, targets }: RandomColumn): DecoderColumn {
  const type = random.pick(targets);
  const isTime = type === TYPE_I64 && random.chance(0.3);
  return { name, type, flags: isTime ? BUILDER_EVENT_TIME : random.pick([0, BUILDER_NULLABLE, BUILDER_NULLABLE]) };
}

/** The model's cells, row by row. */
function modelRows(columns: readonly RandomColumn[], wanted: readonly DecoderColumn[], rows: number): Cell[][] {
  return Array.from({ length: rows }, (_, row) =>
    columns.map(({ type, raw }, index) =>
      cellOf(type, raw[row], wanted[index]!.type, {
        nullable: (wanted[index]!.flags & BUILDER_NULLABLE) !== 0,
        isTime: (wanted[index]!.flags & BUILDER_EVENT_TIME) !== 0,
      }),
    ),
  );
}

function expectRows(decoded: Decoded, rows: readonly Cell[][], where: string): void {
  const kept = rows.flatMap((cells, row) => (cells.every((cell) => 'value' in cell) ? [row] : []));
  expect(decoded.code, where).toBe(0);
  expect(decoded.rowNumbers, where).toEqual(kept);
  decoded.columns.forEach((values, index) => {
    expect(values, `${where}, column ${index}`).toEqual(
      kept.map((row) => (rows[row]![index] as { value: unknown }).value),
    );
  });
  const rejects = rows.flatMap((cells, row) => {
    const column = cells.findIndex((cell) => 'reason' in cell);
    return column < 0 ? [] : [{ row, reason: (cells[column] as { reason: number }).reason, column }];
  });
  expect(decoded.rejects, where).toEqual(rejects);
  expect(decoded.rowsSeen, where).toBe(rows.length);
}
