// test/crash/every-crash.ts — all that a power cut can leave of what was not synced, numbered; or a sample where that is too much.
//
// A choice is a number written in mixed radix: one digit per unsynced change, in the order in which the disk asks.
// Kept and dropped give every order of writes, the rest tears one at the sizes at which a medium may cut it.

import type { CrashChoice, WriteFate } from '../support/crash-choice.ts';
import type { Random } from '../support/random.ts';
import type { SimDisk } from '../support/sim-disk.ts';

type Torn = (bytes: number) => WriteFate;

const FATES: readonly Torn[] = [
  () => 'kept',
  () => 'dropped',
  (bytes) => ({ pieceBytes: 1, keeps: (piece) => piece < bytes >> 1 }),
  () => ({ pieceBytes: 512, keeps: (piece) => piece % 2 === 1 }),
  () => ({ pieceBytes: 512, keeps: (piece) => piece === 0 }),
  () => ({ pieceBytes: 4096, keeps: (piece) => piece > 0 }),
];
/** A truncation is done or not. */
const TRUNCATION_FATES = FATES.slice(0, 2);

/** Choice 0 keeps everything, so it asks about every change; `radix` collects how many ways there were for each. */
function numbered(choice: number, radix: number[]): CrashChoice {
  let rest = choice;
  const digit = (base: number) => {
    radix.push(base);
    const value = rest % base;
    rest = Math.floor(rest / base);
    return value;
  };
  return {
    write: ({ bytes }) => {
      const fates = bytes === 0 ? TRUNCATION_FATES : FATES;
      return fates[digit(fates.length)]!(bytes);
    },
    entry: () => digit(2) === 0,
  };
}

/** The states that a power cut now may leave: all of them when there are no more than `statesMax`, else so many by chance. */
export function* everyCrash(disk: SimDisk, statesMax: number, random: Random): Generator<SimDisk> {
  const radix: number[] = [];
  const all = disk.crash(numbered(0, radix));
  const ways = radix.reduce((product, base) => Math.min(product * base, 2 ** 50), 1);
  yield all;
  if (ways <= statesMax) {
    for (let choice = 1; choice < ways; choice++) yield disk.crash(numbered(choice, []));
    return;
  }
  yield disk.crash({ write: () => 'dropped', entry: () => false });
  for (let count = 2; count < statesMax; count++) {
    yield disk.crash(numbered(Math.floor(random.float() * ways), []));
  }
}
