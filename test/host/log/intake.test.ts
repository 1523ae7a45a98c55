// One inbox from both sides: what the listener pushes comes out as runs of what was accepted, whatever wraps or is refused.
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { logLimits } from '../../../host/limits.ts';
import { FormingGroup, type GroupRoom } from '../../../host/log/forming-group.ts';
import type { InboxPlace } from '../../../host/log/inbox-place.ts';
import { InboxWriter, NO_PLACE } from '../../../host/log/inbox-writer.ts';
import { Intake } from '../../../host/log/intake.ts';
import {
  ENTRY_ACCEPTED,
  ENTRY_BYTES,
  ENTRY_DUPLICATE,
  ENTRY_FENCED,
  ENTRY_HEADER_BYTES,
  ENTRY_IDLE,
  ENTRY_JSON,
  ENTRY_KIND,
  ENTRY_OPEN,
  ENTRY_OUT_OF_SEQUENCE,
  ENTRY_PAD,
  ENTRY_UNKNOWN_PRODUCER,
  ENTRY_WATERMARK,
  INBOX_HEADER_BYTES,
  INBOX_TAIL,
  INBOX_WRITTEN,
} from '../../../host/log/layout.ts';
import { ProducerTable } from '../../../host/log/producer-table.ts';
import {
  type EntryRead,
  type EntryToPush,
  entriesOf,
  entryAt,
  inboxPlace,
  pushEntry,
} from '../../support/log-entries.ts';
import { seededRandom } from '../../support/random.ts';

const AMPLE: GroupRoom = { bytes: 2 ** 20, entries: 1000, runs: 1000 };

function inbox(capacityBytes = 4096, startAt = 0) {
  const place = inboxPlace(capacityBytes, { listener: 3, stream: 5 });
  for (const cursor of [INBOX_TAIL, INBOX_WRITTEN]) new Int32Array(place.buffer, 64)[cursor / 4] = startAt;
  const table = new ProducerTable(logLimits());
  const time = { ms: 0 };
  const writer = new InboxWriter(place);
  return { place, table, time, writer, intake: new Intake(place, table, time), push: pushTo(writer, place) };
}

const pushTo = (writer: InboxWriter, place: InboxPlace) => (entry: EntryToPush) => pushEntry(writer, place, entry);

/** The group's entries, run by run. */
const runsOf = (group: FormingGroup): EntryRead[][] => group.views.filter((_, index) => index % 2 === 1).map(entriesOf);

const payloads = (runs: readonly EntryRead[][]) => runs.map((run) => run.map(({ payload }) => payload));

test('entries of anonymous producers are one run, in order, with group and verdict', () => {
  const { intake, push } = inbox();
  for (const payload of ['a', 'bb', '', 'dddddddd']) push({ payload });
  const group = new FormingGroup(7);
  expect(intake.take(group, AMPLE, 0)).toBe('empty');
  expect(payloads(runsOf(group))).toEqual([['a', 'bb', '', 'dddddddd']]);
  expect(runsOf(group)[0]!.every((entry) => entry.group === 7 && entry.verdict === ENTRY_ACCEPTED)).toBe(true);
  expect(Array.from(new Uint32Array(group.views[0]!.buffer))).toEqual([5, 3, group.views[1]!.byteLength, 4]);
  expect(group.bodyChecksum).toBe(crc32(Buffer.concat(group.views)));
  expect(group.bodyBytes).toBe(Buffer.concat(group.views).length);
});

