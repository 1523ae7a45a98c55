// bench/suites/e2e/serve-engine.ts — our side in a process of its own: the engine with one listener and one partition.

import { Engine } from '../../../host/engine/engine.ts';
import { MiB } from '../../../host/limits.ts';
import { answerQuestions, cpuSeconds } from './child.ts';

const engine = await Engine.start({
  jobUrl: new URL('../../jobs/tumbling.ts', import.meta.url).href,
  listeners: 1,
  partitions: 1,
  memoryBytes: 1024 * MiB,
  log: (line) => process.stderr.write(`${line}\n`),
});
engine.ended.catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});

answerQuestions({ port: engine.port }, () => ({ cpuSeconds: cpuSeconds() }));
