// The log over a disk that fails and loses: whatever order things complete in, and wherever it ends, nothing released is lost.
import { expect, test } from 'vitest';
import { entriesOf, runsOf } from '../../../host/log/group.ts';
import { ENTRY_ACCEPTED, ENTRY_DUPLICATE, ENTRY_JSON, GROUP_DATA } from '../../../host/log/layout.ts';
import { scanFile } from '../../../host/log/read-facts.ts';
import { recoverLog } from '../../../host/log/recover.ts';
import { dropAll, keepAll, randomCrash } from '../../support/crash-choice.ts';
import { type EntryRead, readEntry } from '../../support/log-entries.ts';
import {
  breathe,
  completeOne,
  emptyData,
  type Rig,
  RigProducer,
  STORE,
  settle,
  startRig,
  step,
} from '../../support/log-rig.ts';
import { type Random, seededRandom } from '../../support/random.ts';
import { SimDisk } from '../../support/sim-disk.ts';

interface LogEntry extends EntryRead {
  stream: number;
  listener: number;
  groupNumber: number;
}

/** Every entry of a log that recovery takes. */
async function readLog(disk: SimDisk): Promise<{ entries: LogEntry[]; lastGroup: number }> {
  const { segments, lastGroup } = await recoverLog({ disk, data: 'data', store: STORE, scan: 'all' });
  const entries: LogEntry[] = [];
  for (const { path, firstGroup } of segments) {
    await scanFile(disk, path, firstGroup, {
      deep: true,
      visit: ({ kind, number }, _, body) => {
        if (kind !== GROUP_DATA) return;
        for (const run of runsOf(body)) {
          const { stream, listener } = run;
          for (const at of entriesOf(body, run))
            entries.push({ ...readEntry(body, at), stream, listener, groupNumber: number });
        }
      },
    });
  }
  return { entries, lastGroup };
}

const nameOf = ({ stream, producer, sequence, payload, kind }: EntryRead & { stream: number }) =>
  `${stream}/${producer}/${kind}/${sequence}/${payload}`;

/** Numbered frames that a listener was given as accepted. */
const acceptedOf = (rig: Rig) => rig.released.filter(({ verdict }) => verdict === ENTRY_ACCEPTED);

async function run(rig: Rig, producers: readonly RigProducer[], random: Random, steps: number): Promise<void> {
  for (let count = 0; count < steps && rig.failure === null; count++) {
    const way = random.below(10);
    if (way < 4) random.pick(producers).act(rig, random);
    else if (way < 7) step(rig);
    else if (rig.pending.length > 0) await completeOne(rig, random.below(rig.pending.length));
    else await breathe();
    if (random.chance(0.02)) rig.nowMs += random.below(700);
    if (random.chance(0.01)) rig.body.retain(random.below(Math.max(1, rig.body.durableGroup - 20)));
    const syncs = rig.pending
      .filter(({ operation }) => operation.name === 'sync')
      .map(({ operation }) => operation.path);
    expect(new Set(syncs).size, `two syncs of one file under way, seed ${random.seed}`).toBe(syncs.length);
  }
}

/** What holds of every log that is found after a crash. */
function expectSound(
  entries: readonly LogEntry[],
  released: readonly LogEntry[] | readonly EntryRead[],
  sent: ReadonlySet<string>,
  seed: number,
): void {
  const there = new Set(entries.map(nameOf));
  const firstKept = entries[0]?.groupNumber ?? Number.POSITIVE_INFINITY;
  for (const entry of released as LogEntry[]) {
    if (entry.group >= firstKept)
      expect(there.has(nameOf(entry)), `released and lost: ${nameOf(entry)}, seed ${seed}`).toBe(true);
  }
  const last = new Map<number, number>();
  for (const entry of entries) {
    expect(sent.has(entry.payload), `never sent: ${nameOf(entry)}, seed ${seed}`).toBe(true);
    if (entry.kind !== ENTRY_JSON) continue;
    const before = last.get(entry.producer);
    if (before !== undefined)
      expect(entry.sequence, `order of producer ${entry.producer}, seed ${seed}`).toBe(before + 1);
    last.set(entry.producer, entry.sequence);
  }
}

const newProducers = () => ['a', 'b', 'c', 'd', 'e'].map((id, index) => new RigProducer(id, index % 2));