test('a group has the checksum of its bytes, also where a large payload was read only once', () => {
  const { intake, push } = inbox(2 ** 17);
  const from = { producer: 1, epoch: 1, connection: 4 };
  const large = (letter: string) => letter.repeat(8193);
  push({ kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 4 });
  push({ ...from, payload: 'small', sequence: 1 });
  push({ ...from, payload: large('a'), sequence: 2 });
  push({ ...from, payload: large('b'), sequence: 3 });
  push({ payload: large('c') });
  push({ ...from, payload: large('b'), sequence: 3 });
  push({ ...from, payload: large('d'), sequence: 4 });
  push({ ...from, payload: 'last', sequence: 5 });
  const group = new FormingGroup(7);
  expect(intake.take(group, AMPLE, 0)).toBe('empty');
  expect(payloads(runsOf(group))).toEqual([
    ['p', 'small', large('a'), large('b'), large('c')],
    [large('d'), 'last'],
  ]);
  expect(group.bodyChecksum).toBe(crc32(Buffer.concat(group.views)));
});

test('an open stands first in its group, with its number and what the table had', () => {
  const { intake, push, table } = inbox();
  push({ payload: 'before' });
  push({ kind: ENTRY_OPEN, payload: 'sensor-7', epoch: 2, connection: 9 });
  push({ payload: 'x', producer: 1, epoch: 2, sequence: 1, connection: 9 });
  push({ kind: ENTRY_OPEN, payload: 'sensor-7', epoch: 3, connection: 10 });
  const groups = [7, 8, 9].map((number) => new FormingGroup(number));
  expect(groups.map((group) => intake.take(group, AMPLE, 0))).toEqual(['open', 'open', 'empty']);
  expect(groups.map((group) => payloads(runsOf(group)))).toEqual([[['before']], [['sensor-7', 'x']], [['sensor-7']]]);
  expect(runsOf(groups[2]!)[0]![0]).toMatchObject({ kind: ENTRY_OPEN, producer: 1, epoch: 3, value: 1 });
  expect(table.get(1)).toMatchObject({ id: 'sensor-7', stream: 5, listener: 3, connection: 10, lastSequence: 1 });
});

test('what is refused breaks the run, has its verdict and value, and is not in the group', () => {
  const { intake, place, push } = inbox();
  const from = { producer: 1, epoch: 1, connection: 4 };
  push({ kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 4 });
  for (const [payload, sequence] of [
    ['a', 1],
    ['b', 2],
    ['a', 1],
    ['d', 4],
    ['c', 3],
  ] as const)
    push({ ...from, payload, sequence });
  push({ ...from, kind: ENTRY_WATERMARK, value: 17 });
  push({ ...from, kind: ENTRY_IDLE, connection: 5 });
  push({ payload: 'z', producer: 2, epoch: 1, sequence: 1 });
  push({ payload: 'end' });
  const group = new FormingGroup(2 ** 32 + 6);
  expect(intake.take(group, AMPLE, 0)).toBe('empty');
  expect(payloads(runsOf(group))).toEqual([['p', 'a', 'b'], ['c', ''], ['end']]);
  expect(runsOf(group)[1]![1]).toMatchObject({ kind: ENTRY_WATERMARK, value: 17, group: 6 });
  const answers: [number, number][] = [];
  for (let position = 0; position !== intake.position; ) {
    const { entry, next } = entryAt(place, position);
    answers.push([entry.verdict, entry.value]);
    position = next;
  }
  expect(answers).toEqual([
    [ENTRY_ACCEPTED, 0],
    [ENTRY_ACCEPTED, 0],
    [ENTRY_ACCEPTED, 0],
    [ENTRY_DUPLICATE, 2 ** 32 + 6],
    [ENTRY_OUT_OF_SEQUENCE, 3],
    [ENTRY_ACCEPTED, 0],
    [ENTRY_ACCEPTED, 17],
    [ENTRY_FENCED, 1],
    [ENTRY_UNKNOWN_PRODUCER, 0],
    [ENTRY_ACCEPTED, 0],
  ]);
});

test('the time in the log never goes back, and no time at all is the one before', () => {
  const { intake, push, time } = inbox();
  for (const ingestMs of [5, 9, 7, Number.NaN, 1e300, -1, 9.5]) push({ ingestMs });
  const group = new FormingGroup(1);
  intake.take(group, AMPLE, 0);
  expect(
    runsOf(group)
      .flat()
      .map(({ ingestMs }) => ingestMs),
  ).toEqual([5, 9, 9, 9, 9, 9, 9.5]);
  expect(time.ms).toBe(9.5);
});

