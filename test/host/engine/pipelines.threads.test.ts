// test/host/engine/pipelines.threads.test.ts — jobs of many shapes: functions beside expressions, several sinks, no key at all.

import { readFileSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RESULTS_FILE } from '../../jobs/sinks.ts';
import { EngineRun } from '../../support/engine-run.ts';
import { flightFrames, inOrder, randomFlights } from '../../support/flight-frames.ts';
import { differences } from '../../support/flight-results.ts';

const SEED = 11;
const ROWS = 20_000;
const flights = randomFlights(SEED, ROWS);
const frames = [...flightFrames(flights, inOrder(ROWS), 700, 'json')];

test('a job with JavaScript functions gives the rows of the same job with expressions', async () => {
  const run = await EngineRun.start({ job: 'functions', partitions: 2 });
  const columns = ['windowStart', 'windowEnd', 'origin', 'n', 'late_minutes', 'longest'];
  const expressions = await run.subscribe('expressions');
  const functions = await run.subscribe('functions');
  await run.feed({ stream: 'flights', frames });
  await run.ended();
  expect(functions.rowCount).toBeGreaterThan(1000);
  expect(differences(functions.csv(...columns), expressions.csv(...columns)), `seed ${SEED}`).toEqual([]);
  expect(run.violations).toEqual([]);
  expect(run.rejected).toBe(0);
  await run.stop();
});

test('rows for which a function throws are rejected by name and their neighbours are kept', async () => {
  const run = await EngineRun.start({ job: 'throwing', partitions: 2 });
  const results = await run.subscribe('halves');
  const producer = await run.producer('numbers');
  await producer.put('{"n":4}\n{"n":5}\n{"n":6}\n', '{"n":7}\n{"n":8}\n');
  producer.say('!end');
  await run.ended();
  expect(results.csv('half')).toEqual(['2', '3', '4']);
  expect(producer.rejects).toMatchObject([
    { sequence: 1, row: 1, code: 'FUNCTION', message: expect.stringContaining('5 is odd') },
    { sequence: 2, row: 0, code: 'FUNCTION', message: expect.stringContaining('7 is odd') },
  ]);
  expect([producer.rows, producer.rejected]).toEqual([3, 2]);
  await run.stop();
});

test('sinks of one output get the same rows, and the file is whole when the engine has stopped', async () => {
  rmSync(RESULTS_FILE, { force: true });
  const run = await EngineRun.start({ job: 'sinks', partitions: 2 });
  const [left, right, arrow] = [
    await run.subscribe('left'),
    await run.subscribe('right'),
    await run.subscribe('left', 'arrow'),
  ];
  await run.feed({ stream: 'flights', frames });
  await run.ended();
  await run.stop();
  const columns = ['windowStart', 'origin', 'n'];
  const filed = readFileSync(RESULTS_FILE, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(filed.map((row) => columns.map((column) => row[column]).join(',')).sort()).toEqual(left.csv(...columns));
  expect(left.rowCount).toBeGreaterThan(1000);
  expect(right.csv(...columns)).toEqual(left.csv(...columns));
  expect(arrow.csv(...columns)).toEqual(left.csv(...columns));
  expect(run.violations).toEqual([]);
  rmSync(RESULTS_FILE);
});

test('rows without a key pass through, filtered and computed, each once and under offsets without gaps', async () => {
  const run = await EngineRun.start({ job: 'stateless', partitions: 5, listeners: 2 });
  const passed = await run.subscribe('late-flights', 'arrow');
  await run.feed({ stream: 'flights', frames });
  await run.ended();
  const late = [...inOrder(ROWS)].filter((row) => flights.delay[row]! > 60);
  const expected = late.map((row) => `${flights.airports[flights.origin[row]!]},${flights.delay[row]! / 60}`);
  expect(passed.csv('origin', 'hours')).toEqual(expected.sort());
  expect(run.counter('rowsFiltered')).toBe(ROWS - late.length);
  expect(run.violations).toEqual([]);
  await run.stop();
});

test('several streams of one job keep their own time', async () => {
  const run = await EngineRun.start({ job: 'two-streams', partitions: 2 });
  const [early, later] = [await run.subscribe('early'), await run.subscribe('later')];
  await run.feed({ stream: 'early', frames: ['{"ts":1000,"k":"a"}\n{"ts":90000,"k":"b"}\n'] });
  await early.ended(2);
  expect(early.csv('windowStart', 'k', 'n')).toEqual(['0,a,1', '60000,b,1']);
  expect(later.rowCount).toBe(0);
  await run.feed({ stream: 'later', frames: ['{"ts":0,"k":"a"}'] });
  await later.ended(2);
  expect(later.csv('windowStart', 'k', 'n')).toEqual(['0,a,1']);
  await run.stop();
});
