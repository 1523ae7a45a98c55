// A log cut off by a power cut while groups were written during a sync: always recovered, never short of what was durable.
import { expect, test } from 'vitest';
import { LogReader } from '../../../host/log/reader.ts';
import { recoverLog } from '../../../host/log/recover.ts';
import { randomCrash } from '../../support/crash-choice.ts';
import { booted, type GroupPlan, LogWriter, rows, STORE, table } from '../../support/log-writer.ts';
import { type Random, seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

/** Groups that are written, and not durable yet, at most. */
const UNDER_WAY = 3;

/** Two segments; each group calls durable what was durable for certain when it was written. */
function randomLog(random: Random) {
  const writer = new LogWriter();
  writer.salt = random.u32();
  const text = () => 'x'.repeat(random.below(1500));
  const plan = (groups: GroupPlan[], first: number) =>
    groups.map((group, index) => ({ ...group, durable: Math.max(first - 1, first + index - UNDER_WAY - 1, 0) }));
  const data = () => Array.from({ length: 3 + random.below(8) }, () => rows(text(), 'y'));
  const one = writer.segment(plan([booted(), table(), ...data()], 1), { zeros: 4096 });
  const two = writer.segment(plan([table(), ...data()], writer.nextGroup), { seal: false, zeros: 4096 });
  return [one, two];
}

/** Writes and syncs as the engine does: the next groups go on while a sync is under way. */
async function append(disk: SimDisk, log: ReturnType<typeof randomLog>, stale: Uint8Array, acked: { group: number }) {
  for (const { path, bytes, groups } of log) {
    const spare = 'data/log/spare-1.seg';
    disk.put(spare, Buffer.concat([stale, new Uint8Array(bytes.byteLength)]).subarray(0, bytes.byteLength));
    const file = await disk.open(spare, 'write');
    await file.write([bytes.subarray(0, groups[0]!.offset)], 0);
    await file.sync();
    await disk.rename(spare, path);
    await disk.syncDirectory('data/log');
    let syncing: Promise<void> | undefined;
    const sync = (upTo: number) => {
      syncing ??= file.sync().then(() => {
        acked.group = upTo;
        syncing = undefined;
      });
      return syncing;
    };
    for (const { number, offset, bytes: length } of groups) {
      while (acked.group < number - UNDER_WAY - 1 && acked.group >= groups[0]!.number - 1) await sync(number - 1);
      await file.write([bytes.subarray(offset, offset + length)], offset);
      void sync(number);
    }
    await syncing;
    const end = groups.at(-1)!;
    if (acked.group < end.number) await sync(end.number);
    await file.write([bytes.subarray(end.offset + end.bytes)], end.offset + end.bytes);
    await file.sync();
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function groupsOf(disk: SimDisk, lastGroup: number): Promise<Buffer> {
  const reader = new LogReader(disk, 'data', 1);
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(1 << 17);
    const { bytes } = await reader.read(into, lastGroup);
    if (bytes === 0) return Buffer.concat(parts);
    parts.push(into.slice(0, bytes));
  }
}

test('cut off anywhere, the log is recovered with every group that was durable, and none that was not written', async () => {
  const landed = { cutTail: 0, reordered: 0, begun: 0 };
  for (let seed = 0; seed < 600; seed++) {
    const random = seededRandom(seed);
    const log = randomLog(random);
    const original = Buffer.concat(
      log.flatMap(({ bytes, groups }) =>
        bytes.subarray(groups[0]!.offset, groups.at(-1)!.offset + groups.at(-1)!.bytes),
      ),
    );
    const stale = random.chance(0.5) ? randomLog(seededRandom(seed + 1e6))[0]!.bytes : new Uint8Array();
    const disk = new SimDisk();
    disk.put('data/log/.keep', new Uint8Array());
    // Syncs take long: writes go on meanwhile.
    disk.schedule = (complete, { name }) => {
      if (name === 'sync') void turns(random.below(8)).then(complete);
      else queueMicrotask(complete);
    };
    const acked = { group: 0 };
    const crashAt = random.below(70);
    const crashed = new Promise<SimDisk>((resolve) => {
      disk.fault = ({ index }) => {
        if (index === crashAt) {
          resolve(disk.crash(randomCrash(random)));
          disk.halt();
        }
        return undefined;
      };
    });
    const copies = log.map((segment) => ({ ...segment, bytes: Uint8Array.from(segment.bytes) }));
    const next = await Promise.race([
      crashed,
      append(disk, copies, stale, acked).then(() => disk.crash(randomCrash(random))),
    ]);
    const durable = acked.group;
    const said: string[] = [];
    const { lastGroup } = await recoverLog({
      disk: next,
      data: 'data',
      store: STORE,
      report: (what) => said.push(what),
    });
    expect(lastGroup, `seed ${seed}`).toBeGreaterThanOrEqual(durable);
    const groups = await groupsOf(next, lastGroup);
    expect(Buffer.compare(groups, original.subarray(0, groups.byteLength)), `seed ${seed}`).toBe(0);
    if (said.some((what) => what.includes('were being written'))) landed.cutTail++;
    if (said.some((what) => what.includes('was being begun'))) landed.begun++;
    if (lastGroup > durable) landed.reordered++;
  }
  // The faults that count must have landed.
  expect(landed.cutTail).toBeGreaterThan(50);
  expect(landed.begun).toBeGreaterThan(5);
  expect(landed.reordered).toBeGreaterThan(20);
});