test('a group takes no more bytes, entries and runs than there is room for; a large entry comes alone when it may', () => {
  const { intake, push } = inbox(8192);
  for (let count = 0; count < 4; count++) push({ payload: `${count}`.repeat(100) });
  const take = (room: Partial<GroupRoom>, alone = 4096) => {
    const group = new FormingGroup(1);
    const taken = intake.take(group, { ...AMPLE, ...room }, alone);
    return [taken, group.entries];
  };
  expect(take({ bytes: 100 }, 0)).toEqual(['full', 0]);
  expect(take({ bytes: 100 })).toEqual(['full', 1]);
  expect(take({ runs: 0 }, 0)).toEqual(['full', 0]);
  expect(take({ bytes: 16 + 152 })).toEqual(['full', 1]);
  expect(take({ entries: 1 })).toEqual(['full', 1]);
  expect(take({})).toEqual(['empty', 1]);
});

test.each([1, 2, 3, 4, 5, 6])(
  'whatever wraps, is padded or refused: accepted entries come out whole and in order, seed %i',
  (seed) => {
    const random = seededRandom(seed);
    const start = random.pick([0, 2 ** 31 - 4096, -4096]) & -8;
    const { intake, writer, push, place } = inbox(1024, start | 0);
    const expected: string[] = [];
    const found: string[] = [];
    let sequence = 0;
    let listened = writer.position;
    let released = writer.position;
    push({ kind: ENTRY_OPEN, payload: 'p', epoch: 1 });
    expected.push('p');
    for (let step = 0; step < 3000; step++) {
      const payload = `${step}:`.padEnd(random.below(200), 'x');
      const isNext = random.chance(0.7);
      const entry = { payload, producer: 1, epoch: 1, sequence: isNext ? sequence + 1 : sequence + 5 };
      if (random.chance(0.6) && push(entry) && isNext) {
        expected.push(payload);
        sequence++;
      }
      if (random.chance(0.4)) {
        const group = new FormingGroup(step + 1);
        const before = intake.position;
        intake.take(group, { bytes: random.below(600), entries: 1 + random.below(5), runs: 1 + random.below(3) }, 4096);
        found.push(
          ...runsOf(group)
            .flat()
            .map((read) => read.payload),
        );
        expect(((intake.position - before) | 0) >= 0).toBe(true);
        if (random.chance(0.7)) {
          intake.written(intake.position);
          released = intake.position;
        }
      }
      for (; listened !== released && random.chance(0.9); ) {
        const { entry: read, next } = entryAt(place, listened);
        if (((released - next) | 0) < 0)
          listened = released; // Only a pad or a gap was left.
        else listened = next;
        writer.free(listened);
        expect(read.payload.length).toBeLessThan(300);
      }
    }
    intake.take(new FormingGroup(9999), AMPLE, 0);
    expect(found.length).toBeGreaterThan(300);
    expect(found).toEqual(expected.slice(0, found.length));
    expect(expected.length - found.length).toBeLessThan(25);
  },
);

