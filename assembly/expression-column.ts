// assembly/expression-column.ts — between columns and registers: loads, gathers, stores, and the view at the end.
//
//   slot   column descriptor with addresses instead of offsets (24 bytes)
//          │ u32 home values │ u32 home validity │ u32 home bytes │ u32 bytesMax
//
// Promises
//   - while all rows are lanes a load copies nothing: the register points at the column.
//   - a stored column is of all rows; rows that are no lanes keep whatever was there, texts of theirs are empty.
//   - `selection` is the u16 rows that lanes stand for, 0 while lanes are rows.

import { reserve } from './arena';
import {
  batchColumn,
  batchColumnCount,
  batchRowCount,
  bitAt,
  clearBit,
  columnBytes,
  columnNullCount,
  columnType,
  columnValidity,
  columnValues,
  setBit,
} from './batch';
import * as plan from './expression-layout';
import {
  bitmapBytes,
  homeValidity,
  homeValues,
  laneCount,
  onesIn,
  registerBytes,
  registerStep,
  registerValidity,
  registerValues,
  setHome,
  setRegister,
} from './expression-register';
import {
  BATCH_COLUMN_COUNT,
  BATCH_FLAG_WATERMARKS,
  BATCH_FLAGS,
  BATCH_IMAGE_BYTES,
  BATCH_ROW_COUNT,
  COLUMN_BYTES,
  COLUMN_BYTES_LENGTH,
  COLUMN_DESCRIPTOR_BYTES,
  COLUMN_NULL_COUNT,
  COLUMN_TYPE,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  TYPE_BOOL,
  TYPE_I32,
  TYPE_UTF8,
} from './layout';

const HOME_VALUES: usize = 24;
const HOME_VALIDITY: usize = 28;
const HOME_BYTES: usize = 32;
const BYTES_MAX: usize = 36;
export const SLOT_BYTES: usize = 40;

/** A computed column's home; false when the arena is full. */
export function openSlot(slot: usize, type: i32, rowsMax: i32, bytesMax: u32): bool {
  const values = reserve((<usize>rowsMax << 3) + 16);
  const validity = reserve(bitmapBytes(rowsMax));
  const bytes = type == TYPE_UTF8 ? reserve(bytesMax) : 0;
  if (values == 0 || validity == 0 || (type == TYPE_UTF8 && bytes == 0)) return false;
  store<i32>(slot, type, COLUMN_TYPE);
  store<usize>(slot, values, HOME_VALUES);
  store<usize>(slot, validity, HOME_VALIDITY);
  store<usize>(slot, bytes, HOME_BYTES);
  store<u32>(slot, bytesMax, BYTES_MAX);
  return true;
}

/** Over all rows a load points at the column; over the selected ones it gathers them. */
export function loadColumn(register: usize, slot: usize, type: i32, selection: usize): void {
  const values = load<usize>(slot, COLUMN_VALUES);
  const validity = load<usize>(slot, COLUMN_VALIDITY);
  const bytes = load<usize>(slot, COLUMN_BYTES);
  if (selection == 0) {
    const step: usize = type == TYPE_BOOL ? 0 : type == TYPE_I32 || type == TYPE_UTF8 ? 4 : 8;
    setRegister(register, values, step, validity, bytes);
    return;
  }
  const home = homeValues(register);
  const homeBits = homeValidity(register);
  if (type == TYPE_BOOL) gatherBits(home, values, selection);
  else if (type == TYPE_I32) gather<i32>(home, values, selection);
  else if (type == TYPE_UTF8) gatherPairs(home, values, selection);
  else gather<i64>(home, values, selection);
  if (validity != 0) gatherBits(homeBits, validity, selection);
  setRegister(register, home, type == TYPE_BOOL ? 0 : type == TYPE_I32 ? 4 : 8, validity == 0 ? 0 : homeBits, bytes);
}

function gather<T>(out: usize, values: usize, selection: usize): void {
  for (let lane = 0; lane < laneCount; lane++) {
    const row = <usize>load<u16>(selection + (<usize>lane << 1));
    store<T>(out + <usize>lane * sizeof<T>(), load<T>(values + row * sizeof<T>()));
  }
}

