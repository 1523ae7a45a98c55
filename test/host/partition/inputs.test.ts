// test/host/partition/inputs.test.ts — what senders' words about time add up to, case by case (SEMANTICS 1.7).

import { expect, test } from 'vitest';
import { CONTROL_FRAME_BYTES } from '../../../host/limits.ts';
import { Inputs } from '../../../host/partition/inputs.ts';
import { type ControlFrame, FLAG_DRAIN, FLAG_LAST, writeControl } from '../../../host/thread/control-frame.ts';
import { FRAME_END, FRAME_IDLE, FRAME_WATERMARK } from '../../../ring/layout.ts';
import { openProducer, publish, ringBytes, tryClaim } from '../../../ring/spsc.ts';

const RING_BYTES = 8192;

/** Inputs of so many senders, and the means to speak as each of them. */
function inputsOf(senders: number, producersNeeded = 1) {
  const stride = ringBytes(RING_BYTES) + 128;
  const buffer = new SharedArrayBuffer(senders * stride);
  const places = Array.from({ length: senders }, (_, at) => ({ baseBytes: at * stride, capacityBytes: RING_BYTES }));
  const rings = places.map(({ baseBytes, capacityBytes }) => openProducer(buffer, baseBytes, capacityBytes));
  const inputs = new Inputs(buffer, places, producersNeeded);
  const say = (sender: number, kind: number, frame: Partial<ControlFrame>) => {
    const at = tryClaim(rings[sender]!, kind, CONTROL_FRAME_BYTES);
    writeControl(new DataView(buffer), at, {
      watermark: Number.NEGATIVE_INFINITY,
      seen: 1,
      moved: 0,
      flags: 0,
      ...frame,
    });
    publish(rings[sender]!);
    for (let consumer = inputs.peek(); consumer !== null; consumer = inputs.peek()) {
      inputs.control(consumer);
      inputs.release();
    }
    return inputs.combine();
  };
  return { inputs, say };
}

test('time is that of the slowest active sender', () => {
  const { say } = inputsOf(2);
  expect(say(0, FRAME_WATERMARK, { watermark: 50 })).toEqual({ state: 'active', watermark: 50 });
  expect(say(1, FRAME_WATERMARK, { watermark: 20 })).toEqual({ state: 'active', watermark: 20 });
  expect(say(1, FRAME_WATERMARK, { watermark: 70 })).toEqual({ state: 'active', watermark: 50 });
});

test('time waits for the producers that the stream needs, whichever senders have them', () => {
  const { say } = inputsOf(2, 3);
  expect(say(0, FRAME_WATERMARK, { watermark: 50, seen: 2 })).toEqual({ state: 'hold' });
  expect(say(1, FRAME_WATERMARK, { watermark: 20, seen: 1 })).toEqual({ state: 'active', watermark: 20 });
});

test('a producer that joins a sender takes its word back', () => {
  const { say } = inputsOf(2, 2);
  expect(say(0, FRAME_WATERMARK, { watermark: 50 })).toEqual({ state: 'hold' });
  expect(say(0, FRAME_WATERMARK, { watermark: 5, seen: 2 })).toEqual({ state: 'active', watermark: 5 });
});

test('a producer between two senders holds time, whichever of them is heard first', () => {
  const leaves = { watermark: 90, seen: 1, moved: -1 };
  const arrives = { watermark: 10, seen: 2, moved: 1 };
  const left = inputsOf(2);
  left.say(0, FRAME_WATERMARK, { watermark: 10, seen: 2 });
  left.say(1, FRAME_WATERMARK, { watermark: 80 });
  expect(left.say(0, FRAME_WATERMARK, leaves)).toEqual({ state: 'hold' });
  expect(left.say(1, FRAME_WATERMARK, arrives)).toEqual({ state: 'active', watermark: 10 });
  const arrived = inputsOf(2);
  arrived.say(0, FRAME_WATERMARK, { watermark: 10, seen: 2 });
  arrived.say(1, FRAME_WATERMARK, { watermark: 80 });
  expect(arrived.say(1, FRAME_WATERMARK, arrives)).toEqual({ state: 'active', watermark: 10 });
  expect(arrived.say(0, FRAME_WATERMARK, leaves)).toEqual({ state: 'active', watermark: 10 });
});

test('idle senders do not hold time; when no sender is active it holds', () => {
  const { say } = inputsOf(2);
  say(0, FRAME_WATERMARK, { watermark: 10 });
  say(1, FRAME_WATERMARK, { watermark: 80 });
  expect(say(0, FRAME_IDLE, { watermark: 10 })).toEqual({ state: 'active', watermark: 80 });
  expect(say(1, FRAME_IDLE, { watermark: 80 })).toEqual({ state: 'idle' });
});

test('the input has finished when every sender with a producer has; one whose producers all went elsewhere has none', () => {
  const { say } = inputsOf(3);
  say(0, FRAME_WATERMARK, { watermark: 10 });
  say(1, FRAME_WATERMARK, { watermark: 80 });
  expect(say(0, FRAME_IDLE, { seen: 0, moved: -1 })).toEqual({ state: 'hold' });
  expect(say(1, FRAME_WATERMARK, { watermark: 10, seen: 2, moved: 1 })).toEqual({ state: 'active', watermark: 10 });
  expect(say(1, FRAME_END, { watermark: 80, seen: 2, moved: 1 })).toEqual({ state: 'finished' });
});

test('a sender that stops says nothing about time', () => {
  const { inputs, say } = inputsOf(2);
  say(0, FRAME_WATERMARK, { watermark: 10 });
  say(1, FRAME_WATERMARK, { watermark: 80 });
  expect(say(1, FRAME_END, { flags: FLAG_LAST })).toEqual({ state: 'active', watermark: 10 });
  expect(inputs.gone).toBe(false);
  say(0, FRAME_END, { flags: FLAG_LAST | FLAG_DRAIN });
  expect([inputs.gone, inputs.drain]).toEqual([true, true]);
});
