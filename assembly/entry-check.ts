// assembly/entry-check.ts — whether bytes that came from outside are an entry: bounds, sizes, key lengths.

import { paddedBytes } from './key';
import { BLOCK_BYTES, KEY_BYTES_MAX, TYPE_UTF8 } from './layout';
import { ENTRY_BYTES, ENTRY_ERASED, ENTRY_FLAGS, ENTRY_KEYS, ENTRY_NULLS, Stage, keyOf } from './stage';

/** Where the entry at `entry` ends, which reads nothing at or behind `end`; 0: it is none. */
export function entryEnd(stage: Stage, entry: usize, end: usize, fixedBytes: u32): usize {
  if (end - entry < <usize>fixedBytes) return 0;
  const bytes = load<u32>(entry, ENTRY_BYTES);
  if (bytes < fixedBytes || bytes > <u32>BLOCK_BYTES || (bytes & 7) != 0 || <usize>bytes > end - entry) return 0;
  const flags = load<u16>(entry, ENTRY_FLAGS);
  if (flags == ENTRY_ERASED) return entry + <usize>bytes; // Its key is overwritten.
  const nulls = <u32>load<u16>(entry, ENTRY_NULLS);
  if (flags != 0 || nulls >>> stage.keyCount != 0) return 0;
  if (load<i64>(entry + stage.stateOffset) < 0) return 0; // Rows.
  if (nulls == 0 && stage.hasUtf8Keys == 0) return bytes == fixedBytes ? entry + <usize>bytes : 0;
  let texts: usize = 0;
  for (let index = 0; index < stage.keyCount; index++) {
    const word = load<u64>(entry + (<usize>index << 3), ENTRY_KEYS);
    if (((nulls >>> index) & 1) != 0 && word != 0) return 0;
    if (keyOf(stage, index).type != TYPE_UTF8) continue;
    if (word > <u64>KEY_BYTES_MAX) return 0;
    texts += paddedBytes(<u32>word);
  }
  return <usize>fixedBytes + texts == <usize>bytes ? entry + <usize>bytes : 0;
}