function gatherPairs(out: usize, offsets: usize, selection: usize): void {
  for (let lane = 0; lane < laneCount; lane++) {
    const row = <usize>load<u16>(selection + (<usize>lane << 1));
    store<u64>(out + (<usize>lane << 3), load<u64>(offsets + (row << 2)));
  }
}

function gatherBits(out: usize, bits: usize, selection: usize): void {
  for (let lane = 0; lane < laneCount; lane++) {
    if (bitAt(bits, <i32>load<u16>(selection + (<usize>lane << 1)))) setBit(out, lane);
    else clearBit(out, lane);
  }
}

/** A register becomes a column of all rows; rows that are not lanes keep whatever was there. */
export function storeColumn(slot: usize, register: usize, type: i32, selection: usize, rows: i32): bool {
  const validity = registerValidity(register);
  const nullCount = validity == 0 ? 0 : laneCount - onesIn(validity, laneCount);
  store<i32>(slot, nullCount, COLUMN_NULL_COUNT);
  if (selection == 0 && type != TYPE_UTF8 && registerValues(register) == homeValues(register)) {
    takeHome(slot, register, nullCount);
    return true;
  }
  const homeBits = load<usize>(slot, HOME_VALIDITY);
  store<usize>(slot, nullCount == 0 ? 0 : homeBits, COLUMN_VALIDITY);
  if (nullCount != 0) storeBits(homeBits, validity, selection);
  const home = load<usize>(slot, HOME_VALUES);
  store<usize>(slot, home, COLUMN_VALUES);
  if (type == TYPE_UTF8) return storeTexts(slot, register, selection, rows);
  if (type == TYPE_BOOL) storeBits(home, registerValues(register), selection);
  else if (type == TYPE_I32) storeValues<i32>(home, register, selection);
  else storeValues<i64>(home, register, selection);
  return true;
}

/** Nothing is copied: the register's home becomes the slot's, and the slot's the register's. */
function takeHome(slot: usize, register: usize, nullCount: i32): void {
  const values = homeValues(register);
  const validity = homeValidity(register);
  setHome(register, load<usize>(slot, HOME_VALUES), load<usize>(slot, HOME_VALIDITY));
  store<usize>(slot, values, HOME_VALUES);
  store<usize>(slot, validity, HOME_VALIDITY);
  store<usize>(slot, values, COLUMN_VALUES);
  store<usize>(slot, nullCount == 0 ? 0 : validity, COLUMN_VALIDITY);
}

function storeValues<T>(out: usize, register: usize, selection: usize): void {
  const values = registerValues(register);
  const step = registerStep(register);
  if (selection == 0 && step != 0) {
    memory.copy(out, values, <usize>laneCount * sizeof<T>());
    return;
  }
  for (let lane = 0; lane < laneCount; lane++) {
    const row = selection == 0 ? <usize>lane : <usize>load<u16>(selection + (<usize>lane << 1));
    store<T>(out + row * sizeof<T>(), load<T>(values + <usize>lane * step));
  }
}

function storeBits(out: usize, bits: usize, selection: usize): void {
  if (selection == 0) {
    memory.copy(out, bits, (<usize>((laneCount + 63) >>> 6)) << 3);
    return;
  }
  for (let lane = 0; lane < laneCount; lane++) {
    const row = <i32>load<u16>(selection + (<usize>lane << 1));
    if (bitAt(bits, lane)) setBit(out, row);
    else clearBit(out, row);
  }
}

