// test/crash/command-line.ts — `--name number` arguments of the crash commands, and how they end.

/** Same code as scripts/ci-count.mjs: the step says on its last line why it cannot run here. */
export const EXIT_SKIPPED = 77;

/** @param defaults  every argument there is, with its value when it is not given */
export function numbersOf<Name extends string>(defaults: Record<Name, number>): Record<Name, number> {
  const values = { ...defaults };
  const words = process.argv.slice(2);
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]!.replace(/^--/, '') as Name;
    const value = Number(words[at + 1]);
    if (!(name in defaults) || !Number.isSafeInteger(value) || value < 0) {
      const known = Object.keys(defaults).map((known) => `[--${known} N]`);
      process.stderr.write(`«${words.slice(at, at + 2).join(' ')}»: expected ${known.join(' ')}\n`);
      process.exit(64);
    }
    values[name] = value;
  }
  return values;
}

/** One line of JSON: what was run, and what came of it. */
export function sayResult(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
