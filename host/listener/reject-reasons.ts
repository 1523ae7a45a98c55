// host/listener/reject-reasons.ts — the names and texts of why a row was refused, one per REASON_ code of layout.ts.

import {
  REASON_DEPTH,
  REASON_DUPLICATE,
  REASON_FUNCTION,
  REASON_KEY_NULL,
  REASON_KEY_SIZE,
  REASON_MISSING,
  REASON_NULL,
  REASON_RANGE,
  REASON_ROW_SIZE,
  REASON_SURROGATE,
  REASON_SYNTAX,
  REASON_TIME_RANGE,
  REASON_TYPE,
  REASON_UTF8,
} from '../../assembly/layout.ts';
import type { FieldDescription } from '../job/description.ts';

/** Stable: they stand in PROTOCOL.md and in the label of a metric. */
export const REASON_CODE: Record<number, string> = {
  [REASON_SYNTAX]: 'SYNTAX',
  [REASON_UTF8]: 'UTF8',
  [REASON_DEPTH]: 'DEPTH',
  [REASON_MISSING]: 'MISSING',
  [REASON_NULL]: 'NULL',
  [REASON_TYPE]: 'TYPE',
  [REASON_RANGE]: 'RANGE',
  [REASON_TIME_RANGE]: 'TIME_RANGE',
  [REASON_DUPLICATE]: 'DUPLICATE',
  [REASON_ROW_SIZE]: 'ROW_SIZE',
  [REASON_KEY_NULL]: 'KEY_NULL',
  [REASON_FUNCTION]: 'FUNCTION',
  [REASON_SURROGATE]: 'SURROGATE',
  [REASON_KEY_SIZE]: 'KEY_SIZE',
};

const TEXT: Record<number, string> = {
  [REASON_SYNTAX]: 'not a JSON object; a frame holds one object, an array of objects, or one object per line',
  [REASON_UTF8]: 'bytes that are not UTF-8',
  [REASON_DEPTH]: 'nested deeper than the decoder goes',
  [REASON_MISSING]: 'the field is missing; send it, or declare it nullable',
  [REASON_NULL]: 'the field is null; send a value, or declare it nullable',
  [REASON_TYPE]: 'the value has another type than the schema says',
  [REASON_RANGE]: 'the number does not fit the column exactly',
  [REASON_TIME_RANGE]: 'the event time is outside ±8640000000000000 ms; is it in another unit than milliseconds?',
  [REASON_DUPLICATE]: 'the field stands twice in one row',
  [REASON_ROW_SIZE]: 'the row is larger than a batch may be',
  [REASON_KEY_NULL]: "the key is null; send one, or say nullKey: 'drop' or 'group' in keyBy",
  [REASON_FUNCTION]: 'a function of the job threw',
  [REASON_SURROGATE]: 'half a surrogate pair in a string that is read',
  [REASON_KEY_SIZE]: 'the key is longer than 16384 bytes',
};

/** What was seen, what is expected, what to do: one sentence. */
export function reasonText(reason: number, field: FieldDescription | null, detail: string): string {
  const where = field === null ? '' : `field ${field.name} (${field.type}${field.nullable ? ', nullable' : ''}): `;
  return `${where}${TEXT[reason] ?? 'refused'}${detail === '' ? '' : ` (${detail})`}`;
}
