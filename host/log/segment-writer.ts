// host/log/segment-writer.ts — the segment that is written to: from a spare file to its seal.
//
//   spare ──begin: header, TABLE ▶ sync ▶ rename ▶ sync the directory──▶ open ──seal: footer ▶ sync──▶ sealed
//
// A crash between any two of these leaves a spare, or a segment whose first group is whole: never a hole in the chain.
// Not here  what stands in a group (body.ts), what becomes of a sealed segment (spares.ts).

import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { joinChecksums } from './checksum.ts';
import { groupBytes } from './group.ts';
import { FOOTER_BYTES, GROUP_HEADER_BYTES } from './layout.ts';
import { logDirectory, segmentPath } from './place.ts';
import { encodeFooter, encodeSegmentHeader, type SegmentHeader } from './segment.ts';

export interface GroupBytes {
  header: Uint8Array;
  headerChecksum: number;
  body: readonly Uint8Array[];
  bodyBytes: number;
  bodyChecksum: number;
}

export class SegmentWriter {
  readonly firstGroup: number;
  readonly salt: number;
  readonly path: string;
  private readonly file: DiskFile;
  private readonly segmentBytes: number;
  /** Behind the last group that was given a place. */
  private end: number;
  private checksum: number;
  private groups = 0;
  private chain = 0;
  /** Its file is shorter than a segment since a write found no room. */
  private isCut = false;

  private constructor(
    file: DiskFile,
    path: string,
    header: SegmentHeader,
    headerBytes: Uint8Array,
    segmentBytes: number,
  ) {
    this.file = file;
    this.path = path;
    this.firstGroup = header.firstGroup;
    this.salt = header.salt;
    this.segmentBytes = segmentBytes;
    this.end = headerBytes.byteLength;
    this.checksum = crc32(headerBytes);
  }

  /** @param table  the segment's first group, durable when this resolves */
  static async begin(
    disk: Disk,
    data: string,
    spare: DiskFile,
    header: SegmentHeader,
    table: GroupBytes,
    segmentBytes: number,
  ): Promise<SegmentWriter> {
    const headerBytes = encodeSegmentHeader(header);
    const path = segmentPath(data, header.firstGroup);
    const writer = new SegmentWriter(spare, path, header, headerBytes, segmentBytes);
    writer.place(table);
    await spare.write([headerBytes, table.header, ...table.body], 0);
    await spare.sync();
    await disk.rename(spare.path, path);
    await disk.syncDirectory(logDirectory(data));
    return writer;
  }

  /** What the body of one more group may take, before the footer and its copy. */
  get roomBytes(): number {
    return this.segmentBytes - 2 * FOOTER_BYTES - this.end - GROUP_HEADER_BYTES;
  }

  /** Nothing but its TABLE: a group that does not fit here fits nowhere. */
  get isFresh(): boolean {
    return this.groups === 1;
  }

  /** @returns where the group goes */
  place({ header, headerChecksum, bodyBytes, bodyChecksum }: GroupBytes): number {
    const position = this.end;
    this.checksum = joinChecksums(crc32(header, this.checksum), bodyChecksum, bodyBytes);
    this.chain = headerChecksum;
    this.end += groupBytes(bodyBytes);
    this.groups++;
    return position;
  }

  write(views: readonly Uint8Array[], position: number): Promise<void> {
    return this.file.write(views, position);
  }

  sync(): Promise<void> {
    return this.file.sync();
  }

  /** Takes back what a failed write left behind the last good group. */
  truncate(position: number): Promise<void> {
    this.isCut = true;
    return this.file.truncate(position);
  }

  /** Behind this, and once all writes are done, the segment is whole and everything in it durable. */
  async seal(): Promise<void> {
    const footer = encodeFooter({
      salt: this.salt,
      groups: this.groups,
      lastGroup: this.firstGroup + this.groups - 1,
      bytesUsed: this.end,
      chain: this.chain,
      segmentCrc: this.checksum,
    });
    await this.file.write([footer], this.end);
    // A copy at the file's end, where a restart looks first. A file that was cut off is not as long as it says: none.
    const copyAt = this.segmentBytes - FOOTER_BYTES;
    if (!this.isCut && copyAt >= this.end + FOOTER_BYTES) await this.file.write([footer], copyAt);
    await this.file.sync();
    await this.file.close();
  }
}
