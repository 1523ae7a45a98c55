// host/checkpoint/decide.ts — facts in, decision out: where a start begins. No I/O, no clock: recover.ts reads and obeys.
//
//   the newest checkpoint that the manifest names …                   decision
//   there is none, the log begins with its first group                start-empty
//   is not known yet to be whole                                      verify, and decide again
//   is whole, the job fits, the log goes on behind it                 restore
//   is not whole, an older one is all that                            fall-back (loud)
//   none is whole, the log begins with its first group                start-empty (loud)
//   is of operators that the job does not fit                         refuse: plan-incompatible; an older one would not fit better
//   the log does not go on behind it                                  refuse: log-gap
//   the manifest is of another store, or a newer format               refuse

import type { FoundManifests, NamedCheckpoint } from './manifest.ts';
import type { CheckpointMeta } from './meta.ts';
import { compareOperators, type OperatorLayout } from './operators.ts';

export interface RecoveryFacts {
  store: string;
  manifests: FoundManifests;
  /** Of every checkpoint that the newest whole manifest names: META, or what is wrong with it. */
  metas: ReadonlyMap<number, CheckpointMeta | string>;
  /** What was read through so far: what is wrong, null when nothing is. */
  verified: ReadonlyMap<number, string | null>;
  /** The groups that the log has; an empty one: from 1 to 0. */
  log: { firstGroup: number; lastGroup: number };
  /** Of the job now. */
  operators: readonly OperatorLayout[];
  /** A savepoint that was asked for. */
  savepoint: string | null;
  /** Operators that the job no longer has may lose their state. */
  dropsState: boolean;
}

export type RefusalReason = 'plan-incompatible' | 'log-gap' | 'other-store' | 'newer-format' | 'damaged' | 'unknown';

/** A checkpoint, or a manifest, that should have been used and could not be. */
export interface PassedOver {
  id: number | null;
  why: string;
}

export type Decision =
  | { do: 'start-empty'; replayFrom: number; passedOver: PassedOver[] }
  | { do: 'verify'; id: number }
  | { do: 'restore'; from: CheckpointMeta; replayFrom: number; changes: string[] }
  | { do: 'fall-back'; to: CheckpointMeta; replayFrom: number; changes: string[]; passedOver: PassedOver[] }
  | { do: 'refuse'; because: RefusalReason; what: string };

export function decideRestore(facts: RecoveryFacts): Decision {
  const { manifests, store, savepoint } = facts;
  if (manifests.newer !== undefined) return refuse('newer-format', `${manifests.newer} was written by a newer Pelton`);
  const [manifest] = manifests.whole;
  if (manifest !== undefined && manifest.store !== store) {
    return refuse('other-store', `the manifest is of store ${manifest.store}, this is ${store}`);
  }
  const passedOver: PassedOver[] = manifests.damaged.map((path) => ({ id: null, why: `${path} is damaged` }));
  const named = manifest?.checkpoints ?? [];
  const candidates = savepoint === null ? named : named.filter(({ name }) => name === savepoint);
  if (savepoint !== null && candidates.length === 0) return refuse('unknown', `there is no savepoint ${savepoint}`);
  for (const candidate of candidates) {
    const decision = decideAbout(candidate, facts, passedOver);
    if (decision !== undefined) return decision;
  }
  if (savepoint !== null) return refuse('damaged', wordsOf(passedOver));
  return withoutAny(facts, passedOver);
}

/** Undefined: this one is passed over. */
function decideAbout(named: NamedCheckpoint, facts: RecoveryFacts, passedOver: PassedOver[]): Decision | undefined {
  const { id, group, refers } = named;
  const meta = facts.metas.get(id) ?? 'META was not read';
  const passOver = (why: string) => void passedOver.push({ id, why });
  if (typeof meta === 'string') return passOver(meta);
  if (meta.group !== group) return passOver(`its META says group ${meta.group}, the manifest ${group}`);
  if (meta.parts.some((part) => part.refers.some((other) => !refers.includes(other)))) {
    return passOver('its META refers to checkpoints that the manifest does not know of');
  }
  const { conflicts, changes } = compareOperators(meta.operators, facts.operators, facts.dropsState);
  if (conflicts.length > 0) return refuse('plan-incompatible', `checkpoint ${id}: ${conflicts.join('; ')}`);
  const { firstGroup, lastGroup } = facts.log;
  if (group + 1 < firstGroup || group > lastGroup) {
    const what = `checkpoint ${id} goes on with group ${group + 1}, the log has groups ${firstGroup} to ${lastGroup}`;
    return refuse('log-gap', passedOver.length === 0 ? what : `${what}; passed over: ${wordsOf(passedOver)}`);
  }
  const wrong = facts.verified.get(id);
  if (wrong === undefined) return { do: 'verify', id };
  if (wrong !== null) return passOver(wrong);
  const replayFrom = group + 1;
  if (passedOver.length === 0) return { do: 'restore', from: meta, replayFrom, changes };
  return { do: 'fall-back', to: meta, replayFrom, changes, passedOver };
}

/** No state to begin from: then all of it must be made again from the log. */
function withoutAny({ log }: RecoveryFacts, passedOver: PassedOver[]): Decision {
  if (log.firstGroup <= 1) return { do: 'start-empty', replayFrom: 1, passedOver };
  if (passedOver.length > 0)
    return refuse('damaged', `${wordsOf(passedOver)}; the log begins with group ${log.firstGroup}`);
  return refuse('log-gap', `there is no checkpoint, and the log begins with group ${log.firstGroup}`);
}

const refuse = (because: RefusalReason, what: string): Decision => ({ do: 'refuse', because, what });
const wordsOf = (passedOver: readonly PassedOver[]): string => passedOver.map(({ why }) => why).join('; ');
