// host/log/forming-group.ts — a group while runs are added to it: the views that one write will take, and their checksum.
//
// No byte of an entry is copied: a run's view lies in the inbox that it came in by. The inbox keeps the bytes until
// the log says INBOX_WRITTEN.

import { crc32 } from 'node:zlib';
import { joinChecksums } from './checksum.ts';
import { GROUP_HEADER_BYTES, RUN_BYTES, RUN_ENTRIES, RUN_HEADER_BYTES, RUN_LISTENER, RUN_STREAM } from './layout.ts';

/** From the group on, `to` decodes this producer, and `from` no longer. */
export interface Move {
  from: number;
  to: number;
  stream: number;
  producer: number;
}

export interface GroupRoom {
  bytes: number;
  entries: number;
  runs: number;
}

export class FormingGroup {
  readonly number: number;
  /** Run headers and runs, in the order of the body. */
  readonly views: Uint8Array[] = [];
  readonly moves: Move[] = [];
  bodyBytes = 0;
  bodyChecksum = 0;
  entries = 0;

  constructor(number: number) {
    this.number = number;
  }

  get runs(): number {
    return this.views.length / 2;
  }

  get isEmpty(): boolean {
    return this.entries === 0;
  }

  /** What this group may still take, of these bounds for the whole of it. */
  roomOf({ bytes, entries, runs }: GroupRoom): GroupRoom {
    return {
      bytes: bytes - GROUP_HEADER_BYTES - this.bodyBytes,
      entries: entries - this.entries,
      runs: runs - this.runs,
    };
  }

  /** @param checksum  of the run's bytes */
  addRun(stream: number, listener: number, run: Uint8Array, entries: number, checksum: number): void {
    const header = new Uint8Array(RUN_HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(RUN_STREAM, stream, true);
    view.setUint32(RUN_LISTENER, listener, true);
    view.setUint32(RUN_BYTES, run.byteLength, true);
    view.setUint32(RUN_ENTRIES, entries, true);
    this.views.push(header, run);
    this.bodyBytes += RUN_HEADER_BYTES + run.byteLength;
    this.bodyChecksum = joinChecksums(crc32(header, this.bodyChecksum), checksum, run.byteLength);
    this.entries += entries;
  }
}
