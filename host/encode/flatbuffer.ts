// host/encode/flatbuffer.ts — writing a flatbuffer front to back: parents first, references patched when the child stands.
//
//   root u32 ─▶ vtable │ table │ children …       a vtable stands right before its table; none are shared
//
// Promises  every scalar is aligned to its size, so readers that verify (C++, Rust) accept it.
// Not here  which tables Arrow wants (arrow-metadata.ts). Reading is the kernel's matter.
// Source    FlatBuffers, "Internals" (flatbuffers.dev).

/** One field of a table, by its place in the schema; undefined: absent, so it reads as its default. */
export type FlatField = FlatScalar | FlatReference | undefined;
export interface FlatScalar {
  bytes: 1 | 2 | 4 | 8;
  value: number;
}
/** Writes what the field refers to and returns where it begins. */
export type FlatReference = (out: FlatWriter) => number;

export class FlatWriter {
  private view = new DataView(new ArrayBuffer(1024));
  private end = 4; // The root reference.

  /** The whole buffer, with `root` as its root table. */
  finish(root: FlatReference): Uint8Array {
    const table = root(this); // First: writing may grow the buffer, and with it replace the view.
    this.view.setUint32(0, table, true);
    return new Uint8Array(this.view.buffer, 0, this.align(8));
  }

  table(fields: readonly FlatField[]): number {
    const vtableBytes = 4 + fields.length * 2;
    // The table begins 8-aligned behind its vtable; widest fields first, so that none needs a gap but the first.
    this.align(8);
    const vtable = this.claim(vtableBytes);
    const table = this.align(8);
    this.claim(4);
    this.view.setInt32(table, table - vtable, true);
    const references: [at: number, write: FlatReference][] = [];
    for (const width of [8, 4, 2, 1]) {
      for (const [index, field] of fields.entries()) {
        if (field === undefined || widthOf(field) !== width) continue;
        this.align(width);
        const at = this.claim(width);
        this.view.setUint16(vtable + 4 + index * 2, at - table, true);
        if (typeof field === 'function') references.push([at, field]);
        else this.scalar(at, field);
      }
    }
    this.view.setUint16(vtable, vtableBytes, true);
    this.view.setUint16(vtable + 2, this.end - table, true);
    for (const [at, write] of references) this.refer(at, write);
    return table;
  }

  string(text: string): number {
    const bytes = new TextEncoder().encode(text);
    this.align(4);
    const at = this.claim(4 + bytes.length + 1); // Ends with a zero byte that the length does not count.
    this.view.setUint32(at, bytes.length, true);
    new Uint8Array(this.view.buffer).set(bytes, at + 4);
    return at;
  }

  /** A vector of references. */
  vector(elements: readonly FlatReference[]): number {
    this.align(4);
    const at = this.claim(4 + elements.length * 4);
    this.view.setUint32(at, elements.length, true);
    for (const [index, write] of elements.entries()) {
      this.refer(at + 4 + index * 4, write);
    }
    return at;
  }

  /** A vector of structs of two i64; its elements begin 8-aligned. */
  pairs(elements: readonly (readonly [number, number])[]): number {
    const at = this.numbers(elements.flat());
    this.view.setUint32(at, elements.length, true);
    return at;
  }

  /** A vector of i64; its elements begin 8-aligned. */
  numbers(elements: readonly number[]): number {
    this.align(8);
    this.claim(4);
    const at = this.claim(4);
    this.view.setUint32(at, elements.length, true);
    for (const value of elements) this.scalar(this.claim(8), { bytes: 8, value });
    return at;
  }

  private refer(at: number, write: FlatReference): void {
    const child = write(this);
    this.view.setUint32(at, child - at, true);
  }

  private scalar(at: number, { bytes, value }: FlatScalar): void {
    if (bytes === 1) this.view.setUint8(at, value);
    else if (bytes === 2) this.view.setInt16(at, value, true);
    else if (bytes === 4) this.view.setInt32(at, value, true);
    else this.view.setBigInt64(at, BigInt(value), true);
  }

  private claim(bytes: number): number {
    const at = this.end;
    this.end += bytes;
    if (this.end > this.view.byteLength) {
      const grown = new Uint8Array(Math.max(this.end, this.view.byteLength * 2));
      grown.set(new Uint8Array(this.view.buffer));
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  private align(to: number): number {
    const gap = -this.end & (to - 1);
    this.claim(gap);
    return this.end;
  }
}

function widthOf(field: FlatScalar | FlatReference): number {
  return typeof field === 'function' ? 4 : field.bytes;
}
