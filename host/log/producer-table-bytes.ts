// host/log/producer-table-bytes.ts — the producer table as the body of a TABLE group, and back.
//
//   ├ u32 version ┼ u32 producers ┼ u32 next number ┼ u32 0 ┼ producer ┼ producer ┼ … ┤
//   producer  ├ u32 number ┼ u32 stream ┼ u32 epoch ┼ u32 listener ┼ f64 last sequence ┼ f64 last ms ┼ u32 id bytes ┼
//             ┼ u16 remembered ┼ u16 expired ┼ id, to the next multiple of 8 ┼ f64 group × remembered ┼
//             ┼ u32 checksum × remembered, to the next multiple of 8 ┤          remembered: the oldest first
//
// The connection that owns a producer is not kept: nobody speaks for it until it says hello again.
// The bytes are covered by their group's checksums; what is checked here is that they can be a table.

import { PRODUCER_ID_BYTES_MAX, type ProducerLimits } from '../limits.ts';
import { NOBODY, type Producer, ProducerTable, type Remembered, remembering, SEQUENCE_MAX } from './producer-table.ts';

const VERSION = 1;
const HEADER_BYTES = 16;
const PRODUCER_BYTES = 40;
const NUMBER = 0;
const STREAM = 4;
const EPOCH = 8;
const LISTENER = 12;
const LAST_SEQUENCE = 16;
const LAST_MS = 24;
const ID_BYTES = 32;
const REMEMBERED = 36;
const EXPIRED = 38;

/** What a table of these limits takes at most. */
export function tableBytesMax({ producersMax, expiredMax, rememberedMax }: ProducerLimits): number {
  const eachMax = PRODUCER_BYTES + align(PRODUCER_ID_BYTES_MAX);
  return HEADER_BYTES + (producersMax + expiredMax) * eachMax + producersMax * rememberedBytes(rememberedMax);
}

export function encodeProducerTable(table: ProducerTable): Uint8Array {
  const producers = [...table.producers].map((producer) => ({ producer, id: Buffer.from(producer.id) }));
  const total = producers.reduce(
    (sum, { producer, id }) =>
      sum + PRODUCER_BYTES + align(id.length) + rememberedBytes(producer.remembered?.count ?? 0),
    HEADER_BYTES,
  );
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION, true);
  view.setUint32(4, producers.length, true);
  view.setUint32(8, table.numbered, true);
  let at = HEADER_BYTES;
  for (const { producer, id } of producers) {
    const { remembered } = producer;
    view.setUint32(at + NUMBER, producer.number, true);
    view.setUint32(at + STREAM, producer.stream, true);
    view.setUint32(at + EPOCH, producer.epoch, true);
    view.setUint32(at + LISTENER, producer.listener, true);
    view.setFloat64(at + LAST_SEQUENCE, producer.lastSequence, true);
    view.setFloat64(at + LAST_MS, producer.lastMs, true);
    view.setUint32(at + ID_BYTES, id.length, true);
    view.setUint16(at + REMEMBERED, remembered?.count ?? 0, true);
    view.setUint16(at + EXPIRED, producer.expired ? 1 : 0, true);
    at += PRODUCER_BYTES;
    bytes.set(id, at);
    at += align(id.length);
    if (remembered !== null) at = writeRemembered(view, at, producer.lastSequence, remembered);
  }
  return bytes;
}

/** @throws Error when the bytes cannot be a table: where, what was seen, what was expected */
export function decodeProducerTable(bytes: Uint8Array, limits: ProducerLimits): ProducerTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = new ProducerTable(limits);
  expectThat(bytes.byteLength >= HEADER_BYTES, 0, `${bytes.byteLength} bytes, expected at least ${HEADER_BYTES}`);
  const version = view.getUint32(0, true);
  expectThat(version === VERSION, 0, `version ${version}, expected ${VERSION}`);
  const count = view.getUint32(4, true);
  table.restoreNumbered(view.getUint32(8, true));
  let at = HEADER_BYTES;
  for (let read = 0; read < count; read++) {
    expectThat(at + PRODUCER_BYTES <= bytes.byteLength, at, `${read} producers, expected ${count}`);
    const idBytes = view.getUint32(at + ID_BYTES, true);
    const remembered = view.getUint16(at + REMEMBERED, true);
    expectThat(
      idBytes <= PRODUCER_ID_BYTES_MAX,
      at,
      `an id of ${idBytes} bytes, expected at most ${PRODUCER_ID_BYTES_MAX}`,
    );
    const idAt = at + PRODUCER_BYTES;
    const rememberedAt = idAt + align(idBytes);
    const end = rememberedAt + rememberedBytes(remembered);
    expectThat(end <= bytes.byteLength, at, `a producer up to ${end} of ${bytes.byteLength} bytes`);
    const producer = readProducer(view, at, Buffer.from(bytes.subarray(idAt, idAt + idBytes)).toString());
    expectThat(
      producer.lastSequence >= remembered && producer.lastSequence <= SEQUENCE_MAX,
      at,
      `last sequence ${producer.lastSequence} with ${remembered} remembered`,
    );
    if (remembered > 0)
      producer.remembered = readRemembered(view, rememberedAt, producer.lastSequence, remembered, limits);
    expectThat(
      table.restore(producer),
      at,
      `producer ${producer.number} (${producer.id}) is there twice, or beyond the last number`,
    );
    at = end;
  }
  expectThat(at === bytes.byteLength, at, `${bytes.byteLength - at} bytes behind the last producer`);
  return table;
}

function readProducer(view: DataView, at: number, id: string): Producer {
  return {
    number: view.getUint32(at + NUMBER, true),
    stream: view.getUint32(at + STREAM, true),
    id,
    epoch: view.getUint32(at + EPOCH, true),
    lastSequence: view.getFloat64(at + LAST_SEQUENCE, true),
    lastMs: view.getFloat64(at + LAST_MS, true),
    listener: view.getUint32(at + LISTENER, true),
    connection: NOBODY,
    remembered: null,
    expired: view.getUint16(at + EXPIRED, true) === 1,
  };
}

function writeRemembered(view: DataView, at: number, lastSequence: number, remembered: Remembered): number {
  const { groups, checksums, count } = remembered;
  for (let index = 0; index < count; index++) {
    const slot = (lastSequence - count + 1 + index) % groups.length;
    view.setFloat64(at + index * 8, groups[slot]!, true);
    view.setUint32(at + count * 8 + index * 4, checksums[slot]!, true);
  }
  return at + rememberedBytes(count);
}

/** Of more than the limits say now, the last ones. */
function readRemembered(view: DataView, at: number, last: number, count: number, limits: ProducerLimits): Remembered {
  const remembered = remembering(limits.rememberedMax);
  remembered.count = Math.min(count, limits.rememberedMax);
  for (let index = count - remembered.count; index < count; index++) {
    const slot = (last - count + 1 + index) % limits.rememberedMax;
    remembered.groups[slot] = view.getFloat64(at + index * 8, true);
    remembered.checksums[slot] = view.getUint32(at + count * 8 + index * 4, true);
  }
  return remembered;
}

const rememberedBytes = (count: number): number => count * 8 + align(count * 4);

const align = (bytes: number): number => (bytes + 7) & -8;

function expectThat(holds: boolean, at: number, seen: string): asserts holds {
  if (!holds)
    throw new Error(
      `producer table at byte ${at}: ${seen}; the table's group passed its checksum, so this is a bug or another format`,
    );
}
