// host/log/log-head.ts — where the log ends, and the header of the group that comes next. Pure.

import { crc32 } from 'node:zlib';
import type { FormingGroup } from './forming-group.ts';
import { encodeGroupHeader } from './group.ts';
import type { LogTime } from './intake.ts';
import { GROUP_HEADER_BYTES, GROUP_TABLE } from './layout.ts';
import type { ProducerTable } from './producer-table.ts';
import { encodeProducerTable } from './producer-table-bytes.ts';
import type { GroupBytes } from './segment-writer.ts';

export interface LogHead {
  /** The data directory's id, as 32 hexadecimal digits. */
  store: string;
  /** Of this run: greater than any in the log. */
  boot: number;
  /** The last group with a number; 0 in an empty log. */
  number: number;
  /** Every group up to this one is on the medium. */
  durable: number;
  /** The last group's headerCrc; 0 in an empty log. */
  chain: number;
  ingestMs: number;
  /** The number of this run's BOOTED; 0 before. */
  bootedAt: number;
}

export interface NumberedGroup extends GroupBytes {
  number: number;
}

export type TableGroup = NumberedGroup;

/** @param forming  null for a group without a body */
export function nextGroup(
  head: LogHead,
  time: LogTime,
  kind: number,
  forming: FormingGroup | null,
  salt: number,
): NumberedGroup {
  const { views = [], bodyBytes = 0, bodyChecksum = 0, entries = 0 } = forming ?? {};
  return numbered(head, time, kind, salt, views, bodyBytes, bodyChecksum, entries);
}

/** The table as it is behind the last group: a segment's first one. */
export function tableGroup(head: LogHead, time: LogTime, table: ProducerTable, salt: number): TableGroup {
  table.expire(time.ms);
  const body = encodeProducerTable(table);
  return numbered(head, time, GROUP_TABLE, salt, [body], body.byteLength, crc32(body), 0);
}

function numbered(
  head: LogHead,
  time: LogTime,
  kind: number,
  salt: number,
  body: readonly Uint8Array[],
  bodyBytes: number,
  bodyCrc: number,
  entries: number,
): NumberedGroup {
  const { durable, boot, chain } = head;
  const header = new Uint8Array(GROUP_HEADER_BYTES);
  const number = head.number + 1;
  const ingestMs = Math.floor(time.ms);
  const headerChecksum = encodeGroupHeader(
    { kind, number, durable, ingestMs, boot, salt, chain, entries, bodyBytes, bodyCrc },
    header,
  );
  return { number, header, headerChecksum, body, bodyBytes, bodyChecksum: bodyCrc };
}
