// host/cli/memory-size.ts — "2GiB", "512M", "1.5g": sizes as people write them.

const UNIT_BYTES: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes; null when it is no size. A plain number is bytes. */
export function parseMemory(written: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmg])(?:i?b)?|b)?$/i.exec(written.trim());
  if (match === null) return null;
  const bytes = Number(match[1]) * (match[2] === undefined ? 1 : UNIT_BYTES[match[2].toLowerCase()]!);
  return Number.isSafeInteger(Math.floor(bytes)) && bytes > 0 ? Math.floor(bytes) : null;
}
