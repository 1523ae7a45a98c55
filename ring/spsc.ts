// ring/spsc.ts — frames of bytes from one thread to one other: claim, fill, publish; peek, read, release.
//
// Promises
//   - Frames arrive whole, once, in the order in which they were claimed.
//   - The consumer sees nothing of a frame before `publish`; the producer writes no byte that `release` has not freed.
//   - Neither side ever waits: a full ring refuses (NO_ROOM, false), an empty one answers false.
//   - A refused producer is told of room once, whenever it comes (takeRefusal); one that was not refused is never told.
//   - One atomic store per publish and per release, however many frames it covers; the other side's cursor is
//     loaded only when the copy kept from the last look would refuse.
//   - A header that is not one that a producer wrote stops the consumer with its position: it cannot be skipped,
//     since nothing says where the next frame begins.
//
// Units     positions and offsets in bytes; a position grows and wraps at 2^32, an offset is where that is in the buffer.
// Threads   a RingProducer belongs to one thread, a RingConsumer to one thread; opening either allocates, using it does not.
// Source    positions that only grow and a remembered remote cursor, as in Agrona's OneToOneRingBuffer and FastForward-style
//           queues; with one producer, publishing by the tail alone is enough.
// Not here  waiting and waking (doorbell.ts), what a payload means (host).

import {
  CAPACITY_BYTES_MAX,
  CAPACITY_BYTES_MIN,
  FRAME_ALIGN_BYTES,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_KIND_MAX,
  FRAME_PADDING,
  FRAME_PAYLOAD_BYTES,
  FRAME_POSITION,
  FRAME_SEAL,
  FRAMES_PER_RING_MIN,
  HEAD_OFFSET,
  REFUSED_OFFSET,
  RING_HEADER,
  SEAL,
  TAIL_OFFSET,
} from './layout.ts';

/** What tryClaim answers when the consumer is too far behind. */
export const NO_ROOM = -1;

interface RingSide {
  /** The region, header and data, twice: as i32 words and as bytes. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Offset of the region's data in the whole buffer: what makes an absolute offset of a position. */
  readonly dataOffset: number;
  readonly capacityBytes: number;
  /** The largest payload: an eighth of the capacity, less the header. */
  readonly payloadBytesMax: number;
}

export interface RingProducer extends RingSide {
  /** The consumer's position when we last looked. Can only be too small: then we look again before refusing. */
  headSeen: number;
  /** Where the next frame begins; ahead of the shared tail by what is claimed and not yet published. */
  tailClaimed: number;
}

export interface RingConsumer extends RingSide {
  /** The producer's position when we last looked. Can only be too small. */
  tailSeen: number;
  /** Where the next peek looks; ahead of the shared head by what was stepped over and not yet released. */
  readPosition: number;
  /** Behind the peeked frame; equals readPosition when none is peeked. */
  nextPosition: number;
  /** The peeked frame: its kind, where its payload begins in the whole buffer, and how long that is. */
  kind: number;
  payloadOffset: number;
  payloadBytes: number;
}

/** Bytes that a ring of this capacity takes in its buffer. */
export function ringBytes(capacityBytes: number): number {
  return RING_HEADER + capacityBytes;
}

/** The largest payload that a ring of this capacity carries. */
export function payloadBytesMaxOf(capacityBytes: number): number {
  return capacityBytes / FRAMES_PER_RING_MIN - FRAME_HEADER_BYTES;
}

/** The smallest capacity whose frames carry payloads of this size. */
export function capacityBytesFor(payloadBytes: number): number {
  let capacityBytes = CAPACITY_BYTES_MIN;
  while (payloadBytesMaxOf(capacityBytes) < payloadBytes) capacityBytes *= 2;
  return capacityBytes;
}

/**
 * The writing end of the ring at [baseBytes, baseBytes + ringBytes(capacityBytes)). Zeroed memory is an empty ring;
 * a ring that was in use goes on where its shared cursors stand.
 *
 * @param capacityBytes  a power of two, CAPACITY_BYTES_MIN … CAPACITY_BYTES_MAX; both sides must name the same
 * @throws RangeError when the region does not fit the buffer, or is not aligned
 */
