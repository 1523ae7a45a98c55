// assembly/expression.ts — programs: filters and projections of a batch, interpreted once per batch.
//
// The plan is pictured in expression-layout.ts. A program in memory (reserved once, never freed):
//
//   u32 plan │ u32 registers │ u32 slots │ u32 view │ u32 alive │ u32 selection │ u32 scratch bits │ u32 zeros
//   │ u32 rowCount │ u32 selectedCount │ u32 lanes │ result (12 bytes) │ f64 overflows
//
// Promises
//   - the result is a view: columns that pass through share the batch's buffers, computed ones lie in the program's
//     scratch until its next run. Rows that are not selected may hold anything in computed columns.
//   - instructions run over all rows while many are selected, and over the selected ones, gathered, once they are few.
//   - 0 is returned instead of writing past scratch, when the batch is larger than the plan said.
// Not here  well-typedness: programs are made by our compiler and trusted; batches were validated when decoded.

import { reserve } from './arena';
import { batchRowCount } from './batch';
import { arithmeticF64, arithmeticI64, cast, openOverflow, overflowCount } from './expression-arithmetic';
import { describeInput, describeView, loadColumn, openSlot, SLOT_BYTES, storeColumn } from './expression-column';
import { compareNumbers } from './expression-compare';
import * as plan from './expression-layout';
import { andBits, choose, notBits, nullBits, orBits, trueBits } from './expression-logic';
import {
  bitmapBytes,
  onesIn,
  REGISTER_BYTES,
  registerValidity,
  registerValues,
  setHome,
  setLaneCount,
  setRegister,
  setResult,
} from './expression-register';
import { closeSelection, compressSelection, openSelection } from './expression-selection';
import { compareTexts, inTable, startsWith } from './expression-text';
import { BATCH_HEADER_BYTES, COLUMN_DESCRIPTOR_BYTES, TYPE_BOOL, TYPE_F64, TYPE_UTF8 } from './layout';

const PLAN: usize = 0;
const REGISTERS: usize = 4;
const SLOTS: usize = 8;
const VIEW: usize = 12;
const ALIVE: usize = 16;
const SELECTION: usize = 20;
const SCRATCH: usize = 24;
const ZEROS: usize = 28;
const ROW_COUNT: usize = 32;
const SELECTED_COUNT: usize = 36;
const LANES: usize = 40;
const RESULT: usize = 44;
const OVERFLOWS: usize = 56;
const PROGRAM_BYTES: usize = 64;

// `lanes` says what the lanes of registers are.
const LANES_ARE_ROWS: i32 = 0; // every row of the batch; no row was filtered out yet
const LANES_ARE_ROWS_SOME_ALIVE: i32 = 1; // every row; the alive bitmap says which are still selected
const LANES_ARE_SELECTED: i32 = 2; // the selected rows only, in the order of the selection

/**
 * Below one selected row in this many, gathering the selected ones costs less than computing all: three columns
 * gathered, two results computed and stored cost 7 ns a selected row, all rows 3.5 ns each; utf8 gains far more,
 * a lone comparison of numbers loses 0.3 ns a row.
 */
const GATHER_BELOW: i32 = 4;

/**
 * Makes a program.
 *
 * @param source  a plan (expression-layout.ts); copied, so its memory may be reused
 * @returns its address; 0 when the arena is full
 */
export function programCreate(source: usize): usize {
  const planBytes = load<u32>(source, plan.PLAN_BYTES);
  const rowsMax = load<i32>(source, plan.PLAN_ROWS_MAX);
  const inputColumns = load<u32>(source, plan.PLAN_INPUT_COLUMNS);
  const registerCount = load<u32>(source, plan.PLAN_REGISTERS);
  const slotCount = load<u32>(source, plan.PLAN_SLOTS);
  const outputCount = load<u32>(source, plan.PLAN_OUTPUTS);
  const program = reserve(PROGRAM_BYTES);
  const copy = reserve(planBytes);
  const registers = reserve(<usize>registerCount * REGISTER_BYTES);
  const slots = reserve(<usize>(inputColumns + slotCount) * SLOT_BYTES);
  const view = reserve(BATCH_HEADER_BYTES + <usize>((outputCount + 1) * COLUMN_DESCRIPTOR_BYTES));
  const alive = reserve(bitmapBytes(rowsMax));
  const selection = openSelection(rowsMax);
  const scratch = reserve(bitmapBytes(rowsMax));
  const zeros = reserve(bitmapBytes(rowsMax) + 16); // one vector at least: it serves null numbers too
  if (program == 0 || copy == 0 || registers == 0 || slots == 0 || view == 0) return 0;
  if (alive == 0 || selection == 0 || scratch == 0 || zeros == 0) return 0;
  memory.copy(copy, source, planBytes);
  store<usize>(program, copy, PLAN);
  store<usize>(program, registers, REGISTERS);
  store<usize>(program, slots, SLOTS);
  store<usize>(program, view, VIEW);
  store<usize>(program, alive, ALIVE);
  store<usize>(program, selection, SELECTION);
  store<usize>(program, scratch, SCRATCH);
  store<usize>(program, zeros, ZEROS);
  if (!openRegisters(program) || !openSlots(program)) return 0;
  return program;
}

