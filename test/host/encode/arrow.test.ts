// Streams that leave, read by another library (flechette) and by our own decoder.
import { tableFromIPC } from '@uwdata/flechette';
import { expect, test } from 'vitest';
import { TYPE_I32, TYPE_I64, TYPE_UTF8 } from '../../../assembly/layout.ts';
import {
  type ArrowField,
  type ArrowFieldType,
  arrowBatchMessage,
  arrowSchemaMessage,
  END_OF_STREAM,
  encodeArrowStream,
} from '../../../host/encode/arrow.ts';
import { type ArrowColumn, batchImage, writeArrow } from '../../../host/encode/arrow-write.ts';
import { joined } from '../../support/arrow-craft.ts';
import { arrowDriver } from '../../support/arrow-decoder.ts';
import type { Value } from '../../support/batch-rows.ts';
import { seededRandom } from '../../support/random.ts';

const SEED = Number(process.env.PELTON_SEED ?? 20260105);
const TYPES: readonly ArrowFieldType[] = ['bool', 'i32', 'i64', 'f64', 'utf8', 'timestamp'];

function read(stream: Uint8Array): Value[][] {
  const table = tableFromIPC(stream, { useBigInt: true });
  return table.children.map((column, index) => {
    const values: Value[] = [...column];
    // flechette turns timestamps into numbers.
    return table.schema.fields[index]!.type.typeId === 10 ? values.map((v) => (v === null ? null : BigInt(v))) : values;
  });
}

test('flechette reads every type, with nulls and without, as it was written', () => {
  for (let seed = SEED; seed < SEED + 100; seed++) {
    const random = seededRandom(seed);
    const rows = random.below(200);
    const columns = Array.from({ length: 1 + random.below(6) }, (_, index): ArrowColumn => {
      const type = random.pick(TYPES);
      const nullChance = random.pick([0, 0.3]);
      const value = (): Value => {
        if (random.chance(nullChance)) return null;
        if (type === 'bool') return random.chance(0.5);
        if (type === 'i32') return random.u32() | 0;
        if (type === 'f64') return random.float();
        if (type === 'utf8') return random.pick(['', 'é€', 'plain', '😀'.repeat(9)]);
        return BigInt(random.u32()) * (type === 'i64' ? 2_000_000_000n : 1000n) * (random.chance(0.5) ? -1n : 1n);
      };
      return { name: `c${index}`, type, values: Array.from({ length: rows }, value), nullable: nullChance > 0 };
    });
    const stream = writeArrow(columns, { batchRowsMax: 1 + random.below(100) });
    expect(read(stream), `seed ${seed}`).toEqual(columns.map(({ values }) => values));
    const { fields } = tableFromIPC(stream).schema;
    expect(fields.map(({ name, nullable }) => [name, nullable])).toEqual(
      columns.map(({ name, nullable }) => [name, nullable]),
    );
  }
});

test('a timestamp is milliseconds in UTC', () => {
  const { schema } = tableFromIPC(writeArrow([{ name: 't', type: 'timestamp', values: [1] }]));
  expect(schema.fields[0]!.type).toMatchObject({ typeId: 10, unit: 1, timezone: 'UTC' });
});

test('a schema of 500 columns is written whole', () => {
  const columns = Array.from({ length: 500 }, (_, index): ArrowColumn => {
    const type = TYPES[index % TYPES.length]!;
    return {
      name: `a column with a long name ${index}`,
      type,
      values: [type === 'utf8' ? 'x' : type === 'bool' ? true : index],
    };
  });
  const table = tableFromIPC(writeArrow(columns));
  expect(table.names).toEqual(columns.map(({ name }) => name));
  expect(table.getChild('a column with a long name 499').toArray()).toEqual(Int32Array.of(499));
});

test('messages of one schema may be put together, and the metadata of a batch says nothing of the one before', () => {
  const fields: ArrowField[] = [{ name: 's', type: 'utf8', nullable: true }];
  const image = (values: Value[]) => batchImage([{ name: 's', type: 'utf8', values }], 0, values.length);
  const parts = [['a', null, 'bcd'], [], ['e']].map((values) => arrowBatchMessage(fields, image(values), 0));
  expect(read(joined(arrowSchemaMessage(fields), ...parts, END_OF_STREAM))).toEqual([['a', null, 'bcd', 'e']]);
});

test('a batch anywhere in memory is encoded, and the stream does not change with it', () => {
  const fields: ArrowField[] = [{ name: 'n', type: 'i32', nullable: false }];
  const image = batchImage([{ name: 'n', type: 'i32', values: [7, 8] }], 0, 2);
  const memory = new Uint8Array(new SharedArrayBuffer(8192));
  memory.set(image, 4096);
  const stream = encodeArrowStream(fields, memory, 4096);
  memory.fill(0);
  expect(read(stream)).toEqual([[7, 8]]);
});

test('every message and every buffer begins at a multiple of eight', () => {
  const columns: ArrowColumn[] = TYPES.map((type) => ({ name: type, type, values: type === 'utf8' ? ['abc'] : [1] }));
  const stream = writeArrow(columns);
  expect(stream.length % 8).toBe(0);
  const types = [TYPE_I32, TYPE_I64, TYPE_UTF8];
  const wanted = ['i32', 'i64', 'utf8'].map((name, index) => ({ name, type: types[index]!, flags: 0 }));
  expect(arrowDriver(wanted).decode(stream).columns).toEqual([[1], [1n], ['abc']]);
});

test('a field that disagrees with its column is refused with both', () => {
  const image = batchImage([{ name: 'n', type: 'i32', values: [7, null] }], 0, 2);
  const encode = (field: ArrowField) => () => encodeArrowStream([field], image, 0);
  expect(encode({ name: 'n', type: 'utf8', nullable: true })).toThrow('column 0 «n» has type 2, expected 5 (utf8)');
  expect(encode({ name: 'n', type: 'i32', nullable: false })).toThrow('column 0 «n» has 1 nulls, expected none');
});

test('values that do not fit are refused, not wrapped', () => {
  expect(() => writeArrow([{ name: 'n', type: 'i32', values: [2 ** 31] }])).toThrow('«n»: 2147483648 does not fit i32');
  expect(() => writeArrow([{ name: 'n', type: 'i64', values: [2n ** 63n] }])).toThrow('does not fit i64');
  expect(() =>
    writeArrow([
      { name: 'a', type: 'i32', values: [1] },
      { name: 'b', type: 'i32', values: [] },
    ]),
  ).toThrow('«b» has 0 values, expected 1');
});

test('a stream in memory that was used before is the same to the byte', () => {
  const columns: ArrowColumn[] = [
    { name: 'flag', type: 'bool', values: [true, null, false] },
    { name: 'count', type: 'i32', values: [1, 2, 3] },
    { name: 'text', type: 'utf8', values: ['a', 'bc', null] },
  ];
  const image = batchImage(columns, 0, 3);
  const fields = columns.map(({ name, type }): ArrowField => ({ name, type, nullable: true }));
  const used = (bytes: number) => new Uint8Array(bytes).fill(0xff);
  expect(encodeArrowStream(fields, image, 0, used)).toEqual(encodeArrowStream(fields, image, 0));
});
