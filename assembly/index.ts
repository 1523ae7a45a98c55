// assembly/index.ts — the export list and nothing else. ABI.md will describe it for embedders.

import { ABI_VERSION } from './layout';

export { arenaFreeBytes, arenaOpen, arenaUsedBytes, giveBlock, reserve, takeBlock } from './arena';
export { builderBytesUsed, builderCreate, builderReset, builderRows, builderSeal } from './builder';
// Arrow decoder and encoders.
export {
  arrowBegin,
  arrowCreate,
  arrowErrorColumn,
  arrowErrorDetail,
  arrowNext,
  arrowRejectCount,
  arrowRejects,
  arrowRowsSeen,
} from './arrow';
export { encodeCreate, encodeJson, encodeJsonRowBytes, encodeJsonRows } from './encode-json';

/** Compared with the host's layout.ts when the module is loaded. */
export function abiVersion(): i32 {
  return ABI_VERSION;
}
