// test/host/engine/log-replay.threads.test.ts — everything behind the log is a function of the log.
//
// Eight producers over several listeners, rows out of order, windows that close all along, some rows late. What a run
// wrote to its file while they sent is compared, byte by byte, with what later runs write that only decode the log again.

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ChildEngine } from '../../support/child-engine.ts';
import { seededRandom } from '../../support/random.ts';
import { WsProducer } from '../../support/ws-producer.ts';

const PRODUCERS = 8;
const FRAMES = 60;
const folders: string[] = [];

afterEach(() => {
  delete process.env.TO_FILE;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'pelton-replay-'));
  folders.push(made);
  return made;
}

/** One life over a data directory, from start to a graceful stop; what its file sink holds afterwards. */
async function life(data: string, listeners: number, whileUp: (port: number) => Promise<void>): Promise<string> {
  const path = join(folder(), 'results.ndjson');
  process.env.TO_FILE = path;
  const engine = new ChildEngine({ job: '../jobs/to-file.mjs', data, listeners });
  await whileUp(await engine.ready());
  engine.process.kill('SIGTERM');
  const ending = await engine.ends(30_000);
  expect(ending.said).toMatch(/^stopped/m);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Times go on by about 100 ms a row and jump back now and then, farther than a window. */
function framesOf(producer: number): string[] {
  const random = seededRandom(producer + 1);
  let time = 0;
  return Array.from({ length: FRAMES }, () =>
    Array.from({ length: 1 + random.below(20) }, () => {
      time += random.below(200);
      const ts = Math.max(0, random.below(10) === 0 ? time - random.below(4000) : time);
      return JSON.stringify({ ts, key: `k${random.below(5)}`, value: 1 });
    }).join('\n'),
  );
}

async function feed(port: number): Promise<void> {
  const producers = await Promise.all(
    Array.from({ length: PRODUCERS }, async (_, index) => {
      const producer = new WsProducer(`ws://127.0.0.1:${port}/v1/streams/rows`);
      await producer.says('welcome');
      await producer.hello(`p${index}`);
      return producer;
    }),
  );
  await Promise.all(producers.map((producer, index) => producer.put(...framesOf(index))));
  for (const producer of producers.slice(0, 3)) producer.say('!idle');
  await Promise.all(
    producers.slice(3).map((producer) => producer.put(JSON.stringify({ ts: 60_000, key: 'z', value: 1 }))),
  );
  for (const producer of producers) producer.close();
}

test.each([1, 3])('rows that %i listeners took in, decoded again by one, two and four', async (listeners) => {
  const data = join(folder(), 'data');
  const live = await life(data, listeners, feed);
  expect(live.split('\n').length).toBeGreaterThan(100);
  for (const others of [1, 2, 4]) {
    const copy = join(folder(), 'data');
    cpSync(data, copy, { recursive: true });
    expect(await life(copy, others, async () => undefined)).toBe(live);
  }
});
