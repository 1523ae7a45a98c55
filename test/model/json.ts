// test/model/json.ts — what the JSON decoder must answer, in plain TypeScript over JSON.parse.
//
// A row is cut out by its braces and judged by JSON.parse; its members are then taken from the text again, because
// JSON.parse forgets what the decoder must see: duplicates, the digits of an i64, the order of the fields.
// A fault (text that is no JSON) has the reason FAULT here: which of syntax, UTF-8 and depth a decoder names first is
// its own order of reading.

import {
  JSON_DEPTH_MAX,
  REASON_DEPTH,
  REASON_DUPLICATE,
  REASON_MISSING,
  REASON_NULL,
  REASON_RANGE,
  REASON_ROW_SIZE,
  REASON_SURROGATE,
  REASON_SYNTAX,
  REASON_TIME_RANGE,
  REASON_TYPE,
  TIME_MAX,
  TIME_MIN,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_UTF8,
} from '../../assembly/layout.ts';
import type { Column, Reject, Value } from '../support/json-decoder.ts';

export const FAULT = 0;

export interface ModelDecoded {
  rows: Value[][];
  rowNumbers: number[];
  rejects: Reject[];
}

export function modelDecode(frame: Uint8Array, columns: readonly Column[], bytesMax = 262144): ModelDecoded {
  const decoded: ModelDecoded = { rows: [], rowNumbers: [], rejects: [] };
  const take = (row: Row | Problem) => {
    const number = decoded.rows.length + decoded.rejects.length;
    if ('values' in row) {
      decoded.rows.push(row.values);
      decoded.rowNumbers.push(number);
    } else {
      decoded.rejects.push({ row: number, ...row });
    }
  };
  const start = skipSpace(frame, 0);
  if (frame[start] === OPEN_BRACKET) modelArray(frame, start + 1, columns, bytesMax, take);
  else modelLines(frame, columns, bytesMax, take);
  return decoded;
}

interface Row {
  values: Value[];
}
type Problem = Omit<Reject, 'row'>;
type Take = (row: Row | Problem) => void;

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const broken: Problem = { reason: FAULT, column: -1, at: -1 };

function modelLines(frame: Uint8Array, columns: readonly Column[], bytesMax: number, take: Take): void {
  for (let at = skipSpace(frame, 0); at < frame.length; at = skipSpace(frame, at)) {
    const end = frame[at] === OPEN_BRACE && (at === 0 || isSpace(frame[at - 1]!)) ? valueEnd(frame, at) : -1;
    if (end < 0 || !isJson(frame, at, end) || fieldDepth(frame, at, end) > JSON_DEPTH_MAX) {
      take(broken);
      const newline = frame.indexOf(0x0a, at);
      at = newline < 0 ? frame.length : newline + 1;
    } else {
      take(modelRow(frame, at, end, columns, bytesMax));
      at = end;
    }
  }
}

function modelArray(frame: Uint8Array, from: number, columns: readonly Column[], bytesMax: number, take: Take): void {
  let at = skipSpace(frame, from);
  let next = frame[at] === CLOSE_BRACKET ? CLOSE_BRACKET : COMMA;
  if (next === CLOSE_BRACKET) at++;
  while (next === COMMA) {
    at = skipSpace(frame, at);
    const end = valueEnd(frame, at);
    if (end < 0 || !isJson(frame, at, end)) {
      take(broken);
      return;
    }
    if (frame[at] === OPEN_BRACE) take(modelRow(frame, at, end, columns, bytesMax));
    else take({ reason: REASON_SYNTAX, column: -1, at });
    at = skipSpace(frame, end);
    next = frame[at++] ?? 0;
    if (next !== COMMA && next !== CLOSE_BRACKET) {
      take(broken);
      return;
    }
  }
  if (skipSpace(frame, at) < frame.length) take(broken);
}

/** The row [at, end), which JSON.parse accepts: its values, or its first problem in the order of the text. */
function modelRow(
  frame: Uint8Array,
  at: number,
  end: number,
  columns: readonly Column[],
  bytesMax: number,
): Row | Problem {
  const values = new Map<number, Value>();
  for (const member of members(frame, at, end)) {
    const index = columns.findIndex(({ name }) => name === member.key);
    const deep = depthOf(member.raw) > JSON_DEPTH_MAX;
    if (index >= 0 && values.has(index)) return { reason: REASON_DUPLICATE, column: index, at: member.at };
    if (deep) return { reason: REASON_DEPTH, column: -1, at: member.at };
    if (index < 0) continue;
    const value = modelValue(columns[index]!, member.raw);
    if (typeof value === 'object' && value !== null) return { reason: value.reason, column: index, at: member.at };
    values.set(index, value);
  }
  const row: Value[] = [];
  for (const [index, column] of columns.entries()) {
    const value = values.get(index);
    if (value === undefined && !column.nullable) return { reason: REASON_MISSING, column: index, at };
    row.push(value ?? null);
  }
  const bytes = row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0), 0);
  return bytes > bytesMax ? { reason: REASON_ROW_SIZE, column: -1, at } : { values: row };
}

