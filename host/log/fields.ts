// host/log/fields.ts — fields of the log's headers that DataView does not read as we need them: 64 bits as one number.

const HIGH = 2 ** 32;

/** NaN beyond 2^53: no number of ours, and unequal to any that is expected. */
export function readU64(view: DataView, offset: number): number {
  const value = view.getUint32(offset + 4, true) * HIGH + view.getUint32(offset, true);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % HIGH, true);
  view.setUint32(offset + 4, Math.floor(value / HIGH), true);
}

export function readI64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * HIGH + view.getUint32(offset, true);
}

export function writeI64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, ((value % HIGH) + HIGH) % HIGH, true);
  view.setInt32(offset + 4, Math.floor(value / HIGH), true);
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Groups, entries and footers stand at multiples of 8. */
export const alignUp = (bytes: number): number => Math.ceil(bytes / 8) * 8;
