// host/job/canonical.ts — a job as text: equal jobs give equal text in every thread and after every restart.
//
// What JSON cannot say is spelled out: bigints, −0, NaN and the infinities in literals, and functions by their source
// text. (A function that reads variables from outside itself may change without its text: job functions must be pure.)

import { JobError } from '../errors.ts';
import { JOB_VERSION, type JobDescription } from './description.ts';

/** For hashing and comparing; not meant to be read back. */
export function jobText(job: JobDescription): string {
  return JSON.stringify(job, (_key, value: unknown) => {
    switch (typeof value) {
      case 'bigint':
        return { bigint: String(value) };
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { number: Object.is(value, -0) ? '-0' : `${value}` };
      case 'function':
        return { function: String(value) };
      default:
        return value;
    }
  });
}

/**
 * What a job file exports, as a job.
 *
 * @param file  names the file in the message
 * @throws JobError when it is none, or one of another version of the package
 */
export function exportedJob(exported: unknown, file: string): JobDescription {
  const { kind, version } = (
    typeof exported === 'object' && exported !== null ? exported : {}
  ) as Partial<JobDescription>;
  if (kind !== 'pelton.job') {
    const unfinished = (kind as unknown) === 'pelton.rows' || (kind as unknown) === 'pelton.pipeline';
    const seen = unfinished ? 'a pipeline' : exported === undefined ? 'no default' : `a ${typeof exported}`;
    throw new JobError(`${file} exports ${seen}, expected: export default job('name', …)`);
  }
  if (version !== JOB_VERSION) {
    throw new JobError(
      `${file} was built by job version ${version}, this engine runs ${JOB_VERSION}; install one version of pelton`,
    );
  }
  return exported as JobDescription;
}
