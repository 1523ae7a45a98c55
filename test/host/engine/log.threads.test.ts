// test/host/engine/log.threads.test.ts — an engine with a log: what is acknowledged is there after its end, once.
//
// Real threads, sockets and disk. Results come at the producers' end, so a run that began again must have every row.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChildEngine } from '../../support/child-engine.ts';
import { EngineRun, type RunOptions } from '../../support/engine-run.ts';
import { WsProducer } from '../../support/ws-producer.ts';
import type { WsSubscriber } from '../../support/ws-subscriber.ts';

let data: string;
let run: EngineRun | null = null;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'pelton-log-'));
});

afterEach(async () => {
  await run?.stop().catch(() => undefined);
  run = null;
  rmSync(data, { recursive: true, force: true });
});

async function start(options: Partial<RunOptions> = {}): Promise<EngineRun> {
  run = await EngineRun.start({ job: 'counted', data, ...options });
  return run;
}

const at = (k: string, ...seconds: number[]): string =>
  seconds.map((second) => JSON.stringify({ ts: second * 1000, k })).join('\n');

const counts = (results: WsSubscriber): string[] => results.csv('windowStart', 'k', 'n');

test('rows that were acknowledged before a kill -9 are in the results after it, once', async () => {
  const first = new ChildEngine({ job: '../jobs/counted.ts', data });
  const port = await first.ready();
  const producer = new WsProducer(`ws://127.0.0.1:${port}/v1/streams/rows`);
  await producer.says('welcome');
  await producer.hello('p');
  for (let second = 0; second < 50; second++) await producer.put(at('a', second), at('b', second, second));
  first.process.kill('SIGKILL');
  await first.over;

  const second = await start();
  const results = await second.subscribe('rows');
  const again = await second.producer('rows', { id: 'p' });
  again.say('!end');
  await second.ended();
  expect(counts(results)).toEqual(
    Array.from({ length: 50 }, (_, second) => [`${second * 1000},a,1`, `${second * 1000},b,2`])
      .flat()
      .sort(),
  );
});
