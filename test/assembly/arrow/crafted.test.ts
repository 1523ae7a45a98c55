// Streams made by hand: what the format allows and few writers do, and what nobody should send.
import { expect, test } from 'vitest';
import * as layout from '../../../assembly/layout.ts';
import type { FlatReference } from '../../../host/encode/flatbuffer.ts';
import {
  batchMessage,
  bytesOf,
  type CraftBatch,
  type CraftField,
  dictionaryMessage,
  fieldTable,
  int,
  joined,
  message,
  schemaMessage,
  TYPE_NULL,
  TYPE_STRUCT,
  TYPE_UTF8,
  TYPE_UTF8_VIEW,
  textBuffers,
} from '../../support/arrow-craft.ts';
import { arrowDriver } from '../../support/arrow-decoder.ts';
import { seededRandom } from '../../support/random.ts';

const { BUILDER_EVENT_TIME, BUILDER_NULLABLE } = layout;
const SEED = Number(process.env.PELTON_SEED ?? 20260104);
const none = new Uint8Array(0);

const words = (): CraftField => ({ name: 'w', type: TYPE_UTF8, dictionary: 7 });
const wordReader = () => arrowDriver([{ name: 'w', type: layout.TYPE_UTF8, flags: BUILDER_NULLABLE }], { rowsMax: 3 });
const indexes = (...values: number[]): Uint8Array =>
  batchMessage({ rows: values.length, nulls: [0], buffers: [none, bytesOf(Int32Array.from(values))] });

test('a delta extends its dictionary, a second dictionary replaces it for the batches behind', () => {
  const stream = joined(
    schemaMessage([words()]),
    dictionaryMessage(7, ['a', 'bb', null]),
    indexes(1, 0, 2),
    dictionaryMessage(99, ['somebody else']),
    dictionaryMessage(7, ['ccc', 'dddd'], true),
    indexes(4, 3, 0),
    dictionaryMessage(7, ['z']),
    indexes(0, 0),
  );
  const decoded = wordReader().decode(stream);
  expect(decoded.code).toBe(layout.ARROW_OK);
  expect(decoded.columns[0]).toEqual(['bb', 'a', null, 'dddd', 'ccc', 'a', 'z', 'z']);
});

test('an index without an entry ends the stream, and the batches before it stay', () => {
  for (const bad of [1, -1, 2 ** 31 - 1]) {
    const stream = joined(schemaMessage([words()]), dictionaryMessage(7, ['a']), indexes(0, 0), indexes(0, bad));
    const decoded = wordReader().decode(stream);
    expect([decoded.code, decoded.refused, decoded.errorColumn]).toEqual([layout.ARROW_DICTIONARY_INDEX, false, 0]);
    expect(decoded.columns[0]).toEqual(['a', 'a']);
  }
  expect(wordReader().decode(joined(schemaMessage([words()]), indexes(0))).code).toBe(layout.ARROW_DICTIONARY_INDEX);
});

test('an index behind a null may be anything', () => {
  const nulls = batchMessage({ rows: 2, nulls: [1], buffers: [Uint8Array.of(1), bytesOf(Int32Array.of(0, 77))] });
  const decoded = wordReader().decode(joined(schemaMessage([words()]), dictionaryMessage(7, ['a']), nulls));
  expect(decoded.columns[0]).toEqual(['a', null]);
});

test('a dictionary in more pieces than are kept, or not UTF-8, is refused by name', () => {
  const deltas = (count: number) =>
    Array.from({ length: count }, (_, index) => dictionaryMessage(7, [`${index}`], index > 0));
  const most = joined(
    schemaMessage([words()]),
    ...deltas(layout.ARROW_DELTAS_MAX),
    indexes(0, layout.ARROW_DELTAS_MAX - 1),
  );
  expect(wordReader().decode(most).columns[0]).toEqual(['0', `${layout.ARROW_DELTAS_MAX - 1}`]);
  const tooMany = joined(schemaMessage([words()]), ...deltas(layout.ARROW_DELTAS_MAX + 1), indexes(0));
  expect(wordReader().decode(tooMany).code).toBe(layout.ARROW_DICTIONARY_DELTAS);
  const broken = joined(schemaMessage([words()]), dictionaryMessage(7, ['a', Uint8Array.of(0xc3)]), indexes(0));
  expect(wordReader().decode(broken).code).toBe(layout.ARROW_DICTIONARY_UTF8);
});

test('big-endian streams, old metadata, tensors and second schemas are refused by name', () => {
  const field = int('n', 32);
  const code = (stream: Uint8Array) => arrowDriver([]).decode(stream).code;
  expect(code(schemaMessage([field], { bigEndian: true }))).toBe(layout.ARROW_BIG_ENDIAN);
  expect(code(schemaMessage([field], { version: 2 }))).toBe(layout.ARROW_METADATA_VERSION);
  expect(code(joined(schemaMessage([field]), schemaMessage([field])))).toBe(layout.ARROW_MESSAGE_KIND);
  expect(code(message(4, (out) => out.table([]), []))).toBe(layout.ARROW_MESSAGE_KIND);
  expect(code(indexes(1))).toBe(layout.ARROW_MESSAGE_KIND);
});

