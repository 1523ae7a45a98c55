// host/log/segment.ts — a segment's two ends, written and checked: the header in front, the footer that seals it.

import { crc32 } from 'node:zlib';
import { readU64, viewOf, writeU64 } from './fields.ts';
import {
  FOOTER_BYTES,
  FOOTER_BYTES_USED,
  FOOTER_CHAIN,
  FOOTER_CRC,
  FOOTER_GROUPS,
  FOOTER_LAST_GROUP,
  FOOTER_MAGIC,
  FOOTER_SALT,
  FOOTER_SEGMENT_CRC,
  LOG_VERSION,
  SEGMENT_BOOT,
  SEGMENT_CHAIN,
  SEGMENT_CRC,
  SEGMENT_FEATURES,
  SEGMENT_FIRST_GROUP,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  SEGMENT_SALT,
  SEGMENT_STORE,
  SEGMENT_VERSION,
  SEGMENT_VERSION_MIN,
} from './layout.ts';

export const STORE_ID_BYTES = 16;

export interface SegmentHeader {
  /** The data directory's id, as 32 hexadecimal digits. */
  store: string;
  firstGroup: number;
  boot: number;
  salt: number;
  chain: number;
}

export interface Footer {
  salt: number;
  groups: number;
  lastGroup: number;
  /** Where the footer stands. */
  bytesUsed: number;
  chain: number;
  segmentCrc: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint32(SEGMENT_VERSION, LOG_VERSION, true);
  view.setUint32(SEGMENT_VERSION_MIN, LOG_VERSION, true);
  bytes.set(Buffer.from(header.store, 'hex'), SEGMENT_STORE);
  writeU64(view, SEGMENT_FIRST_GROUP, header.firstGroup);
  view.setUint32(SEGMENT_BOOT, header.boot, true);
  view.setUint32(SEGMENT_SALT, header.salt, true);
  view.setUint32(SEGMENT_CHAIN, header.chain, true);
  view.setUint32(SEGMENT_CRC, crc32(bytes.subarray(0, SEGMENT_CRC)), true);
  return bytes;
}

/** @returns 'damaged' also for no header at all; 'newer' when it is whole, and of a Pelton that knows more than this one */
export function segmentHeaderOf(bytes: Uint8Array): SegmentHeader | 'damaged' | 'newer' {
  if (bytes.byteLength < SEGMENT_HEADER_BYTES) return 'damaged';
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== SEGMENT_MAGIC) return 'damaged';
  if (view.getUint32(SEGMENT_CRC, true) !== crc32(bytes.subarray(0, SEGMENT_CRC))) return 'damaged';
  if (view.getUint32(SEGMENT_VERSION_MIN, true) > LOG_VERSION || view.getUint32(SEGMENT_FEATURES, true) !== 0) {
    return 'newer';
  }
  return {
    store: Buffer.from(bytes.slice(SEGMENT_STORE, SEGMENT_STORE + STORE_ID_BYTES)).toString('hex'),
    firstGroup: readU64(view, SEGMENT_FIRST_GROUP),
    boot: view.getUint32(SEGMENT_BOOT, true),
    salt: view.getUint32(SEGMENT_SALT, true),
    chain: view.getUint32(SEGMENT_CHAIN, true),
  };
}

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, FOOTER_MAGIC, true);
  view.setUint32(FOOTER_SALT, footer.salt, true);
  view.setUint32(FOOTER_GROUPS, footer.groups, true);
  writeU64(view, FOOTER_LAST_GROUP, footer.lastGroup);
  writeU64(view, FOOTER_BYTES_USED, footer.bytesUsed);
  view.setUint32(FOOTER_CHAIN, footer.chain, true);
  view.setUint32(FOOTER_SEGMENT_CRC, footer.segmentCrc, true);
  view.setUint32(FOOTER_CRC, crc32(bytes.subarray(FOOTER_CRC + 4)), true);
  return bytes;
}

/** The footer at `offset`; undefined when there is none that is whole. */
export function footerAt(bytes: Uint8Array, offset: number): Footer | undefined {
  if (offset < 0 || bytes.byteLength - offset < FOOTER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(offset, true) !== FOOTER_MAGIC) return undefined;
  const checked = bytes.subarray(offset + FOOTER_CRC + 4, offset + FOOTER_BYTES);
  if (view.getUint32(offset + FOOTER_CRC, true) !== crc32(checked)) return undefined;
  return {
    salt: view.getUint32(offset + FOOTER_SALT, true),
    groups: view.getUint32(offset + FOOTER_GROUPS, true),
    lastGroup: readU64(view, offset + FOOTER_LAST_GROUP),
    bytesUsed: readU64(view, offset + FOOTER_BYTES_USED),
    chain: view.getUint32(offset + FOOTER_CHAIN, true),
    segmentCrc: view.getUint32(offset + FOOTER_SEGMENT_CRC, true),
  };
}