export function openProducer(buffer: SharedArrayBuffer, baseBytes: number, capacityBytes: number): RingProducer {
  const side = openSide(buffer, baseBytes, capacityBytes);
  // load ×2: no ordering needed, nothing of the ring was read or written on this thread before.
  const headSeen = Atomics.load(side.words, HEAD);
  const tailClaimed = Atomics.load(side.words, TAIL);
  return { ...side, headSeen, tailClaimed };
}

/** The reading end; see openProducer. */
export function openConsumer(buffer: SharedArrayBuffer, baseBytes: number, capacityBytes: number): RingConsumer {
  const side = openSide(buffer, baseBytes, capacityBytes);
  // load: only this side ever stores the head.
  const readPosition = Atomics.load(side.words, HEAD);
  return {
    ...side,
    tailSeen: readPosition,
    readPosition,
    nextPosition: readPosition,
    kind: FRAME_PADDING,
    payloadOffset: 0,
    payloadBytes: 0,
  };
}

/**
 * Reserves room for one frame and returns where its payload begins in the buffer (a multiple of 16 when the
 * region is). Claim and fill as many as you like, then `publish` once.
 *
 * @param payloadBytes  0 … producer.payloadBytesMax
 * @returns NO_ROOM when the consumer is too far behind: nothing was written, nothing is wrong, try again later
 * @throws RangeError when kind or payloadBytes is outside its bounds: the caller is wrong, not the ring full
 */
export function tryClaim(producer: RingProducer, kind: number, payloadBytes: number): number {
  if (!(kind > FRAME_PADDING && kind <= FRAME_KIND_MAX))
    throw new RangeError(`kind=${kind}, expected 1..${FRAME_KIND_MAX}`);
  if (!hasRoom(producer, payloadBytes)) return NO_ROOM;
  const { words, capacityBytes } = producer;
  const frameBytes = frameBytesOf(payloadBytes);
  const toEndBytes = capacityBytes - (producer.tailClaimed & (capacityBytes - 1));
  if (frameBytes > toEndBytes) {
    writeHeader(words, capacityBytes, producer.tailClaimed, FRAME_PADDING, toEndBytes - FRAME_HEADER_BYTES);
    producer.tailClaimed = (producer.tailClaimed + toEndBytes) | 0;
  }
  const position = producer.tailClaimed;
  writeHeader(words, capacityBytes, position, kind, payloadBytes);
  producer.tailClaimed = (position + frameBytes) | 0;
  return producer.dataOffset + (position & (capacityBytes - 1)) + FRAME_HEADER_BYTES;
}

/** Lets the consumer see every frame claimed so far. */
export function publish(producer: RingProducer): void {
  // store: everything written to the claimed frames comes before it; pairs with the load in peek().
  // It also stands before the load in doorbell.ts ring(), which is why a sleeper is never missed.
  Atomics.store(producer.words, TAIL, producer.tailClaimed);
}

/**
 * Whether tryClaim of this payload, or of any smaller one, would succeed now. Having said no, the ring's consumer will
 * tell when half of the ring is free: see takeRefusal.
 *
 * @throws RangeError when no ring of this capacity could ever take it
 */
export function hasRoom(producer: RingProducer, payloadBytes: number): boolean {
  if (!(payloadBytes >= 0 && payloadBytes <= producer.payloadBytesMax)) {
    throw new RangeError(`payloadBytes=${payloadBytes}, expected 0..${producer.payloadBytesMax}`);
  }
  const { capacityBytes } = producer;
  const frameBytes = frameBytesOf(payloadBytes);
  const toEndBytes = capacityBytes - (producer.tailClaimed & (capacityBytes - 1));
  const neededBytes = frameBytes > toEndBytes ? toEndBytes + frameBytes : frameBytes; // A frame never wraps.
  // Differences of positions are exact across the wrap because of `| 0`.
  if (((producer.tailClaimed - producer.headSeen) | 0) + neededBytes <= capacityBytes) return true;
  // load: pairs with the store in release(); the bytes that it freed are read no more and are ours to write.
  producer.headSeen = Atomics.load(producer.words, HEAD);
  if (((producer.tailClaimed - producer.headSeen) | 0) + neededBytes <= capacityBytes) return true;
  // store, then load once more (seq-cst, both): a consumer that has not seen the refusal has released before this load.
  Atomics.store(producer.words, REFUSED, 1);
  producer.headSeen = Atomics.load(producer.words, HEAD);
  return ((producer.tailClaimed - producer.headSeen) | 0) + neededBytes <= capacityBytes;
}

