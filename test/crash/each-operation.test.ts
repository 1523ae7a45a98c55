// A scripted life of the log, cut off at each operation of its disk; and the recovery from there, at each operation of its own.
import { expect, test } from 'vitest';
import { ENTRY_ACCEPTED } from '../../host/log/layout.ts';
import { openLog } from '../../host/log/open-log.ts';
import { dropAll, keepAll } from '../support/crash-choice.ts';
import { completeOne, emptyData, type Rig, RigProducer, settle, startRig, step } from '../support/log-rig.ts';
import { seededRandom } from '../support/random.ts';
import { SimDisk } from '../support/sim-disk.ts';
import { judge, type Known, nameOf, openOptions } from './judge-state.ts';

interface Cut {
  operation: string;
  disk: SimDisk;
  known: Known;
}

const ROUNDS = 40;
/** Of appends and their syncs, how many are looked at with every cut of the recovery: they are all alike. */
const LOOK_AT = 12;

/** Opening, taking in, rolls, retention, marks, a stop. Calls `before` at each operation, with what is known by then. */
async function live(disk: SimDisk, before: (cut: Omit<Cut, 'disk'>) => void): Promise<Rig> {
  const random = seededRandom(11);
  const producers = ['a', 'b', 'c'].map((id, index) => new RigProducer(id, index % 2));
  let rig: Rig | undefined;
  let floor = 1;
  disk.fault = ({ name, index }) => {
    const accepted = (rig?.released ?? []).filter(({ verdict }) => verdict === ENTRY_ACCEPTED);
    const released = new Map(accepted.map((entry) => [nameOf(entry), entry]));
    before({ operation: `${name} ${index}`, known: { released, producers, floor } });
    return undefined;
  };
  rig = await startRig(disk);
  for (let round = 0; round < ROUNDS; round++) {
    for (const producer of producers) producer.act(rig, random);
    for (let turn = 0; turn < 6; turn++) {
      step(rig);
      await completeOne(rig);
    }
    if (round % 15 !== 14) continue;
    floor = Math.max(floor, rig.body.durableGroup - 5);
    rig.body.retain(floor);
    rig.nowMs += 1100;
  }
  rig.body.stop();
  await settle(rig);
  return rig;
}

/** Opens the log up to its operation `at`; false when there are fewer. */
async function openUpTo(disk: SimDisk, at: number): Promise<boolean> {
  let isCut = false;
  const cut = new Promise<void>((resolve) => {
    disk.fault = ({ index }) => {
      if (index < at) return undefined;
      isCut = true;
      disk.halt();
      resolve();
      return undefined;
    };
  });
  await Promise.race([cut, openLog(openOptions(disk))]);
  return isCut;
}

test('cut off at any operation of a life, and of the recovery from there, the log is recovered rightly', async () => {
  const disk = emptyData(new SimDisk());
  const met = { sealed: 0, tailsCut: 0, shortened: 0 };
  const cuts: Cut[] = [];
  const rig = await live(disk, (cut) => {
    for (const choice of [keepAll, dropAll]) cuts.push({ ...cut, disk: disk.crash(choice) });
  });
  expect([rig.failure, rig.result]).toEqual([null, 'done']);
  let recoveriesCut = 0;
  for (const [index, { operation, disk: left, known }] of cuts.entries()) {
    const isAlike = /^(write|sync|read)/.test(operation) && index % LOOK_AT !== 0;
    for (let at = 0; !isAlike; at++) {
      const again = left.crash(keepAll);
      if (!(await openUpTo(again, at))) break;
      recoveriesCut++;
      for (const choice of [keepAll, dropAll]) {
        await judge(again.crash(choice), known, false, met).catch((error: Error) => {
          throw new Error(`cut at ${operation}, then at operation ${at} of recovery: ${error.message}`);
        });
      }
    }
    await judge(left, known, true, met).catch((error: Error) => {
      throw new Error(`cut at ${operation}: ${error.message}`);
    });
  }
  expect(cuts.length).toBeGreaterThan(250);
  expect(recoveriesCut).toBeGreaterThan(500);
  for (const [name, count] of Object.entries(met)) expect(count, name).toBeGreaterThan(0);
  const done = new Set(disk.operations.map(({ name }) => name));
  expect([...done].sort()).toEqual(
    expect.arrayContaining(['close', 'list', 'open', 'rename', 'sync', 'syncDirectory', 'write']),
  );
});
