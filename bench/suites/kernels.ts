// bench/suites/kernels.ts — the kernels alone, each against the same question asked elsewhere. A list of groups.

import { type BenchResult, measure, type Suite } from '../measure.ts';
import { filter } from './kernels/filter.ts';
import { hashUtf8 } from './kernels/hash-utf8.ts';
import { keyedTumbling } from './kernels/keyed-tumbling.ts';
import { scatterCases } from './kernels/scatter.ts';

const scatter: Suite = async (options) => {
  const results: BenchResult[] = [];
  for (const scatterCase of scatterCases(options)) results.push(...(await measure(scatterCase, options)));
  return results;
};

const groups: Suite[] = [hashUtf8, filter, scatter, keyedTumbling];

export const suite: Suite = async (options) => {
  const results: BenchResult[] = [];
  for (const group of groups) results.push(...(await group(options)));
  return results;
};
