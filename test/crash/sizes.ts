// test/crash/sizes.ts — how much each crash command does when nobody says otherwise: what CI runs.
//
//            npm run            by hand, before a release
//   states   test:states        10,000,000
//   kills    test:crash          3,000
//   cuts     test:power-cut        500
//   stride   test:operations         1, every operation
//   mutants  test:mutants          all
//
// 0 failures in n independent trials bound the probability of one by 3/n (95 %): these sizes say how much is shown.

export const SIZES = {
  states: 100_000,
  kills: 60,
  cuts: 10,
  /** A kill at every so manieth operation of a life. */
  stride: 12,
} as const;
