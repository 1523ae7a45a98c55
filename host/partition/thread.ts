// host/partition/thread.ts — a partition's worker: body in the waiting shell, from start to the last frame.

import { workerData } from 'node:worker_threads';
import { Counters } from '../counters.ts';
import { loadPlan } from '../thread/plan-of-job.ts';
import { tell, tellFailure } from '../thread/report.ts';
import { runSync } from '../thread/shell-sync.ts';
import { openDoorbells, type ThreadStart } from '../thread/start.ts';
import { PartitionBody } from './body.ts';

try {
  const start = workerData as ThreadStart;
  const { topology, thread, limits, memories, seed } = start;
  const plan = await loadPlan(start.jobUrl, start.planHash);
  const counters = new Counters(start.counters, thread);
  const doorbells = openDoorbells(start);
  const body = new PartitionBody({
    plan,
    topology,
    partition: thread - topology.listeners,
    limits,
    memories,
    doorbells,
    counters,
    seed,
    logAfter: start.log === null ? null : start.log.replay.after,
    reject: (stage, reason, detail) => tell({ type: 'refused', stage, reason, detail: detail ?? '' }),
  });
  body.gauge();
  tell({ type: 'ready' });
  runSync(body, doorbells[thread]!, counters, () => body.gauge());
  tell({ type: 'done', openRows: counters.get('openRows') });
} catch (error) {
  tellFailure(error);
}
