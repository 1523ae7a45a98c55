// host/log/entry-cursor.ts — walks the entries of an inbox where they lie; the bytes are pictured in layout.ts.

import type { RingPlace } from '../thread/topology.ts';
import { entryBytes } from './inbox-place.ts';
import { ENTRY_BYTES, ENTRY_HEADER_BYTES, ENTRY_KIND, ENTRY_PAD, INBOX_HEADER_BYTES } from './layout.ts';

export class EntryCursor {
  /** Of the entry that `look` found: i32, grows and wraps. */
  position = 0;
  private readonly view: DataView;
  private readonly dataAddress: number;
  private readonly capacityBytes: number;
  private address = 0;

  constructor(buffer: SharedArrayBuffer, place: RingPlace) {
    this.view = new DataView(buffer);
    this.dataAddress = place.baseBytes + INBOX_HEADER_BYTES;
    this.capacityBytes = place.capacityBytes;
  }

  /** Steps over pads and what is skipped at the inbox's end, and says whether an entry stands before `limit`. */
  look(limit: number): boolean {
    while (this.position !== limit) {
      const offset = this.position & (this.capacityBytes - 1);
      const left = this.capacityBytes - offset;
      this.address = this.dataAddress + offset;
      if (left < ENTRY_HEADER_BYTES) this.position = (this.position + left) | 0;
      else if (this.u16(ENTRY_KIND) === ENTRY_PAD) this.next();
      else return true;
    }
    return false;
  }

  next(): void {
    this.position = (this.position + this.entryBytes) | 0;
  }

  /** With its header, up to the next one. */
  get entryBytes(): number {
    return entryBytes(this.bytes);
  }

  /** The payload's. */
  get bytes(): number {
    return this.u32(ENTRY_BYTES);
  }

  get payloadAddress(): number {
    return this.address + ENTRY_HEADER_BYTES;
  }

  u16(field: number): number {
    return this.view.getUint16(this.address + field, true);
  }

  u32(field: number): number {
    return this.view.getUint32(this.address + field, true);
  }

  /** Below 2^53: two words and no BigInt. */
  u64(field: number): number {
    return this.u32(field) + this.u32(field + 4) * 2 ** 32;
  }

  f64(field: number): number {
    return this.view.getFloat64(this.address + field, true);
  }
}
