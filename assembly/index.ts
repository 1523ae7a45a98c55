// assembly/index.ts — the export list and nothing else. ABI.md will describe it for embedders.

import { ABI_VERSION } from './layout';

export { arenaFreeBytes, arenaOpen, arenaUsedBytes, giveBlock, reserve, takeBlock } from './arena';
export { builderBytesUsed, builderCreate, builderReset, builderRows, builderSeal } from './builder';

// Keyed stages.
export { blockEpoch } from './blocks';
export { hashColumns } from './key';
export { xxh64 } from './hash';
export { keyedAdvance, keyedCounter, keyedEpoch, keyedFlush, keyedPush, tableCreate, tableFree } from './keyed';
export { tableErase, tableFind, tableUpsert } from './probe';
export { keyedRestore } from './restore';
export { keyedFire } from './result';
export { keyedSnapshot } from './snapshot';
export { keyedCreate } from './stage';

/** Compared with the host's layout.ts when the module is loaded. */
export function abiVersion(): i32 {
  return ABI_VERSION;
}
