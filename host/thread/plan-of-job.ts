// host/thread/plan-of-job.ts — imports the job module and compiles its plan; the same on every thread.

import { JobError } from '../errors.ts';
import { exportedJob } from '../job/canonical.ts';
import type { JobDescription } from '../job/description.ts';
import { compilePlan } from '../plan/compile.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * @param jobUrl  a module whose default export is what `job(…)` returned
 * @throws JobError when the module cannot be imported or exports something else
 */
export async function loadJob(jobUrl: string): Promise<JobDescription> {
  let module: { default?: unknown };
  try {
    module = (await import(jobUrl)) as { default?: unknown };
  } catch (error) {
    if (error instanceof Error && error.name === 'JobError') throw error;
    throw new JobError(`the job file cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  return exportedJob(module.default, 'the job file');
}

/** @throws Error when this thread's plan is not the one that control compiled. */
export async function loadPlan(jobUrl: string, expectedHash: string): Promise<Plan> {
  const plan = compilePlan(await loadJob(jobUrl));
  if (plan.hash !== expectedHash) {
    throw new JobError(
      'the job file gives another job each time it is imported; a job must not depend on time, chance or the environment of a thread',
    );
  }
  return plan;
}
