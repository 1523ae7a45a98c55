// A job as text, and what a job file may export.
import { expect, test } from 'vitest';
import { col, type JobDescription, job, lit, stdout, stream, t } from '../../../host/index.ts';
import { exportedJob, jobText } from '../../../host/job/canonical.ts';

const numbers = stream('numbers', { n: t.i64(), f: t.f64() });
const withLiteral = (literal: bigint | number) => job('a', numbers.select({ x: lit(literal as bigint) }).to(stdout()));

test('equal jobs have equal text, whichever thread built them', () => {
  expect(jobText(withLiteral(5n))).toBe(jobText(structuredClone(withLiteral(5n)) as JobDescription));
});

test('literals that JSON would confuse have different texts', () => {
  const texts = [5n, 5, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((literal) =>
    jobText(withLiteral(literal)),
  );
  expect(new Set(texts).size).toBe(texts.length);
});

test('a changed function changes the text', () => {
  const above = (keeps: (row: { n: bigint }) => boolean) => jobText(job('a', numbers.filter(keeps).to(stdout())));
  expect(above(({ n }) => n > 1n)).not.toBe(above(({ n }) => n > 2n));
});

test.each([
  ['nothing', undefined, 'job.ts exports no default, expected: export default job('],
  ['a number', 5, 'job.ts exports a number'],
  ['a pipeline', numbers.filter(col('n').gt(0)), 'job.ts exports a pipeline'],
  ['a job of another version', { ...withLiteral(1), version: 99 }, 'built by job version 99, this engine runs 1'],
])('a file that exports %s is refused', (_what, exported, message) => {
  expect(() => exportedJob(exported, 'job.ts')).toThrow(message);
});

test('a file that exports a job is taken', () => {
  const exported = withLiteral(1);
  expect(exportedJob(exported, 'job.ts')).toBe(exported);
});
