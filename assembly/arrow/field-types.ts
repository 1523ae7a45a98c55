// assembly/arrow/field-types.ts — the numbers of Schema.fbs that the decoder knows. Constants only.

export const FIELD_NULL = 1;
export const FIELD_INT = 2;
export const FIELD_FLOAT = 3;
export const FIELD_BINARY = 4;
export const FIELD_UTF8 = 5;
export const FIELD_BOOL = 6;
export const FIELD_DATE = 8;
export const FIELD_TIMESTAMP = 10;
export const FIELD_LIST = 12;
export const FIELD_STRUCT = 13;
export const FIELD_UNION = 14;
export const FIELD_FIXED_LIST = 16;
export const FIELD_MAP = 17;
export const FIELD_LARGE_BINARY = 19;
export const FIELD_LARGE_UTF8 = 20;
export const FIELD_LARGE_LIST = 21;
export const FIELD_RUN_END = 22;
export const FIELD_BINARY_VIEW = 23;
export const FIELD_UTF8_VIEW = 24;
export const FIELD_LIST_VIEW = 25;
export const FIELD_LARGE_LIST_VIEW = 26;
export const FIELD_TYPE_MAX = 26;

/** Date.unit when it is absent. */
export const DATE_DAY = 0;
export const DATE_MILLISECOND = 1;

/** Timestamp.unit. */
export const UNIT_SECOND = 0;
export const UNIT_MILLISECOND = 1;
export const UNIT_MICROSECOND = 2;
export const UNIT_NANOSECOND = 3;
