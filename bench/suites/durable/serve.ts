// bench/suites/durable/serve.ts — the engine of e2e/serve-engine.ts, with a log when it is given a data directory.

import { Engine } from '../../../host/engine/engine.ts';
import { MiB } from '../../../host/limits.ts';
import { logThread } from '../../../host/thread/topology.ts';
import { answerQuestions, cpuSeconds } from '../e2e/child.ts';

const data = process.argv[2];
const engine = await Engine.start({
  jobUrl: new URL('../../jobs/tumbling.ts', import.meta.url).href,
  listeners: 1,
  partitions: 1,
  memoryBytes: 1024 * MiB,
  ...(data === undefined ? {} : { data }),
  log: (line) => process.stderr.write(`${line}\n`),
});
engine.ended.catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});

/** What every answer says: running totals. */
export interface ServerTotals extends Record<string, unknown> {
  cpuSeconds: number;
  groups: number;
  logBytes: number;
  syncs: number;
}

/** Undefined: the engine has no log. */
const log = engine.topology.hasLog ? engine.counters[logThread(engine.topology)] : undefined;

answerQuestions({ port: engine.port }, async ({ type }): Promise<ServerTotals> => {
  if (type === 'stop') await engine.stop();
  return {
    cpuSeconds: cpuSeconds(),
    groups: log?.get('logGroups') ?? 0,
    logBytes: log?.get('logBytes') ?? 0,
    syncs: log?.get('logSyncs') ?? 0,
  };
});
