// vitest.package.config.ts — npm run test:package: packs and installs the package, so it needs npm and its cache.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/package/**/*.test.ts'], fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 },
});