/** Rows whose value did not fit and became null, since the program was made. */
export function programOverflows(program: usize): f64 {
  return load<f64>(program, OVERFLOWS);
}

/** Constants get their value for good, all others a home of rowsMax lanes. */
function openRegisters(program: usize): bool {
  const copy = load<usize>(program, PLAN);
  const rowsMax = load<i32>(copy, plan.PLAN_ROWS_MAX);
  const registers = load<usize>(program, REGISTERS);
  const zeros = load<usize>(program, ZEROS);
  const constantCount = load<i32>(copy, plan.PLAN_CONSTANTS);
  const registerCount = load<i32>(copy, plan.PLAN_REGISTERS);
  let constant = planConstants(copy);
  for (let index = 0; index < constantCount; index++) {
    const register = registers + <usize>load<u32>(constant) * REGISTER_BYTES;
    const type = load<i32>(constant, 4);
    const data = copy + load<u32>(constant, 8);
    if ((type & plan.PLAN_NULL) != 0) {
      setRegister(register, zeros, 0, zeros, 0);
    } else if (type == TYPE_BOOL) {
      const bits = reserve(bitmapBytes(rowsMax));
      if (bits == 0) return false;
      memory.fill(bits, load<u8>(data), bitmapBytes(rowsMax));
      setRegister(register, bits, 0, 0, 0);
    } else {
      setRegister(register, data, 0, 0, type == TYPE_UTF8 ? copy : 0);
    }
    constant += plan.CONSTANT_BYTES;
  }
  for (let index = 0; index < registerCount; index++) {
    const register = registers + <usize>index * REGISTER_BYTES;
    if (registerValues(register) != 0) continue;
    const values = reserve((<usize>rowsMax << 3) + 16);
    const validity = reserve(bitmapBytes(rowsMax));
    if (values == 0 || validity == 0) return false;
    setHome(register, values, validity);
  }
  return true;
}

/** Computed columns get homes; input columns point into the batch of each run. */
function openSlots(program: usize): bool {
  const copy = load<usize>(program, PLAN);
  const rowsMax = load<i32>(copy, plan.PLAN_ROWS_MAX);
  const count = load<i32>(copy, plan.PLAN_SLOTS);
  let slot = slotAt(program, load<i32>(copy, plan.PLAN_INPUT_COLUMNS));
  let described = planSlots(copy);
  for (let index = 0; index < count; index++) {
    if (!openSlot(slot, load<i32>(described), rowsMax, load<u32>(described, 4))) return false;
    slot += SLOT_BYTES;
    described += plan.SLOT_PLAN_BYTES;
  }
  return true;
}

/**
 * Runs a program over a batch.
 *
 * @param selection  address of the u16 indexes of the rows to run over, ascending; 0: all rows
 * @param count      how many are selected; not looked at when all are
 * @returns the address of u32 batch │ u32 selection │ u32 count: a view, the u16 indexes of its selected rows (0: all
 *          rows are selected) and how many; good until the program's next run. 0 when the batch has more rows than the
 *          plan's rowsMax or more utf8 bytes than its bytesMax.
 */
