// host/kernel/exports.ts — the kernels' exports as TypeScript sees them; docstrings stand in assembly/.
//
// Addresses and sizes come back signed: `>>> 0` before using them as an index.

export interface KernelExports {
  abiVersion(): number;

  arenaOpen(base: number, end: number): void;
  arenaFreeBytes(): number;
  arenaUsedBytes(): number;
  reserve(bytes: number): number;
  takeBlock(): number;
  giveBlock(block: number): void;

  builderCreate(plan: number): number;
  builderReset(builder: number): void;
  builderRows(builder: number): number;
  builderRowNumbers(builder: number): number;
  builderBytesUsed(builder: number): number;
  builderSeal(builder: number): void;

  // Watermarks of producers.
  watermarkRows(builder: number, fromRow: number, maxTime: number, delayMs: number): number;
  // Routing.
  murmur2(bytes: number, length: number): number;
  scatterCreate(plan: number): number;
  scatterRun(
    scatter: number,
    batch: number,
    selection: number,
    selectedCount: number,
    fromIndex: number,
    partition: number,
  ): number;
  scatterPieces(scatter: number, batch: number, selection: number, selectedCount: number, partition: number): number;
  scatterPieceList(scatter: number): number;
  scatterImage(scatter: number, partition: number): number;
  scatterImageBytes(scatter: number, partition: number): number;
  scatterImageRows(scatter: number, partition: number): number;
  scatterNullKeys(scatter: number): number;
  scatterNullKeyCount(scatter: number): number;
  scatterLongKeys(scatter: number): number;
  scatterLongKeyCount(scatter: number): number;
  // The JSON decoder.
  jsonCreate(plan: number): number;
  jsonBegin(decoder: number, ptr: number, length: number): void;
  jsonNext(decoder: number): number;
  jsonRejects(decoder: number): number;
  jsonRejectCount(decoder: number): number;
  jsonRowsSeen(decoder: number): number;
  jsonCheck(ptr: number, length: number): number;
  // Arrow decoder and encoders.
  arrowCreate(plan: number): number;
  arrowBegin(decoder: number, stream: number, length: number): number;
  arrowNext(decoder: number): number;
  arrowRejects(decoder: number): number;
  arrowRejectCount(decoder: number): number;
  arrowRowsSeen(decoder: number): number;
  arrowErrorColumn(decoder: number): number;
  arrowErrorDetail(decoder: number): number;
  encodeCreate(): number;
  encodeJson(
    plan: number,
    batch: number,
    fromRow: number,
    partition: number,
    base: number,
    out: number,
    outBytesMax: number,
  ): number;
  encodeJsonRows(): number;
  encodeJsonRowBytes(plan: number, batch: number, row: number): number;
  // Keyed stages.
  xxh64(at: number, length: number, seedLow: number, seedHigh: number, out: number): void;
  hashColumns(
    batch: number,
    keyColumns: number,
    keyColumnCount: number,
    seedLow: number,
    seedHigh: number,
    out: number,
  ): void;
  keyedCreate(plan: number): number;
  keyedPush(stage: number, batch: number, from: number): number;
  keyedPausedAt(stage: number): number;
  keyedAdvance(stage: number, watermark: number): void;
  keyedFlush(stage: number): number;
  keyedFire(stage: number, out: number, outBytesMax: number): number;
  blockEpoch(address: number): number;
  keyedCounter(stage: number, which: number): number;
  keyedTable(stage: number, start: number): number;
  tableCreate(stage: number): number;
  tableFree(stage: number, table: number): void;
  tableUpsert(stage: number, table: number, batch: number, row: number): number;
  tableFind(stage: number, table: number, batch: number, row: number): number;
  tableErase(stage: number, table: number, batch: number, row: number): number;
  // Checkpoints of keyed stages.
  keyedCopyLimits(stage: number, spareBlocksMax: number, copyBudget: number): void;
  keyedBarrier(stage: number, epoch: number, base: number): number;
  keyedSweep(stage: number, out: number, outBytesMax: number): number;
  keyedRestoreBegin(
    stage: number,
    payload: number,
    bytes: number,
    columns: number,
    columnCount: number,
    takesCounters: number,
  ): number;
  keyedRestorePane(stage: number, payload: number, bytes: number): number;
  keyedRestoreBlock(stage: number, head: number, bytes: number): number;
  keyedRestoreFill(stage: number): number;
  keyedRestoreEntries(
    stage: number,
    start: number,
    entries: number,
    bytes: number,
    groupTable: number,
    groupCount: number,
    partition: number,
  ): number;
  keyedRestoreEnd(stage: number, payload: number, bytes: number): number;
  // expressions
  programCreate(plan: number): number;
  programRun(program: number, batch: number, selection?: number, count?: number): number;
  programOverflows(program: number): number;
}
