// Readers beside a log that grows and rolls: what each hands out is what was written.
import { expect, test } from 'vitest';
import { viewOf } from '../../../host/log/fields.ts';
import { groupBytes, groupHeaderAt } from '../../../host/log/group.ts';
import { LogReader } from '../../../host/log/reader.ts';
import { type BuiltSegment, booted, LogWriter, rows, table } from '../../support/log-writer.ts';
import { type Random, seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

function randomLog(random: Random): BuiltSegment[] {
  const writer = new LogWriter();
  return Array.from({ length: 2 + random.below(3) }, () => {
    const data = Array.from({ length: random.below(6) }, () => rows('x'.repeat(random.below(300)), 'y'));
    return writer.segment([booted(), table(), ...data], { zeros: 256 });
  });
}

/** Writes the log as an engine does: spare renamed, groups in pieces, footer, next; `durable` moves behind them. */
async function append(disk: SimDisk, log: readonly BuiltSegment[], random: Random, state: { durable: number }) {
  for (const { path, bytes, groups } of log) {
    const spare = `${path}.spare`;
    disk.put(spare, new Uint8Array(bytes.byteLength).fill(random.below(2) * 0x5a));
    const file = await disk.open(spare, 'write');
    await file.write([bytes.subarray(0, 64)], 0);
    await disk.rename(spare, path);
    for (const { number, offset, bytes: length } of groups) {
      const half = random.below(length);
      await file.write([bytes.subarray(offset, offset + half)], offset);
      await file.write([bytes.subarray(offset + half, offset + length)], offset + half);
      if (random.chance(0.7)) state.durable = number;
    }
    const end = groups.at(-1)!;
    await file.write([bytes.subarray(end.offset + end.bytes)], end.offset + end.bytes);
    state.durable = end.number;
    await file.close();
  }
}

test('every reader gets every durable group once, in order, byte for byte', async () => {
  let groups = 0;
  for (let seed = 0; seed < 150; seed++) {
    const random = seededRandom(seed);
    const log = randomLog(random);
    const last = log.at(-1)!.groups.at(-1)!.number;
    const disk = new SimDisk();
    disk.put('data/log/.keep', new Uint8Array());
    const waiting: (() => void)[] = [];
    disk.schedule = (complete) => waiting.push(complete);
    const state = { durable: 0 };
    const written = append(disk, log, random, state);

    const read = async (from: number): Promise<number> => {
      const reader = new LogReader(disk, 'data', from);
      let expected = from;
      while (expected <= last) {
        const durable = state.durable;
        const into = new Uint8Array(700 + random.below(600));
        const { bytes, lastGroup } = await reader.read(into, durable);
        expect(lastGroup, `seed ${seed}`).toBeLessThanOrEqual(Math.max(durable, from - 1));
        for (let at = 0; at < bytes; expected++) {
          const length = groupBytes(groupHeaderAt(into, viewOf(into), at)!.bodyBytes);
          expect(Buffer.compare(into.subarray(at, at + length), originalOf(log, expected)), `seed ${seed}`).toBe(0);
          at += length;
        }
        if (bytes === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      }
      await reader.close();
      return expected - from;
    };
    let done = false;
    const all = Promise.all([read(1), read(1 + random.below(last)), written]).finally(() => {
      done = true;
    });
    // Whatever is under way completes in any order.
    while (!done) {
      const [complete] = waiting.splice(random.below(waiting.length), 1);
      complete?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [first, second] = await all;
    expect(first).toBe(last);
    groups += first + second;
  }
  expect(groups).toBeGreaterThan(2000);
});

function originalOf(log: readonly BuiltSegment[], number: number): Uint8Array {
  const segment = log.findLast(({ firstGroup }) => firstGroup <= number)!;
  const { offset, bytes } = segment.groups.find((group) => group.number === number)!;
  return segment.bytes.subarray(offset, offset + bytes);
}
