// assembly/arena.ts — where kernels get memory: two kinds, one bound.
//
//   base                                              next                     limit
//   ├─ reserved │ block │ block │ reserved │ block … ──┼─ never touched yet ─────┤
//
//   reserve(bytes)  for the life of the instance: plans, scratch vectors, directories
//   takeBlock()     64 KiB, aligned to 64 KiB, for state; giveBlock() makes it available again
//
// Promises
//   - nothing moves; what is reserved is zeroed the first time it is handed out.
//   - a refused request (0) changes nothing: the host turns it into back-pressure or a named error.
//   - touched pages are never given back to the system, so the bound is on the arena's own count.
// Not here  which blocks belong to what: the owner chains them itself.

import { ALIGN_BYTES, BLOCK_BYTES } from './layout';

let next: usize = 0;
let limit: usize = 0;
let freeBlock: usize = 0; // Free blocks are chained through their first word.
let freeBlockCount: i32 = 0;
let usedBytes: usize = 0;

/** Hands [base, end) to the arena; called once, before any other export. `end` may be 2^32 (passed as 0). */
export function arenaOpen(base: usize, end: usize): void {
  next = alignUp(base, ALIGN_BYTES);
  limit = end;
  freeBlock = 0;
  freeBlockCount = 0;
  usedBytes = 0;
}

/** Bytes that may still be handed out: never touched, plus free blocks. */
export function arenaFreeBytes(): usize {
  return limit - next + <usize>freeBlockCount * BLOCK_BYTES;
}

/** Bytes handed out and not given back. */
export function arenaUsedBytes(): usize {
  return usedBytes;
}

/** Zeroed bytes that are never given back, 16-byte aligned; 0 when the arena cannot hold them. */
export function reserve(bytes: usize): usize {
  const at = alignUp(next, 16);
  if (at < next || bytes > limit - at) return 0;
  next = at + bytes;
  usedBytes += bytes;
  return at;
}

/** One block of BLOCK_BYTES, aligned to its size, content undefined; 0 when the arena is full. */
export function takeBlock(): usize {
  if (freeBlock != 0) {
    const block = freeBlock;
    freeBlock = load<usize>(block);
    freeBlockCount--;
    usedBytes += BLOCK_BYTES;
    return block;
  }
  const at = alignUp(next, BLOCK_BYTES);
  if (at < next || <usize>BLOCK_BYTES > limit - at) return 0;
  next = at + BLOCK_BYTES;
  usedBytes += BLOCK_BYTES;
  return at;
}

export function giveBlock(block: usize): void {
  store<usize>(block, freeBlock);
  freeBlock = block;
  freeBlockCount++;
  usedBytes -= BLOCK_BYTES;
}

// @ts-ignore: decorator
@inline
export function alignUp(value: usize, to: usize): usize {
  return (value + to - 1) & ~(to - 1);
}
