// test/jobs/broken/nothing.mjs — a job file that cannot run, on purpose.
export const x = 1;
