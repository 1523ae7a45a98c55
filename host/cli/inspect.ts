// host/cli/inspect.ts — pelton inspect DIR: what is in a data directory, and what the next start would do about it.
//
// Reads only, takes no lock: a running engine is not disturbed. What it says of the newest segment's end is then of the
// moment; groups are whole or not shown.

import { Command } from 'commander';
import { type FoundManifests, readManifests } from '../checkpoint/manifest.ts';
import { durableGroup } from '../checkpoint/recover.ts';
import type { Disk } from '../disk/disk.ts';
import { realDisk } from '../disk/real-disk.ts';
import { type Decision, decideRecovery } from '../log/decide.ts';
import { readU64, viewOf } from '../log/fields.ts';
import { entriesOf, type GroupHeader, runsOf } from '../log/group.ts';
import {
  ENTRY_BYTES,
  ENTRY_EPOCH,
  ENTRY_INGEST_MS,
  ENTRY_KIND,
  ENTRY_PRODUCER,
  ENTRY_SEQUENCE,
  GROUP_DATA,
  GROUP_GAP,
} from '../log/layout.ts';
import { logDirectory, logNames, segmentPath } from '../log/place.ts';
import { readFacts, scanFile } from '../log/read-facts.ts';
import type { SegmentFacts } from '../log/scan.ts';
import { readStoppedAt, readStore } from '../store/store.ts';
import { CliError } from './cli-error.ts';
import { EXIT_DATA, EXIT_IO, EXIT_MISSING_SEGMENT, EXIT_OK } from './exit-codes.ts';
import { type CheckpointRow, checkpointRows, manifestWords } from './inspect-checkpoints.ts';
import type { Finish } from './program.ts';
import { rowTable } from './table.ts';

interface InspectOptions {
  groups?: boolean;
  entries?: boolean;
  verify?: boolean;
  json?: boolean;
}

export function command(finish: Finish): Command {
  return new Command('inspect')
    .argument('<dir>', 'a data directory')
    .description(
      'Show the checkpoints and the log, and what the next start would do about the log. Changes nothing, also while an engine runs.',
    )
    .option('--groups', 'a line for each group')
    .option('--entries', 'a line for each entry')
    .option(
      '--verify',
      'read every byte of log and checkpoints; without it, older segments are believed by their two ends',
    )
    .option('--json', 'one JSON object a line: entries, groups, checkpoints, segments, then the log')
    .action(async (directory: string, options: InspectOptions) => finish(await inspect(directory, options)));
}

async function inspect(directory: string, options: InspectOptions): Promise<number> {
  const disk = realDisk();
  if (!(await disk.exists(directory))) throw new CliError(EXIT_IO, `${directory}: there is no such directory`);
  const store = await readStore(disk, directory);
  if (store === undefined) {
    throw new CliError(EXIT_DATA, `${directory} is no data directory of Pelton: it has no STORE`);
  }
  const stoppedAt = await readStoppedAt(disk, directory);
  const segments = await readSegments(disk, directory, options);
  const manifests = await readManifests(disk, directory);
  const checkpoints = await checkpointRows(disk, directory, store, manifests, options.verify === true);
  const durableElsewhere = Math.max(stoppedAt, durableGroup(manifests));
  const next = decideRecovery({ store, segments, durableElsewhere });
  if (options.json === true) {
    for (const checkpoint of checkpoints) put({ is: 'checkpoint', ...checkpoint });
    for (const segment of segments) put({ is: 'segment', ...segmentRow(segment) });
    put({ is: 'log', store, stoppedAt, segments: segments.length, next });
  } else {
    const stop = stoppedAt > 0 ? `stopped cleanly behind group ${stoppedAt}` : 'in use, or not stopped cleanly';
    process.stdout.write(`store ${store}, ${stop}\n`);
    if (checkpoints.length > 0) process.stdout.write(`${rowTable(checkpoints.map((row) => ({ ...row })))}\n`);
    for (const words of manifestWords(manifests)) put(words);
    if (segments.length > 0) process.stdout.write(`${rowTable(segments.map(segmentRow))}\n`);
    process.stdout.write(`${nextText(next, segments.at(-1)?.path ?? '')}\n`);
  }
  if (next.do !== 'stop') return isAnyDamaged(checkpoints, manifests) ? EXIT_DATA : EXIT_OK;
  return next.because === 'missing-segment' ? EXIT_MISSING_SEGMENT : EXIT_DATA;
}

