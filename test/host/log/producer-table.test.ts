// The producers' protocol, row by row of its table, and what the table's bytes must survive.
import { beforeEach, expect, test } from 'vitest';
import {
  ENTRY_ACCEPTED,
  ENTRY_DUPLICATE,
  ENTRY_DUPLICATE_MISMATCH,
  ENTRY_FENCED,
  ENTRY_OUT_OF_SEQUENCE,
  ENTRY_TOO_MANY_PRODUCERS,
  ENTRY_UNKNOWN_PRODUCER,
} from '../../../host/log/layout.ts';
import { BEHIND_THE_LAST, NOBODY, ProducerTable, SEQUENCE_MAX } from '../../../host/log/producer-table.ts';
import { decodeProducerTable, encodeProducerTable, tableBytesMax } from '../../../host/log/producer-table-bytes.ts';

const LIMITS = { producersMax: 3, expiredMax: 2, rememberedMax: 4, horizonMs: 1000 };
const STREAM = 2;

let table: ProducerTable;
beforeEach(() => {
  table = new ProducerTable(LIMITS);
});

const open = (epoch: number, first = BEHIND_THE_LAST, { id = 'p', listener = 0, connection = 7, ms = 0 } = {}) => [
  table.open(STREAM, id, epoch, first, listener, connection, ms),
  table.value,
];

const frame = (
  epoch: number,
  sequence: number,
  { listener = 0, connection = 7, checksum = 0, group = 5, ms = 0, number = 1 } = {},
) => [table.frame(STREAM, number, epoch, sequence, listener, connection, checksum, group, ms), table.value];

/** A producer of this epoch whose frames 1 … count are in groups 101, 102, …; checksum = sequence. */
function producerWith(count: number, epoch = 3): void {
  open(epoch);
  for (let sequence = 1; sequence <= count; sequence++) {
    expect(frame(epoch, sequence, { group: 100 + sequence, checksum: sequence })[0]).toBe(ENTRY_ACCEPTED);
  }
}

test('numbers are given in the order of first hellos, from 1 on', () => {
  open(1, 0, { id: 'a' });
  expect(table.number).toBe(1);
  open(1, 0, { id: 'b' });
  expect(table.number).toBe(2);
  open(1, 0, { id: 'a' });
  expect(table.number).toBe(1);
});

test('the same id on two streams is two producers', () => {
  open(1);
  table.open(STREAM + 1, 'p', 1, BEHIND_THE_LAST, 0, 7, 0);
  expect(table.number).toBe(2);
  expect(frame(1, 1, { number: 2 })).toEqual([ENTRY_UNKNOWN_PRODUCER, 0]);
});

test('a lower epoch is fenced with the epoch that holds: hello and frame', () => {
  producerWith(2);
  expect(open(2)).toEqual([ENTRY_FENCED, 3]);
  expect(frame(2, 3)).toEqual([ENTRY_FENCED, 3]);
});

test('a higher epoch goes on behind the last sequence when it does not say where it begins', () => {
  producerWith(5);
  expect(open(4)).toEqual([ENTRY_ACCEPTED, 5]);
  expect(frame(4, 6)[0]).toBe(ENTRY_ACCEPTED);
  expect(frame(4, 5, { checksum: 5 })).toEqual([ENTRY_DUPLICATE, 105]);
});

test('a higher epoch that says 1 begins anew; one that says another sequence is out of sequence and changes nothing', () => {
  producerWith(5);
  expect(open(4, 6)).toEqual([ENTRY_OUT_OF_SEQUENCE, 1]);
  expect(frame(3, 6)[0]).toBe(ENTRY_ACCEPTED);
  expect(open(4, 1)).toEqual([ENTRY_ACCEPTED, 0]);
  expect(frame(4, 1)[0]).toBe(ENTRY_ACCEPTED);
});

