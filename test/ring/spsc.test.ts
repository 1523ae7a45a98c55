// The ring's promises on one thread; order and contents under any mix stand in spsc.model, real threads in spsc.threads.
import { expect, test } from 'vitest';
import {
  FRAME_BARRIER,
  FRAME_DATA,
  FRAME_WATERMARK,
  HEAD_OFFSET,
  RING_HEADER,
  TAIL_OFFSET,
} from '../../ring/layout.ts';
import {
  advance,
  capacityBytesFor,
  hasRoom,
  NO_ROOM,
  openConsumer,
  openProducer,
  payloadBytesMaxOf,
  peek,
  pendingBytes,
  publish,
  release,
  releaseAdvanced,
  ringBytes,
  takeRefusal,
  tryClaim,
  tryPush,
} from '../../ring/spsc.ts';
import { seededRandom } from '../support/random.ts';

const CAPACITY_BYTES = 1024;
const BASE_BYTES = 4096;

/** A ring in the middle of a buffer whose positions begin where the test wants them. */
function ringAt(position: number, capacityBytes = CAPACITY_BYTES) {
  const buffer = new SharedArrayBuffer(BASE_BYTES + ringBytes(capacityBytes) + 64);
  const words = new Int32Array(buffer);
  words[(BASE_BYTES + HEAD_OFFSET) >> 2] = position;
  words[(BASE_BYTES + TAIL_OFFSET) >> 2] = position;
  return {
    words,
    bytes: new Uint8Array(buffer),
    producer: openProducer(buffer, BASE_BYTES, capacityBytes),
    consumer: openConsumer(buffer, BASE_BYTES, capacityBytes),
  };
}

test('zeroed memory is an empty ring', () => {
  const { consumer, producer } = ringAt(0);
  expect(peek(consumer)).toBe(false);
  expect(pendingBytes(producer)).toBe(0);
});

test('a frame is invisible until it is published, and whole after that', () => {
  const { producer, consumer, bytes } = ringAt(0);
  const offset = tryClaim(producer, FRAME_WATERMARK, 5);
  bytes.set([1, 2, 3, 4, 5], offset);
  expect(peek(consumer)).toBe(false);
  publish(producer);
  expect(peek(consumer)).toBe(true);
  expect([consumer.kind, consumer.payloadOffset, consumer.payloadBytes]).toEqual([FRAME_WATERMARK, offset, 5]);
  expect([...bytes.subarray(offset, offset + 5)]).toEqual([1, 2, 3, 4, 5]);
});

test('payload offsets are absolute in the buffer and multiples of 16', () => {
  const { producer } = ringAt(0);
  expect(tryClaim(producer, FRAME_DATA, 3)).toBe(BASE_BYTES + RING_HEADER + 16);
  expect(tryClaim(producer, FRAME_DATA, 40)).toBe(BASE_BYTES + RING_HEADER + 48);
  expect(tryClaim(producer, FRAME_DATA, 0)).toBe(BASE_BYTES + RING_HEADER + 112);
});

test('a record never wraps: the gap at the end becomes padding', () => {
  const { producer, consumer } = ringAt(CAPACITY_BYTES - 32);
  expect(tryClaim(producer, FRAME_DATA, 100)).toBe(BASE_BYTES + RING_HEADER + 16);
  publish(producer);
  expect(pendingBytes(consumer)).toBe(32 + 128);
  expect(peek(consumer)).toBe(true);
  expect(consumer.payloadOffset).toBe(BASE_BYTES + RING_HEADER + 16);
  release(consumer);
  expect(pendingBytes(consumer)).toBe(0);
});

test('the largest payload fits an empty ring, at every index', () => {
  const largest = payloadBytesMaxOf(CAPACITY_BYTES);
  for (let position = 0; position < CAPACITY_BYTES; position += 16) {
    const { producer, consumer } = ringAt(position);
    expect(tryClaim(producer, FRAME_DATA, largest)).not.toBe(NO_ROOM);
    publish(producer);
    expect(peek(consumer)).toBe(true);
    expect(consumer.payloadBytes).toBe(largest);
  }
});