export function programRun(program: usize, batch: usize, selection: usize, count: i32): usize {
  const copy = load<usize>(program, PLAN);
  const rowCount = batchRowCount(batch);
  if (rowCount > load<i32>(copy, plan.PLAN_ROWS_MAX)) return 0;
  store<i32>(program, rowCount, ROW_COUNT);
  if (selection == 0) {
    store<i32>(program, rowCount, SELECTED_COUNT);
    store<i32>(program, LANES_ARE_ROWS, LANES);
    setLaneCount(rowCount);
  } else {
    memory.copy(load<usize>(program, SELECTION), selection, <usize>count << 1);
    store<i32>(program, count, SELECTED_COUNT);
    store<i32>(program, LANES_ARE_SELECTED, LANES);
    setLaneCount(count);
  }
  describeInput(load<usize>(program, SLOTS), load<i32>(copy, plan.PLAN_INPUT_COLUMNS), batch);
  const instructionCount = load<i32>(copy, plan.PLAN_INSTRUCTIONS);
  let instruction = copy + plan.PLAN_HEADER_BYTES;
  for (let index = 0; index < instructionCount; index++) {
    if (!execute(program, instruction)) return 0;
    instruction += plan.INSTRUCTION_BYTES;
  }
  return describeResult(program, batch);
}

/** One instruction over all lanes; false when its result does not fit. */
function execute(program: usize, instruction: usize): bool {
  const op = load<i32>(instruction);
  const x = load<i32>(instruction, plan.INSTRUCTION_X);
  const y = load<i32>(instruction, plan.INSTRUCTION_Y);
  const targetIndex = load<i32>(instruction, plan.INSTRUCTION_TARGET);
  const aIndex = load<i32>(instruction, plan.INSTRUCTION_A);
  if (op == plan.OP_LOAD) {
    loadColumn(registerAt(program, targetIndex), slotAt(program, aIndex), x, laneSelection(program));
    return true;
  }
  const a = registerAt(program, aIndex);
  if (op == plan.OP_STORE) {
    return storeColumn(slotAt(program, targetIndex), a, x, laneSelection(program), load<i32>(program, ROW_COUNT));
  }
  if (op == plan.OP_FILTER) {
    filter(program, a);
    return true;
  }
  const bIndex = load<i32>(instruction, plan.INSTRUCTION_B);
  const target = registerAt(program, targetIndex);
  if (op == plan.OP_IN) {
    inTable(y, target, a, load<usize>(program, PLAN) + x, bIndex);
    setResult(target, 0, registerValidity(a), 0);
    return true;
  }
  const b = registerAt(program, bIndex);
  if (op == plan.OP_COMPARE) {
    if (y == TYPE_UTF8) compareTexts(x, target, a, b);
    else compareNumbers(x, y, target, a, b);
    setResult(target, 0, registerValidity(a), registerValidity(b));
  } else if (op == plan.OP_ARITHMETIC || op == plan.OP_CAST) {
    compute(program, instruction, target, a, b);
  } else if (op == plan.OP_WHEN) {
    choose(x, target, a, b, registerAt(program, load<i32>(instruction, plan.INSTRUCTION_C)));
  } else if (op == plan.OP_STARTS_WITH) {
    startsWith(target, a, b);
    setResult(target, 0, registerValidity(a), registerValidity(b));
  } else {
    combine(op, target, a, b);
  }
  return true;
}

/** Arithmetic and casts: what may overflow is counted for the rows that matter. */
function compute(program: usize, instruction: usize, target: usize, a: usize, b: usize): void {
  const x = load<i32>(instruction, plan.INSTRUCTION_X);
  const y = load<i32>(instruction, plan.INSTRUCTION_Y);
  const mask = load<i32>(instruction, plan.INSTRUCTION_MASK);
  openOverflow(
    load<usize>(program, SCRATCH),
    load<i32>(program, LANES) == LANES_ARE_ROWS_SOME_ALIVE ? load<usize>(program, ALIVE) : 0,
    mask == plan.NO_MASK ? 0 : registerValues(registerAt(program, mask)),
  );
  if (load<i32>(instruction) == plan.OP_CAST) cast(x, y, target, a);
  else if ((y & ~plan.ARITHMETIC_SAFE) == TYPE_F64) arithmeticF64(x, (y & plan.ARITHMETIC_SAFE) != 0, target, a, b);
  else arithmeticI64(x, (y & plan.ARITHMETIC_SAFE) != 0, target, a, b);
  const overflowed = overflowCount();
  if (overflowed != 0) store<f64>(program, load<f64>(program, OVERFLOWS) + <f64>overflowed, OVERFLOWS);
}

