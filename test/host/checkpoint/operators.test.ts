// Which changes of a job its state survives.
import { expect, test } from 'vitest';
import { compareOperators, type OperatorLayout, operatorsOf } from '../../../host/checkpoint/operators.ts';
import { count, job, stream, sum, t, tumbling, websocket } from '../../../host/index.ts';
import { compilePlan } from '../../../host/plan/compile.ts';

const was: OperatorLayout = {
  id: 'totals/0',
  kind: 'keyed',
  keys: [{ name: 'page', type: 'utf8' }],
  window: { sizeMs: 60_000, offsetMs: 0 },
  aggregates: [
    { name: 'hits', function: 'count', of: null },
    { name: 'bytes', function: 'sum', of: 'i64' },
  ],
};
const compare = (is: OperatorLayout[], dropsState = false) => compareOperators([was], is, dropsState);

test('the same operators, in any order, fit without a word', () => {
  const other = { ...was, id: 'other/0' };
  expect(compareOperators([was, other], [other, was], false)).toEqual({ conflicts: [], changes: [] });
});

test('aggregates may move, come and go', () => {
  const [hits, bytes] = was.aggregates;
  expect(compare([{ ...was, aggregates: [bytes!, hits!] }])).toEqual({ conflicts: [], changes: [] });
  expect(compare([{ ...was, aggregates: [bytes!] }])).toEqual({
    conflicts: [],
    changes: ['totals/0: the aggregate hits is gone'],
  });
  const added = compare([{ ...was, aggregates: [...was.aggregates, { name: 'max', function: 'max', of: 'f64' }] }]);
  expect(added.conflicts).toEqual([]);
  expect(added.changes[0]).toContain('the aggregate max is new');
});

test.each<[string, Partial<OperatorLayout>, string]>([
  ['a key of another name', { keys: [{ name: 'user', type: 'utf8' }] }, 'its keys were page utf8, they are user utf8'],
  ['a key of another type', { keys: [{ name: 'page', type: 'i64' }] }, 'its keys were page utf8, they are page i64'],
  ['no key', { keys: [] }, 'its keys were page utf8, they are none'],
  ['another window', { window: { sizeMs: 30_000, offsetMs: 0 } }, 'its windows were 60000 ms'],
  ['another offset', { window: { sizeMs: 60_000, offsetMs: 5 } }, 'they are 60000 ms, offset 5 ms'],
  [
    'another function under the same name',
    { aggregates: [{ name: 'bytes', function: 'avg', of: 'i64' }] },
    'bytes was sum of i64, it is avg of i64',
  ],
  [
    'a field that may be null now',
    { aggregates: [{ name: 'bytes', function: 'sum', of: 'i64?' }] },
    'bytes was sum of i64, it is sum of i64?',
  ],
  ['no aggregation any more', { kind: 'pass' }, 'its rows were keyed, they are pass'],
])('%s does not fit', (_, change, words) => {
  const { conflicts } = compare([{ ...was, ...change }]);
  expect(conflicts.join('\n')).toContain(words);
});

test('an operator that is gone takes its state with it only when that was asked for', () => {
  expect(compare([]).conflicts).toEqual(['totals/0 has state, and the job has no such operator']);
  expect(compare([], true)).toEqual({ conflicts: [], changes: ['totals/0 is gone: its state is dropped'] });
});

test('a new operator begins empty', () => {
  expect(compare([was, { ...was, id: 'more/0' }]).changes).toEqual(['more/0 is new: it begins empty']);
});

const clicks = stream('clicks', { at: t.timestamp(), page: t.utf8(), bytes: t.i64() }).eventTime('at', { delay: '1s' });
const totals = clicks
  .keyBy('page')
  .window(tumbling('1m'))
  .aggregate({ hits: count(), bytes: sum('bytes') });

test('what a plan says of its operators is what the job says', () => {
  expect(operatorsOf(compilePlan(job('j', totals.to(websocket('totals')))))).toEqual([was]);
});