const isAnyDamaged = (checkpoints: readonly CheckpointRow[], { damaged }: FoundManifests): boolean =>
  damaged.length > 0 || checkpoints.some(({ state }) => state.startsWith('damaged'));

async function readSegments(disk: Disk, directory: string, options: InspectOptions): Promise<SegmentFacts[]> {
  const { groups = false, entries = false, verify = false, json = false } = options;
  const { segments } = logNames(await disk.list(logDirectory(directory)));
  if (!groups && !entries && !verify) return readFacts(disk, directory, segments, 'newest');
  const found: SegmentFacts[] = [];
  for (const firstGroup of segments) {
    const visit = (group: GroupHeader, offset: number, body: Uint8Array) => {
      const row = groupRow(group, offset, body);
      if (groups || entries) put(json ? { is: 'group', ...row } : lineOf(row));
      if (entries && group.kind === GROUP_DATA) putEntries(group.number, body, json);
    };
    found.push((await scanFile(disk, segmentPath(directory, firstGroup), firstGroup, { deep: verify, visit })).facts);
  }
  return found;
}

const KINDS = ['', 'data', 'table', 'mark', 'gap', 'booted'];
const ENTRY_KINDS = ['pad', 'json', 'arrow', 'watermark', 'idle', 'end', 'open'];

function groupRow(group: GroupHeader, offset: number, body: Uint8Array) {
  const { number, kind, entries, durable, ingestMs, boot, bodyBytes } = group;
  const gap = kind === GROUP_GAP ? { record: Buffer.from(body).toString().trim() } : {};
  const named = KINDS[kind] ?? `kind ${kind}`;
  return { group: number, kind: named, offset, bodyBytes, entries, durable, ingestMs, boot, ...gap };
}

function putEntries(group: number, body: Uint8Array, json: boolean): void {
  const view = viewOf(body);
  for (const run of runsOf(body)) {
    for (const at of entriesOf(body, run)) {
      const kind = view.getUint16(at + ENTRY_KIND, true);
      const row = {
        group,
        stream: run.stream,
        listener: run.listener,
        kind: ENTRY_KINDS[kind] ?? `kind ${kind}`,
        producer: view.getUint32(at + ENTRY_PRODUCER, true),
        epoch: view.getUint32(at + ENTRY_EPOCH, true),
        sequence: readU64(view, at + ENTRY_SEQUENCE),
        ingestMs: view.getFloat64(at + ENTRY_INGEST_MS, true),
        bytes: view.getUint32(at + ENTRY_BYTES, true),
      };
      put(json ? { is: 'entry', ...row } : `  ${lineOf(row)}`);
    }
  }
}

function segmentRow({ path, firstGroup, lastGroup, groups, fileBytes, end }: SegmentFacts) {
  const state = end.is === 'damaged' ? `damaged: ${end.what}` : end.is;
  return { segment: path.split('/').at(-1), firstGroup, lastGroup, groups, fileBytes, state };
}

function nextText(next: Decision, newest: string): string {
  switch (next.do) {
    case 'start-empty':
      return 'the log is empty';
    case 'nothing':
      return 'the log is closed and whole; the next start has nothing to do';
    case 'seal':
      return `${newest} is open: an engine writes it, or its stop was not clean; the next start seals it`;
    case 'cut-tail':
      return (
        `${newest}: bytes ${next.fromByte} to ${next.toByte} are no whole group: being written now, or torn and never ` +
        'durable; the next start moves them to quarantine/'
      );
    case 'undo-roll':
      return `${newest} holds no group: it is being begun, or that was interrupted; the next start moves it to quarantine/`;
    case 'stop':
      return `${next.path}: ${next.what} (bytes ${next.fromByte} to ${next.toByte}); no engine starts with it`;
  }
}

const lineOf = (row: Record<string, unknown>): string =>
  Object.entries(row)
    .map(([name, value]) => `${name} ${value}`)
    .join('  ');

function put(line: string | object): void {
  process.stdout.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
}
