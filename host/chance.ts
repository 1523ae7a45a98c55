// host/chance.ts — the only file that takes chance from the machine. Tests hand in a seeded one instead.

import { randomBytes, randomUUID } from 'node:crypto';

/** 0 ≤ x < 1, 32 bits. */
export const chance = (): number => chanceU32() / 2 ** 32;

/** 0 … 2^32 − 1 */
export const chanceU32 = (): number => randomBytes(4).readUInt32LE();

/** A name that nobody else has. */
export const uniqueName = (): string => randomUUID();
