// host/log/group.ts — a group's header, written and checked, and the walk over the runs and entries of its body.
//
// Promises
//   - a header is believed only when its own checksum is right, so no length is followed that was not written.
//   - runsOf and entriesOf never leave the bytes that they are given; what does not fit is a MalformedBody, with its offset.
// Not here  whether the group belongs where it stands (scan.ts).

import { crc32 } from 'node:zlib';
import { alignUp, readI64, readU64, viewOf, writeI64, writeU64 } from './fields.ts';
import {
  ENTRY_ACCEPTED,
  ENTRY_BYTES,
  ENTRY_GROUP,
  ENTRY_HEADER_BYTES,
  ENTRY_JSON,
  ENTRY_KIND,
  ENTRY_OPEN,
  ENTRY_VERDICT,
  GROUP_BODY_BYTES,
  GROUP_BODY_CRC,
  GROUP_BOOT,
  GROUP_BOOTED,
  GROUP_CHAIN,
  GROUP_DATA,
  GROUP_DURABLE,
  GROUP_ENTRIES,
  GROUP_HEADER_BYTES,
  GROUP_HEADER_CRC,
  GROUP_INGEST_MS,
  GROUP_KIND,
  GROUP_MAGIC,
  GROUP_MARK,
  GROUP_NUMBER,
  GROUP_RESERVED,
  GROUP_SALT,
  RUN_BYTES,
  RUN_ENTRIES,
  RUN_HEADER_BYTES,
  RUN_LISTENER,
  RUN_STREAM,
} from './layout.ts';

export interface GroupHeader {
  kind: number;
  number: number;
  durable: number;
  ingestMs: number;
  boot: number;
  salt: number;
  chain: number;
  entries: number;
  bodyBytes: number;
  bodyCrc: number;
}

/** Bytes of a whole group, up to where the next may begin. */
export const groupBytes = (bodyBytes: number): number => alignUp(GROUP_HEADER_BYTES + bodyBytes);

/** @returns the header's checksum: the next group's chain */
export function encodeGroupHeader(header: GroupHeader, into: Uint8Array): number {
  const view = viewOf(into);
  view.setUint32(0, GROUP_MAGIC, true);
  view.setUint32(GROUP_BODY_BYTES, header.bodyBytes, true);
  view.setUint32(GROUP_BODY_CRC, header.bodyCrc, true);
  writeU64(view, GROUP_NUMBER, header.number);
  writeU64(view, GROUP_DURABLE, header.durable);
  writeI64(view, GROUP_INGEST_MS, header.ingestMs);
  view.setUint32(GROUP_BOOT, header.boot, true);
  view.setUint32(GROUP_SALT, header.salt, true);
  view.setUint32(GROUP_CHAIN, header.chain, true);
  view.setUint32(GROUP_ENTRIES, header.entries, true);
  view.setUint32(GROUP_KIND, header.kind, true);
  view.setUint32(GROUP_RESERVED, 0, true);
  const headerCrc = crc32(into.subarray(GROUP_HEADER_CRC + 4, GROUP_HEADER_BYTES));
  view.setUint32(GROUP_HEADER_CRC, headerCrc, true);
  return headerCrc;
}

/** Cheap enough for every eighth byte of a file: undefined unless a whole header stands at `offset`. */
export function groupHeaderAt(bytes: Uint8Array, view: DataView, offset: number): GroupHeader | undefined {
  if (bytes.byteLength - offset < GROUP_HEADER_BYTES || view.getUint32(offset, true) !== GROUP_MAGIC) return undefined;
  const checked = bytes.subarray(offset + GROUP_HEADER_CRC + 4, offset + GROUP_HEADER_BYTES);
  if (headerCrcAt(view, offset) !== crc32(checked)) return undefined;
  return {
    kind: view.getUint32(offset + GROUP_KIND, true),
    number: readU64(view, offset + GROUP_NUMBER),
    durable: readU64(view, offset + GROUP_DURABLE),
    ingestMs: readI64(view, offset + GROUP_INGEST_MS),
    boot: view.getUint32(offset + GROUP_BOOT, true),
    salt: view.getUint32(offset + GROUP_SALT, true),
    chain: view.getUint32(offset + GROUP_CHAIN, true),
    entries: view.getUint32(offset + GROUP_ENTRIES, true),
    bodyBytes: view.getUint32(offset + GROUP_BODY_BYTES, true),
    bodyCrc: view.getUint32(offset + GROUP_BODY_CRC, true),
  };
}

