// test/jobs/broken/wrong.mjs — a job file that cannot run, on purpose.
export default { kind: 'else' };