function modelValue(column: Column, raw: string): Value | { reason: number } {
  const parsed: unknown = JSON.parse(raw);
  if (parsed === null) return column.nullable ? null : { reason: REASON_NULL };
  if (column.type === TYPE_BOOL) return typeof parsed === 'boolean' ? parsed : { reason: REASON_TYPE };
  if (column.type === TYPE_UTF8) {
    if (typeof parsed !== 'string') return { reason: REASON_TYPE };
    return parsed.isWellFormed() ? parsed : { reason: REASON_SURROGATE };
  }
  if (typeof parsed === 'string' && column.eventTime) return modelInstant(parsed) ?? { reason: REASON_TYPE };
  if (typeof parsed !== 'number') return { reason: REASON_TYPE };
  if (column.type === TYPE_F64) return Number.isFinite(parsed) ? parsed : { reason: REASON_RANGE };
  const integer = exactInteger(raw);
  if (integer === 'fraction') return { reason: REASON_RANGE };
  const beyond = (bits: number) => integer === 'huge' || BigInt.asIntN(bits, integer) !== integer;
  if (column.eventTime) {
    const outside = integer === 'huge' || integer < BigInt(TIME_MIN) || integer > BigInt(TIME_MAX);
    return outside ? { reason: REASON_TIME_RANGE } : integer;
  }
  if (beyond(column.type === TYPE_I32 ? 32 : 64)) return { reason: REASON_RANGE };
  return column.type === TYPE_I32 ? Number(integer) : (integer as bigint);
}

/** The number's exact value, read off its digits. */
function exactInteger(raw: string): bigint | 'fraction' | 'huge' {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(raw)!;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return 0n;
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  if (scale < 0n) return 'fraction';
  if (scale > 30n || significant.length > 60) return 'huge';
  return BigInt(`${sign}${significant}`) * 10n ** scale;
}

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

function modelInstant(text: string): bigint | undefined {
  const match = text.length <= 64 ? DATE_TIME.exec(text) : null;
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHours, offsetMinutes] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const offset = sign === undefined ? 0 : (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -1 : 1);
  const seconds = Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second);
  return BigInt(date.getTime() + seconds * 1000 + Number(`${fraction}000`.slice(0, 3)));
}

interface Member {
  key: string;
  raw: string;
  at: number;
}

/** Members of an object that JSON.parse accepts, in the order of the text, duplicates included. */
function* members(frame: Uint8Array, at: number, end: number): Generator<Member> {
  for (let p = skipSpace(frame, at + 1); frame[p] === 0x22; p = skipSpace(frame, p)) {
    const keyEnd = valueEnd(frame, p);
    const from = skipSpace(frame, skipSpace(frame, keyEnd) + 1);
    const to = valueEnd(frame, from);
    yield { key: JSON.parse(text(frame, p, keyEnd)), raw: text(frame, from, to), at: from };
    p = skipSpace(frame, to) + 1;
    if (p >= end) return;
    p = skipSpace(frame, p);
  }
}

/** Deepest value of a row; the row itself is no level. */
function fieldDepth(frame: Uint8Array, at: number, end: number): number {
  return depthOf(text(frame, at, end)) - 1;
}

function depthOf(raw: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of raw.matchAll(/"(?:\\.|[^"\\])*"|[[\]{}]/gs)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ']' || token === '}') depth--;
  }
  return deepest;
}

/** A number as far as its grammar goes on (1. and 01 included: wrong as one), a literal, or what stands up to a delimiter. */
const SCALAR = /^(?:-?\d+(?:\.\d*)?(?:[eE][+-]?\d*)?|true|false|null|[^\s,\]}]*)/;

/** Behind the value at `at`, if brackets and quotes alone decide; −1 when it does not end. */
function valueEnd(frame: Uint8Array, at: number): number {
  let depth = 0;
  for (let p = at; p < frame.length; p++) {
    const byte = frame[p]!;
    if (byte === 0x22) {
      p++;
      while (p < frame.length && frame[p] !== 0x22) p += frame[p] === 0x5c ? 2 : 1;
      if (p >= frame.length) return -1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
    } else if (byte === 0x7d || byte === CLOSE_BRACKET) {
      depth--;
    } else if (depth === 0) {
      return p + SCALAR.exec(String.fromCharCode(...frame.subarray(p, p + 64)))![0].length;
    }
    if (depth <= 0) return depth < 0 ? p : p + 1;
  }
  return -1;
}

/** Whether [at, end) is one JSON text in valid UTF-8. */
export function isJson(frame: Uint8Array, at: number, end: number): boolean {
  try {
    JSON.parse(text(frame, at, end));
    return true;
  } catch {
    return false;
  }
}

function text(frame: Uint8Array, from: number, to: number): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(frame.subarray(from, to));
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(frame: Uint8Array, at: number): number {
  while (at < frame.length && isSpace(frame[at]!)) at++;
  return at;
}
