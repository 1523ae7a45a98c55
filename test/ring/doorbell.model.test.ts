// Every interleaving of a sleeper and its wakers, as steps of one atomic operation each: what doorbell.ts draws in its
// header. Sequential consistency is what JavaScript promises for atomics, so one order of steps is one possible run.
import { expect, test } from 'vitest';

interface State {
  word: 'awake' | 'asleep';
  work: number;
  done: number;
  sleeper: number; // Program counter; see sleeperStep.
  waiting: boolean; // Enlisted in the wait, not yet notified.
  wakers: number[]; // Program counters; see wakerStep.
}

type Step = (state: State) => State | null; // null: cannot move now

const LOOK = 0; // take work, or go on to announce
const ANNOUNCE = 1; // prepareSleep
const LAST_LOOK = 2; // look once more: cancelSleep or sleep
const SLEEP = 3; // compare and enlist, in one step
const BLOCKED = 4;

function sleeperStep(state: State): State | null {
  const { sleeper, work } = state;
  const taken = { ...state, work: 0, done: state.done + work };
  if (sleeper === LOOK) return work > 0 ? taken : { ...state, sleeper: ANNOUNCE };
  if (sleeper === ANNOUNCE) return { ...state, word: 'asleep', sleeper: LAST_LOOK };
  if (sleeper === LAST_LOOK)
    return work > 0 ? { ...taken, word: 'awake', sleeper: LOOK } : { ...state, sleeper: SLEEP };
  if (sleeper === SLEEP) {
    return state.word === 'asleep' ? { ...state, waiting: true, sleeper: BLOCKED } : { ...state, sleeper: LOOK };
  }
  return state.waiting ? null : { ...state, sleeper: LOOK };
}

/** The same with the announcement after the last look: the order that loses wake-ups. */
function hastySleeperStep(state: State): State | null {
  if (state.sleeper === LOOK && state.work === 0) return { ...state, sleeper: LAST_LOOK };
  if (state.sleeper === LAST_LOOK) return { ...state, word: 'asleep', sleeper: SLEEP };
  return sleeperStep(state);
}

function wakerStep(index: number): Step {
  return (state) => {
    const at = (counter: number, rest: Partial<State> = {}) => setCounter({ ...state, ...rest }, index, counter);
    const counter = state.wakers[index]!;
    if (counter === 0) return at(1, { work: state.work + 1 }); // publish
    if (counter === 1) return at(state.word === 'asleep' ? 2 : 4); // the load in ring()
    if (counter === 2) return state.word === 'asleep' ? at(3, { word: 'awake' }) : at(4); // the CAS in ring()
    if (counter === 3) return at(4, { waiting: false }); // notify
    return null;
  };
}

/** A waker that looks at the word before its work is visible: 0 looks, 5 publishes and goes on to wake, 6 publishes and leaves. */
function hastyWakerStep(index: number): Step {
  return (state) => {
    const counter = state.wakers[index]!;
    const published = { ...state, work: state.work + 1 };
    if (counter === 0) return setCounter(state, index, state.word === 'asleep' ? 5 : 6);
    if (counter === 5) return setCounter(published, index, 2);
    if (counter === 6) return setCounter(published, index, 4);
    return wakerStep(index)(state);
  };
}

function setCounter(state: State, index: number, value: number): State {
  return { ...state, wakers: state.wakers.map((counter, waker) => (waker === index ? value : counter)) };
}

/** Walks every reachable state; returns those where nobody can move although work lies undone, and how many were seen. */
function explore(sleeper: Step, wakers: Step[]): { stuck: State[]; ends: State[]; seen: number } {
  const seen = new Set<string>();
  const stuck: State[] = [];
  const ends: State[] = [];
  const open: State[] = [
    { word: 'awake', work: 0, done: 0, sleeper: LOOK, waiting: false, wakers: wakers.map(() => 0) },
  ];
  while (open.length > 0) {
    const state = open.pop()!;
    const key = JSON.stringify(state);
    if (seen.has(key)) continue;
    seen.add(key);
    const next = [sleeper, ...wakers].map((step) => step(state)).filter((reached) => reached !== null);
    if (next.length > 0) open.push(...next);
    else (state.work > 0 ? stuck : ends).push(state);
  }
  return { stuck, ends, seen: seen.size };
}

test.each([1, 2, 3])('with %i wakers no order of steps leaves the sleeper asleep with work', (count) => {
  const { stuck, ends, seen } = explore(
    sleeperStep,
    Array.from({ length: count }, (_, index) => wakerStep(index)),
  );
  expect(stuck).toEqual([]);
  expect(ends.every((state) => state.done === count && state.sleeper === BLOCKED)).toBe(true);
  expect(ends.length).toBeGreaterThan(0);
  expect(seen).toBeGreaterThan(10);
});

test('the exploration finds the lost wake-up of a sleeper that looks before it announces', () => {
  expect(explore(hastySleeperStep, [wakerStep(0)]).stuck).not.toEqual([]);
});

test('the exploration finds the lost wake-up of a waker that rings before its work is visible', () => {
  expect(explore(sleeperStep, [hastyWakerStep(0)]).stuck).not.toEqual([]);
});
