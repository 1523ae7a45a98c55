// test/crash/states.ts — crash states of the log, enumerated over a simulated disk: each must be recovered, and rightly.
//
//   life of a log, by seed ──each operation of the disk──▶ what a power cut may leave ──▶ recovery ──▶ what must hold
//                └── goes on from one of these states, or from what a kill leaves
//
// What must hold of every state
//   - recovery takes it: a power cut alone is never corruption.
//   - every entry that was released, of a group that is kept, is there once; what retention was not told to give up is kept.
//   - each producer's frames are there in order, without a gap; nothing is there that nobody sent.
//   - recovering again changes nothing; cut off at any operation by another power cut, recovery comes to a log as sound.
// Source    ALICE (Pillai et al., OSDI 2014) for the states, TigerBeetle's simulator for the shape.

import { logLimits } from '../../host/limits.ts';
import { ENTRY_ACCEPTED, ENTRY_JSON, FOOTER_BYTES } from '../../host/log/layout.ts';
import { openLog } from '../../host/log/open-log.ts';
import { recoverLog } from '../../host/log/recover.ts';
import type { EntryRead } from '../support/log-entries.ts';
import {
  breathe,
  completeOne,
  emptyData,
  type Rig,
  RigProducer,
  SMALL,
  STORE,
  settle,
  startRig,
  step,
} from '../support/log-rig.ts';
import { type Random, seededRandom } from '../support/random.ts';
import { SimDisk } from '../support/sim-disk.ts';
import { everyCrash } from './every-crash.ts';
import { type LoggedEntry, readEntries } from './log-contents.ts';

/** At one operation; more points of the lives are worth more than more states of one. */
const STATES_AT_ONCE = 16;
/** Of the operations, how many are looked at: the rest is gone over by other lives. */
const LOOKS = 0.25;
const BOOTS_PER_LIFE = 3;
const TURNS_TO_FOOTER_MAX = 400;
const READ_BYTES = 8192;

export interface StatesReport {
  seed: number;
  states: number;
  lives: number;
  boots: number;
  /** What recovery had to do, by how many states. */
  sealed: number;
  tailsCut: number;
  /** Power cuts while recovery was under way. */
  recoveriesCut: number;
  /** States in which retention had given back segments. */
  shortened: number;
}

interface Known {
  released: Map<string, EntryRead & { stream: number }>;
  producers: RigProducer[];
  /** Groups from this one on must be there. */
  floor: number;
}

/** @throws an Error that names seed, operation and state when one of them is wrong */
export async function enumerateStates(states: number, seed: number): Promise<StatesReport> {
  const report: StatesReport = {
    ...{ seed, states: 0, lives: 0, boots: 0 },
    ...{ sealed: 0, tailsCut: 0, recoveriesCut: 0, shortened: 0 },
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

async function judge(disk: SimDisk, known: Known, again: boolean, report: StatesReport): Promise<void> {
  const said: string[] = [];
  const recovered = await recoverLog({ disk, data: 'data', store: STORE, report: (what) => said.push(what) });
  if (said.some((what) => what.includes('was not clean'))) report.sealed++;
  if (said.some((what) => what.includes('were being written'))) report.tailsCut++;
  const { lastGroup } = recovered;
  const firstGroup = recovered.segments[0]?.firstGroup ?? 1;
  if (firstGroup > 1) report.shortened++;
  if (firstGroup > known.floor) throw new Error(`the log begins with group ${firstGroup}, kept is from ${known.floor}`);
  const entries = await readEntries(disk, 'data', firstGroup, lastGroup, READ_BYTES);
  checkEntries(entries, known, firstGroup);
  if (!again) return;
  const { table, head } = await openLog(openOptions(disk));
  if (head.number !== lastGroup) throw new Error(`recovered once: ${lastGroup} groups, twice: ${head.number}`);
  const last = new Map(entries.filter(({ kind }) => kind === ENTRY_JSON).map((entry) => [entry.producer, entry]));
  for (const { producer, sequence } of last.values()) {
    const found = table.get(producer)?.lastSequence;
    if (found !== sequence) throw new Error(`producer ${producer} has ${sequence} frames, its table says ${found}`);
  }
}

function checkEntries(entries: readonly LoggedEntry[], known: Known, firstGroup: number): void {
  const there = new Set<string>();
  const last = new Map<number, number>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (entry.kind === ENTRY_JSON && there.has(name)) throw new Error(`twice: ${name}`);
    there.add(name);
    if (!known.producers.some(({ sent }) => sent.has(entry.payload))) throw new Error(`never sent: ${name}`);
    if (entry.kind !== ENTRY_JSON) continue;
    const before = last.get(entry.producer);
    if (before !== undefined && entry.sequence !== before + 1) throw new Error(`behind ${before}: ${name}`);
    last.set(entry.producer, entry.sequence);
  }
  for (const [name, { group }] of known.released) {
    if (group >= firstGroup && !there.has(name)) throw new Error(`released and lost: ${name} of group ${group}`);
  }
}

const openOptions = (disk: SimDisk) => ({ disk, data: 'data', store: STORE, limits: logLimits(SMALL) });

const nameOf = ({ stream, producer, sequence, payload, kind }: EntryRead & { stream: number }) =>
  `${stream}/${producer}/${kind}/${sequence}/${payload}`;

function pickOne<T>(from: Iterable<T>, random: Random): T {
  return random.pick([...from]);
}
