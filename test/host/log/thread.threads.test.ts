// The log's worker on a real disk, its inbox written by another thread: released is kept, over a stop and over a death.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realDisk } from '../../../host/disk/real-disk.ts';
import { entriesOf, runsOf } from '../../../host/log/group.ts';
import { ENTRY_ACCEPTED, ENTRY_DUPLICATE, ENTRY_JSON, ENTRY_OPEN, GROUP_DATA } from '../../../host/log/layout.ts';
import { scanFile } from '../../../host/log/read-facts.ts';
import { recoverLog } from '../../../host/log/recover.ts';
import { type EntryRead, readEntry } from '../../support/log-entries.ts';
import { LogWorker } from '../../support/log-worker.ts';

const STORE = '000102030405060708090a0b0c0d0e0f';
const LIMITS = {
  segmentBytes: 256 * 1024,
  groupBytesMax: 32 * 1024,
  unsyncedBytesMax: 128 * 1024,
  ballastBytes: 65_536,
};

let data: string;
beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'pelton-log-'));
  for (const room of ['log', 'quarantine']) await realDisk().makeDirectory(`${data}/${room}`);
});
afterEach(() => rmSync(data, { recursive: true }));

const payloadOf = (sequence: number) => `${sequence}:`.padEnd((sequence * 131) % 2000, '.');

/** Says hello, then sends the frames behind what the log has, up to `last`. */
async function send(log: LogWorker, last: number, enough = last): Promise<number> {
  expect(log.push({ kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 1 })).toBe(true);
  await log.until(() => log.released.length > 0);
  const { producer, value: had, verdict } = log.released[0]!;
  expect(verdict).toBe(ENTRY_ACCEPTED);
  for (let sequence = had + 1; sequence <= last; sequence++) {
    const frame = { kind: ENTRY_JSON, payload: payloadOf(sequence), producer, epoch: 1, sequence, connection: 1 };
    for (;;) {
      if (log.push(frame)) break;
      const before = log.released.length;
      await log.until(() => log.released.length > before);
    }
  }
  await log.until(() => log.released.length - 1 >= enough - had);
  return had;
}

async function onDisk(): Promise<EntryRead[]> {
  const disk = realDisk();
  const { segments } = await recoverLog({ disk, data, store: STORE, scan: 'all' });
  const entries: EntryRead[] = [];
  for (const { path, firstGroup } of segments) {
    await scanFile(disk, path, firstGroup, {
      deep: true,
      visit: ({ kind }, _, body) => {
        if (kind !== GROUP_DATA) return;
        for (const run of runsOf(body)) for (const at of entriesOf(body, run)) entries.push(readEntry(body, at));
      },
    });
  }
  return entries.filter(({ kind }) => kind === ENTRY_JSON);
}

const expectFrames = (entries: readonly EntryRead[], count: number) => {
  expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  expect(entries.every(({ payload, sequence }) => payload === payloadOf(sequence))).toBe(true);
};

test('2,000 frames through a small inbox and many segments lie on the disk as sent, and a second life goes on behind them', async () => {
  const log = new LogWorker({ data, store: STORE, limits: LIMITS });
  expect(await log.begun()).toMatchObject({ firstGroup: 0, lastGroup: 0, producers: 0 });
  await send(log, 2000);
  const { lastGroup, isSealed } = await log.stop();
  expect(isSealed).toBe(true);
  expectFrames(await onDisk(), 2000);
  expect(log.counters.get('logBytes')).toBeGreaterThan(7 * LIMITS.segmentBytes);
  expect(log.counters.get('logSyncs')).toBeGreaterThan(7);
  expect(log.counters.get('logUnsyncedBytes')).toBe(0);

  const next = new LogWorker({ data, store: STORE, limits: LIMITS, durableElsewhere: lastGroup });
  expect(await next.begun()).toMatchObject({ firstGroup: 1, lastGroup, producers: 1, done: [] });
  expect(await send(next, 2100)).toBe(2000);
  const producer = next.released[0]!.producer;
  next.push({ payload: payloadOf(2050), producer, epoch: 1, sequence: 2050, connection: 1 });
  await next.until(() => next.released.length === 102);
  expect(next.released.at(-1)!.verdict).toBe(ENTRY_DUPLICATE);
  next.order({ type: 'retain', group: lastGroup });
  await next.stop();
  const kept = await onDisk();
  expect(kept.at(-1)!.sequence).toBe(2100);
  expect(kept.length).toBeLessThan(2100);
});

test('a worker that dies at any moment has lost nothing that it released', async () => {
  let released = 0;
  for (let life = 0; life < 4; life++) {
    const log = new LogWorker({ data, store: STORE, limits: LIMITS });
    const { producers } = await log.begun();
    expect(producers).toBe(life === 0 ? 0 : 1);
    const had = await send(log, released + 900, 300);
    expect(had).toBeGreaterThanOrEqual(released);
    await log.kill();
    released = log.released
      .filter(({ kind, verdict }) => kind === ENTRY_JSON && verdict === ENTRY_ACCEPTED)
      .at(-1)!.sequence;
    const entries = await onDisk();
    expect(entries.length).toBeGreaterThanOrEqual(released);
    expectFrames(entries, entries.length);
  }
});
