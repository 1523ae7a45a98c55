// The ring against an array queue: any mix of claims, publishes, peeks and releases, every capacity, positions anywhere.
import { expect, test } from 'vitest';
import { FRAME_DATA, FRAME_KIND_MAX, HEAD_OFFSET, TAIL_OFFSET } from '../../ring/layout.ts';
import {
  advance,
  hasRoom,
  NO_ROOM,
  openConsumer,
  openProducer,
  peek,
  pendingBytes,
  publish,
  release,
  ringBytes,
  tryClaim,
} from '../../ring/spsc.ts';
import { type Random, seededRandom } from '../support/random.ts';

interface ModelFrame {
  kind: number;
  payload: Uint8Array;
  /** Behind the frame, as an ordinary number that never wraps. */
  end: number;
}

/** A queue whose room is computed from positions that are plain numbers: the ring's arithmetic without masks and wraps. */
class ModelRing {
  readonly frames: ModelFrame[] = [];
  published = 0;
  read = 0;
  claimedEnd: number;
  publishedEnd: number;
  freedEnd: number;
  private readonly capacityBytes: number;

  constructor(capacityBytes: number, start: number) {
    this.capacityBytes = capacityBytes;
    this.claimedEnd = start;
    this.publishedEnd = start;
    this.freedEnd = start;
  }

  /** Where a frame of this payload would end, or null when it does not fit. */
  endOf(payloadBytes: number): number | null {
    const frameBytes = Math.ceil((16 + payloadBytes) / 16) * 16;
    const toEndBytes = this.capacityBytes - (this.claimedEnd % this.capacityBytes);
    const end = this.claimedEnd + (frameBytes > toEndBytes ? toEndBytes : 0) + frameBytes;
    return end - this.freedEnd <= this.capacityBytes ? end : null;
  }
}

const SIZES = [256, 512, 1024, 4096, 32768];
const STARTS = [0, 2 ** 31 - 4096, 2 ** 32 - 4096, 2 ** 32 - 16];

for (const capacityBytes of SIZES) {
  for (const start of STARTS) {
    test(`reads back what was published, in order: ${capacityBytes} bytes from position ${start}`, () => {
      for (let seed = 1; seed <= 8; seed++) runMix(seed * 1000 + capacityBytes, capacityBytes, start);
    });
  }
}

function runMix(seed: number, capacityBytes: number, start: number): void {
  const random = seededRandom(seed);
  const buffer = new SharedArrayBuffer(ringBytes(capacityBytes));
  const words = new Int32Array(buffer);
  words[HEAD_OFFSET >> 2] = start | 0;
  words[TAIL_OFFSET >> 2] = start | 0;
  const bytes = new Uint8Array(buffer);
  const producer = openProducer(buffer, 0, capacityBytes);
  const consumer = openConsumer(buffer, 0, capacityBytes);
  const model = new ModelRing(capacityBytes, start);
  const pushShare = 0.3 + random.float() * 0.4; // Some mixes run full, some run empty.
  let refusals = 0;
  const where = () => `seed ${seed}, capacity ${capacityBytes}, start ${start}`;

  for (let step = 0; step < 600; step++) {
    if (random.chance(pushShare)) {
      const payload = randomPayload(random, producer.payloadBytesMax);
      const kind = FRAME_DATA + random.below(FRAME_KIND_MAX);
      const end = model.endOf(payload.length);
      if (random.chance(0.5)) expect(hasRoom(producer, payload.length), where()).toBe(end !== null);
      const offset = tryClaim(producer, kind, payload.length);
      expect(offset !== NO_ROOM, where()).toBe(end !== null);
      if (end === null) {
        refusals++;
        continue;
      }
      bytes.set(payload, offset);
      model.frames.push({ kind, payload, end });
      model.claimedEnd = end;
      if (random.chance(0.6)) {
        publish(producer);
        model.published = model.frames.length;
        model.publishedEnd = model.claimedEnd;
      }
    } else {
      const expected = model.read < model.published ? model.frames[model.read]! : null;
      expect(peek(consumer), where()).toBe(expected !== null);
      if (expected === null) continue;
      expect(consumer.kind, where()).toBe(expected.kind);
      const payload = bytes.subarray(consumer.payloadOffset, consumer.payloadOffset + consumer.payloadBytes);
      expect(Buffer.compare(payload, expected.payload), where()).toBe(0);
      model.read++;
      if (random.chance(0.3)) advance(consumer);
      else {
        release(consumer);
        model.freedEnd = expected.end;
      }
    }
    expect(pendingBytes(producer), where()).toBe(model.publishedEnd - model.freedEnd);
  }
  publish(producer);
  while (peek(consumer)) {
    expect(consumer.payloadBytes, where()).toBe(model.frames[model.read++]!.payload.length);
    release(consumer);
  }
  expect(model.read, where()).toBe(model.frames.length);
  if (pushShare > 0.6)
    expect(refusals, `${where()}: a mix that pushes more than it reads was never refused`).not.toBe(0);
}

function randomPayload(random: Random, payloadBytesMax: number): Uint8Array {
  const bound = random.pick([1, 17, payloadBytesMax + 1]);
  const payload = new Uint8Array(random.chance(0.1) ? payloadBytesMax : random.below(bound));
  for (let index = 0; index < payload.length; index++) payload[index] = random.u32();
  return payload;
}
