// scripts/ci-count.mjs — what vitest's JSON report and a step's exit code count as. Pure: no file, no process.

/** A step that cannot run here says so with this exit code and its last line; it counts as skipped. */
export const EXIT_SKIPPED = 77;

/** Tests whose name contains this may be skipped only where the fixtures are absent. */
export const DATA_MARK = 'needs PELTON_DATA';

/**
 * @param report       vitest's JSON report, undefined when it wrote none
 * @param exitCode     of vitest; non-zero without a failed test is a failure of its own (an error outside any test)
 * @param dataPresent  the fixtures are there, so a skipped test that needs them failed
 * @returns counts, and a line per failure to print
 */
export function countReport(report, exitCode, dataPresent) {
  const counts = { passed: 0, failed: 0, skipped: 0, complaints: [] };
  if (report === undefined) return { ...counts, failed: 1, complaints: ['vitest wrote no report'] };
  counts.passed = report.numPassedTests;
  counts.failed = report.numFailedTests;
  counts.skipped = report.numPendingTests + (report.numTodoTests ?? 0);
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter((result) => result.status === 'failed');
    for (const result of failed) counts.complaints.push(`${file.name}: ${result.fullName}`);
    if (file.status === 'failed' && failed.length === 0) {
      counts.failed++;
      counts.complaints.push(`${file.name}: the file failed outside its tests`);
    }
    if (!dataPresent) continue;
    for (const result of file.assertionResults) {
      if (!['skipped', 'pending', 'todo'].includes(result.status) || !result.fullName.includes(DATA_MARK)) continue;
      counts.failed++;
      counts.skipped--;
      counts.complaints.push(`${file.name}: ${result.fullName}: skipped although PELTON_DATA is set`);
    }
  }
  if (counts.passed + counts.failed === 0) counts.complaints.push('no test ran');
  if (exitCode !== 0 && counts.failed === 0) {
    counts.failed++;
    counts.complaints.push(`vitest ended with exit code ${exitCode} although no test failed`);
  }
  return counts;
}

/** One step that is no test run: 0 passed, 77 skipped, anything else (a signal is null) failed. */
export function countStep(exitCode) {
  return {
    passed: exitCode === 0 ? 1 : 0,
    failed: exitCode !== 0 && exitCode !== EXIT_SKIPPED ? 1 : 0,
    skipped: exitCode === EXIT_SKIPPED ? 1 : 0,
    complaints: [],
  };
}
