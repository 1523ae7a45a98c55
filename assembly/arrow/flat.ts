// assembly/arrow/flat.ts — reading one flatbuffer of unknown origin.
//
//   root ─▶ table ─ i32 ─▶ vtable   u16 vtableBytes │ u16 tableBytes │ u16 offset of field 0 │ …
//           a field is absent when its offset is 0 or its slot lies behind the vtable
//
// Promises
//   - nothing outside [start, end) of flatOpen is read, whatever the bytes say.
//   - a reference that leaves the range, or a field that leaves its table, raises flatBroken and reads as absent;
//     the caller asks once, at the end.
// Not here  cycles and shared children: whoever descends keeps a budget (schema.ts).
// Source    FlatBuffers, "Internals" and its C++ verifier (flatbuffers.dev).

let start: usize = 0;
let end: usize = 0;
let broken: bool = false;

/** Takes `bytes` at `from` as a flatbuffer and returns its root table, 0 when there is none. */
export function flatOpen(from: usize, bytes: u32): usize {
  start = from;
  end = from + bytes;
  broken = false;
  if (!inside(from, 4)) return refuse();
  return flatTable(from + load<u32>(from));
}

export function flatBroken(): bool {
  return broken;
}

/** The table at `at` after its vtable was checked, or 0. */
export function flatTable(at: usize): usize {
  if (!inside(at, 4)) return refuse();
  const vtable = at - load<i32>(at);
  if (!inside(vtable, 4)) return refuse();
  const vtableBytes = load<u16>(vtable);
  const tableBytes = load<u16>(vtable, 2);
  if (vtableBytes < 4 || !inside(vtable, vtableBytes)) return refuse();
  if (tableBytes < 4 || !inside(at, tableBytes)) return refuse();
  return at;
}

/** `slot` is the field's place in the vtable in bytes: 4, 6, 8 … */
export function flatU8(table: usize, slot: u32, absent: i32): i32 {
  const at = field(table, slot, 1);
  return at == 0 ? absent : load<u8>(at);
}

export function flatI16(table: usize, slot: u32, absent: i32): i32 {
  const at = field(table, slot, 2);
  return at == 0 ? absent : load<i16>(at);
}

export function flatI32(table: usize, slot: u32, absent: i32): i32 {
  const at = field(table, slot, 4);
  return at == 0 ? absent : load<i32>(at);
}

export function flatI64(table: usize, slot: u32, absent: i64): i64 {
  const at = field(table, slot, 8);
  return at == 0 ? absent : load<i64>(at);
}

/** The table that a field refers to, or 0. */
export function flatChild(table: usize, slot: u32): usize {
  const at = field(table, slot, 4);
  return at == 0 ? 0 : flatTable(at + load<u32>(at));
}

/** The vector (or string) that a field refers to, or 0: u32 count, then the elements, all inside the range. */
export function flatVector(table: usize, slot: u32, elementBytes: u32): usize {
  const at = field(table, slot, 4);
  if (at == 0) return 0;
  const vector = at + load<u32>(at);
  if (!inside(vector, 4)) return refuse();
  if (!inside(vector, 4 + <u64>load<u32>(vector) * elementBytes)) return refuse();
  return vector;
}

export function flatCount(vector: usize): u32 {
  return vector == 0 ? 0 : load<u32>(vector);
}

/** Element `index` of a vector of tables, or 0. */
export function flatElement(vector: usize, index: u32): usize {
  const at = vector + 4 + ((<usize>index) << 2);
  return flatTable(at + load<u32>(at));
}

/** Address of a field inside a checked table; 0 when it is absent. */
function field(table: usize, slot: u32, bytes: u32): usize {
  if (table == 0) return 0;
  const vtable = table - load<i32>(table);
  if (slot + 2 > load<u16>(vtable)) return 0;
  const offset = <u32>load<u16>(vtable + slot);
  if (offset == 0) return 0;
  if (offset + bytes > load<u16>(vtable, 2)) return refuse();
  return table + offset;
}

// @ts-ignore: decorator
@inline
function inside(at: usize, bytes: u64): bool {
  return at >= start && <u64>at + bytes <= <u64>end;
}

function refuse(): usize {
  broken = true;
  return 0;
}