function combine(op: i32, target: usize, a: usize, b: usize): void {
  if (op == plan.OP_AND) andBits(target, a, b);
  else if (op == plan.OP_OR) orBits(target, a, b);
  else if (op == plan.OP_NOT) notBits(target, a);
  else if (op == plan.OP_IS_NULL) nullBits(target, a, false);
  else if (op == plan.OP_IS_NOT_NULL) nullBits(target, a, true);
  else if (op == plan.OP_IS_TRUE) trueBits(target, a, false);
  else if (op == plan.OP_IS_NOT_TRUE) trueBits(target, a, true);
}

/** Selected rows are those that were and whose condition is true; once they are few, lanes become the selected rows. */
function filter(program: usize, condition: usize): void {
  const lanes = load<i32>(program, LANES);
  const selection = load<usize>(program, SELECTION);
  const values = registerValues(condition);
  const validity = registerValidity(condition);
  if (lanes == LANES_ARE_SELECTED) {
    const count = compressSelection(selection, load<i32>(program, SELECTED_COUNT), values, validity);
    store<i32>(program, count, SELECTED_COUNT);
    setLaneCount(count);
    return;
  }
  const rowCount = load<i32>(program, ROW_COUNT);
  const alive = load<usize>(program, ALIVE);
  const words = <usize>((rowCount + 63) >>> 6);
  for (let word: usize = 0; word < words; word++) {
    const at = word << 3;
    let bits = load<i64>(values + at);
    if (validity != 0) bits &= load<i64>(validity + at);
    if (lanes == LANES_ARE_ROWS_SOME_ALIVE) bits &= load<i64>(alive + at);
    store<i64>(alive + at, bits);
  }
  const count = onesIn(alive, rowCount);
  store<i32>(program, count, SELECTED_COUNT);
  if (count == rowCount) return;
  if (count * GATHER_BELOW < rowCount) {
    closeSelection(selection, alive, rowCount);
    store<i32>(program, LANES_ARE_SELECTED, LANES);
    setLaneCount(count);
  } else {
    store<i32>(program, LANES_ARE_ROWS_SOME_ALIVE, LANES);
  }
}

/** The view, its selection and the count, where the caller reads them. */
function describeResult(program: usize, batch: usize): usize {
  const copy = load<usize>(program, PLAN);
  const view = load<usize>(program, VIEW);
  const outputCount = load<i32>(copy, plan.PLAN_OUTPUTS);
  describeView(view, load<usize>(program, SLOTS), planOutputs(copy), outputCount, batch);
  const result = program + RESULT;
  store<usize>(result, view, plan.RESULT_BATCH);
  store<usize>(result, selectionOf(program), plan.RESULT_SELECTION);
  store<i32>(result, load<i32>(program, SELECTED_COUNT), plan.RESULT_COUNT);
  return result;
}

function selectionOf(program: usize): usize {
  const lanes = load<i32>(program, LANES);
  if (lanes == LANES_ARE_ROWS) return 0;
  const selection = load<usize>(program, SELECTION);
  if (lanes == LANES_ARE_ROWS_SOME_ALIVE) {
    closeSelection(selection, load<usize>(program, ALIVE), load<i32>(program, ROW_COUNT));
  }
  return selection;
}

// @ts-ignore: decorator
@inline
function planConstants(copy: usize): usize {
  const instructions = <usize>load<u32>(copy, plan.PLAN_INSTRUCTIONS);
  return copy + plan.PLAN_HEADER_BYTES + instructions * plan.INSTRUCTION_BYTES;
}

// @ts-ignore: decorator
@inline
function planSlots(copy: usize): usize {
  return planConstants(copy) + <usize>load<u32>(copy, plan.PLAN_CONSTANTS) * plan.CONSTANT_BYTES;
}

// @ts-ignore: decorator
@inline
function planOutputs(copy: usize): usize {
  return planSlots(copy) + <usize>load<u32>(copy, plan.PLAN_SLOTS) * plan.SLOT_PLAN_BYTES;
}

/** The selection that lanes go by, or 0 while they are all rows. */
// @ts-ignore: decorator
@inline
function laneSelection(program: usize): usize {
  return load<i32>(program, LANES) == LANES_ARE_SELECTED ? load<usize>(program, SELECTION) : 0;
}

// @ts-ignore: decorator
@inline
function registerAt(program: usize, index: i32): usize {
  return load<usize>(program, REGISTERS) + <usize>index * REGISTER_BYTES;
}

// @ts-ignore: decorator
@inline
function slotAt(program: usize, index: i32): usize {
  return load<usize>(program, SLOTS) + <usize>index * SLOT_BYTES;
}