test.each([2 ** 31 - 64, 2 ** 32 - 64])('positions may pass %i without a reader noticing', (start) => {
  const { producer, consumer } = ringAt(start | 0, 256);
  for (let round = 0; round < 40; round++) {
    expect(tryClaim(producer, FRAME_DATA, round % 17)).not.toBe(NO_ROOM);
    publish(producer);
    expect(peek(consumer)).toBe(true);
    expect(consumer.payloadBytes).toBe(round % 17);
    release(consumer);
  }
  expect(peek(consumer)).toBe(false);
});

test('a full ring refuses and changes nothing; what release freed can be claimed', () => {
  const { producer, consumer } = ringAt(0);
  for (let count = 0; count < 8; count++) expect(tryClaim(producer, FRAME_DATA, 112)).not.toBe(NO_ROOM);
  const { tailClaimed } = producer;
  expect(tryClaim(producer, FRAME_DATA, 0)).toBe(NO_ROOM);
  expect(producer.tailClaimed).toBe(tailClaimed);
  publish(producer);
  peek(consumer);
  release(consumer);
  expect(tryClaim(producer, FRAME_DATA, 112)).toBe(BASE_BYTES + RING_HEADER + 16);
  expect(tryClaim(producer, FRAME_DATA, 0)).toBe(NO_ROOM);
});

test('room for a payload is room for every smaller one, at every fill and index', () => {
  const largest = payloadBytesMaxOf(CAPACITY_BYTES);
  for (let position = 0; position < CAPACITY_BYTES; position += 16) {
    for (let smaller = 0; smaller <= largest; smaller += 8) {
      const { producer } = ringAt(position);
      while (hasRoom(producer, largest)) expect(tryClaim(producer, FRAME_DATA, smaller)).not.toBe(NO_ROOM);
    }
  }
});

test('frames stepped over keep their bytes until they are released together', () => {
  const { producer, consumer } = ringAt(0);
  for (let index = 0; index < 4; index++) tryClaim(producer, FRAME_DATA, 16 * index);
  publish(producer);
  const seen: number[] = [];
  for (let index = 0; index < 3; index++) {
    expect(peek(consumer)).toBe(true);
    seen.push(consumer.payloadBytes);
    advance(consumer);
  }
  expect(seen).toEqual([0, 16, 32]);
  expect(pendingBytes(consumer)).toBe(16 + 32 + 48 + 64);
  expect(peek(consumer)).toBe(true);
  releaseAdvanced(consumer);
  expect(pendingBytes(consumer)).toBe(64);
  expect(peek(consumer)).toBe(true);
  expect(consumer.payloadBytes).toBe(48);
  release(consumer);
  expect(pendingBytes(consumer)).toBe(0);
});

test('peeking twice shows the same frame', () => {
  const { producer, consumer } = ringAt(0);
  tryClaim(producer, FRAME_BARRIER, 8);
  tryClaim(producer, FRAME_DATA, 24);
  publish(producer);
  peek(consumer);
  peek(consumer);
  expect([consumer.kind, consumer.payloadBytes]).toEqual([FRAME_BARRIER, 8]);
});

test('tryPush copies the named part of its source and leaves publishing to the caller', () => {
  const { producer, consumer, bytes } = ringAt(0);
  const source = Uint8Array.from({ length: 64 }, (_, index) => index);
  expect(tryPush(producer, FRAME_DATA, source, 10, 20)).toBe(true);
  expect(peek(consumer)).toBe(false);
  publish(producer);
  expect(peek(consumer)).toBe(true);
  const { payloadOffset, payloadBytes } = consumer;
  expect([...bytes.subarray(payloadOffset, payloadOffset + payloadBytes)]).toEqual([...source.subarray(10, 30)]);
});

test('a reopened side goes on where the shared cursors stand', () => {
  const { producer, words } = ringAt(160);
  tryClaim(producer, FRAME_DATA, 7);
  publish(producer);
  const buffer = words.buffer as SharedArrayBuffer;
  const consumer = openConsumer(buffer, BASE_BYTES, CAPACITY_BYTES);
  expect(peek(consumer)).toBe(true);
  const again = openProducer(buffer, BASE_BYTES, CAPACITY_BYTES);
  expect(again.tailClaimed).toBe(160 + 32);
});