export const headerCrcAt = (view: DataView, offset: number): number => view.getUint32(offset + GROUP_HEADER_CRC, true);

/** Bytes that are whole and still not what a log writes: a mistake of ours, or of whoever wrote them. */
export class MalformedBody extends Error {
  override readonly name = 'MalformedBody';
  /** From the start of the body. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export interface Run {
  stream: number;
  listener: number;
  entries: number;
  /** Of its first entry, from the start of the body. */
  offset: number;
  bytes: number;
}

/** The runs of a GROUP_DATA body, in order; checks that they fill it. */
export function* runsOf(body: Uint8Array): Generator<Run> {
  const view = viewOf(body);
  let at = 0;
  while (at < body.byteLength) {
    if (body.byteLength - at < RUN_HEADER_BYTES) throw new MalformedBody('a run header is cut off', at);
    const bytes = view.getUint32(at + RUN_BYTES, true);
    const offset = at + RUN_HEADER_BYTES;
    if (bytes > body.byteLength - offset || bytes % 8 !== 0) {
      throw new MalformedBody(
        `a run of ${bytes} bytes, expected a multiple of 8 up to ${body.byteLength - offset}`,
        at,
      );
    }
    yield {
      stream: view.getUint32(at + RUN_STREAM, true),
      listener: view.getUint32(at + RUN_LISTENER, true),
      entries: view.getUint32(at + RUN_ENTRIES, true),
      offset,
      bytes,
    };
    at = offset + bytes;
  }
}

/** Offsets of the run's entry headers in the body, in order; checks that they fill the run and are as many as it says. */
export function* entriesOf(body: Uint8Array, run: Run): Generator<number> {
  const view = viewOf(body);
  const end = run.offset + run.bytes;
  let at = run.offset;
  let count = 0;
  while (at < end) {
    if (end - at < ENTRY_HEADER_BYTES) throw new MalformedBody('an entry header is cut off', at);
    const bytes = view.getUint32(at + ENTRY_BYTES, true);
    if (bytes > end - at - ENTRY_HEADER_BYTES) {
      throw new MalformedBody(`an entry of ${bytes} bytes, ${end - at - ENTRY_HEADER_BYTES} are left of its run`, at);
    }
    yield at;
    count++;
    at += alignUp(ENTRY_HEADER_BYTES + bytes);
  }
  if (count !== run.entries) throw new MalformedBody(`${count} entries, the run says ${run.entries}`, run.offset);
}

/** @throws MalformedBody when a body whose checksum is right is none that this version writes */
export function checkBody(header: GroupHeader, body: Uint8Array): void {
  if (header.kind < GROUP_DATA || header.kind > GROUP_BOOTED)
    throw new MalformedBody(`a group of kind ${header.kind}`, 0);
  if ((header.kind === GROUP_MARK || header.kind === GROUP_BOOTED) && body.byteLength > 0) {
    throw new MalformedBody(`a body of ${body.byteLength} bytes, expected none`, 0);
  }
  if (header.kind !== GROUP_DATA) return;
  const view = viewOf(body);
  let entries = 0;
  let stream = 0;
  let listener = 0;
  for (const run of runsOf(body)) {
    if (run.stream < stream || (run.stream === stream && run.listener < listener)) {
      throw new MalformedBody(
        `a run of stream ${run.stream}, listener ${run.listener} behind a greater one`,
        run.offset,
      );
    }
    ({ stream, listener } = run);
    entries += run.entries;
    for (const at of entriesOf(body, run)) checkEntry(view, at, header.number);
  }
  if (entries !== header.entries) throw new MalformedBody(`${entries} entries, the group says ${header.entries}`, 0);
}

function checkEntry(view: DataView, at: number, group: number): void {
  const kind = view.getUint16(at + ENTRY_KIND, true);
  const verdict = view.getUint16(at + ENTRY_VERDICT, true);
  const low = view.getUint32(at + ENTRY_GROUP, true);
  if (kind < ENTRY_JSON || kind > ENTRY_OPEN) throw new MalformedBody(`an entry of kind ${kind}`, at);
  if (verdict !== ENTRY_ACCEPTED) throw new MalformedBody(`an entry with verdict ${verdict}`, at);
  if (low !== group % 2 ** 32) throw new MalformedBody(`an entry of group ${low}`, at);
}
