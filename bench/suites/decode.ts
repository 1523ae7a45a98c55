// bench/suites/decode.ts — bytes of a frame into columns: one group of cases per wire format.

import type { BenchResult, SuiteOptions } from '../measure.ts';
import { arrowCases } from './decode/arrow.ts';
import { jsonCases } from './decode/json.ts';

const groups = [jsonCases, arrowCases];

export async function suite(options: SuiteOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const group of groups) results.push(...(await group(options)));
  return results;
}
