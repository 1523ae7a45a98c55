// In which order a stage takes its senders' frames when there is a log.

import { expect, test } from 'vitest';
import { CONTROL_FRAME_BYTES } from '../../../host/limits.ts';
import { Inputs } from '../../../host/partition/inputs.ts';
import { LogOrder } from '../../../host/partition/log-order.ts';
import { FLAG_LAST, groupFrame, writeControl } from '../../../host/thread/control-frame.ts';
import { FRAME_DATA, FRAME_END, FRAME_GROUP, FRAME_WATERMARK } from '../../../ring/layout.ts';
import { openProducer, publish, ringBytes, tryClaim } from '../../../ring/spsc.ts';
import { type Random, seededRandom } from '../../support/random.ts';

const RING_BYTES = 8192;

interface Word {
  sender: number;
  kind: number;
  value: number;
}

/** Inputs of so many senders behind group `base`; what is put in comes out as words, completed groups among them. */
class Bench {
  readonly inputs: Inputs;
  readonly seen: string[] = [];
  private readonly rings;
  private readonly view: DataView;

  constructor(senders: number, base = 0) {
    const stride = ringBytes(RING_BYTES) + 128;
    const buffer = new SharedArrayBuffer(senders * stride);
    const places = Array.from({ length: senders }, (_, at) => ({ baseBytes: at * stride, capacityBytes: RING_BYTES }));
    this.rings = places.map(({ baseBytes, capacityBytes }) => openProducer(buffer, baseBytes, capacityBytes));
    this.view = new DataView(buffer);
    this.inputs = new Inputs(buffer, places, 1, new LogOrder(senders, base));
  }

  put({ sender, kind, value }: Word): void {
    const ring = this.rings[sender]!;
    const at = tryClaim(ring, kind, CONTROL_FRAME_BYTES);
    const frame = { watermark: value, seen: 1, moved: 0, flags: kind === FRAME_END ? FLAG_LAST : 0 };
    writeControl(this.view, at, kind === FRAME_GROUP ? groupFrame(value) : frame);
    publish(ring);
  }

  private word(): string {
    const combined = this.inputs.combine();
    return this.inputs.gone ? 'gone' : `time ${combined.state === 'active' ? combined.watermark : combined.state}`;
  }

  /** Takes all that is due. */
  run(): this {
    const { inputs, seen } = this;
    for (;;) {
      const group = inputs.takeCompletedGroup();
      if (group > 0) {
        seen.push(`group ${group}`);
        continue;
      }
      const frame = inputs.peek();
      if (frame === null) return this;
      if (frame.kind === FRAME_DATA) seen.push(`row ${this.view.getFloat64(frame.payloadOffset, true)}`);
      else if (inputs.control(frame)) seen.push(this.word());
      inputs.release();
    }
  }
}

test('rows of a group come sender by sender, whoever was quicker, and no sender runs ahead of a group', () => {
  const bench = new Bench(2);
  bench.put({ sender: 1, kind: FRAME_DATA, value: 11 });
  bench.put({ sender: 1, kind: FRAME_GROUP, value: 1 });
  bench.put({ sender: 1, kind: FRAME_DATA, value: 21 });
  bench.put({ sender: 1, kind: FRAME_GROUP, value: 2 });
  expect(bench.run().seen).toEqual([]);
  bench.put({ sender: 0, kind: FRAME_DATA, value: 10 });
  expect(bench.run().seen).toEqual(['row 10']);
  bench.put({ sender: 0, kind: FRAME_GROUP, value: 1 });
  expect(bench.run().seen).toEqual(['row 10', 'row 11', 'group 1']);
  bench.put({ sender: 0, kind: FRAME_GROUP, value: 2 });
  expect(bench.run().seen).toEqual(['row 10', 'row 11', 'group 1', 'row 21', 'group 2']);
});

