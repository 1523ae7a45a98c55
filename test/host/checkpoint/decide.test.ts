// The decision where a start begins: one test per row of its table.
import { expect, test } from 'vitest';
import { decideRestore, type RecoveryFacts } from '../../../host/checkpoint/decide.ts';
import type { Manifest, NamedCheckpoint } from '../../../host/checkpoint/manifest.ts';
import type { CheckpointMeta } from '../../../host/checkpoint/meta.ts';
import { OPERATORS, STORE } from '../../support/checkpoint-life.ts';

const named = (id: number, name: string | null = null): NamedCheckpoint => ({ id, name, group: id * 10, refers: [] });

function metaOf(id: number): CheckpointMeta {
  return {
    id,
    store: STORE,
    name: null,
    group: id * 10,
    boot: 1,
    planHash: 'ab',
    operators: OPERATORS,
    parts: [{ partition: 0, bytes: 80, digest: 1, refers: [] }],
    producers: [],
    prepared: [],
    resultOffsets: [[0]],
  };
}

const manifestOf = (...checkpoints: NamedCheckpoint[]): Manifest => ({
  generation: 9,
  store: STORE,
  lastId: 3,
  checkpoints,
});

/** Three checkpoints, 3 to 1, groups 30 to 10, all whole; the log from 1 to 35. */
function facts(changes: Partial<RecoveryFacts> = {}): RecoveryFacts {
  return {
    store: STORE,
    manifests: {
      whole: [manifestOf(named(3), named(2, 'before-release'), named(1))],
      damaged: [],
      newer: undefined,
      lastGeneration: 9,
    },
    metas: new Map([3, 2, 1].map((id) => [id, metaOf(id)])),
    verified: new Map([3, 2, 1].map((id) => [id, null])),
    log: { firstGroup: 1, lastGroup: 35 },
    operators: OPERATORS,
    savepoint: null,
    dropsState: false,
    ...changes,
  };
}

const without = { whole: [], damaged: [], newer: undefined, lastGeneration: 0 };

test('nothing there: it begins empty, with the first group', () => {
  const decision = decideRestore(facts({ manifests: without, log: { firstGroup: 1, lastGroup: 0 } }));
  expect(decision).toEqual({ do: 'start-empty', replayFrom: 1, passedOver: [] });
});

test('a log and no checkpoint: all of the log is replayed', () => {
  expect(decideRestore(facts({ manifests: without }))).toMatchObject({ do: 'start-empty', replayFrom: 1 });
});

test('a log without its beginning and no checkpoint is refused', () => {
  const decision = decideRestore(facts({ manifests: without, log: { firstGroup: 8, lastGroup: 35 } }));
  expect(decision).toMatchObject({ do: 'refuse', because: 'log-gap' });
});

test('the newest is verified before it is trusted, and the older ones are not read', () => {
  expect(decideRestore(facts({ verified: new Map() }))).toEqual({ do: 'verify', id: 3 });
});

test('the newest whole one is restored, and the log replayed after its group', () => {
  expect(decideRestore(facts())).toMatchObject({ do: 'restore', from: { id: 3 }, replayFrom: 31, changes: [] });
});

test('when the newest is not whole the next one is verified, and taken, and it is said', () => {
  const verified = new Map<number, string | null>([[3, 'bytes 12 to 13']]);
  expect(decideRestore(facts({ verified }))).toEqual({ do: 'verify', id: 2 });
  verified.set(2, null);
  expect(decideRestore(facts({ verified }))).toMatchObject({
    do: 'fall-back',
    to: { id: 2 },
    replayFrom: 21,
    passedOver: [{ id: 3, why: 'bytes 12 to 13' }],
  });
});

test('a META that is damaged, or is not what the manifest says, is passed over', () => {
  const metas = new Map<number, CheckpointMeta | string>([
    [3, 'META: its checksum is wrong'],
    [2, { ...metaOf(2), group: 7 }],
    [1, { ...metaOf(1), parts: [{ partition: 0, bytes: 1, digest: 1, refers: [99] }] }],
  ]);
  const decision = decideRestore(facts({ metas }));
  expect(decision).toMatchObject({ do: 'start-empty', passedOver: [{ id: 3 }, { id: 2 }, { id: 1 }] });
});

test('none whole and the log without its beginning is refused, with every reason', () => {
  const verified = new Map([3, 2, 1].map((id) => [id, `broken ${id}`]));
  const decision = decideRestore(facts({ verified, log: { firstGroup: 5, lastGroup: 35 } }));
  expect(decision).toMatchObject({ do: 'refuse', because: 'damaged' });
  expect(decision).toHaveProperty('what', 'broken 3; broken 2; broken 1; the log begins with group 5');
});

test('a damaged manifest is said, also when the generation before it serves', () => {
  const manifests = { ...facts().manifests, damaged: ['data/MANIFEST-10'] };
  expect(decideRestore(facts({ manifests }))).toMatchObject({
    do: 'fall-back',
    to: { id: 3 },
    passedOver: [{ id: null }],
  });
});

test.each([
  [{ firstGroup: 32, lastGroup: 35 }, 'begins too late'],
  [{ firstGroup: 1, lastGroup: 29 }, 'ends before it'],
])('a log %o that %s is refused', (log) => {
  const decision = decideRestore(facts({ log }));
  expect(decision).toMatchObject({ do: 'refuse', because: 'log-gap' });
});

test('a log that ends with the last group of the checkpoint, or begins behind it, is enough', () => {
  expect(decideRestore(facts({ log: { firstGroup: 31, lastGroup: 30 } }))).toMatchObject({ do: 'restore' });
});

test('a manifest of another store, or of a newer format, is refused', () => {
  expect(decideRestore(facts({ store: 'ff' }))).toMatchObject({ do: 'refuse', because: 'other-store' });
  const manifests = { ...facts().manifests, newer: 'data/MANIFEST-11' };
  expect(decideRestore(facts({ manifests }))).toMatchObject({ do: 'refuse', because: 'newer-format' });
});

test('a savepoint by its name, and only that', () => {
  expect(decideRestore(facts({ savepoint: 'before-release' }))).toMatchObject({ do: 'restore', from: { id: 2 } });
  expect(decideRestore(facts({ savepoint: 'other' }))).toMatchObject({ do: 'refuse', because: 'unknown' });
  const verified = new Map([[2, 'broken']]);
  const decision = decideRestore(facts({ savepoint: 'before-release', verified }));
  expect(decision).toMatchObject({ do: 'refuse', because: 'damaged' });
});

test('a job that does not fit is refused with the operator and what changed, not fallen back from', () => {
  const operators = [{ ...OPERATORS[0]!, keys: [{ name: 'user', type: 'i64' }] }];
  const decision = decideRestore(facts({ operators, verified: new Map() }));
  expect(decision).toMatchObject({ do: 'refuse', because: 'plan-incompatible' });
  expect(decision).toHaveProperty('what', 'checkpoint 3: clicks/0: its keys were page utf8, they are user i64');
});

test('the same facts give the same decision', () => {
  expect(decideRestore(facts())).toEqual(decideRestore(facts()));
});
