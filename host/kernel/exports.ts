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
  builderBytesUsed(builder: number): number;
  builderSeal(builder: number): void;

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
  keyedPush(stage: number, batch: number): number;
  keyedAdvance(stage: number, watermark: number): void;
  keyedFlush(stage: number): number;
  keyedFire(stage: number, out: number, outBytesMax: number): number;
  blockEpoch(address: number): number;
  keyedEpoch(stage: number, epoch: number): void;
  keyedCounter(stage: number, which: number): number;
  keyedSnapshot(stage: number, out: number, outBytesMax: number, start: number): number;
  keyedRestore(stage: number, bytes: number, length: number): number;
  tableCreate(stage: number): number;
  tableFree(stage: number, table: number): void;
  tableUpsert(stage: number, table: number, batch: number, row: number): number;
  tableFind(stage: number, table: number, batch: number, row: number): number;
  tableErase(stage: number, table: number, batch: number, row: number): number;
}
