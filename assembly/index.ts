// assembly/index.ts — the export list and nothing else.

import { ABI_VERSION } from './layout';

export { arenaFreeBytes, arenaOpen, arenaUsedBytes, giveBlock, reserve, takeBlock } from './arena';
export { builderBytesUsed, builderCreate, builderReset, builderRowNumbers, builderRows, builderSeal } from './builder';

// Watermarks of producers.
export { watermarkRows } from './watermark';
// Routing: which partition a row belongs to, and the image it travels in.
export { murmur2 } from './murmur2';
export {
  scatterImage,
  scatterImageBytes,
  scatterImageRows,
  scatterLongKeyCount,
  scatterLongKeys,
  scatterNullKeyCount,
  scatterNullKeys,
  scatterRun,
} from './scatter';
export { scatterPieceList, scatterPieces } from './pieces';
export { scatterCreate } from './scatter-state';

// The JSON decoder.
export { jsonCreate } from './json/decoder';
export { jsonBegin, jsonNext, jsonRejectCount, jsonRejects, jsonRowsSeen } from './json/frame';
export { jsonCheck } from './json/value';
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
} from './arrow/stream';
export { encodeCreate, encodeJson, encodeJsonRowBytes, encodeJsonRows } from './encode/json';

// Keyed stages.
export { blockEpoch } from './blocks';
export { hashColumns } from './key';
export { xxh64 } from './hash';
export {
  keyedAdvance,
  keyedCounter,
  keyedFlush,
  keyedPausedAt,
  keyedPush,
  keyedTable,
  tableCreate,
  tableFree,
} from './keyed';
export { tableErase, tableFind, tableUpsert } from './probe';
export { keyedFire } from './result';
export { keyedCreate } from './stage';

// Checkpoints of keyed stages.
export { keyedBarrier } from './barrier';
export { keyedCopyLimits } from './frozen';
export { keyedRestoreBegin, keyedRestoreBlock, keyedRestoreEnd, keyedRestoreFill, keyedRestorePane } from './restore';
export { keyedRestoreEntries } from './restore-entries';
export { keyedSweep } from './sweep';
export { builderBytesUsed, builderCreate, builderReset, builderRows, builderSeal } from './builder';
// expressions
export { programCreate, programOverflows, programRun } from './expression';

/** Compared with the host's layout.ts when the module is loaded. */
export function abiVersion(): i32 {
  return ABI_VERSION;
}
