// host/cli/job-file.ts — from what the user typed to the job module's URL.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { JobError } from '../errors.ts';
import { didYouMean } from '../job/suggest.ts';

/** @throws JobError when there is no such file, with the nearest name beside it */
export function jobUrl(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute) && statSync(absolute).isFile()) return pathToFileURL(absolute).href;
  const folder = dirname(absolute);
  const neighbours = existsSync(folder) ? readdirSync(folder).filter((name) => /\.[cm]?[jt]s$/.test(name)) : [];
  throw new JobError(
    `no job file ${path}${didYouMean(basename(absolute), neighbours)}; expected a module with «export default job(…)»`,
  );
}
