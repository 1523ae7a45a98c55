// vitest.config.ts — npm test: every test but those of the packed package (vitest.package.config.ts).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**'],
    // Real threads and sockets on two cores: files run one after the other, so none starves another.
    fileParallelism: false,
    testTimeout: 60_000,
    pool: 'forks',
    // Jobs are imported by Node itself, as the engine's threads do: the text of their functions is part of the plan's hash.
    server: { deps: { external: [/\/test\/jobs\//] } },
  },
});
