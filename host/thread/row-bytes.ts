// host/thread/row-bytes.ts — how much of a batch one row takes, its utf8 bytes aside.

import type { FieldDescription } from '../job/description.ts';

const FIXED_BYTES = { bool: 1 / 8, i32: 4, i64: 8, f64: 8, timestamp: 8, utf8: 4 } as const;

/** Bytes per row of these columns: values (utf8: offsets) and validity bits. */
export const rowBytesOf = (fields: readonly FieldDescription[]): number =>
  fields.reduce((sum, { type, nullable }) => sum + FIXED_BYTES[type] + (nullable ? 1 / 8 : 0), 0);
