// host/checkpoint/recover.ts — reads what there is, lets decide.ts decide, and obeys until there is a place to start from.
//
// Promises
//   - a refusal changes nothing on the disk.
//   - what was passed over is said, and moved to quarantine only when something else was found to go on with.

import type { Disk } from '../disk/disk.ts';
import { CheckpointError, type CheckpointErrorCode } from './checkpoint-error.ts';
import { type Decision, decideRestore, type PassedOver, type RecoveryFacts, type RefusalReason } from './decide.ts';
import { type FoundManifests, type Manifest, readManifests } from './manifest.ts';
import type { CheckpointMeta } from './meta.ts';
import type { OperatorLayout } from './operators.ts';
import { checkpointsDirectory } from './place.ts';
import { clearLeftovers } from './retain.ts';
import { metaOrWords, whatIsWrongWith } from './verify.ts';

export interface RecoverCheckpointOptions {
  disk: Disk;
  data: string;
  store: string;
  log: RecoveryFacts['log'];
  operators: readonly OperatorLayout[];
  savepoint?: string | null;
  dropsState?: boolean;
  /** Loud: a line for the operator and the event stream. */
  report?: (what: string) => void;
}

export interface RecoveredCheckpoint {
  /** Undefined: state begins empty. */
  from: CheckpointMeta | undefined;
  /** The first group that is not in the state. */
  replayFrom: number;
  /** Counts from now on; the next checkpoint's id is greater than its lastId. */
  manifest: Manifest;
  passedOver: PassedOver[];
}

/** @throws CheckpointError for a refusal */
export async function recoverCheckpoint(options: RecoverCheckpointOptions): Promise<RecoveredCheckpoint> {
  const { disk, data, store, log, operators, savepoint = null, dropsState = false, report = () => {} } = options;
  const manifests = await readManifests(disk, data);
  const metas = await readMetas(disk, data, manifests, store);
  const verified = new Map<number, string | null>();
  for (;;) {
    const decision = decideRestore({ store, manifests, metas, verified, log, operators, savepoint, dropsState });
    if (decision.do === 'refuse') throw refusal(data, decision.because, decision.what);
    if (decision.do === 'verify') {
      const meta = metas.get(decision.id) as CheckpointMeta;
      verified.set(meta.id, (await whatIsWrongWith(disk, data, meta)) ?? null);
      continue;
    }
    const { replayFrom } = decision;
    const passedOver = decision.do === 'restore' ? [] : decision.passedOver;
    const changes = decision.do === 'start-empty' ? [] : decision.changes;
    for (const { id, why } of passedOver) report(id === null ? why : `checkpoint ${id} cannot be used: ${why}`);
    for (const change of changes) report(change);
    const damaged = passedOver.flatMap(({ id }) => id ?? []);
    const manifest = await clearLeftovers(disk, data, store, manifests, damaged, report);
    return { from: stateOf(decision), replayFrom, manifest, passedOver };
  }
}

/** The last group that any manifest knows to have been durable: the log's recovery must find it (its durableElsewhere). */
export function durableGroup({ whole }: FoundManifests): number {
  return Math.max(0, ...whole.flatMap(({ checkpoints }) => checkpoints.map(({ group }) => group)));
}

function stateOf(decision: Decision): CheckpointMeta | undefined {
  if (decision.do === 'restore') return decision.from;
  return decision.do === 'fall-back' ? decision.to : undefined;
}

async function readMetas(disk: Disk, data: string, { whole }: FoundManifests, store: string) {
  const metas = new Map<number, CheckpointMeta | string>();
  for (const { id } of whole[0]?.checkpoints ?? []) metas.set(id, await metaOrWords(disk, data, id, store));
  return metas;
}

const CODES: Record<RefusalReason, CheckpointErrorCode> = {
  'plan-incompatible': 'PLAN_INCOMPATIBLE',
  'log-gap': 'LOG_GAP',
  'other-store': 'OTHER_STORE',
  'newer-format': 'NEWER_FORMAT',
  damaged: 'DAMAGED',
  unknown: 'UNKNOWN',
};

const ADVICE: Record<RefusalReason, string> = {
  'plan-incompatible':
    'nothing was changed. Run the job as it was; or give the changed pipeline another sink name, and it begins empty',
  'log-gap': 'nothing was changed. Put the missing files of the log back',
  'other-store': 'nothing was changed. Files of two data directories were mixed: put back those that belong here',
  'newer-format': 'run the Pelton that wrote it, or a newer one',
  damaged: 'nothing was changed. Put the files back from a copy',
  unknown: '«pelton inspect DIR» lists them',
};

function refusal(data: string, because: RefusalReason, what: string): CheckpointError {
  return new CheckpointError(CODES[because], checkpointsDirectory(data), what, ADVICE[because]);
}
