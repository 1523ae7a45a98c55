// test/crash/log-contents.ts — what a log holds once recovery took it: every entry, in order, read group by group.

import type { Disk } from '../../host/disk/disk.ts';
import { viewOf } from '../../host/log/fields.ts';
import { entriesOf, groupBytes, groupHeaderAt, runsOf } from '../../host/log/group.ts';
import { GROUP_DATA, GROUP_HEADER_BYTES } from '../../host/log/layout.ts';
import { LogReader } from '../../host/log/reader.ts';
import { type EntryRead, readEntry } from '../support/log-entries.ts';

export interface LoggedEntry extends EntryRead {
  stream: number;
  listener: number;
  groupNumber: number;
}

/** Room for the largest group of 4 MiB, and what stands beside it. */
const READ_BYTES = 2 ** 23;

/** All entries of groups `first` … `last`. */
export async function readEntries(
  disk: Disk,
  data: string,
  first: number,
  last: number,
  readBytes = READ_BYTES,
): Promise<LoggedEntry[]> {
  const reader = new LogReader(disk, data, Math.max(1, first));
  const into = new Uint8Array(readBytes);
  const view = viewOf(into);
  const entries: LoggedEntry[] = [];
  try {
    for (;;) {
      const { bytes, neededBytes } = await reader.read(into, last);
      if (neededBytes > readBytes) throw new Error(`a group of ${neededBytes} bytes, room for ${readBytes}`);
      if (bytes === 0) return entries;
      for (let at = 0; at < bytes; ) {
        const header = groupHeaderAt(into, view, at)!;
        const from = at + GROUP_HEADER_BYTES;
        if (header.kind === GROUP_DATA) addEntries(entries, header.number, into.slice(from, from + header.bodyBytes));
        at += groupBytes(header.bodyBytes);
      }
    }
  } finally {
    await reader.close();
  }
}

function addEntries(entries: LoggedEntry[], groupNumber: number, body: Uint8Array): void {
  for (const run of runsOf(body)) {
    const { stream, listener } = run;
    for (const at of entriesOf(body, run)) entries.push({ ...readEntry(body, at), stream, listener, groupNumber });
  }
}
