// host/cli/explain.ts — pelton explain JOB.ts: the plan, without running it.

import { compilePlan } from '../plan/compile.ts';
import { explainPlan } from '../plan/explain.ts';
import { loadJob } from '../thread/plan-of-job.ts';
import { exitCodeOf, failureText } from './failure.ts';
import { jobUrl } from './job-file.ts';

/** @returns the exit code */
export async function explain(jobFile: string, { json = false }: { json?: boolean }): Promise<number> {
  try {
    const plan = compilePlan(await loadJob(jobUrl(jobFile)));
    process.stdout.write(json ? `${JSON.stringify(plan, plainValue)}\n` : explainPlan(plan));
    return 0;
  } catch (error) {
    process.stderr.write(`${failureText(error)}\n`);
    return exitCodeOf(error);
  }
}

/** Functions by their text, programs by their length: the plan for other programs to read. */
function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === 'function') return value.toString();
  if (value instanceof Uint8Array) return { bytes: value.byteLength };
  return typeof value === 'bigint' ? value.toString() : value;
}