test.each([1, 2, 3, 4, 5, 6])(
  'what is pinned stays as it is while entries around it come, go and wrap; what comes out is whole, seed %i',
  (seed) => {
    const random = seededRandom(seed);
    const start = random.pick([0, 2 ** 31 - 4096, -4096]) | 0;
    const { intake, writer, push, place } = inbox(1024, start);
    const bytes = new Uint8Array(place.buffer);
    const expected: string[] = [];
    const found: string[] = [];
    let listened = writer.position;
    let pinned: { at: number; payload: string } | null = null;
    let rounds = 0;
    for (let step = 0; step < 4000; step++) {
      const payload = `${step}:`.padEnd(random.below(300), 'x');
      if (push({ payload })) expected.push(payload);
      const group = new FormingGroup(step + 1);
      intake.take(group, AMPLE, 4096);
      intake.written(intake.position);
      found.push(...payloads(runsOf(group)).flat());
      while (listened !== intake.position && random.chance(0.8)) {
        const { entry, next } = entryAt(place, listened);
        listened = next;
        const position = (next - entry.bytes) | 0;
        if (pinned === null && random.chance(0.1)) {
          writer.pin(position, entry.bytes);
          const at = place.baseBytes + INBOX_HEADER_BYTES + (position & 1023) + ENTRY_HEADER_BYTES;
          pinned = { at, payload: entry.payload };
        }
        writer.free(listened);
      }
      if (pinned === null) continue;
      const { at, payload: kept } = pinned;
      expect(Buffer.from(bytes.slice(at, at + kept.length)).toString()).toBe(kept);
      rounds++;
      if (random.chance(0.02)) {
        writer.unpin();
        pinned = null;
      }
    }
    expect(found).toEqual(expected);
    expect(found.length).toBeGreaterThan(1500);
    expect(rounds).toBeGreaterThan(1000);
  },
);

test('an inbox takes what fits, refuses more, and has room again once written and freed', () => {
  const { intake, writer, push } = inbox(1024);
  while (push({ payload: 'x'.repeat(80) })); // 128 bytes each
  expect(writer.heldBytes).toBe(1024);
  expect(writer.tryPlace(0)).toBe(NO_PLACE);
  intake.take(new FormingGroup(1), AMPLE, 0);
  writer.free(256);
  expect(writer.tryPlace(0)).toBe(NO_PLACE);
  intake.written(128);
  expect(writer.tryPlace(81)).toBe(NO_PLACE);
  expect(writer.tryPlace(80)).not.toBe(NO_PLACE);
});

test('bytes between a payload and the next entry are zero, whatever was there', () => {
  const { intake, writer, push, place } = inbox(1024);
  new Uint8Array(place.buffer).fill(0xff, 64 + INBOX_HEADER_BYTES);
  push({ payload: 'abc' });
  const group = new FormingGroup(1);
  intake.take(group, AMPLE, 0);
  expect([...group.views[1]!.subarray(ENTRY_HEADER_BYTES + 3)]).toEqual([0, 0, 0, 0, 0]);
  expect(writer.position).toBe(56);
});

test.each<[string, (view: DataView) => void]>([
  ['a tail before the position', (view) => view.setInt32(64 + INBOX_TAIL, -8, true)],
  ['a tail further than the inbox is long', (view) => view.setInt32(64 + INBOX_TAIL, 1032, true)],
  ['an entry longer than what is published', (view) => view.setUint32(64 + 256 + ENTRY_BYTES, 200, true)],
  ['an entry of 2^32 - 1 bytes', (view) => view.setUint32(64 + 256 + ENTRY_BYTES, 2 ** 32 - 1, true)],
  ['an unknown kind', (view) => view.setUint16(64 + 256 + ENTRY_KIND, ENTRY_OPEN + 1, true)],
  [
    'a pad longer than what is published',
    (view) => {
      view.setUint16(64 + 256 + ENTRY_KIND, ENTRY_PAD, true);
      view.setUint32(64 + 256 + ENTRY_BYTES, 8, true);
    },
  ],
  ['an open without an id', (view) => view.setUint16(64 + 256 + ENTRY_KIND, ENTRY_OPEN, true)],
])('%s stops the run with the inbox and the position', (_, spoil) => {
  const { intake, push, place } = inbox(1024);
  push({ kind: ENTRY_JSON, payload: '' });
  spoil(new DataView(place.buffer));
  expect(() => intake.take(new FormingGroup(1), AMPLE, 0)).toThrow(/^inbox of listener 3 for stream 5 at position 0:/);
});
