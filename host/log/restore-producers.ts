// host/log/restore-producers.ts — the producer table as it was when the log ended: its last copy, and what the groups behind it changed.

import { crc32 } from 'node:zlib';
import type { Disk } from '../disk/disk.ts';
import type { ProducerLimits } from '../limits.ts';
import { readU64, viewOf } from './fields.ts';
import { entriesOf, type Run, runsOf } from './group.ts';
import {
  ENTRY_ARROW,
  ENTRY_BYTES,
  ENTRY_EPOCH,
  ENTRY_HEADER_BYTES,
  ENTRY_INGEST_MS,
  ENTRY_JSON,
  ENTRY_KIND,
  ENTRY_OPEN,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  GROUP_DATA,
} from './layout.ts';
import { LogError } from './log-error.ts';
import { ProducerTable } from './producer-table.ts';
import { decodeProducerTable } from './producer-table-bytes.ts';
import { scanFile } from './read-facts.ts';
import type { RecoveredLog } from './recover.ts';

/** @throws LogError when an entry contradicts the table: the log was written by something else, or by a bug */
export async function restoreProducers(
  disk: Disk,
  { table: copy, segments }: RecoveredLog,
  limits: ProducerLimits,
): Promise<ProducerTable> {
  const table = copy === undefined ? new ProducerTable(limits) : decodeProducerTable(copy.body, limits);
  const from = copy?.group ?? 0;
  for (const { path, firstGroup, lastGroup } of segments) {
    if (lastGroup <= from) continue;
    await scanFile(disk, path, firstGroup, {
      visit: ({ kind, number }, offset, body) => {
        if (kind !== GROUP_DATA || number <= from) return;
        const wrong = replayGroup(table, number, body);
        if (wrong === undefined) return;
        throw new LogError('CORRUPT', path, offset, offset, `group ${number}: ${wrong} contradicts the producer table`);
      },
    });
  }
  return table;
}

/** @returns what contradicts the table */
function replayGroup(table: ProducerTable, group: number, body: Uint8Array): string | undefined {
  const view = viewOf(body);
  for (const run of runsOf(body)) {
    for (const at of entriesOf(body, run)) {
      if (!replayEntry(table, group, body, view, run, at)) {
        return `sequence ${readU64(view, at + ENTRY_SEQUENCE)} of producer ${view.getUint32(at + ENTRY_PRODUCER, true)}`;
      }
    }
  }
  return undefined;
}

function replayEntry(
  table: ProducerTable,
  group: number,
  body: Uint8Array,
  view: DataView,
  { stream, listener }: Run,
  at: number,
): boolean {
  const producer = view.getUint32(at + ENTRY_PRODUCER, true);
  const kind = view.getUint16(at + ENTRY_KIND, true);
  const epoch = view.getUint32(at + ENTRY_EPOCH, true);
  const ingestMs = view.getFloat64(at + ENTRY_INGEST_MS, true);
  const payloadAt = at + ENTRY_HEADER_BYTES;
  const payload = body.subarray(payloadAt, payloadAt + view.getUint32(at + ENTRY_BYTES, true));
  if (kind === ENTRY_OPEN) {
    const lastSequence = view.getFloat64(at + ENTRY_VALUE, true);
    return table.replayOpen(producer, stream, Buffer.from(payload).toString(), epoch, lastSequence, listener, ingestMs);
  }
  if (producer === 0 || (kind !== ENTRY_JSON && kind !== ENTRY_ARROW)) return true;
  const sequence = readU64(view, at + ENTRY_SEQUENCE);
  return table.replayFrame(producer, epoch, sequence, crc32(payload), group, ingestMs);
}
