// What .ci/run's last line counts.
import { expect, test } from 'vitest';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  complaints: string[];
}

interface CountModule {
  EXIT_SKIPPED: number;
  countReport: (report: unknown, exitCode: number | null, dataPresent: boolean) => Counts;
  countStep: (exitCode: number | null) => Counts;
}

const { EXIT_SKIPPED, countReport, countStep } = (await import(
  new URL('../../scripts/ci-count.mjs', import.meta.url).href
)) as CountModule;

function reportOf(statuses: Record<string, string>, fileStatus = 'passed') {
  const results = Object.entries(statuses).map(([fullName, status]) => ({ fullName, status }));
  const countOf = (...wanted: string[]) => results.filter(({ status }) => wanted.includes(status)).length;
  return {
    numPassedTests: countOf('passed'),
    numFailedTests: countOf('failed'),
    numPendingTests: countOf('skipped', 'pending'),
    numTodoTests: countOf('todo'),
    testResults: [{ name: 'a.test.ts', status: fileStatus, assertionResults: results }],
  };
}

test('tests are counted one by one', () => {
  const report = reportOf({ one: 'passed', two: 'failed', three: 'skipped' }, 'failed');
  expect(countReport(report, 1, false)).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
});

test('a skipped test that needs the fixtures failed where they are, and is skipped where they are not', () => {
  const report = reportOf({ one: 'passed', 'replays 3 M rows (needs PELTON_DATA)': 'skipped' });
  expect(countReport(report, 0, true)).toMatchObject({ passed: 1, failed: 1, skipped: 0 });
  expect(countReport(report, 0, false)).toMatchObject({ passed: 1, failed: 0, skipped: 1 });
});

test('a file that fails before its first test counts as one failure', () => {
  expect(countReport(reportOf({}, 'failed'), 1, false)).toMatchObject({ failed: 1 });
});

test('a missing report and an error outside any test are failures', () => {
  expect(countReport(undefined, 1, false)).toMatchObject({ failed: 1 });
  expect(countReport(reportOf({ one: 'passed' }), 1, false)).toMatchObject({ passed: 1, failed: 1 });
});

test('a step passes with 0, is skipped with 77, and fails with anything else or a signal', () => {
  expect(countStep(0)).toMatchObject({ passed: 1, failed: 0, skipped: 0 });
  expect(countStep(EXIT_SKIPPED)).toMatchObject({ passed: 0, failed: 0, skipped: 1 });
  expect(countStep(1)).toMatchObject({ failed: 1 });
  expect(countStep(null)).toMatchObject({ failed: 1 });
});
