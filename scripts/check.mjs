// scripts/check.mjs — npm run check: strict types, lint and format; the first failure's exit code is ours.
import { spawnSync } from 'node:child_process';

const steps = [
  ['types', ['node_modules/typescript/bin/tsc', '--noEmit']],
  ['lint and format', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings']],
];
for (const [name, args] of steps) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(`check failed: ${name}\n`);
    process.exit(status ?? 1);
  }
}
