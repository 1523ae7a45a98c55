// assembly/expression-selection.ts — from a bitmap of rows to the list of their indexes.
//
// A table says for each of the 256 bytes which of its bits are set: eight u16, the set bits' numbers first. A byte of
// the bitmap then costs one load, one add, one store and one popcount, whatever its bits are, so nothing is mispredicted.
// Source  Lemire et al., "Faster population counts using AVX2 instructions" and simdjson's flatten_bits use the same idea.

import { reserve } from './arena';
import { bitAt } from './batch';

let bitNumbers: usize = 0; // 256 × 8 u16, made with the first selection.

/** Room for the indexes of rowsMax rows; 0 when the arena is full. */
export function openSelection(rowsMax: i32): usize {
  if (bitNumbers == 0) {
    bitNumbers = reserve(256 * 16);
    if (bitNumbers == 0) return 0;
    for (let byte = 0; byte < 256; byte++) {
      let at = bitNumbers + (<usize>byte << 4);
      for (let bit = 0; bit < 8; bit++) {
        if (((byte >>> bit) & 1) == 0) continue;
        store<u16>(at, bit);
        at += 2;
      }
    }
  }
  return reserve(((<usize>rowsMax + 7) << 1) + 16); // a whole vector is stored at the last byte's first index
}

/** Writes the indexes of the set bits, ascending; bits behind the last row write garbage behind the last index. */
export function closeSelection(selection: usize, bits: usize, rowCount: i32): void {
  let out = selection;
  const byteCount = (rowCount + 7) >>> 3;
  let base = i16x8.splat(0);
  const eight = i16x8.splat(8);
  for (let byte = 0; byte < byteCount; byte++) {
    const pattern = <usize>load<u8>(bits + <usize>byte);
    v128.store(out, i16x8.add(v128.load(bitNumbers + (pattern << 4)), base));
    out += <usize>popcnt<i32>(<i32>pattern) << 1;
    base = i16x8.add(base, eight);
  }
}

/** Keeps the entries whose bit is set and valid, in place; returns how many. */
export function compressSelection(selection: usize, count: i32, bits: usize, validity: usize): i32 {
  let kept = 0;
  for (let lane = 0; lane < count; lane++) {
    const row = load<u16>(selection + (<usize>lane << 1));
    store<u16>(selection + (<usize>kept << 1), row);
    kept += <i32>(bitAt(bits, lane) && (validity == 0 || bitAt(validity, lane)));
  }
  return kept;
}
