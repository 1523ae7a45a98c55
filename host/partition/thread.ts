// host/partition/thread.ts — a partition's worker: body in the waiting shell, from start to the last frame.

import { workerData } from 'node:worker_threads';
import { Counters } from '../counters.ts';
import { realDisk } from '../disk/real-disk.ts';
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
    log: start.log === null ? null : { after: start.log.replay.after, base: new Int32Array(start.log.base) },
    reject: (stage, reason, detail) => tell({ type: 'refused', stage, reason, detail: detail ?? '' }),
  });
  body.gauge();
  tell({ type: 'ready' }); // Listeners take frames in while the state comes back.
  const { log } = start;
  if (log?.restore) await body.restore(realDisk(), log.directory, log.restore);
  runSync(body, doorbells[thread]!, counters, () => body.gauge());
  tell({ type: 'done', openRows: counters.get('openRows') });
} catch (error) {
  tellFailure(error);
}