test('a vtable or a table in front of the stream is not read', () => {
  const stream = schemaMessage([int('n', 32)]);
  expect(arrowDriver([]).decode(stream, stream).code).toBe(layout.ARROW_OK);
  const view = new DataView(stream.buffer);
  const metadata = 8;
  const root = metadata + view.getUint32(metadata, true);
  // The same bytes stand in front once more: what points there finds a whole, valid vtable.
  const vtableInFront = stream.slice();
  new DataView(vtableInFront.buffer).setInt32(root, view.getInt32(root, true) + stream.length, true);
  expect(arrowDriver([]).decode(vtableInFront, stream).code).toBe(layout.ARROW_NOT_STREAM);
  const rootInFront = stream.slice();
  new DataView(rootInFront.buffer).setInt32(metadata, view.getUint32(metadata, true) - stream.length, true);
  expect(arrowDriver([]).decode(rootInFront, stream).code).toBe(layout.ARROW_NOT_STREAM);
});

test('a schema that reaches one field exponentially often is refused at once', () => {
  let shared: FlatReference = fieldTable(int('leaf', 32));
  for (let level = 0; level < 20; level++)
    shared = fieldTable({ name: 's', type: TYPE_STRUCT, children: Array(8).fill(once(shared)) });
  const schema = (out: Parameters<FlatReference>[0]) => out.table([undefined, (at) => at.vector([shared])]);
  expect(arrowDriver([]).decode(message(1, schema, [])).code).toBe(layout.ARROW_FIELDS_LIMIT);
});

test('a schema may nest as deep as the limit and no deeper', () => {
  const nested = (depth: number) => {
    let field: CraftField = int('leaf', 32);
    for (let level = 0; level < depth; level++) field = { name: 's', type: TYPE_STRUCT, children: [fieldTable(field)] };
    return arrowDriver([]).decode(schemaMessage([field])).code;
  };
  expect(nested(layout.ARROW_DEPTH_MAX)).toBe(layout.ARROW_OK);
  expect(nested(layout.ARROW_DEPTH_MAX + 1)).toBe(layout.ARROW_FIELDS_LIMIT);
});

test('a few bytes cannot claim a flood of rows', () => {
  const nothing: CraftField = { name: 'x', type: TYPE_NULL };
  const decode = (rows: number) =>
    arrowDriver([{ name: 'x', type: layout.TYPE_I32, flags: BUILDER_NULLABLE }]).decode(
      joined(schemaMessage([nothing]), batchMessage({ rows, nulls: [rows], buffers: [] })),
    );
  expect(decode(1000).columns[0]).toEqual(Array(1000).fill(null));
  for (const rows of [1e6, 2 ** 31, 2 ** 40]) expect(decode(rows).code).toBe(layout.ARROW_ROWS_LIMIT);
});

test('counts that disagree with buffers or bitmaps are refused, never believed', () => {
  const decode = (batch: CraftBatch) =>
    arrowDriver([{ name: 'n', type: layout.TYPE_I32, flags: BUILDER_NULLABLE }]).decode(
      joined(schemaMessage([int('n', 32)]), batchMessage(batch)),
    ).code;
  const values = bytesOf(Int32Array.of(1, 2, 3));
  expect(decode({ rows: 3, nulls: [0], buffers: [none, values] })).toBe(layout.ARROW_OK);
  expect(decode({ rows: 3, nulls: [1], buffers: [Uint8Array.of(0b11111101), values] })).toBe(layout.ARROW_OK);
  expect(decode({ rows: 4, nulls: [0], buffers: [none, values] })).toBe(layout.ARROW_BUFFERS);
  expect(decode({ rows: 3, nulls: [0], buffers: [none] })).toBe(layout.ARROW_BUFFERS);
  expect(decode({ rows: 3, nulls: [0, 0], buffers: [none, values] })).toBe(layout.ARROW_BUFFERS);
  expect(decode({ rows: 3, nulls: [1], buffers: [none, values] })).toBe(layout.ARROW_NULL_COUNT);
  expect(decode({ rows: 3, nulls: [0], buffers: [Uint8Array.of(0b101), values] })).toBe(layout.ARROW_NULL_COUNT);
  expect(decode({ rows: 3, nulls: [4], buffers: [Uint8Array.of(0), values] })).toBe(layout.ARROW_NULL_COUNT);
});

test('text may begin at any offset, and offsets that fall or point outside are refused', () => {
  const decode = (offsets: number[], text = 'abcdef') =>
    arrowDriver([{ name: 's', type: layout.TYPE_UTF8, flags: 0 }]).decode(
      joined(
        schemaMessage([{ name: 's', type: TYPE_UTF8 }]),
        batchMessage({
          rows: offsets.length - 1,
          nulls: [0],
          buffers: [none, bytesOf(Int32Array.from(offsets)), new TextEncoder().encode(text)],
        }),
      ),
    );
  expect(decode([2, 3, 3, 6]).columns[0]).toEqual(['c', '', 'def']);
  for (const offsets of [
    [-1, 2],
    [3, 2],
    [0, 7],
    [0, 1, 2, 3, 2, 5],
    [0, 1, 2, 3, 4, 5, 6, 2 ** 31 - 1],
  ]) {
    expect(decode(offsets).code, `${offsets}`).toBe(layout.ARROW_OFFSETS);
  }
});

