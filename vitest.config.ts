import { defineConfig } from 'vitest/config';

// Two projects: `unit` is part of `npm run check` and takes seconds; `slow` needs real processes or minutes.
export default defineConfig({
  test: {
    pool: 'threads',
    // Vitest leaves one core free unless told.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts'],
          // Simulated worlds know no waiting; on a busy machine a second of work takes several.
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
