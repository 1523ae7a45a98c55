// assembly/arrow/column.ts — the decoder's own records: the stream, one column of it, one piece of a dictionary.
//
// A column has two halves: what the schema message fixed (how values are laid out, what the builder wants, the bounds
// that a value must keep), and where the open record batch has its buffers. All addresses point into the stream.
//
// Bounds are on the value as it stands in the stream, before scaling, so that one comparison serves every unit:
// microseconds within TIME_MIN × 1000 … TIME_MAX × 1000 + 999 are exactly those whose millisecond is in range.

/** How values lie in the stream. Timestamps and dates are SOURCE_I32 or SOURCE_I64 with a factor. */
export const SOURCE_UNSET = 0;
export const SOURCE_I8 = 1;
export const SOURCE_I16 = 2;
export const SOURCE_I32 = 3;
export const SOURCE_I64 = 4;
export const SOURCE_U8 = 5;
export const SOURCE_U16 = 6;
export const SOURCE_U32 = 7;
export const SOURCE_U64 = 8; // read as i64 with lowest ≥ 0: what exceeds i64 looks negative
export const SOURCE_F16 = 9;
export const SOURCE_F32 = 10;
export const SOURCE_F64 = 11;
export const SOURCE_BOOL = 12;
export const SOURCE_UTF8 = 13;
export const SOURCE_LARGE_UTF8 = 14;
export const SOURCE_DICTIONARY = 15;
export const SOURCE_NULL = 16;

export const SCALE_NONE = 0;
export const SCALE_MULTIPLY = 1;
export const SCALE_DIVIDE = 2; // rounding down

@unmanaged
export class Decoder {
  plan: usize; // a copy: the caller's may be reused
  builder: usize;
  columnCount: i32;
  columns: usize;
  stream: usize;
  streamBytes: u32;
  at: usize; // the next message
  failed: i32; // the code that ended the stream, for every later call
  errorColumn: i32;
  errorDetail: i32;
  nodeCount: u32; // what each record batch must have, by the schema
  bufferCount: u32; // without the variadic ones of view columns
  viewCount: u32;
  version: i32;
  rowsLimit: u32; // rows that the rest of the stream may still claim
  rows: i32; // of the open record batch
  row: i32; // its first row that is neither built nor rejected
  rowsSeen: u32;
  batchAt: u32; // where its message begins, in bytes of the frame
  rejects: usize;
  rejectCount: i32;
}

@unmanaged
export class Column {
  slot: usize; // the builder's
  target: i32;
  nullable: bool;
  isTime: bool;
  source: i32;
  indexSource: i32; // of a dictionary's indexes
  valueSource: i32; // of a dictionary's values: SOURCE_UTF8 or SOURCE_LARGE_UTF8
  dictionary: i64; // its id
  bounded: bool; // values of the source exist outside lowest … highest
  lowest: i64;
  highest: i64;
  scale: i32;
  factor: i64;
  node: u32;
  buffer: u32;
  viewsBefore: u32;
  // The open record batch.
  validity: usize; // 0: no row is null
  values: usize; // utf8: the offsets
  bytes: usize;
  isClean: bool; // utf8: every byte was seen to be UTF-8
  checkedTo: i32; // rows before this are fit to be built
  problem: i32; // why row `checkedTo` is not, or 0
  // The dictionary as it stands.
  pieces: usize;
  pieceCount: i32;
  entryCount: u32;
  entryBytesMax: u32;
  entriesMayBeNull: bool;
}

/** One dictionary batch: its entries are `first` … first + count − 1. */
@unmanaged
export class Piece {
  first: u32;
  count: u32;
  validity: usize;
  offsets: usize;
  bytes: usize;
}

// @ts-ignore: decorator
@inline
export function columnAt(decoder: Decoder, index: i32): Column {
  return changetype<Column>(decoder.columns + <usize>index * offsetof<Column>());
}

/** Bytes of one value; 0 where values have none or less than one. */
export function sourceBytes(source: i32): u32 {
  if (source == SOURCE_I8 || source == SOURCE_U8) return 1;
  if (source == SOURCE_I16 || source == SOURCE_U16 || source == SOURCE_F16) return 2;
  if (source == SOURCE_I32 || source == SOURCE_U32 || source == SOURCE_F32) return 4;
  if (source == SOURCE_I64 || source == SOURCE_U64 || source == SOURCE_F64) return 8;
  return 0;
}
