// assembly/index.ts — the export list and nothing else. ABI.md will describe it for embedders.

import { ABI_VERSION } from './layout';

export { arenaFreeBytes, arenaOpen, arenaUsedBytes, giveBlock, reserve, takeBlock } from './arena';
export { builderBytesUsed, builderCreate, builderReset, builderRows, builderSeal } from './builder';
// expressions
export { programCreate, programOverflows, programRun } from './expression';

/** Compared with the host's layout.ts when the module is loaded. */
export function abiVersion(): i32 {
  return ABI_VERSION;
}
