// test/support/log-writer.ts — builds the files of a log from lists of groups and entries, byte by byte as the layout says.
//
// The engine's own writer is the log thread; this one makes the logs, whole and broken, that recovery and readers are tested with.

import { crc32 } from 'node:zlib';
import { alignUp, viewOf, writeU64 } from '../../host/log/fields.ts';
import { encodeGroupHeader, groupBytes } from '../../host/log/group.ts';
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
  GROUP_BOOTED,
  GROUP_DATA,
  GROUP_HEADER_BYTES,
  GROUP_MARK,
  GROUP_TABLE,
  RUN_BYTES,
  RUN_ENTRIES,
  RUN_HEADER_BYTES,
  RUN_LISTENER,
  RUN_STREAM,
} from '../../host/log/layout.ts';
import { segmentPath } from '../../host/log/place.ts';
import { encodeFooter, encodeSegmentHeader } from '../../host/log/segment.ts';
import type { SimDisk } from './sim-disk.ts';

export const STORE = '00112233445566778899aabbccddeeff';

export interface EntryPlan {
  payload: string;
  kind?: number;
  producer?: number;
  epoch?: number;
  sequence?: number;
  ingestMs?: number;
}

export interface RunPlan {
  stream: number;
  listener: number;
  entries: EntryPlan[];
}

export interface GroupPlan {
  kind: number;
  body?: Uint8Array;
  runs?: RunPlan[];
  /** Default: all before it. */
  durable?: number;
}

export const table = (text = 'producers'): GroupPlan => ({ kind: GROUP_TABLE, body: Buffer.from(text) });
export const mark = (): GroupPlan => ({ kind: GROUP_MARK });
export const booted = (): GroupPlan => ({ kind: GROUP_BOOTED });
export const rows = (...payloads: string[]): GroupPlan => ({
  kind: GROUP_DATA,
  runs: [{ stream: 0, listener: 0, entries: payloads.map((payload, index) => ({ payload, sequence: index + 1 })) }],
});

export interface BuiltGroup {
  number: number;
  offset: number;
  bytes: number;
}

export interface BuiltSegment {
  path: string;
  firstGroup: number;
  bytes: Uint8Array;
  groups: BuiltGroup[];
}

/** Builds segment after segment; each call goes on where the last one ended. */
export class LogWriter {
  readonly data: string;
  nextGroup = 1;
  chain = 0;
  boot = 1;
  ingestMs = 1_700_000_000_000;
  /** Of the next segment. */
  salt = 0xabc0_0001;

  constructor(data = 'data') {
    this.data = data;
  }

  segment(plans: readonly GroupPlan[], { seal = true, zeros = 0 } = {}): BuiltSegment {
    const firstGroup = this.nextGroup;
    const { salt, boot } = this;
    this.salt++;
    const parts = [encodeSegmentHeader({ store: STORE, firstGroup, boot, salt, chain: this.chain })];
    const groups: BuiltGroup[] = [];
    let at = parts[0]!.byteLength;
    for (const plan of plans) {
      const bytes = this.#group(plan, boot, salt);
      groups.push({ number: this.nextGroup - 1, offset: at, bytes: bytes.byteLength });
      parts.push(bytes);
      at += bytes.byteLength;
    }
    const body = Buffer.concat(parts);
    const lastGroup = this.nextGroup - 1;
    const ends = { groups: plans.length, lastGroup, bytesUsed: at, chain: this.chain, segmentCrc: crc32(body) };
    const bytes = Buffer.concat([...(seal ? [body, encodeFooter({ salt, ...ends })] : [body]), new Uint8Array(zeros)]);
    return { path: segmentPath(this.data, firstGroup), firstGroup, bytes: Uint8Array.from(bytes), groups };
  }

  #group({ kind, body, runs = [], durable = this.nextGroup - 1 }: GroupPlan, boot: number, salt: number): Uint8Array {
    const number = this.nextGroup++;
    this.ingestMs++;
    const content = body ?? Buffer.concat(runs.map((run) => runBytes(run, number, this.ingestMs)));
    const bytes = new Uint8Array(groupBytes(content.byteLength));
    bytes.set(content, GROUP_HEADER_BYTES);
    const entries = runs.reduce((sum, run) => sum + run.entries.length, 0);
    const sizes = { bodyBytes: content.byteLength, bodyCrc: crc32(content), entries };
    const header = { kind, number, durable, ingestMs: this.ingestMs, boot, salt, chain: this.chain, ...sizes };
    this.chain = encodeGroupHeader(header, bytes);
    return bytes;
  }
}

function runBytes({ stream, listener, entries }: RunPlan, group: number, ingestMs: number): Uint8Array {
  const written = Buffer.concat(entries.map((entry) => entryBytes(entry, group, ingestMs)));
  const bytes = new Uint8Array(RUN_HEADER_BYTES + written.byteLength);
  const view = viewOf(bytes);
  view.setUint32(RUN_STREAM, stream, true);
  view.setUint32(RUN_LISTENER, listener, true);
  view.setUint32(RUN_BYTES, written.byteLength, true);
  view.setUint32(RUN_ENTRIES, entries.length, true);
  bytes.set(written, RUN_HEADER_BYTES);
  return bytes;
}

function entryBytes(entry: EntryPlan, group: number, groupMs: number): Uint8Array {
  const { payload, kind = ENTRY_JSON, producer = 1, epoch = 1, sequence = 1, ingestMs = groupMs } = entry;
  const content = Buffer.from(payload);
  const bytes = new Uint8Array(alignUp(ENTRY_HEADER_BYTES + content.byteLength));
  const view = viewOf(bytes);
  view.setUint32(ENTRY_BYTES, content.byteLength, true);
  view.setUint16(ENTRY_KIND, kind, true);
  view.setUint32(ENTRY_PRODUCER, producer, true);
  view.setUint32(ENTRY_EPOCH, epoch, true);
  writeU64(view, ENTRY_SEQUENCE, sequence);
  view.setFloat64(ENTRY_INGEST_MS, ingestMs, true);
  view.setUint32(ENTRY_GROUP, group, true);
  bytes.set(content, ENTRY_HEADER_BYTES);
  return bytes;
}

export function putSegments(disk: SimDisk, segments: readonly BuiltSegment[]): void {
  for (const { path, bytes } of segments) disk.put(path, bytes);
}
