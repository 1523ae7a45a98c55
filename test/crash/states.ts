// test/crash/states.ts — crash states of the log, enumerated over a simulated disk: each must be recovered, and rightly.
//
//   life of a log, by seed ──each operation of the disk──▶ what a power cut may leave ──▶ recovery ──▶ what must hold
//                └── goes on from one of these states, or from what a kill leaves
//
// What must hold of every state: judge-state.ts.
// Source    ALICE (Pillai et al., OSDI 2014) for the states, TigerBeetle's simulator for the shape.

import { ENTRY_ACCEPTED, FOOTER_BYTES } from '../../host/log/layout.ts';
import { openLog } from '../../host/log/open-log.ts';
import { breathe, completeOne, emptyData, type Rig, RigProducer, settle, startRig, step } from '../support/log-rig.ts';
import { type Random, seededRandom } from '../support/random.ts';
import { SimDisk } from '../support/sim-disk.ts';
import { everyCrash } from './every-crash.ts';
import { judge, type Known, type Met, nameOf, openOptions } from './judge-state.ts';

/** At one operation; more points of the lives are worth more than more states of one. */
const STATES_AT_ONCE = 16;
/** Of the operations, how many are looked at: the rest is gone over by other lives. */
const LOOKS = 0.25;
const BOOTS_PER_LIFE = 3;
const TURNS_TO_FOOTER_MAX = 400;

export interface StatesReport extends Met {
  seed: number;
  states: number;
  lives: number;
  boots: number;
  /** Power cuts while recovery was under way. */
  recoveriesCut: number;
}

/** @throws an Error that names seed, operation and state when one of them is wrong */
export async function enumerateStates(states: number, seed: number): Promise<StatesReport> {
  const report: StatesReport = {
    ...{ seed, states: 0, lives: 0, boots: 0, recoveriesCut: 0 },
    ...{ sealed: 0, tailsCut: 0, shortened: 0 },
  };
  for (let life = 0; report.states < states; life++) {
    report.lives++;
    await live(seededRandom(seed * 1_000_003 + life), states, report);
  }
  return report;
}

async function live(random: Random, statesMax: number, report: StatesReport): Promise<void> {
  const producers = ['a', 'b', 'c', 'd'].map((id, index) => new RigProducer(id, index % 2));
  const known: Known = { released: new Map(), producers, floor: 1 };
  let disk = emptyData(new SimDisk());
  for (let boot = 0; boot < BOOTS_PER_LIFE && report.states < statesMax; boot++) {
    report.boots++;
    const rig = await startRig(disk);
    let seen = 0;
    const learn = () => {
      for (; seen < rig.released.length; seen++) {
        const entry = rig.released[seen]!;
        if (entry.verdict === ENTRY_ACCEPTED) known.released.set(nameOf(entry), entry);
      }
    };
    const steps = 60 + random.below(240);
    for (let count = 0; count < steps && report.states < statesMax; count++) {
      const before = rig.disk.operations.length;
      await turn(rig, known, random);
      if (rig.failure !== null) throw rig.failure;
      learn();
      if (rig.disk.operations.length === before || !random.chance(LOOKS)) continue;
      await judgeAll(rig, known, random, statesMax, report);
    }
    if (random.chance(0.2)) {
      rig.body.stop();
      await settle(rig);
      learn();
      await judgeAll(rig, known, random, statesMax, report);
    }
    const isKilled = random.chance(0.4);
    if (isKilled && random.chance(0.5)) await untilFooter(rig, known, random);
    disk = isKilled ? rig.disk.kill() : pickOne(everyCrash(rig.disk, STATES_AT_ONCE, random), random);
    rig.disk.halt();
    for (const producer of producers) producer.restart();
  }
}

async function turn(rig: Rig, known: Known, random: Random): Promise<void> {
  for (let pushes = random.below(4); pushes > 0; pushes--) random.pick(known.producers).act(rig, random);
  step(rig);
  if (rig.pending.length > 0) await completeOne(rig, random.below(rig.pending.length));
  else await breathe();
  step(rig);
  if (random.chance(0.03)) rig.nowMs += random.below(700);
  if (random.chance(0.03) && rig.body.durableGroup > 20) {
    known.floor = Math.max(known.floor, rig.body.durableGroup - random.below(20));
    rig.body.retain(known.floor);
  }
}

/** To where a footer is written and not synced: the next life must not build on what only readers see. */
async function untilFooter(rig: Rig, known: Known, random: Random): Promise<void> {
  const isThere = () => {
    const last = rig.disk.operations.findLast(({ result }) => result === 'done');
    return last?.name === 'write' && last.bytes === FOOTER_BYTES;
  };
  for (let turns = 0; turns < TURNS_TO_FOOTER_MAX && !isThere(); turns++) await turn(rig, known, random);
}

async function judgeAll(rig: Rig, known: Known, random: Random, statesMax: number, report: StatesReport) {
  let state = 0;
  for (const disk of everyCrash(rig.disk, STATES_AT_ONCE, random)) {
    if (report.states >= statesMax) return;
    report.states++;
    try {
      if (random.chance(0.1)) await cutRecovery(disk, known, random, report);
      else await judge(disk, known, random.chance(0.2), report);
    } catch (error) {
      const where = `seed ${random.seed}, behind operation ${rig.disk.operations.length}, state ${state}`;
      throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
    }
    state++;
  }
}

/** A power cut at some operation of recovery, and recovery from that. */
async function cutRecovery(disk: SimDisk, known: Known, random: Random, report: StatesReport): Promise<void> {
  const at = random.below(24);
  let crashed: SimDisk | undefined;
  const cut = new Promise<void>((resolve) => {
    disk.fault = ({ index }) => {
      if (index !== at) return undefined;
      crashed = pickOne(everyCrash(disk, STATES_AT_ONCE, random), random);
      disk.halt();
      resolve();
      return undefined;
    };
  });
  await Promise.race([cut, openLog(openOptions(disk))]);
  disk.fault = () => undefined;
  if (crashed !== undefined) report.recoveriesCut++;
  await judge(crashed ?? disk, known, false, report);
}

function pickOne<T>(from: Iterable<T>, random: Random): T {
  return random.pick([...from]);
}
