// test/support/log-entries.ts — entries into an inbox as a listener puts them there, and out of runs as a reader finds them.

import { entryBytes, type InboxPlace, inboxBytes } from '../../host/log/inbox-place.ts';
import { type InboxWriter, NO_PLACE } from '../../host/log/inbox-writer.ts';
import {
  ENTRY_BYTES,
  ENTRY_EPOCH,
  ENTRY_GROUP,
  ENTRY_HEADER_BYTES,
  ENTRY_INGEST_MS,
  ENTRY_JSON,
  ENTRY_KIND,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  ENTRY_VALUE,
  ENTRY_VERDICT,
  INBOX_HEADER_BYTES,
} from '../../host/log/layout.ts';

export interface EntryToPush {
  kind?: number;
  payload?: string;
  producer?: number;
  epoch?: number;
  sequence?: number;
  ingestMs?: number;
  value?: number;
  connection?: number;
}

export function inboxPlace(capacityBytes: number, { listener = 0, stream = 0 } = {}): InboxPlace {
  const buffer = new SharedArrayBuffer(64 + inboxBytes(capacityBytes));
  return { listener, stream, buffer, baseBytes: 64, capacityBytes };
}

/** False when there was no place. */
export function pushEntry(writer: InboxWriter, place: InboxPlace, entry: EntryToPush = {}): boolean {
  const { kind = ENTRY_JSON, payload = '', producer = 0, epoch = 0, sequence = 0, ingestMs = 0, value = 0 } = entry;
  const bytes = Buffer.from(payload);
  const at = writer.tryPlace(bytes.length);
  if (at === NO_PLACE) return false;
  new Uint8Array(place.buffer).set(bytes, at);
  writer.push(kind, producer, epoch, sequence, ingestMs, value, entry.connection ?? 0);
  return true;
}

export interface EntryRead {
  kind: number;
  verdict: number;
  payload: string;
  producer: number;
  epoch: number;
  sequence: number;
  ingestMs: number;
  value: number;
  group: number;
  bytes: number;
}

export function readEntry(bytes: Uint8Array, at: number): EntryRead {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const payloadBytes = view.getUint32(ENTRY_BYTES, true);
  return {
    kind: view.getUint16(ENTRY_KIND, true),
    verdict: view.getUint16(ENTRY_VERDICT, true),
    payload: Buffer.from(bytes.slice(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + payloadBytes)).toString(),
    producer: view.getUint32(ENTRY_PRODUCER, true),
    epoch: view.getUint32(ENTRY_EPOCH, true),
    sequence: view.getUint32(ENTRY_SEQUENCE, true),
    ingestMs: view.getFloat64(ENTRY_INGEST_MS, true),
    value: view.getFloat64(ENTRY_VALUE, true),
    group: view.getUint32(ENTRY_GROUP, true),
    bytes: entryBytes(payloadBytes),
  };
}

/** All entries of a run. */
export function entriesOf(run: Uint8Array): EntryRead[] {
  const entries: EntryRead[] = [];
  for (let at = 0; at < run.byteLength; at += entries.at(-1)!.bytes) entries.push(readEntry(run, at));
  return entries;
}

/** The entry at a position of an inbox, pads and gaps skipped; the listener's way through what was released. */
export function entryAt(place: InboxPlace, position: number): { entry: EntryRead; next: number } {
  const data = new Uint8Array(place.buffer, place.baseBytes + INBOX_HEADER_BYTES, place.capacityBytes);
  let from = position;
  for (;;) {
    const at = from & (place.capacityBytes - 1);
    const toEndBytes = place.capacityBytes - at;
    if (toEndBytes < ENTRY_HEADER_BYTES) {
      from = (from + toEndBytes) | 0;
      continue;
    }
    const entry = readEntry(data, at);
    const next = (from + entry.bytes) | 0;
    if (entry.kind !== 0) return { entry, next };
    from = next;
  }
}
