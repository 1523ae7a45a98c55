// assembly/expression-layout.ts — the bytes of a compiled program. Constants only; valid AssemblyScript and TypeScript.
//
// A program is a sequence of instructions over vector registers, made by host/expression/compile.ts and run once per
// batch by expression.ts. A plan, all words u32 little-endian, every offset from the plan's first byte:
//
//   ├─ header ─┼─ instructions × 32 ─┼─ constants × 16 ─┼─ computed slots × 8 ─┼─ outputs × 4 ─┼─ data ─┤
//   instruction  op │ target │ a │ b │ c │ mask │ x │ y
//   constant     register │ type, or PLAN_NULL │ data offset │ data bytes
//   slot         type │ bytesMax (utf8: of all rows together)
//   output       slot index: 0 … inputColumns − 1 are the batch's own columns, computed ones follow
//
//   target, a, b, c   registers; for OP_LOAD `a`, for OP_STORE `target` is a slot
//   mask              a bool register, or NO_MASK: rows outside it do not count as overflows
//   data              numbers twice (one vector of equal lanes), utf8 bytes, tables of OP_IN; 16-byte aligned
//
// Values in registers: i32, i64, f64 as in a column; bool as a bitmap; utf8 as pairs of i32 (start, end). Every
// register has a validity bitmap, or none when no lane is null.

export const PLAN_BYTES = 0;
export const PLAN_ROWS_MAX = 4;
export const PLAN_INPUT_COLUMNS = 8;
export const PLAN_REGISTERS = 12;
export const PLAN_INSTRUCTIONS = 16;
export const PLAN_CONSTANTS = 20;
export const PLAN_SLOTS = 24; // computed ones
export const PLAN_OUTPUTS = 28;
export const PLAN_HEADER_BYTES = 32;

export const INSTRUCTION_BYTES = 32;
export const INSTRUCTION_TARGET = 4;
export const INSTRUCTION_A = 8;
export const INSTRUCTION_B = 12;
export const INSTRUCTION_C = 16;
export const INSTRUCTION_MASK = 20;
export const INSTRUCTION_X = 24;
export const INSTRUCTION_Y = 28;

export const CONSTANT_BYTES = 16;
export const SLOT_PLAN_BYTES = 8;
export const OUTPUT_BYTES = 4;

/** In a constant, beside its type: no lane has a value. */
export const PLAN_NULL = 256;
export const NO_MASK = 65535;

export const OP_LOAD = 1; // target := slot a; x: its type
export const OP_FILTER = 2; // keeps the rows whose a is true
export const OP_STORE = 3; // slot target := a; x: its type
export const OP_COMPARE = 4; // target := a ? b; x: COMPARE_…; y: type, or COMPARE_MIXED
export const OP_ARITHMETIC = 5; // target := a ∘ b; x: ARITHMETIC_…; y: type, plus ARITHMETIC_SAFE
export const OP_CAST = 6; // target := a; x: type before; y: type after
export const OP_AND = 7;
export const OP_OR = 8;
export const OP_NOT = 9;
export const OP_IS_NULL = 10;
export const OP_IS_NOT_NULL = 11;
export const OP_IS_TRUE = 12;
export const OP_IS_NOT_TRUE = 13; // false or null
export const OP_WHEN = 14; // target := a is true ? b : c; x: type
export const OP_IN = 15; // target := a in table; x: data offset of the table; y: type; b: count
export const OP_STARTS_WITH = 16;

export const COMPARE_EQ = 0;
export const COMPARE_NE = 1;
export const COMPARE_LT = 2;
export const COMPARE_LE = 3;
/** Only for utf8 and COMPARE_MIXED; the others swap their operands. */
export const COMPARE_GT = 4;
export const COMPARE_GE = 5;
/** As the type of a comparison: a is i64, b is f64, compared exactly. */
export const COMPARE_MIXED = 6;

export const ARITHMETIC_ADD = 0;
export const ARITHMETIC_SUB = 1;
export const ARITHMETIC_MUL = 2;
export const ARITHMETIC_DIV = 3; // idiv for i64
export const ARITHMETIC_MOD = 4;
export const ARITHMETIC_ABS = 5; // of a; b is a too
/** Added to the type: no lane can overflow or divide by zero, so nothing is checked. */
export const ARITHMETIC_SAFE = 256;

// What programRun returns.
export const RESULT_BATCH = 0;
export const RESULT_SELECTION = 4;
export const RESULT_COUNT = 8;
