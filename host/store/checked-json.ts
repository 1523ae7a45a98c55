// host/store/checked-json.ts — small files of the data directory: one JSON object, and the CRC-32 of what stands before it.

import { crc32 } from 'node:zlib';

/** A line that a reader understands and a program can check: `{"a":1,"crc":"89abcdef"}`. */
export function encodeChecked(fields: Record<string, unknown>): Uint8Array {
  const text = JSON.stringify(fields);
  return Buffer.from(`${text.slice(0, -1)},"crc":"${checksum(text)}"}\n`);
}

/** @returns undefined unless it is, byte for byte, what encodeChecked wrote */
export function decodeChecked(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const { crc: _crc, ...fields } = JSON.parse(Buffer.from(bytes).toString());
    return Buffer.compare(encodeChecked(fields), bytes) === 0 ? fields : undefined;
  } catch {
    return undefined;
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