test.each([
  ['payload size', 0, -5],
  ['payload size beyond an eighth', 0, 4096],
  ['payload size beyond what is published', 0, 64],
  ['payload size that another frame could have', 0, 24],
  ['kind that another frame could have', 1, FRAME_BARRIER],
  ['kind', 1, 77],
  ['position of an earlier turn', 2, 512 - CAPACITY_BYTES],
  ['seal', 3, 0],
])('a header with a wrong %s stops the reader with its position', (_, word, value) => {
  const { producer, consumer, words } = ringAt(512);
  tryClaim(producer, FRAME_DATA, 8);
  tryClaim(producer, FRAME_DATA, 0);
  publish(producer);
  words[((BASE_BYTES + RING_HEADER + 512) >> 2) + word] = value;
  expect(() => peek(consumer)).toThrow('no frame header at position 512');
});

test('what no ring could ever take is the caller’s error, not back-pressure', () => {
  const { producer } = ringAt(0);
  const largest = payloadBytesMaxOf(CAPACITY_BYTES);
  expect(() => tryClaim(producer, FRAME_DATA, largest + 1)).toThrow(RangeError);
  expect(() => hasRoom(producer, largest + 1)).toThrow(RangeError);
  expect(() => tryClaim(producer, FRAME_DATA, -1)).toThrow(RangeError);
  expect(() => tryClaim(producer, FRAME_DATA, Number.NaN)).toThrow(RangeError);
  expect(() => tryClaim(producer, 0, 8)).toThrow(RangeError);
});

test('a region that is misaligned, leaves its buffer or is no power of two is refused', () => {
  const buffer = new SharedArrayBuffer(8192);
  expect(() => openProducer(buffer, 8, 1024)).toThrow('multiple of 16');
  expect(() => openConsumer(buffer, 8192 - ringBytes(1024) + 16, 1024)).toThrow('must lie inside');
  expect(() => openProducer(buffer, 0, 1000)).toThrow('power of two');
  expect(() => openProducer(buffer, 0, 128)).toThrow('power of two');
});

test('the smallest capacity for a payload carries it, and half of that does not', () => {
  for (const payloadBytes of [1, 16, 17, 262144, 65536]) {
    const capacityBytes = capacityBytesFor(payloadBytes);
    expect(payloadBytesMaxOf(capacityBytes)).toBeGreaterThanOrEqual(payloadBytes);
    if (capacityBytes > 256) expect(payloadBytesMaxOf(capacityBytes / 2)).toBeLessThan(payloadBytes);
  }
});

test('a refused producer is told when the ring is half free, and finds room for its largest frame (seeds 1 to 200)', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const capacityBytes = 4096;
    const buffer = new SharedArrayBuffer(ringBytes(capacityBytes));
    const producer = openProducer(buffer, 0, capacityBytes);
    const consumer = openConsumer(buffer, 0, capacityBytes);
    const most = producer.payloadBytesMax;
    for (let round = 0; round < 20; round++) {
      while (hasRoom(producer, most)) tryClaim(producer, FRAME_DATA, random.below(most + 1));
      publish(producer);
      let frames = 0;
      do {
        expect(peek(consumer), `seed ${seed}`).toBe(true);
        release(consumer);
        frames++;
      } while (!takeRefusal(consumer));
      expect(frames, `seed ${seed}: it was half free while it refused`).toBeGreaterThan(1);
      expect(takeRefusal(consumer), `seed ${seed}: told twice`).toBe(false);
      expect(hasRoom(producer, most), `seed ${seed}, round ${round}`).toBe(true);
    }
  }
});

test('a producer that was not refused is not told of room', () => {
  const buffer = new SharedArrayBuffer(ringBytes(4096));
  const producer = openProducer(buffer, 0, 4096);
  const consumer = openConsumer(buffer, 0, 4096);
  while (pendingBytes(producer) < 3072) {
    expect(hasRoom(producer, producer.payloadBytesMax)).toBe(true);
    tryClaim(producer, FRAME_DATA, 100);
    publish(producer);
  }
  while (peek(consumer)) {
    release(consumer);
    expect(takeRefusal(consumer)).toBe(false);
  }
});