/**
 * Claims a frame and copies source[from, from + bytes) into it, in one `set`. The caller publishes, once for as
 * many pushes as it likes.
 *
 * @returns false when the ring has no room; nothing was written
 */
export function tryPush(
  producer: RingProducer,
  kind: number,
  source: Uint8Array,
  from: number,
  bytes: number,
): boolean {
  const payloadOffset = tryClaim(producer, kind, bytes);
  if (payloadOffset === NO_ROOM) return false;
  const inRegion = payloadOffset - producer.dataOffset + RING_HEADER;
  producer.bytes.set(source.subarray(from, from + bytes), inRegion);
  return true;
}

/**
 * Looks at the next frame: true fills kind, payloadOffset and payloadBytes of `consumer`; false when there is none.
 * Peeking again without advance or release shows the same frame.
 *
 * @throws Error when the header was not written by a producer of this ring; the run must stop
 */
export function peek(consumer: RingConsumer): boolean {
  const { words, capacityBytes } = consumer;
  let position = consumer.readPosition;
  if (position === consumer.tailSeen) {
    // load: pairs with the store in publish(); the frames before this tail are whole.
    consumer.tailSeen = Atomics.load(words, TAIL);
    if (position === consumer.tailSeen) return false;
  }
  let header = headerIndex(position, capacityBytes);
  checkHeader(consumer, position, header);
  if (words[header + KIND] === FRAME_PADDING) {
    // Padding is published together with the frame behind it, so there is one.
    position = (position + FRAME_HEADER_BYTES + words[header + PAYLOAD_BYTES]!) | 0;
    header = headerIndex(position, capacityBytes);
    checkHeader(consumer, position, header);
  }
  consumer.kind = words[header + KIND]!;
  consumer.payloadBytes = words[header + PAYLOAD_BYTES]!;
  consumer.payloadOffset = consumer.dataOffset + (position & (capacityBytes - 1)) + FRAME_HEADER_BYTES;
  consumer.nextPosition = (position + frameBytesOf(consumer.payloadBytes)) | 0;
  return true;
}

/** Steps over the peeked frame and keeps its bytes; a later release frees them. */
export function advance(consumer: RingConsumer): void {
  consumer.readPosition = consumer.nextPosition;
}

/** Frees the peeked frame, and every frame that was stepped over before it. */
export function release(consumer: RingConsumer): void {
  consumer.readPosition = consumer.nextPosition;
  releaseAdvanced(consumer);
}

/** Frees the frames that were stepped over; a frame that is only peeked stays. */
export function releaseAdvanced(consumer: RingConsumer): void {
  // store: all reads of the freed frames come before it; pairs with the load in hasRoom().
  Atomics.store(consumer.words, HEAD, consumer.readPosition);
}

/**
 * Whether the producer should be told now that there is room: it was refused since it was last told, and half of the ring
 * is free. It was refused at three quarters full at the least, and a consumer that goes on reading comes by the half on
 * its way; telling it after every frame would wake it for one frame's room each time.
 */
export function takeRefusal({ words, tailSeen, readPosition, capacityBytes }: RingConsumer): boolean {
  // load: comes after the caller's release; pairs with the store in hasRoom().
  if (Atomics.load(words, REFUSED) === 0) return false;
  if (((tailSeen - readPosition) | 0) * 2 > capacityBytes) return false;
  // load: orders nothing; a producer that sleeps published before, and comes to no other tail.
  if (((Atomics.load(words, TAIL) - readPosition) | 0) * 2 > capacityBytes) return false;
  // store: orders nothing; a refusal that it overwrites is one that the caller is about to answer.
  Atomics.store(words, REFUSED, 0);
  return true;
}

/** Bytes published and not released, headers and padding included; over capacityBytes it is the ring's fill. */
export function pendingBytes(side: RingProducer | RingConsumer): number {
  // load ×2: a figure for metrics, exact on neither thread while the other works; orders nothing.
  return (Atomics.load(side.words, TAIL) - Atomics.load(side.words, HEAD)) | 0;
}