test('the same epoch that says 1 again begins nothing anew: what it sends is a duplicate', () => {
  producerWith(5);
  expect(open(3, 1)).toEqual([ENTRY_ACCEPTED, 5]);
  expect(frame(3, 1, { checksum: 1 })).toEqual([ENTRY_DUPLICATE, 0]);
});

test('a frame of a higher epoch without a hello begins at 1 or is out of sequence', () => {
  producerWith(5);
  expect(frame(4, 6)).toEqual([ENTRY_OUT_OF_SEQUENCE, 1]);
  expect(frame(4, 1)[0]).toBe(ENTRY_ACCEPTED);
  expect(frame(3, 6)).toEqual([ENTRY_FENCED, 4]);
});

test('the next sequence is accepted, once', () => {
  producerWith(1);
  expect(frame(3, 2, { group: 9, checksum: 8 })[0]).toBe(ENTRY_ACCEPTED);
  expect(frame(3, 2, { group: 10, checksum: 8 })).toEqual([ENTRY_DUPLICATE, 9]);
});

test('a duplicate knows its group while it is among the last four, and is a success without one before', () => {
  producerWith(9);
  const groups = [1, 5, 6, 9].map((sequence) => frame(3, sequence, { checksum: sequence }));
  expect(groups).toEqual([
    [ENTRY_DUPLICATE, 0],
    [ENTRY_DUPLICATE, 0],
    [ENTRY_DUPLICATE, 106],
    [ENTRY_DUPLICATE, 109],
  ]);
});

test('a repetition with other bytes is told apart', () => {
  producerWith(2);
  expect(frame(3, 2, { checksum: 99 })).toEqual([ENTRY_DUPLICATE_MISMATCH, 102]);
});

test('a gap is refused with the sequence expected, nothing is stored, and the expected one goes on', () => {
  producerWith(2);
  expect(frame(3, 4)).toEqual([ENTRY_OUT_OF_SEQUENCE, 3]);
  expect(frame(3, 3)[0]).toBe(ENTRY_ACCEPTED);
});

test.each([0, -1, SEQUENCE_MAX + 1, 2 ** 64, Number.POSITIVE_INFINITY])(
  'sequence %s is out of sequence',
  (sequence) => {
    producerWith(2);
    expect(frame(3, sequence)).toEqual([ENTRY_OUT_OF_SEQUENCE, 3]);
  },
);

test('the last sequence is 2^53 - 1: nothing wraps behind it', () => {
  open(1);
  table.get(1)!.lastSequence = SEQUENCE_MAX - 1;
  expect(frame(1, SEQUENCE_MAX)[0]).toBe(ENTRY_ACCEPTED);
  expect(frame(1, SEQUENCE_MAX + 1)[0]).toBe(ENTRY_OUT_OF_SEQUENCE);
  expect(frame(1, 1)).toEqual([ENTRY_DUPLICATE, 0]);
});

test('a producer that was never seen may begin at 1, not later; its number is unknown before', () => {
  expect(open(1, 2)).toEqual([ENTRY_UNKNOWN_PRODUCER, 0]);
  expect(frame(1, 1)).toEqual([ENTRY_UNKNOWN_PRODUCER, 0]);
  expect(open(1, 1)).toEqual([ENTRY_ACCEPTED, 0]);
});

test('of two connections the one that said hello last speaks, whatever its listener', () => {
  producerWith(1);
  expect(open(3, 0, { listener: 1, connection: 7 })).toEqual([ENTRY_ACCEPTED, 1]);
  expect(table.movedFrom).toBe(0);
  expect(frame(3, 2, { listener: 0, connection: 7 })).toEqual([ENTRY_FENCED, 3]);
  expect(frame(3, 2, { listener: 1, connection: 7 })[0]).toBe(ENTRY_ACCEPTED);
  expect(open(3, 0, { listener: 1, connection: 8 })).toEqual([ENTRY_ACCEPTED, 2]);
  expect(table.movedFrom).toBe(NOBODY);
  expect(table.word(STREAM, 1, 3, 1, 7, 0)).toBe(ENTRY_FENCED);
  expect(table.word(STREAM, 1, 3, 1, 8, 0)).toBe(ENTRY_ACCEPTED);
});

