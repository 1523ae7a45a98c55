// bench/suites/durable.ts — the log's body alone: frames of 64 KiB out of an inbox, in groups, checksummed, onto the disk and synced.
//
//   ours    inbox ─▶ groups of up to 4 MiB ─▶ one writev each, one fdatasync under way ─▶ released; segments of 64 MiB are recycled
//   disk    the same bytes, 4 MiB a write into one file of 64 MiB that is there already, fdatasync behind each, no checksums
//
// The frames' bytes lie in the inbox already: what a listener does to get them there is not measured.
// Both end with every byte synced. The directory is made beside this repository's files, so the disk is theirs.

import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { monotonicMs } from '../../host/clock.ts';
import { Counters, counterBytes } from '../../host/counters.ts';
import { realDisk } from '../../host/disk/real-disk.ts';
import { logLimits, MiB } from '../../host/limits.ts';
import { LogBody } from '../../host/log/body.ts';
import { type InboxPlace, inboxBytes } from '../../host/log/inbox-place.ts';
import { InboxWriter, NO_PLACE } from '../../host/log/inbox-writer.ts';
import { ENTRY_JSON } from '../../host/log/layout.ts';
import { openLog } from '../../host/log/open-log.ts';
import { type BenchResult, measure, type Suite } from '../measure.ts';

const FRAME_BYTES = 65_536;
const INBOX_BYTES = 32 * MiB;
const STORE = '0'.repeat(32);

export const suite: Suite = async ({ smoke, only }): Promise<BenchResult[]> => {
  const frames = (smoke ? 4 * MiB : 512 * MiB) / FRAME_BYTES;
  const root = mkdtempSync(join(fileURLToPath(new URL('../../', import.meta.url)), '.bench-durable-'));
  const plain = openPlain(join(root, 'plain'));
  try {
    const log = await openBench(root);
    const rows = await measure(
      {
        name: 'durable/log',
        units: frames * FRAME_BYTES,
        unit: 'bytes/s',
        ours: { name: 'log', run: () => log.take(frames) },
        baselines: [{ name: 'disk', run: () => writePlain(plain, frames * FRAME_BYTES) }],
        compare: (ours, baseline) => {
          if (ours !== baseline)
            throw new Error(`durable/log: ${ours} bytes of frames released, the disk took ${baseline}`);
        },
      },
      { smoke, only },
    );
    await log.stop();
    return rows;
  } finally {
    closeSync(plain);
    rmSync(root, { recursive: true });
  }
};

async function openBench(data: string) {
  const disk = realDisk();
  const limits = logLimits({ ballastBytes: MiB });
  for (const room of ['log', 'quarantine']) await disk.makeDirectory(`${data}/${room}`);
  const opened = await openLog({ disk, data, store: STORE, limits });
  const buffer = new SharedArrayBuffer(inboxBytes(INBOX_BYTES));
  const place: InboxPlace = { listener: 0, stream: 0, buffer, baseBytes: 0, capacityBytes: INBOX_BYTES };
  const writer = new InboxWriter(place);
  let released = writer.position;
  let awake: () => void = () => undefined;
  let salts = 0;
  const body = new LogBody({
    barrierDurable: () => undefined,
    disk,
    data,
    ackMode: 'durable',
    limits,
    inboxes: [place],
    channels: [
      {
        tryPushBytes: (_, [message]) => {
          if (message!.byteLength === 20) released = new DataView(message!.buffer).getInt32(16, true);
          writer.free(released);
          return true;
        },
      },
    ],
    ...opened,
    counters: new Counters(new SharedArrayBuffer(counterBytes(1)), 0),
    nowMs: monotonicMs,
    newSalt: () => ++salts,
    wake: () => awake(),
  });
  const stepUntil = async (isEnough: () => boolean) => {
    while (!isEnough()) {
      const woken = new Promise<void>((resolve) => {
        awake = resolve;
      });
      const result = body.step();
      if (result === 'done') return;
      if (result !== 'progressed') await woken;
    }
  };
  return {
    take: async (frames: number) => {
      let pushed = 0;
      const feed = () => {
        for (; pushed < frames && writer.tryPlace(FRAME_BYTES) !== NO_PLACE; pushed++) {
          writer.push(ENTRY_JSON, 0, 0, 0, 0, 0, 0);
        }
        body.retain(body.durableGroup);
        return pushed === frames && released === writer.position;
      };
      await stepUntil(feed);
      return frames * FRAME_BYTES;
    },
    stop: () => {
      body.stop();
      return stepUntil(() => false);
    },
  };
}

const CHUNK = new Uint8Array(4 * MiB).fill(7);
const FILE_BYTES = 64 * MiB;

function openPlain(path: string): number {
  const file = openSync(path, 'wx');
  for (let at = 0; at < FILE_BYTES; at += CHUNK.byteLength) writeSync(file, CHUNK, 0, CHUNK.byteLength, at);
  fsyncSync(file);
  return file;
}

function writePlain(file: number, bytes: number): number {
  for (let at = 0; at < bytes; at += CHUNK.byteLength) {
    writeSync(file, CHUNK, 0, CHUNK.byteLength, at % FILE_BYTES);
    fdatasyncSync(file);
  }
  return bytes;
}