// Indexes into `words`, and into a header.
const HEAD = HEAD_OFFSET / Int32Array.BYTES_PER_ELEMENT;
const TAIL = TAIL_OFFSET / Int32Array.BYTES_PER_ELEMENT;
const REFUSED = REFUSED_OFFSET / Int32Array.BYTES_PER_ELEMENT;
const DATA = RING_HEADER / Int32Array.BYTES_PER_ELEMENT;
const PAYLOAD_BYTES = FRAME_PAYLOAD_BYTES / Int32Array.BYTES_PER_ELEMENT;
const KIND = FRAME_KIND / Int32Array.BYTES_PER_ELEMENT;
const POSITION = FRAME_POSITION / Int32Array.BYTES_PER_ELEMENT;
const SEALED = FRAME_SEAL / Int32Array.BYTES_PER_ELEMENT;

function openSide(buffer: SharedArrayBuffer, baseBytes: number, capacityBytes: number): RingSide {
  if (!(capacityBytes >= CAPACITY_BYTES_MIN && capacityBytes <= CAPACITY_BYTES_MAX && isPowerOfTwo(capacityBytes))) {
    throw new RangeError(
      `capacityBytes=${capacityBytes}, expected a power of two in ${CAPACITY_BYTES_MIN}..${CAPACITY_BYTES_MAX}`,
    );
  }
  const endBytes = baseBytes + ringBytes(capacityBytes);
  if (!(baseBytes >= 0 && baseBytes % FRAME_ALIGN_BYTES === 0 && endBytes <= buffer.byteLength)) {
    throw new RangeError(
      `a ring at ${baseBytes}..${endBytes} of ${buffer.byteLength} bytes; it must lie inside and begin at a multiple of ${FRAME_ALIGN_BYTES}`,
    );
  }
  return {
    words: new Int32Array(buffer, baseBytes, ringBytes(capacityBytes) / Int32Array.BYTES_PER_ELEMENT),
    bytes: new Uint8Array(buffer, baseBytes, ringBytes(capacityBytes)),
    dataOffset: baseBytes + RING_HEADER,
    capacityBytes,
    payloadBytesMax: payloadBytesMaxOf(capacityBytes),
  };
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && (value & (value - 1)) === 0;
}

/** Header and payload, up to where the next frame may begin. */
function frameBytesOf(payloadBytes: number): number {
  return (FRAME_HEADER_BYTES + payloadBytes + FRAME_ALIGN_BYTES - 1) & -FRAME_ALIGN_BYTES;
}

function headerIndex(position: number, capacityBytes: number): number {
  return DATA + ((position & (capacityBytes - 1)) >>> 2);
}

function sealOf(payloadBytes: number, kind: number, position: number): number {
  return payloadBytes ^ (kind << 24) ^ position ^ SEAL;
}

function writeHeader(words: Int32Array, capacityBytes: number, position: number, kind: number, payloadBytes: number) {
  const header = headerIndex(position, capacityBytes);
  words[header + PAYLOAD_BYTES] = payloadBytes;
  words[header + KIND] = kind;
  words[header + POSITION] = position;
  words[header + SEALED] = sealOf(payloadBytes, kind, position);
}

/** The other bank of writeHeader: what is read there must be what a producer could have written there. */
function checkHeader(consumer: RingConsumer, position: number, header: number): void {
  const { words, capacityBytes } = consumer;
  const payloadBytes = words[header + PAYLOAD_BYTES]!;
  const kind = words[header + KIND]!;
  const behindBytes = (consumer.tailSeen - position) | 0; // Published bytes from here on.
  const whole =
    payloadBytes >= 0 &&
    payloadBytes <= consumer.payloadBytesMax &&
    frameBytesOf(payloadBytes) <= behindBytes &&
    frameBytesOf(payloadBytes) <= capacityBytes - (position & (capacityBytes - 1));
  const known = kind >= FRAME_PADDING && kind <= FRAME_KIND_MAX;
  const sealed =
    words[header + POSITION] === position && words[header + SEALED] === sealOf(payloadBytes, kind, position);
  if (whole && known && sealed) return;
  throw new Error(
    `ring at ${consumer.dataOffset - RING_HEADER}: no frame header at position ${position} (payloadBytes=${payloadBytes}, kind=${kind}, position=${words[header + POSITION]}, published behind it: ${behindBytes}); the ring's memory was overwritten, the run must stop`,
  );
}
