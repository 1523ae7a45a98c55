// bench/suites/kernels.ts — the kernels alone, each against the same question asked elsewhere. A list of groups.

import type { BenchResult, Suite } from '../measure.ts';
import { hashUtf8 } from './kernels/hash-utf8.ts';
import { keyedTumbling } from './kernels/keyed-tumbling.ts';

const groups: Suite[] = [hashUtf8, keyedTumbling];
import { filter } from './kernels/filter.ts';

const groups: Suite[] = [filter];

export const suite: Suite = async (options) => {
  const results: BenchResult[] = [];
  for (const group of groups) results.push(...(await group(options)));
  return results;
};