test('a null owns no bytes, whatever its offsets say', () => {
  const text = 'ab'.padEnd(400, '?');
  const stream = joined(
    schemaMessage([{ name: 's', type: TYPE_UTF8 }]),
    batchMessage({
      rows: 4,
      nulls: [2],
      buffers: [Uint8Array.of(0b1001), bytesOf(Int32Array.of(0, 1, 390, 395, 400)), new TextEncoder().encode(text)],
    }),
  );
  const columns = [{ name: 's', type: layout.TYPE_UTF8, flags: BUILDER_NULLABLE }];
  for (const bytesMax of [6, 4096]) {
    const decoded = arrowDriver(columns, { bytesMax }).decode(stream);
    expect(decoded.columns[0]).toEqual(['a', null, null, '?????']);
    expect(decoded.textBytes).toBe(6);
  }
});

test('a column behind views is found by the variadic counts, and they must add up', () => {
  const fields = [{ name: 'v', type: TYPE_UTF8_VIEW }, int('n', 32)];
  const decode = (variadic: number[], views: number) =>
    arrowDriver([{ name: 'n', type: layout.TYPE_I32, flags: 0 }]).decode(
      joined(
        schemaMessage(fields),
        batchMessage({
          rows: 1,
          nulls: [0, 0],
          buffers: [none, new Uint8Array(16), ...Array(views).fill(Uint8Array.of(9)), none, bytesOf(Int32Array.of(42))],
          variadic,
        }),
      ),
    );
  expect(decode([0], 0).columns[0]).toEqual([42]);
  expect(decode([2], 2).columns[0]).toEqual([42]);
  for (const variadic of [[1], [3], [-1], [2 ** 52], [], [1, 1]])
    expect(decode(variadic, 2).code).toBe(layout.ARROW_BUFFERS);
});

test('event times are taken from the first to the last legal millisecond', () => {
  const { TIME_MIN, TIME_MAX } = layout;
  const times = [TIME_MIN, TIME_MAX, TIME_MIN - 1, TIME_MAX + 1, 0];
  const decoded = arrowDriver([{ name: 't', type: layout.TYPE_I64, flags: BUILDER_EVENT_TIME }]).decode(
    joined(
      schemaMessage([int('t', 64)]),
      batchMessage({ rows: 5, nulls: [0], buffers: [none, bytesOf(BigInt64Array.from(times, BigInt))] }),
    ),
  );
  expect(decoded.columns[0]).toEqual([BigInt(TIME_MIN), BigInt(TIME_MAX), 0n]);
  expect(decoded.rejects.map(({ row, reason }) => [row, reason])).toEqual(
    [2, 3].map((row) => [row, layout.REASON_TIME_RANGE]),
  );
});

test('a row is text exactly when TextDecoder reads its bytes', () => {
  const random = seededRandom(SEED);
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const leads = [
    0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5,
  ];
  const legal = ['é', '€', '😀', '\u{10ffff}', '\ud7ff', 'a'.repeat(20)].map((text) => new TextEncoder().encode(text));
  const rows = Array.from({ length: 3000 }, () => {
    const parts = Array.from({ length: random.below(4) }, () =>
      random.chance(0.5) ? random.pick(legal) : Uint8Array.from({ length: random.below(5) }, () => random.pick(leads)),
    );
    return joined(...parts);
  });
  // Surrogates, overlong forms and what lies beyond U+10FFFF, with the last legal neighbour of each.
  const edges = [
    'eda080',
    'edbfbf',
    'ed9fbf',
    'c080',
    'c1bf',
    'c280',
    'e09fbf',
    'e0a080',
    'f08fbfbf',
    'f0908080',
    'f4908080',
    'f48fbfbf',
  ];
  rows.push(...edges.map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))));
  const expected = rows.flatMap((bytes, row): [number, string][] => {
    try {
      return [[row, strict.decode(bytes)]];
    } catch {
      return [];
    }
  });
  const decoded = arrowDriver([{ name: 's', type: layout.TYPE_UTF8, flags: 0 }], { streamBytesMax: 1 << 20 }).decode(
    joined(
      schemaMessage([{ name: 's', type: TYPE_UTF8 }]),
      batchMessage({ rows: rows.length, nulls: [0], buffers: textBuffers(rows) }),
    ),
  );
  expect(decoded.rowNumbers, `seed ${SEED}`).toEqual(expected.map(([row]) => row));
  expect(decoded.columns[0], `seed ${SEED}`).toEqual(expected.map(([, text]) => text));
  expect(expected.length).toBeGreaterThan(300);
  expect(decoded.rejects.length).toBeGreaterThan(300);
});

/** Writes the first time, refers to the same place from then on. */
function once(write: FlatReference): FlatReference {
  let at: number | undefined;
  return (out) => {
    at ??= write(out);
    return at;
  };
}
