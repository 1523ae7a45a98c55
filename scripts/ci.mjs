// scripts/ci.mjs — the steps of .ci/run, one after the other, each with a limit of its own.
//
// Promises
//   - the last line of stdout is `N passed, N failed, N skipped`: vitest's tests, plus one per further step.
//   - exit code 0 only if nothing failed and at least one test ran.
//   - a step's output is shown when it failed; it is kept in .cache/ci/ in any case.
//   - nothing waits for input, and the whole ends within MINUTES_MAX.
// Plain JavaScript: it starts before anything is installed; set-up is its first step.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countReport, countStep, EXIT_SKIPPED } from './ci-count.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const logs = join(root, '.cache/ci');
const report = join(logs, 'vitest.json');
const shared = join(root, '../shared/data');
const data = existsSync(shared) ? shared : process.env.PELTON_DATA;
const dataPresent = data !== undefined;

/** Bounds for two cores. A step past its limit is ended and failed; what is left of the whole is a limit too. */
const MINUTES_MAX = 29;
const OUTPUT_LINES_MAX = 200;

/** What the children see beside our own environment; sizes that tests read from it are set here. */
const environment = {
  CI: 'true',
  NO_COLOR: '1',
  FORCE_COLOR: undefined,
  ...(dataPresent ? { PELTON_DATA: data } : {}),
};

const project = (...args) => ['scripts/run.mjs', ...args];
const suitesFolder = join(root, 'bench/suites');
const suites = existsSync(suitesFolder)
  ? readdirSync(suitesFolder)
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
      .sort()
  : [];

/** A step that says in lines of JSON how much it did: they are shown when it passed, too. */
const counted = (name, minutes, ...args) => ({ name, minutes, args: project(...args), counts: true });

/** name, limit in minutes, arguments of node; `tests` marks the step whose report is counted test by test. */
const STEPS = [
  { name: 'set-up', minutes: 8, args: ['scripts/bootstrap.mjs'], required: true },
  { name: 'check: types, lint, format', minutes: 3, args: project('scripts/check.mjs') },
  {
    name: 'tests',
    minutes: 18,
    args: project('vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`),
    tests: true,
  },
  ...suites.map((suite) => ({
    name: `bench ${suite}`,
    minutes: 3,
    args: project('bench/run.ts', suite, '--smoke', '--json'),
  })),
  // How much each does: test/crash/sizes.ts.
  counted('crash: states of the disk', 5, 'test/crash/states.run.ts'),
  counted('crash: kills under load', 7, 'test/crash/kills.run.ts'),
  counted('crash: kills at operations', 4, 'test/crash/operations.run.ts'),
  counted('crash: power cuts', 3, 'test/crash/power-cuts.run.ts'),
  counted('mutants: three by the commit', 6, 'test/mutants/mutants.run.ts', '--count', '3'),
  {
    name: 'package: pack and install',
    minutes: 4,
    args: project('vitest', 'run', '--config', 'vitest.package.config.ts'),
  },
];

const say = (line) => process.stdout.write(`${line}\n`);
const started = Date.now();
const total = { passed: 0, failed: 0, skipped: 0 };
let testsRan = 0;

rmSync(logs, { recursive: true, force: true });
mkdirSync(logs, { recursive: true });
say(
  dataPresent
    ? 'PELTON_DATA is set: tests that need it may not be skipped'
    : 'PELTON_DATA is not set: no fixtures here',
);

for (const step of STEPS) {
  const log = join(logs, `${step.name.replace(/\W+/g, '-')}.log`);
  const stepStarted = Date.now();
  const exitCode = await run(step, log);
  const counts = step.tests ? countReport(readReport(), exitCode, dataPresent) : countStep(exitCode);
  if (step.tests) testsRan = counts.passed;
  for (const key of Object.keys(total)) total[key] += counts[key];
  const verdict = counts.failed > 0 ? 'FAILED' : exitCode === EXIT_SKIPPED ? 'skipped' : 'passed';
  const detail = step.tests ? `  (${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped)` : '';
  say(`${verdict.padEnd(8)} ${((Date.now() - stepStarted) / 1000).toFixed(1).padStart(6)} s  ${step.name}${detail}`);
  if (counts.failed > 0 || exitCode === EXIT_SKIPPED) showOutput(log);
  else if (step.counts) showCounts(log);
  for (const complaint of counts.complaints) say(`  ${complaint}`);
  if (step.required && counts.failed > 0) break;
}

if (testsRan === 0) say('no test passed, so nothing was shown');
say(`${((Date.now() - started) / 1000).toFixed(1)} s in all`);
say(summary(total));
process.exitCode = total.failed > 0 || testsRan === 0 ? 1 : 0;

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Runs a step in a process group of its own, so that its limit ends everything that it started. */
function run(step, log) {
  const limitMs = Math.min(step.minutes * 60_000, started + MINUTES_MAX * 60_000 - Date.now());
  if (limitMs <= 0) {
    say(`${step.name}: not started, the ${MINUTES_MAX} minutes are used up`);
    return Promise.resolve(null);
  }
  const output = openSync(log, 'w');
  const child = spawn(process.execPath, step.args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', output, output],
    detached: true,
  });
  return new Promise((resolve) => {
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {} // The group is gone already.
    };
    const timer = setTimeout(() => {
      say(`${step.name}: ended after ${Math.round(limitMs / 60_000)} min, its limit`);
      end('SIGKILL');
    }, limitMs);
    const stop = (signal) => {
      end(signal);
      say(`${step.name}: interrupted by ${signal}`);
      say(summary({ ...total, failed: total.failed + 1 }));
      process.exit(130);
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    child.on('close', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve(code);
    });
  });
}

function readReport() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return undefined;
  }
}

function showOutput(log) {
  if (!existsSync(log)) return;
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  if (lines.length > OUTPUT_LINES_MAX)
    say(`  … ${lines.length - OUTPUT_LINES_MAX} earlier lines in ${log.slice(root.length + 1)}`);
  for (const line of lines.slice(-OUTPUT_LINES_MAX)) say(`  ${line}`);
}

function showCounts(log) {
  for (const line of readFileSync(log, 'utf8').split('\n')) if (line.startsWith('{')) say(`  ${line}`);
}