test('a producer silent for longer than the horizon is unknown until it says hello, and nothing is taken twice', () => {
  producerWith(5);
  expect(frame(3, 6, { ms: 1000 })[0]).toBe(ENTRY_ACCEPTED);
  expect(frame(3, 7, { ms: 2001 })).toEqual([ENTRY_UNKNOWN_PRODUCER, 0]);
  expect(open(2, 0, { ms: 2001 })).toEqual([ENTRY_FENCED, 3]);
  expect(open(3, 7, { ms: 2001 })).toEqual([ENTRY_UNKNOWN_PRODUCER, 0]);
  expect(open(3, 0, { ms: 2001 })).toEqual([ENTRY_ACCEPTED, 6]);
  expect(frame(3, 6, { ms: 2001, checksum: 1 })).toEqual([ENTRY_DUPLICATE, 0]);
  expect(frame(3, 7, { ms: 2001 })[0]).toBe(ENTRY_ACCEPTED);
});

test('one more new producer than the table keeps is refused by name; an expired one makes room', () => {
  for (const id of ['a', 'b', 'c']) expect(open(1, 0, { id })[0]).toBe(ENTRY_ACCEPTED);
  expect(open(1, 0, { id: 'd' })).toEqual([ENTRY_TOO_MANY_PRODUCERS, 0]);
  open(1, 0, { id: 'b', ms: 900 });
  table.expire(1500);
  expect(open(1, 0, { id: 'd', ms: 1500 })[0]).toBe(ENTRY_ACCEPTED);
  expect(table.number).toBe(4);
});

test('of more expired producers than are kept the oldest is forgotten', () => {
  for (const [index, id] of ['a', 'b', 'c'].entries()) {
    open(1, 0, { id, ms: index });
    frame(1, 1, { number: index + 1, ms: index });
  }
  table.expire(5000);
  expect(['a', 'b', 'c'].map((id) => table.find(STREAM, id)?.lastSequence)).toEqual([undefined, 1, 1]);
});

test('a table read back from its bytes answers as before, but nobody speaks for its producers', () => {
  producerWith(6);
  open(9, 0, { id: 'über-7', listener: 4 });
  table.expire(500);
  const before = encodeProducerTable(table);
  expect(before.byteLength).toBeLessThanOrEqual(tableBytesMax(LIMITS));
  table = decodeProducerTable(before, LIMITS);
  expect(encodeProducerTable(table)).toEqual(before);
  expect(frame(3, 7)).toEqual([ENTRY_FENCED, 3]);
  expect(open(3)).toEqual([ENTRY_ACCEPTED, 6]);
  expect(frame(3, 5, { checksum: 5 })).toEqual([ENTRY_DUPLICATE, 105]);
  expect(open(9, 0, { id: 'über-7', listener: 1 })[0]).toBe(ENTRY_ACCEPTED);
  expect(table.movedFrom).toBe(4);
});

test('a table of more remembered frames than the limits say keeps the last of them', () => {
  producerWith(6);
  table = decodeProducerTable(encodeProducerTable(table), { ...LIMITS, rememberedMax: 3 });
  open(3);
  expect([3, 4, 6].map((sequence) => frame(3, sequence, { checksum: sequence })[1])).toEqual([0, 104, 106]);
});

test('bytes cut anywhere are refused with the place', () => {
  producerWith(6);
  open(1, 0, { id: 'q' });
  const bytes = encodeProducerTable(table);
  for (let cut = 0; cut < bytes.byteLength; cut++) {
    expect(() => decodeProducerTable(bytes.subarray(0, cut), LIMITS), `cut at ${cut}`).toThrow(
      /^producer table at byte/,
    );
  }
});
