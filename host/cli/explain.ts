// host/cli/explain.ts — pelton explain JOB.ts: the plan, without running it.

import { Command } from 'commander';
import { compilePlan } from '../plan/compile.ts';
import { explainPlan } from '../plan/explain.ts';
import { loadJob } from '../thread/plan-of-job.ts';
import { EXIT_OK } from './exit-codes.ts';
import { jobUrl } from './job-file.ts';
import type { Finish } from './program.ts';

export function command(finish: Finish): Command {
  return new Command('explain')
    .argument('<job>', 'a module with «export default job(…)», .ts or .js')
    .description('Show what a job becomes: what is decoded, what runs where, what crosses from thread to thread.')
    .option('--json', 'the plan as one JSON object')
    .action(async (job: string, { json = false }: { json?: boolean }) => {
      const plan = compilePlan(await loadJob(jobUrl(job)));
      process.stdout.write(json ? `${JSON.stringify(plan, plainValue)}\n` : explainPlan(plan));
      finish(EXIT_OK);
    });
}

/** Functions by their text, programs by their length: the plan for other programs to read. */
function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === 'function') return value.toString();
  if (value instanceof Uint8Array) return { bytes: value.byteLength };
  return typeof value === 'bigint' ? value.toString() : value;
}
