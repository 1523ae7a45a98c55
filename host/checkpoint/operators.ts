// host/checkpoint/operators.ts — what a checkpoint's state belongs to, and whether the job of now can go on with it. Pure.
//
// An operator is a stage of the plan with state. Its id comes from the name of the pipeline's first sink and the stage's
// place among the pipeline's aggregations (host/plan), so that other pipelines, filters and sinks do not touch it.
//
//   the job of now, compared to the checkpoint                         answer
//   an aggregate of an operator added, removed, moved                  compatible, said
//   an aggregate's function, field type or nullability changed         refused: it would go on from other numbers
//   keys: count, order, name, type                                     refused
//   window: size, offset                                               refused
//   an operator added                                                  compatible, said: it begins empty
//   an operator removed                                                refused, unless its state is to be dropped

import type { FieldDescription } from '../job/description.ts';
import type { Plan } from '../plan/plan.ts';

export interface OperatorLayout {
  id: string;
  kind: 'keyed' | 'pass';
  keys: { name: string; type: string }[];
  window: { sizeMs: number; offsetMs: number } | null;
  /** `of`: the type of its field; null for count of rows. */
  aggregates: { name: string; function: string; of: string | null }[];
}

export function operatorsOf(plan: Plan): OperatorLayout[] {
  return plan.stages.map((stage): OperatorLayout => {
    const { id, kind, input } = stage;
    if (kind === 'pass') return { id, kind, keys: [], window: null, aggregates: [] };
    return {
      id,
      kind,
      keys: stage.keys.map((column) => ({ name: input[column]!.name, type: input[column]!.type })),
      window: { sizeMs: stage.windowSizeMs, offsetMs: stage.windowOffsetMs },
      aggregates: stage.aggregates.map(({ name, function: fn, column }) => ({
        name,
        function: fn,
        of: column === null ? null : typeText(input[column]!),
      })),
    };
  });
}

export interface Comparison {
  /** What makes the state unusable, one sentence each; empty: it can be used. */
  conflicts: string[];
  /** What will be different, and is fine. */
  changes: string[];
}

export function compareOperators(
  was: readonly OperatorLayout[],
  is: readonly OperatorLayout[],
  dropsState: boolean,
): Comparison {
  const found: Comparison = { conflicts: [], changes: [] };
  for (const before of was) {
    const now = is.find(({ id }) => id === before.id);
    if (now !== undefined) compareOne(before, now, found);
    else if (dropsState || before.kind === 'pass') found.changes.push(`${before.id} is gone: its state is dropped`);
    else found.conflicts.push(`${before.id} has state, and the job has no such operator`);
  }
  for (const { id } of is) {
    if (!was.some((before) => before.id === id)) found.changes.push(`${id} is new: it begins empty`);
  }
  return found;
}

function compareOne(was: OperatorLayout, is: OperatorLayout, { conflicts, changes }: Comparison): void {
  const differs = (what: string, before: string, now: string) => {
    if (before !== now) conflicts.push(`${was.id}: its ${what} were ${before}, they are ${now}`);
  };
  differs('rows', was.kind, is.kind);
  differs('keys', keysText(was), keysText(is));
  differs('windows', windowText(was), windowText(is));
  for (const before of was.aggregates) {
    const now = is.aggregates.find(({ name }) => name === before.name);
    if (now === undefined) changes.push(`${was.id}: the aggregate ${before.name} is gone`);
    else if (aggregateText(before) !== aggregateText(now)) {
      conflicts.push(`${was.id}: ${before.name} was ${aggregateText(before)}, it is ${aggregateText(now)}`);
    }
  }
  for (const { name } of is.aggregates) {
    if (was.aggregates.some((before) => before.name === name)) continue;
    changes.push(`${was.id}: the aggregate ${name} is new: in windows that are open it counts from now on`);
  }
}

const typeText = ({ type, nullable }: FieldDescription): string => `${type}${nullable ? '?' : ''}`;
const keysText = ({ keys }: OperatorLayout): string =>
  keys.map(({ name, type }) => `${name} ${type}`).join(', ') || 'none';
const windowText = ({ window }: OperatorLayout): string =>
  window === null ? 'none' : `${window.sizeMs} ms, offset ${window.offsetMs} ms`;
const aggregateText = ({ function: fn, of }: OperatorLayout['aggregates'][number]): string =>
  of === null ? `${fn}()` : `${fn} of ${of}`;
