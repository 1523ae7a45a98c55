import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real threads and sockets on two cores: files run one after the other, so none starves another.
    fileParallelism: false,
    testTimeout: 60_000,
    pool: 'forks',
  },
});