/** Copies the texts behind each other; rows that are no lanes, and nulls, are empty. */
function storeTexts(slot: usize, register: usize, selection: usize, rows: i32): bool {
  const offsets = load<usize>(slot, COLUMN_VALUES);
  const out = load<usize>(slot, HOME_BYTES);
  const bytesMax = load<u32>(slot, BYTES_MAX);
  const validity = registerValidity(register);
  let used: u32 = 0;
  let row = 0;
  for (let lane = 0; lane < laneCount; lane++) {
    const laneRow = selection == 0 ? lane : <i32>load<u16>(selection + (<usize>lane << 1));
    for (; row <= laneRow; row++) store<u32>(offsets + (<usize>row << 2), used);
    if (validity != 0 && !bitAt(validity, lane)) continue;
    const pair = registerValues(register) + <usize>lane * registerStep(register);
    const start = load<u32>(pair);
    const length = load<u32>(pair, 4) - start;
    if (length > bytesMax - used) return false;
    copyText(out + used, registerBytes(register) + start, length);
    used += length;
  }
  for (; row <= rows; row++) store<u32>(offsets + (<usize>row << 2), used);
  store<usize>(slot, out, COLUMN_BYTES);
  store<u32>(slot, used, COLUMN_BYTES_LENGTH);
  return true;
}

/** Most texts are short: a call of memory.copy costs more than their few words. */
// @ts-ignore: decorator
@inline
function copyText(out: usize, from: usize, length: u32): void {
  if (length > 64) {
    memory.copy(out, from, length);
    return;
  }
  let at: usize = 0;
  for (; at + 8 <= length; at += 8) store<u64>(out + at, load<u64>(from + at));
  if ((length & 4) != 0) {
    store<u32>(out + at, load<u32>(from + at));
    at += 4;
  }
  if ((length & 2) != 0) {
    store<u16>(out + at, load<u16>(from + at));
    at += 2;
  }
  if ((length & 1) != 0) store<u8>(out + at, load<u8>(from + at));
}

/** Input slots point at the batch's buffers. */
export function describeInput(slots: usize, count: i32, batch: usize): void {
  let slot = slots;
  for (let index = 0; index < count; index++) {
    const column = batchColumn(batch, index);
    store<i32>(slot, columnType(column), COLUMN_TYPE);
    store<i32>(slot, columnNullCount(column), COLUMN_NULL_COUNT);
    store<usize>(slot, columnValidity(batch, column), COLUMN_VALIDITY);
    store<usize>(slot, columnValues(batch, column), COLUMN_VALUES);
    store<usize>(slot, columnBytes(batch, column), COLUMN_BYTES);
    store<u32>(slot, load<u32>(column, COLUMN_BYTES_LENGTH), COLUMN_BYTES_LENGTH);
    slot += SLOT_BYTES;
  }
}

/** A view of the output slots (`outputs`: their indexes), then of the batch's watermark column when it has one. */
export function describeView(view: usize, slots: usize, outputs: usize, outputCount: i32, batch: usize): void {
  for (let index = 0; index < outputCount; index++) {
    const slot = slots + <usize>load<u32>(outputs + <usize>(index * plan.OUTPUT_BYTES)) * SLOT_BYTES;
    const column = batchColumn(view, index);
    const validity = load<usize>(slot, COLUMN_VALIDITY);
    store<i32>(column, columnType(slot), COLUMN_TYPE);
    store<i32>(column, columnNullCount(slot), COLUMN_NULL_COUNT);
    store<usize>(column, validity == 0 ? 0 : validity - view, COLUMN_VALIDITY);
    store<usize>(column, load<usize>(slot, COLUMN_VALUES) - view, COLUMN_VALUES);
    store<usize>(column, load<usize>(slot, COLUMN_BYTES) - view, COLUMN_BYTES);
    store<u32>(column, load<u32>(slot, COLUMN_BYTES_LENGTH), COLUMN_BYTES_LENGTH);
  }
  const flags = load<i32>(batch, BATCH_FLAGS);
  const watermarks = (flags & BATCH_FLAG_WATERMARKS) != 0;
  if (watermarks) {
    const last = batchColumn(batch, batchColumnCount(batch) - 1);
    const column = batchColumn(view, outputCount);
    memory.copy(column, last, COLUMN_DESCRIPTOR_BYTES);
    store<usize>(column, columnValues(batch, last) - view, COLUMN_VALUES);
  }
  store<i32>(view, batchRowCount(batch), BATCH_ROW_COUNT);
  store<i32>(view, outputCount + <i32>watermarks, BATCH_COLUMN_COUNT);
  store<i32>(view, 0, BATCH_IMAGE_BYTES);
  store<i32>(view, flags, BATCH_FLAGS);
}