test.each(Array.from({ length: 12 }, (_, index) => index + 1))(
  'what was released is on the disk after any crash, in order and once, and the log goes on; seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    const producers = newProducers();
    let rig = await startRig(emptyData(new SimDisk()));
    const released: EntryRead[] = [];
    let restarts = 0;
    for (let life = 0; life < 6; life++) {
      await run(rig, producers, random, 100 + random.below(700));
      expect(rig.failure, `seed ${seed}`).toBe(null);
      released.push(...acceptedOf(rig));
      const sent = new Set(producers.flatMap((producer) => [...producer.sent]));
      for (const choice of [keepAll, dropAll, randomCrash(random), randomCrash(random)]) {
        const { entries } = await readLog(rig.disk.crash(choice));
        expectSound(entries, released, sent, seed);
      }
      // Recovery of the crashed disk, itself cut off at times.
      let disk = rig.disk.crash(randomCrash(random));
      if (random.chance(0.3)) disk = rig.disk.kill();
      const { entries, lastGroup } = await readLog(disk);
      expectSound(entries, released, sent, seed);
      rig.disk.halt();
      rig = await startRig(disk);
      for (const producer of producers) producer.restart();
      restarts++;
      expect(rig.body.lastGroup).toBe(lastGroup);
      // What was not released may be gone, and comes again.
      const kept = new Set(entries.map(nameOf));
      released.splice(0, released.length, ...released.filter((entry) => kept.has(nameOf(entry as LogEntry))));
    }
    expect(restarts).toBe(6);
    expect(released.length).toBeGreaterThan(20);
  },
);

test('a released duplicate lies on the disk as the first one did', async () => {
  const random = seededRandom(77);
  const producers = newProducers();
  const rig = await startRig(emptyData(new SimDisk()));
  await run(rig, producers, random, 4000);
  const duplicates = rig.released.filter(({ verdict }) => verdict === ENTRY_DUPLICATE);
  expect(duplicates.length).toBeGreaterThan(20);
  const { entries } = await readLog(rig.disk.crash(dropAll));
  const kept = new Set(entries.map(({ producer, sequence }) => `${producer}/${sequence}`));
  const first = entries[0]!.groupNumber;
  for (const { producer, sequence, value } of duplicates) {
    if (value >= first) expect(kept.has(`${producer}/${sequence}`)).toBe(true);
  }
});

test('a stop takes everything in, and leaves nothing to recover', async () => {
  const random = seededRandom(5);
  const producers = newProducers();
  const rig = await startRig(emptyData(new SimDisk()));
  await run(rig, producers, random, 1500);
  rig.body.stop();
  await settle(rig);
  expect([rig.failure, rig.result]).toEqual([null, 'done']);
  for (const { writer, released } of rig.inboxes) expect(released).toBe(writer.position);
  const disk = rig.disk.crash(dropAll);
  const before = disk.operations.length;
  const { entries, lastGroup } = await readLog(disk);
  expect(disk.operations.slice(before).filter(({ name }) => name === 'write' || name === 'rename')).toEqual([]);
  expect(lastGroup).toBe(rig.body.lastGroup);
  const reads = disk.operations.length;
  await recoverLog({ disk, data: 'data', store: STORE, durableElsewhere: lastGroup });
  const whole = disk.operations.slice(reads).filter(({ name, bytes }) => name === 'read' && bytes > 64);
  expect(new Set(whole.map(({ path }) => path)).size, 'older segments are believed by their ends').toBe(2);
  expect(entries.length).toBeGreaterThanOrEqual(
    acceptedOf(rig).filter(({ group }) => group >= entries[0]!.groupNumber).length,
  );
});

test.each(['received', 'written'] as const)(
  'in mode %s no byte of an inbox is overwritten before it is on its way: what was stopped is whole',
  async (ackMode) => {
    const random = seededRandom(31);
    const producers = newProducers();
    const rig = await startRig(emptyData(new SimDisk()), ackMode);
    await run(rig, producers, random, 6000);
    rig.body.stop();
    await settle(rig);
    expect([rig.failure, rig.result]).toEqual([null, 'done']);
    const { entries } = await readLog(rig.disk.crash(dropAll));
    const kept = new Set(entries.map(nameOf));
    const first = entries[0]!.groupNumber;
    const released = acceptedOf(rig).filter(({ group }) => group >= first);
    expect(released.length).toBeGreaterThan(100);
    expect(released.filter((entry) => !kept.has(nameOf(entry)))).toEqual([]);
  },
);

test('every crash around a roll and around segments given back leaves a log: after each operation, all or nothing kept', async () => {
  const random = seededRandom(9);
  const producers = newProducers();
  const rig = await startRig(emptyData(new SimDisk()));
  let crashes = 0;
  for (let count = 0; count < 2500; count++) {
    random.pick(producers).act(rig, random);
    step(rig);
    if (rig.pending.length === 0) await breathe();
    const next = rig.pending[0]?.operation;
    await completeOne(rig);
    if (count % 100 === 99) rig.body.retain(rig.body.durableGroup);
    const isAroundRoll = next !== undefined && (next.name !== 'write' || next.position === 0) && next.name !== 'sync';
    if (!isAroundRoll && count % 20 > 0) continue;
    const released = acceptedOf(rig);
    const sent = new Set(producers.flatMap((producer) => [...producer.sent]));
    for (const choice of [keepAll, dropAll, randomCrash(random)]) {
      const { entries } = await readLog(rig.disk.crash(choice));
      expectSound(entries, released, sent, count);
      crashes++;
    }
  }
  const renames = rig.disk.operations.filter(({ name }) => name === 'rename').length;
  expect(renames).toBeGreaterThan(20);
  expect(crashes).toBeGreaterThan(300);
});