test('a word about time counts where it stands in the log, with what the others said before it', () => {
  const bench = new Bench(2);
  bench.put({ sender: 0, kind: FRAME_WATERMARK, value: 50 });
  bench.put({ sender: 0, kind: FRAME_GROUP, value: 1 });
  bench.put({ sender: 0, kind: FRAME_WATERMARK, value: 90 });
  bench.put({ sender: 0, kind: FRAME_GROUP, value: 2 });
  bench.put({ sender: 1, kind: FRAME_WATERMARK, value: 20 });
  bench.put({ sender: 1, kind: FRAME_GROUP, value: 1 });
  bench.put({ sender: 1, kind: FRAME_WATERMARK, value: 70 });
  bench.put({ sender: 1, kind: FRAME_GROUP, value: 2 });
  expect(bench.run().seen).toEqual(['time 50', 'time 20', 'group 1', 'time 20', 'time 70', 'group 2']);
});

test('a sender that has nothing in some groups names the last of them', () => {
  const bench = new Bench(2, 6);
  bench.put({ sender: 1, kind: FRAME_GROUP, value: 9 });
  bench.put({ sender: 0, kind: FRAME_DATA, value: 7 });
  bench.put({ sender: 0, kind: FRAME_GROUP, value: 7 });
  bench.put({ sender: 0, kind: FRAME_GROUP, value: 8 });
  expect(bench.run().seen).toEqual(['row 7', 'group 7', 'group 8']);
});

test('a sender that stops holds up no group; when all have stopped the input is gone', () => {
  const bench = new Bench(2);
  bench.put({ sender: 0, kind: FRAME_END, value: 0 });
  bench.put({ sender: 1, kind: FRAME_DATA, value: 1 });
  bench.put({ sender: 1, kind: FRAME_GROUP, value: 1 });
  expect(bench.run().seen).toEqual(['time hold', 'row 1', 'group 1']);
  bench.put({ sender: 1, kind: FRAME_END, value: 0 });
  expect(bench.run().seen.at(-1)).toBe('gone');
  expect(bench.inputs.gone).toBe(true);
});

test('a sender that goes back is a mistake of ours', () => {
  const order = new LogOrder(1, 5);
  expect(() => order.finish(0, 4)).toThrow('sender 0 finishes group 4 behind group 5');
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('rows and times come alike however senders are scheduled (seed %i)', (seed) => {
  const random = seededRandom(seed);
  const senders = 1 + random.below(4);
  const script = Array.from({ length: senders }, (_, sender) => scriptOf(sender, random));
  const inOrder = new Bench(senders);
  for (const words of script) for (const word of words) inOrder.put(word);
  inOrder.run();

  const shuffled = new Bench(senders);
  const left = script.map((words) => [...words]);
  while (left.some(({ length }) => length > 0)) {
    const words = left[random.below(senders)]!;
    for (let count = random.below(4); count > 0 && words.length > 0; count--) shuffled.put(words.shift()!);
    shuffled.run();
  }
  expect(timesAndRows(shuffled.seen)).toEqual(timesAndRows(inOrder.seen));
  const rows = inOrder.seen.filter((word) => word.startsWith('row')).map((word) => Number(word.slice(4)));
  const groupAndSender = rows.map((row) => Math.floor(row / 10));
  expect(groupAndSender).toEqual(groupAndSender.toSorted((a, b) => a - b)); // Group by group, in a group sender by sender.
  expect(inOrder.seen.filter((word) => word.startsWith('row')).length).toBeGreaterThan(senders);
});

/** A sender's part of twelve groups: rows, words about time, and the name of each group but those that another empty one follows. */
function scriptOf(sender: number, random: Random): Word[] {
  const words: Word[] = [];
  let time = 0;
  let named = 0;
  for (let group = 1; group <= 12; group++) {
    if (random.below(3) === 0 && group < 12) continue;
    if (named < group - 1) words.push({ sender, kind: FRAME_GROUP, value: group - 1 });
    for (let row = random.below(3); row >= 0; row--) {
      words.push({ sender, kind: FRAME_DATA, value: group * 100 + sender * 10 + row });
    }
    time += random.below(20);
    words.push({ sender, kind: FRAME_WATERMARK, value: time }, { sender, kind: FRAME_GROUP, value: group });
    named = group;
  }
  return words;
}

/** Which groups are named apart depends on who has nothing in them: what counts is rows and times among them. */
const timesAndRows = (seen: readonly string[]): string[] => seen.filter((word) => !word.startsWith('group'));
