// test/jobs/broken/throws.mjs — a job file that cannot run, on purpose.
throw new Error('no such luck');
