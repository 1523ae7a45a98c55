// test/model/arrow-column.ts — what the decoder must make of one Arrow column, in plain TypeScript.
//
// Values arrive as the integration tests' JSON states them (64-bit integers as text, null slots with whatever stands
// there). A cell is a value, or the reason why its row is refused.

import {
  ARROW_COLUMN_NESTED,
  ARROW_COLUMN_TYPE,
  ARROW_COLUMN_VIEW,
  ARROW_DICTIONARY_TYPE,
  REASON_NULL,
  REASON_RANGE,
  REASON_TIME_RANGE,
  TIME_MAX,
  TIME_MIN,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import type { Value } from '../support/batch-rows.ts';

export interface ArrowType {
  name: string;
  bitWidth?: number;
  isSigned?: boolean;
  precision?: string | number;
  unit?: string;
}

export interface ArrowField {
  name: string;
  type: ArrowType;
  dictionary?: { id: number };
}

export type Cell = { value: Value } | { reason: number };

const NESTED = /^(list|largelist|listview|largelistview|fixedsizelist|struct|map|union|runendencoded)$/;
const MS_PER_UNIT: Record<string, [multiply: bigint, divide: bigint]> = {
  SECOND: [1000n, 1n],
  MILLISECOND: [1n, 1n],
  MICROSECOND: [1n, 1000n],
  NANOSECOND: [1n, 1000000n],
  DAY: [86400000n, 1n],
};

/** ARROW_OK (0), or the code with which a builder column of type `target` refuses the field. */
export function bindingCode({ type, dictionary }: ArrowField, target: number): number {
  if (dictionary !== undefined) {
    if (target !== TYPE_UTF8) return ARROW_COLUMN_TYPE;
    return type.name === 'utf8' || type.name === 'largeutf8' ? 0 : ARROW_DICTIONARY_TYPE;
  }
  if (NESTED.test(type.name)) return ARROW_COLUMN_NESTED;
  if (type.name.endsWith('view')) return ARROW_COLUMN_VIEW;
  const takers: Record<string, number[]> = {
    null: [TYPE_BOOL, TYPE_I32, TYPE_I64, TYPE_F64, TYPE_UTF8],
    bool: [TYPE_BOOL],
    utf8: [TYPE_UTF8],
    largeutf8: [TYPE_UTF8],
    floatingpoint: [TYPE_F64],
    int: [TYPE_I32, TYPE_I64, TYPE_F64],
    timestamp: [TYPE_I64],
    date: [TYPE_I64],
  };
  return takers[type.name]?.includes(target) ? 0 : ARROW_COLUMN_TYPE;
}

/** The cell for a raw value, `undefined` when it is null. */
export function cellOf(
  type: ArrowType,
  raw: unknown,
  target: number,
  { nullable, isTime = false }: { nullable: boolean; isTime?: boolean },
): Cell {
  if (raw === undefined) return nullable ? { value: null } : { reason: REASON_NULL };
  if (type.name === 'bool') return { value: raw === true || raw === 1 };
  if (target === TYPE_UTF8) return { value: String(raw) };
  if (type.name === 'floatingpoint') {
    const value = Number(raw);
    return { value: type.precision === 'SINGLE' ? Math.fround(value) : value };
  }
  const integer = BigInt(raw as string | number | bigint);
  if (type.name === 'timestamp' || type.name === 'date') {
    const [multiply, divide] = MS_PER_UNIT[type.unit!]!;
    return timeCell(floorDivide(integer * multiply, divide), isTime);
  }
  if (target === TYPE_I64) return timeCell(integer, isTime);
  if (target === TYPE_I32)
    return BigInt.asIntN(32, integer) === integer ? { value: Number(integer) } : { reason: REASON_RANGE };
  const isExact = integer >= -9007199254740992n && integer <= 9007199254740992n;
  return isExact ? { value: Number(integer) } : { reason: REASON_RANGE };
}

function timeCell(integer: bigint, isTime: boolean): Cell {
  if (isTime && (integer < BigInt(TIME_MIN) || integer > BigInt(TIME_MAX))) return { reason: REASON_TIME_RANGE };
  return BigInt.asIntN(64, integer) === integer ? { value: integer } : { reason: REASON_RANGE };
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return quotient * by > value ? quotient - 1n : quotient;
}
