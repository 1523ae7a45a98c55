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

  // expressions
  programCreate(plan: number): number;
  programRun(program: number, batch: number): number;
  programOverflows(program: number): number;
}
