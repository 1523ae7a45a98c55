// The ids by which state is found again: stable while the job changes around the stage.
import { expect, test } from 'vitest';
import { col, count, job, stdout, stream, sum, t, tumbling, websocket } from '../../../host/index.ts';
import { compilePlan } from '../../../host/plan/compile.ts';

const clicks = stream('clicks', { at: t.timestamp(), page: t.utf8(), bytes: t.i64() }).eventTime('at', { delay: '1s' });
const hits = () => clicks.keyBy('page').window(tumbling('1m')).aggregate({ hits: count() });
const large = () => clicks.filter(col('bytes').gt(1000n)).to(websocket('large'));
const idsOf = (...pipelines: Parameters<typeof job> extends [string, ...infer P] ? P : never) =>
  compilePlan(job('j', ...pipelines)).stages.map(({ id }) => id);

test('a stage is called after its first sink and its place among the aggregations', () => {
  const twice = hits().keyBy('hits').window(tumbling('1h')).aggregate({ pages: count() });
  expect(idsOf(twice.to(websocket('popular')))).toEqual(['popular/0', 'popular/1']);
  expect(idsOf(large())).toEqual(['large/0']);
});

test('pipelines before and behind it do not change its id', () => {
  expect(idsOf(large(), hits().to(websocket('hits')))).toEqual(['large/0', 'hits/0']);
  expect(idsOf(hits().to(websocket('hits')), large())).toEqual(['hits/0', 'large/0']);
});

test('filters, aggregates and further sinks do not change its id', () => {
  const changed = clicks
    .filter(col('page').ne('/'))
    .keyBy('page')
    .window(tumbling('1m'))
    .aggregate({ bytes: sum('bytes'), hits: count() })
    .filter(col('hits').gt(10n));
  expect(idsOf(changed.to(websocket('hits'), stdout()))).toEqual(['hits/0']);
});
