// test/crash/verdicts.ts — what must hold at the end of a run: journals, log and results beside each other.
//
//   acknowledged ⊆ in the log, once, in order ⊆ sent        results = an oracle over the log

import { readFileSync } from 'node:fs';
import { realDisk } from '../../host/disk/real-disk.ts';
import { ENTRY_JSON, ENTRY_OPEN } from '../../host/log/layout.ts';
import { recoverLog } from '../../host/log/recover.ts';
import { frameOf, type JournalingProducer, rowsOf } from './journaling-producer.ts';
import { type LoggedEntry, readEntries } from './log-contents.ts';

const WINDOW_MS = 1000;
/** Enough to see what is wrong; a broken log breaks it everywhere. */
const COMPLAINTS_MAX = 10;

export interface Judged {
  groups: number;
  segments: number;
  framesSent: number;
  framesAcked: number;
  framesLogged: number;
  rowsCounted: number;
  complaints: string[];
}

/**
 * @param results  `windowStart,k,n`, sorted
 * @param isWhole  the log holds everything since its beginning: else only recovery's own checks are made of it
 */
export async function judgeRun(
  data: string,
  producers: readonly JournalingProducer[],
  results: readonly string[],
  isWhole: boolean,
): Promise<Judged> {
  const disk = realDisk();
  const store = (JSON.parse(readFileSync(`${data}/STORE`, 'utf8')) as { id: string }).id;
  const { lastGroup, segments } = await recoverLog({ disk, data, store, scan: 'all' });
  const entries = await readEntries(disk, data, segments[0]?.firstGroup ?? 1, lastGroup);
  const frames = entries.filter(({ kind }) => kind === ENTRY_JSON);
  const complaints = producers.flatMap(({ id, surprises }) => surprises.map((said) => `${id} heard ${said}`));
  if (isWhole) complaints.push(...wrongFrames(entries, producers), ...wrongResults(frames, results));
  const epochs = producers.flatMap((producer) => producer.epochs);
  return {
    groups: lastGroup,
    segments: segments.length,
    framesSent: epochs.reduce((sum, { sent }) => sum + sent, 0),
    framesAcked: epochs.reduce((sum, { acked }) => sum + acked, 0),
    framesLogged: frames.length,
    rowsCounted: results.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(',') + 1)), 0),
    complaints: complaints.slice(0, COMPLAINTS_MAX),
  };
}

/** Against the journals: lost, twice, out of order, never sent, other bytes. */
function wrongFrames(entries: readonly LoggedEntry[], producers: readonly JournalingProducer[]): string[] {
  const byId = new Map(producers.map((producer) => [producer.id, producer]));
  const byNumber = new Map<number, JournalingProducer>();
  const last = new Map<string, number>();
  const complaints: string[] = [];
  for (const { kind, producer: number, epoch, sequence, payload, groupNumber } of entries) {
    if (kind === ENTRY_OPEN) {
      const producer = byId.get(payload);
      if (producer === undefined) complaints.push(`group ${groupNumber}: hello of ${payload}, which nobody is`);
      else byNumber.set(number, producer);
    }
    if (kind !== ENTRY_JSON) continue;
    const producer = byNumber.get(number);
    if (producer === undefined) {
      complaints.push(`group ${groupNumber}: a frame of number ${number}, which said no hello`);
      continue;
    }
    const name = `${producer.id}/${epoch}`;
    const before = last.get(name) ?? 0;
    if (sequence <= before)
      complaints.push(`group ${groupNumber}: ${name}/${sequence} is there twice, or behind ${before}`);
    else if (sequence !== before + 1)
      complaints.push(`group ${groupNumber}: ${name}/${sequence} behind ${before}: lost between`);
    last.set(name, sequence);
    if (payload !== frameOf(producer.index, epoch, sequence)) complaints.push(`${name}/${sequence}: other bytes`);
  }
  for (const { id, epochs } of producers) {
    for (const { epoch, sent, acked } of epochs) {
      const logged = last.get(`${id}/${epoch}`) ?? 0;
      if (logged < acked) complaints.push(`${id}/${epoch}: acknowledged up to ${acked}, in the log up to ${logged}`);
      if (logged > sent) complaints.push(`${id}/${epoch}: sent up to ${sent}, in the log up to ${logged}`);
    }
  }
  return complaints;
}

/** The oracle reads what is in the log, not what the engine decoded. */
function wrongResults(frames: readonly LoggedEntry[], results: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const { payload } of frames) {
    for (const line of payload.split('\n')) {
      const { ts, k } = JSON.parse(line) as { ts: number; k: string };
      const key = `${ts - (ts % WINDOW_MS)},${k}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const expected = new Set([...counts].map(([key, n]) => `${key},${n}`));
  const complaints = results.filter((line) => !expected.delete(line)).map((line) => `result ${line}: not expected`);
  return [...complaints, ...[...expected].map((line) => `result ${line}: missing`)];
}

/** Rows that certainly count, and rows that may count at most, by window and key: from the journals alone. */
function bounds(producers: readonly JournalingProducer[]): {
  least: Map<string, number>;
  most: Map<string, number>;
} {
  const least = new Map<string, number>();
  const most = new Map<string, number>();
  for (const { index, epochs } of producers) {
    for (const { epoch, sent, acked } of epochs) {
      for (let sequence = 1; sequence <= sent; sequence++) {
        for (const { ts, k } of rowsOf(index, epoch, sequence)) {
          const key = `${ts - (ts % WINDOW_MS)},${k}`;
          most.set(key, (most.get(key) ?? 0) + 1);
          if (sequence <= acked) least.set(key, (least.get(key) ?? 0) + 1);
        }
      }
    }
  }
  return { least, most };
}

/** acknowledged ⊆ counted ⊆ sent. */
export function outOfBounds(producers: readonly JournalingProducer[], results: readonly string[]): string[] {
  const { least, most } = bounds(producers);
  const counted = new Map(
    results.map((line) => [line.slice(0, line.lastIndexOf(',')), Number(line.slice(line.lastIndexOf(',') + 1))]),
  );
  const complaints: string[] = [];
  for (const [key, n] of counted)
    if (n > (most.get(key) ?? 0)) complaints.push(`${key}: ${n} counted, ${most.get(key) ?? 0} sent`);
  for (const [key, n] of least)
    if ((counted.get(key) ?? 0) < n) complaints.push(`${key}: ${counted.get(key) ?? 0} counted, ${n} acknowledged`);
  return complaints.slice(0, COMPLAINTS_MAX);
}
